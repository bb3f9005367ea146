//! The one-time loopback link: what is in the browser's arguments is worthless once used.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::url::Url;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use http::header::LOCATION;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};

use crate::clock::SharedClock;
use crate::identity_center::deadline::Deadline;
use crate::loopback::{Loopback, is_for_us, keep_quiet, page};
use crate::loopback_peer::is_same_user;
use crate::secret::Secret;

/// How long a link works. A browser that has to start first needs some seconds.
const LIFE: Duration = Duration::from_secs(60);

/// Binds a listener on 127.0.0.1 and answers one document navigation to the returned link with a redirect
/// to `target`, for 60 s. The listener ends by itself.
pub async fn open(target: Secret, clock: SharedClock) -> std::io::Result<Url> {
    let mut nonce = [0_u8; 32];
    getrandom::fill(&mut nonce).map_err(std::io::Error::other)?;
    let path: Secret = format!("/go/{}", BASE64_URL_SAFE_NO_PAD.encode(nonce)).into();
    let redirect = redirect_to(&target)?;
    let loopback = Loopback::bind().await?;
    let port = loopback.port();
    let link =
        Url::parse(&format!("http://127.0.0.1:{port}{}", path.expose())).map_err(std::io::Error::other)?;
    let unused = Arc::new(Mutex::new(Some(redirect)));
    let answer = move |request: &Parts, peer: SocketAddr| {
        if !is_for_us(request, port) || Secret::from(request.uri.path()) != path {
            return page(StatusCode::NOT_FOUND, "There is nothing here", "");
        }
        let ours = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        if !is_navigation(request) || !is_same_user(peer, ours) {
            return page(StatusCode::FORBIDDEN, "This link is not for you", "");
        }
        let redirect = unused.lock().unwrap_or_else(PoisonError::into_inner).take();
        redirect.unwrap_or_else(used_up)
    };
    let listening = loopback.serve(clock.clone(), move |request, peer| {
        std::future::ready(answer(request, peer))
    });
    let deadline = Deadline::after(clock.as_ref(), LIFE);
    tokio::spawn(async move {
        deadline.passed(&clock).await;
        drop(listening);
    });
    Ok(link)
}

fn redirect_to(target: &Secret) -> std::io::Result<Response<String>> {
    let mut location = HeaderValue::from_str(target.expose())
        .map_err(|_| std::io::Error::from(std::io::ErrorKind::InvalidInput))?;
    location.set_sensitive(true);
    let mut response = Response::new(String::new());
    *response.status_mut() = StatusCode::FOUND;
    response.headers_mut().insert(LOCATION, location);
    keep_quiet(&mut response);
    Ok(response)
}

fn used_up() -> Response<String> {
    tracing::warn!("a one-time link was opened a second time");
    let text = "A link of Portray works once. Open the page again from Portray. \
                If it was not you who opened it before, sign out of the console.";
    page(StatusCode::GONE, "This link has been used", text)
}

/// A person's browser opens a page: no prefetch, no preview, no part of another page. Browsers that do not say
/// what a request is for are believed.
fn is_navigation(request: &Parts) -> bool {
    let header = |name: &str| request.headers.get(name).map(HeaderValue::as_bytes);
    let is = |name: &str, expected: &[u8]| header(name).is_none_or(|value| value == expected);
    let ahead_of_time = ["sec-purpose", "purpose", "x-purpose", "x-moz"];
    request.method == Method::GET
        && is("sec-fetch-dest", b"document")
        && is("sec-fetch-mode", b"navigate")
        && ahead_of_time.iter().all(|name| header(name).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::loopback::testing::{get, send};

    const TARGET: &str = "https://signin.aws.amazon.com/federation?SigninToken=canary";

    async fn doorway() -> (ManualClock, Url) {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let link = open(TARGET.into(), Arc::new(clock.clone())).await.unwrap();
        (clock, link)
    }

    #[tokio::test]
    async fn b1_the_link_redirects_once_and_says_nothing_of_the_target_itself() {
        let (_clock, link) = doorway().await;
        let port = link.port().unwrap();
        assert!(!link.as_str().contains("canary"));
        assert_eq!(link.path().len(), "/go/".len() + 43, "256 bits");
        let first = send(port, &get(port, link.path())).await;
        assert!(first.starts_with("HTTP/1.1 302"), "{first}");
        for line in [
            &format!("location: {TARGET}"),
            "cache-control: no-store",
            "referrer-policy: no-referrer",
        ] {
            assert!(first.contains(line), "{line}\n{first}");
        }
        let second = send(port, &get(port, link.path())).await;
        assert!(
            second.starts_with("HTTP/1.1 410") && !second.contains("canary"),
            "{second}"
        );
    }

    #[tokio::test]
    async fn b1_only_a_document_navigation_uses_it_up() {
        let (_clock, link) = doorway().await;
        let (port, path) = (link.port().unwrap(), link.path());
        let with = |method: &str, headers: &str| {
            format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n")
        };
        let others = [
            with("HEAD", ""),
            with("POST", "Content-Length: 0\r\n"),
            with("GET", "Sec-Purpose: prefetch;prerender\r\n"),
            with("GET", "Purpose: prefetch\r\n"),
            with("GET", "Sec-Fetch-Dest: image\r\nSec-Fetch-Mode: no-cors\r\n"),
            with("GET", "Sec-Fetch-Dest: iframe\r\nSec-Fetch-Mode: navigate\r\n"),
            with("GET", "Sec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"),
            get(port, "/go/wrong"),
            get(port, "/favicon.ico"),
            format!("GET {path} HTTP/1.1\r\nHost: evil.example:{port}\r\n\r\n"),
        ];
        for request in others {
            let answer = send(port, &request).await;
            assert!(
                answer.starts_with("HTTP/1.1 4") && !answer.contains("canary"),
                "{request}\n{answer}"
            );
        }
        let navigation = with("GET", "Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\n");
        assert!(send(port, &navigation).await.starts_with("HTTP/1.1 302"));
    }

    #[tokio::test]
    async fn b1_the_listener_ends_after_a_minute() {
        let (clock, link) = doorway().await;
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(30));
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(30));
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        let port = link.port().unwrap();
        assert!(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err());
    }
}
