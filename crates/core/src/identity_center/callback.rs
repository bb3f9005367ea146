//! The listener to which the browser comes back after signing in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::request::Parts;
use http::{Method, Response, StatusCode};
use tokio::sync::{oneshot, watch};
use url::form_urlencoded;

use crate::clock::SharedClock;
use crate::identity_center::deadline::within;
use crate::loopback::{Listening, Loopback, is_for_us, page};
use crate::secret::Secret;

/// What the browser brought.
#[derive(Debug)]
pub(super) enum Outcome {
    Code(Secret),
    /// The value of `error`, as anybody may have written it.
    Error(String),
}

/// What became of the sign-in, as the browser's page says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    SignedIn,
    /// The person pressed deny.
    Denied,
    /// AWS gave no answer.
    Unreachable,
    /// The token could not be stored.
    NotKept,
    Failed,
}

/// Listens until it is dropped. The first request with the right `state` settles it; nothing else has any effect.
#[derive(Debug)]
pub(super) struct Callback {
    port: u16,
    outcome: oneshot::Receiver<Outcome>,
    verdict: watch::Sender<Option<Verdict>>,
    _listening: Listening,
}

const PATH: &str = "/oauth/callback";

/// How long the browser waits for the outcome.
const PATIENCE: Duration = Duration::from_secs(10);

const NOT_SIGNED_IN: &str = "You are not signed in";

impl Callback {
    pub async fn listen(state: Secret, clock: &SharedClock) -> std::io::Result<Self> {
        let loopback = Loopback::bind().await?;
        let port = loopback.port();
        let (settle, outcome) = oneshot::channel();
        let waiting = Arc::new(Mutex::new(Some(settle)));
        let verdict = watch::Sender::new(None);
        let (told, patience) = (verdict.subscribe(), clock.clone());
        let listening = loopback.serve(clock.clone(), move |request, _peer| {
            let brought = outcome_of(request, port, &state);
            let settle = brought
                .is_some()
                .then(|| waiting.lock().unwrap_or_else(PoisonError::into_inner).take());
            let (told, patience) = (told.clone(), patience.clone());
            async move {
                match (brought, settle) {
                    (Some(brought), Some(settle)) => answer(settle, brought, told, patience).await,
                    (None, _) | (_, None) => page(StatusCode::NOT_FOUND, "There is nothing here", ""),
                }
            }
        });
        Ok(Self {
            port,
            outcome,
            verdict,
            _listening: listening,
        })
    }

    /// The redirect URI.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}{PATH}", self.port)
    }

    /// Answers the browser. Dropping without a word means that the sign-in was cancelled.
    pub fn tell(&self, verdict: Verdict) {
        self.verdict.send_replace(Some(verdict));
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

/// Says what became of the sign-in, once that is known.
async fn answer(
    settle: Option<oneshot::Sender<Outcome>>,
    brought: Outcome,
    mut verdict: watch::Receiver<Option<Verdict>>,
    clock: SharedClock,
) -> Response<String> {
    let Some(settle) = settle else {
        let text = "This answer has been used already. You can close this tab.";
        return page(StatusCode::GONE, "Nothing to do", text);
    };
    // Nobody waits any more if the sign-in has been cancelled a moment ago; the verdict tells.
    let _ = settle.send(brought);
    let told = within(&clock, PATIENCE, verdict.wait_for(Option::is_some)).await;
    let (title, text) = match told.map(|told| told.ok().and_then(|verdict| *verdict)) {
        Some(Some(verdict)) => verdict.in_words(),
        Some(None) => (
            NOT_SIGNED_IN,
            "The sign-in was cancelled. You can close this tab.",
        ),
        None => (
            "Portray is still signing you in",
            "Portray shows when it is done; you can close this tab.",
        ),
    };
    page(StatusCode::OK, title, text)
}

impl Verdict {
    fn in_words(self) -> (&'static str, &'static str) {
        let text = match self {
            Self::SignedIn => return ("You are signed in", "You can close this tab."),
            Self::Denied => "The request was denied. Sign in again from Portray if you did not mean that.",
            Self::Unreachable => {
                "AWS did not answer Portray. Check the network, then sign in again from Portray."
            }
            Self::NotKept => "Portray could not store the sign-in and says why. You can close this tab.",
            Self::Failed => "Sign-in did not go through. Portray says why; you can close this tab.",
        };
        (NOT_SIGNED_IN, text)
    }
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
            get(port, &format!("{PATH}?code=x&state={}", &STATE[1..])),
            get(port, &format!("{PATH}?code=x&state={STATE}x")),
            get(port, &format!("{PATH}?code=x&state={}", STATE.to_uppercase())),
            get(port, &format!("{PATH}?error=access_denied&state=wrong")),
            get(port, &format!("{PATH}?code=&state={STATE}")),
            get(port, &format!("{PATH}?%73tate={STATE}&state={STATE}&code=x")),
            get(port, &format!("{PATH}#?code=x&state={STATE}")),
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
        let long = format!("{PATH}?code={}&state={STATE}", "x".repeat(102_400));
        assert!(!send(port, &get(port, &long)).await.starts_with("HTTP/1.1 200"));
        let large =
            format!("POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Length: 102400\r\n\r\n");
        send(port, &(large + &"x".repeat(102_400))).await;
        let right_page = tokio::spawn({
            let right = get(port, &right);
            async move { send(port, &right).await }
        });
        let Outcome::Code(code) = callback.outcome().await else {
            panic!("a code was brought")
        };
        assert_eq!(code.expose(), "the-code");
        callback.tell(Verdict::SignedIn);
        assert!(right_page.await.unwrap().starts_with("HTTP/1.1 200"));
        assert!(
            send(port, &get(port, &right)).await.starts_with("HTTP/1.1 410"),
            "single use"
        );
    }

    #[tokio::test]
    async fn l2_the_page_is_static_and_reflects_nothing() {
        let mut callback = listening().await;
        let path = format!("{PATH}?error=%3Cscript%3E&error_description=canary&state={STATE}");
        callback.tell(Verdict::Failed);
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

    /// The page that the browser gets where `then` happens after it came back with a code.
    async fn page_when(then: impl FnOnce(Callback, &ManualClock)) -> String {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let shared: SharedClock = Arc::new(clock.clone());
        let mut callback = Callback::listen(STATE.into(), &shared).await.unwrap();
        let port = callback.port;
        let request = get(port, &format!("{PATH}?code=the-code&state={STATE}"));
        let page = tokio::spawn(async move { send(port, &request).await });
        callback.outcome().await;
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        assert!(!page.is_finished(), "nothing is said before it is known");
        then(callback, &clock);
        page.await.unwrap()
    }

    #[tokio::test]
    async fn r7_the_page_says_signed_in_only_once_that_is_so() {
        let told = |verdict| page_when(move |callback, _| callback.tell(verdict));
        assert!(told(Verdict::SignedIn).await.contains("You are signed in"));
        for verdict in [
            Verdict::Denied,
            Verdict::Unreachable,
            Verdict::NotKept,
            Verdict::Failed,
        ] {
            let page = told(verdict).await;
            assert!(page.contains("You are not signed in"), "{verdict:?}: {page}");
        }
        let cancelled = page_when(|callback, _| drop(callback)).await;
        assert!(cancelled.contains("cancelled"), "{cancelled}");
        let (kept, mut keep) = oneshot::channel();
        let slow = page_when(|callback, clock| {
            clock.advance(PATIENCE);
            let _ = kept.send(callback);
        });
        let slow = slow.await;
        assert!(slow.contains("still signing you in"), "{slow}");
        assert!(keep.try_recv().is_ok());
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
