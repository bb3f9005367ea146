//! The listener to which the browser comes back after signing in.

use std::sync::{Arc, Mutex, PoisonError};

use http::request::Parts;
use http::{Method, Response, StatusCode};
use tokio::sync::oneshot;
use url::form_urlencoded;

use crate::clock::SharedClock;
use crate::loopback::{Listening, Loopback, is_for_us, page};
use crate::secret::Secret;

/// What the browser brought.
#[derive(Debug)]
pub(super) enum Outcome {
    Code(Secret),
    /// The value of `error`, as anybody may have written it.
    Error(String),
}

/// Listens until it is dropped. The first request with the right `state` settles it; nothing else has any effect.
#[derive(Debug)]
pub(super) struct Callback {
    port: u16,
    outcome: oneshot::Receiver<Outcome>,
    _listening: Listening,
}

const PATH: &str = "/oauth/callback";

impl Callback {
    pub async fn listen(state: Secret, clock: &SharedClock) -> std::io::Result<Self> {
        let loopback = Loopback::bind().await?;
        let port = loopback.port();
        let (settle, outcome) = oneshot::channel();
        let waiting = Arc::new(Mutex::new(Some(settle)));
        let listening = loopback.serve(clock.clone(), move |request, _peer| {
            let Some(brought) = outcome_of(request, port, &state) else {
                return page(StatusCode::NOT_FOUND, "There is nothing here", "");
            };
            let settle = waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
            answer(settle, brought)
        });
        Ok(Self {
            port,
            outcome,
            _listening: listening,
        })
    }

    /// The redirect URI.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    pub async fn outcome(&mut self) -> Outcome {
        match (&mut self.outcome).await {
            Ok(outcome) => outcome,
            // The listener lives as long as `self`, so somebody can still come.
            Err(_) => std::future::pending().await,
        }
    }
}

/// What a request brings if it is the one that is waited for.
fn outcome_of(request: &Parts, port: u16, state: &Secret) -> Option<Outcome> {
    if request.method != Method::GET || request.uri.path() != PATH || !is_for_us(request, port) {
        return None;
    }
    let query = request.uri.query()?;
    let once = |name: &str| {
        let mut values = form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == name);
        let value = values.next().map(|(_, value)| value.into_owned());
        if values.next().is_some() {
            Err(())
        } else {
            Ok(value)
        }
    };
    let (given, code, error) = (once("state").ok()?, once("code").ok()?, once("error").ok()?);
    if Secret::new(given?) != *state {
        return None;
    }
    match (code, error) {
        (Some(code), None) if !code.is_empty() => Some(Outcome::Code(code.into())),
        (None, Some(error)) => Some(Outcome::Error(error)),
        (Some(_), _) | (None, None) => None,
    }
}

fn answer(settle: Option<oneshot::Sender<Outcome>>, brought: Outcome) -> Response<String> {
    let Some(settle) = settle else {
        let text = "This answer has been used already. You can close this tab.";
        return page(StatusCode::GONE, "Nothing to do", text);
    };
    let shown = match &brought {
        Outcome::Code(_) => page(StatusCode::OK, "You are signed in", "You can close this tab."),
        Outcome::Error(_) => page(
            StatusCode::OK,
            "You are not signed in",
            "Sign-in did not go through. Portray says why; you can close this tab.",
        ),
    };
    // Nobody waits any more if the sign-in has been cancelled a moment ago.
    let _ = settle.send(brought);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::loopback::testing::{get, send};

    const STATE: &str = "the-right-state";

    async fn listening() -> Callback {
        let clock: SharedClock = Arc::new(ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap()));
        Callback::listen(STATE.into(), &clock).await.unwrap()
    }

    #[tokio::test]
    async fn l2_strays_change_nothing_and_the_right_request_still_counts() {
        let mut callback = listening().await;
        let port = callback.port;
        let right = format!("{PATH}?code=the-code&state={STATE}");
        let strays = [
            get(port, "/favicon.ico"),
            get(port, PATH),
            get(port, &format!("{PATH}?code=x&state=wrong")),
            get(port, &format!("{PATH}?code=x")),
            get(port, &format!("{PATH}?error=access_denied")),
            get(port, &format!("{PATH}?state={STATE}")),
            get(port, &format!("{PATH}?state={STATE}&state={STATE}&code=x")),
            get(port, &format!("{PATH}?state={STATE}&code=x&code=y")),
            get(port, &format!("{PATH}?state={STATE}&code=x&error=y")),
            get(port, &format!("{PATH}/?code=x&state={STATE}")),
            get(port, &format!("/?code=x&state={STATE}")),
            format!("HEAD {right} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
            format!("POST {right} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 0\r\n\r\n"),
            format!("GET {right} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"),
            format!("GET {right} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"),
            format!("GET {right} HTTP/1.1\r\n\r\n"),
            format!("GET http://evil.example{right} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"),
            format!("GET {right} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nHost: evil.example\r\n\r\n"),
            "nonsense\r\n\r\n".to_owned(),
        ];
        for round in 0..1000 {
            let stray = &strays[round % strays.len()];
            let answer = send(port, stray).await;
            assert!(!answer.starts_with("HTTP/1.1 200"), "{stray}\n{answer}");
        }
        let large =
            format!("POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 102400\r\n\r\n");
        send(port, &(large + &"x".repeat(102_400))).await;
        assert!(send(port, &get(port, &right)).await.starts_with("HTTP/1.1 200"));
        let Outcome::Code(code) = callback.outcome().await else {
            panic!("a code was brought")
        };
        assert_eq!(code.expose(), "the-code");
        assert!(
            send(port, &get(port, &right)).await.starts_with("HTTP/1.1 410"),
            "single use"
        );
    }

    #[tokio::test]
    async fn l2_the_page_is_static_and_reflects_nothing() {
        let mut callback = listening().await;
        let path = format!("{PATH}?error=%3Cscript%3E&error_description=canary&state={STATE}");
        let answer = send(callback.port, &get(callback.port, &path)).await;
        assert!(answer.starts_with("HTTP/1.1 200"));
        for header in [
            "default-src 'none'",
            "cache-control: no-store",
            "referrer-policy: no-referrer",
            "nosniff",
        ] {
            assert!(answer.contains(header), "{header}\n{answer}");
        }
        assert!(
            !answer.contains("script") && !answer.contains("canary"),
            "{answer}"
        );
        assert!(matches!(callback.outcome().await, Outcome::Error(error) if error == "<script>"));
    }

    #[tokio::test]
    async fn l3_dropping_the_sign_in_closes_the_listener() {
        let callback = listening().await;
        let port = callback.port;
        drop(callback);
        for _ in 0..100 {
            if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("it still listens");
    }
}
