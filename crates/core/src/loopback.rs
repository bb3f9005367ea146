//! Short-lived listeners on 127.0.0.1: for a browser that comes back, and for links that work once.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, Response, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sha2::{Digest, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinHandle;

use crate::clock::SharedClock;

/// A port that is ours already: whoever connects from now on waits instead of being refused.
#[derive(Debug)]
pub(crate) struct Loopback {
    listener: TcpListener,
    port: u16,
}

/// Accepts connections until it is dropped. Answers under way are still given.
#[derive(Debug)]
pub(crate) struct Listening(JoinHandle<()>);

/// A person's browser opens a few connections; everything above that waits.
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);
const LONGEST_ANSWER: Duration = Duration::from_secs(15);
const LARGEST_HEAD: usize = 32 * 1024;

impl Loopback {
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        Ok(Self { listener, port })
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers every request from its head and the peer's address; bodies are not read. An answer may take 15 s.
    pub fn serve<A, F>(self, clock: SharedClock, answer: A) -> Listening
    where
        A: Fn(&Parts, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = Response<String>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        let free = Arc::new(Semaphore::new(CONNECTIONS));
        Listening(tokio::spawn(async move {
            loop {
                let Ok(permit) = free.clone().acquire_owned().await else {
                    return;
                };
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        tokio::spawn(converse(stream, peer, answer.clone(), permit));
                    }
                    // Out of file descriptors, most likely: others will close some.
                    Err(_) => clock.sleep(Duration::from_millis(100)).await,
                }
            }
        }))
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Whether a request was meant for this listener: a page of another origin that resolves to 127.0.0.1 sends its
/// own name as `Host`.
pub(crate) fn is_for_us(request: &Parts, port: u16) -> bool {
    let mut hosts = request.headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return false;
    };
    let ours = ["127.0.0.1", "localhost", "[::1]"];
    request.uri.authority().is_none()
        && ours
            .iter()
            .any(|name| host.as_bytes() == format!("{name}:{port}").as_bytes())
}

/// A small static page. `title` and `text` are ours: nothing of a request ever stands in it.
pub(crate) fn page(status: StatusCode, title: &'static str, text: &'static str) -> Response<String> {
    let body = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{title} – Portray</title>\n<style>{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n<p>{text}</p>\n</main>\n</body>\n</html>\n"
    );
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    if let Ok(policy) = HeaderValue::from_str(&policy()) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    keep_quiet(&mut response);
    response
}

/// Neither kept nor told to the next page.
pub(crate) fn keep_quiet(response: &mut Response<String>) {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

const STYLE: &str = "\
:root{color-scheme:light dark;font:1rem/1.5 system-ui,sans-serif}\
body{margin:0;min-height:100vh;display:grid;place-items:center;background:light-dark(#f6f7f9,#16181d);color:light-dark(#1c1f26,#e8eaf0)}\
main{max-width:26rem;margin:1rem;padding:2.5rem 3rem;border-radius:1rem;text-align:center;background:light-dark(#fff,#20232a);box-shadow:0 1px 3px #0003}\
h1{margin:0 0 .5rem;font-size:1.4rem}\
p{margin:0;color:light-dark(#5a6170,#a3a9b8)}";

/// Nothing may be loaded or run; the one style sheet is known by its hash.
fn policy() -> String {
    let style = BASE64_STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

async fn converse<A, F>(stream: TcpStream, peer: SocketAddr, answer: Arc<A>, _permit: OwnedSemaphorePermit)
where
    A: Fn(&Parts, SocketAddr) -> F + Send + Sync + 'static,
    F: Future<Output = Response<String>> + Send + 'static,
{
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        let (head, _body) = request.into_parts();
        let response = answer(&head, peer);
        async move { Ok::<_, Infallible>(response.await) }
    });
    let conversation = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_buf_size(LARGEST_HEAD)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // What goes wrong on such a connection is the peer's affair.
    let _ = tokio::time::timeout(PATIENCE + LONGEST_ANSWER, conversation).await;
}

#[cfg(test)]
pub(crate) mod testing {
    //! A client that sends exactly what a test says.

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    pub(crate) fn get(port: u16, path: &str) -> String {
        format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")
    }

    /// The whole answer as text, headers in lower case as hyper writes them.
    pub(crate) async fn send(port: u16, request: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // The peer may have answered and closed before a large body was through.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }
}
