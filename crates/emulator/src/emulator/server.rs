//! HTTP/1.1 over TCP or TLS, able to close, reset and refuse connections.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{StatusCode, Version, header};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use super::answer::wait;
use super::line::Line;
use crate::call::Peer;
use crate::faults::{ConnectionDropped, ConnectionReset};
use crate::network::Network;
use crate::tls::Certificates;

/// The answer to whoever asked for a refusal still goes out.
const LAST_ANSWERS: Duration = Duration::from_millis(50);
const LISTENING_TRIES: u32 = 100;
/// Without descriptors there is nothing to accept until somebody leaves.
const NEXT_ACCEPT: Duration = Duration::from_millis(100);
/// How long a connection may take to greet, and then for the head of each request: silence in between counts too.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// What all connections share.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) router: Router,
    pub(super) network: Network,
    /// With TLS, if there are any.
    pub(super) certificates: Option<Certificates>,
    /// With who begins something and does not go on.
    pub(super) patience: Duration,
}

pub(super) async fn serve(service: Service, listener: TcpListener) -> io::Result<Infallible> {
    let address = listener.local_addr()?;
    let mut listener = Some(listener);
    let mut refusals = service.network.refusals();
    loop {
        let open = match listener.take() {
            Some(listener) => listener,
            None => listen_again(address).await?,
        };
        let refused = refusals.changed();
        // Dropped together with this future, and with it every connection.
        let mut connections = JoinSet::new();
        tokio::select! {
            never = accept_all(&service, &open, &mut connections) => match never {},
            changed = refused => {
                // The sender lives in the service.
                drop(changed);
            }
        }
        drop(open);
        let duration = *refusals.borrow_and_update();
        wait(LAST_ANSWERS).await;
        connections.shutdown().await;
        wait(duration.saturating_sub(LAST_ANSWERS)).await;
    }
}

/// Somebody may hold the port for a moment: even a caller who connects to it from the same port.
async fn listen_again(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..LISTENING_TRIES {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => wait(LAST_ANSWERS).await,
            bound => return bound,
        }
    }
    TcpListener::bind(address).await
}

async fn accept_all(service: &Service, listener: &TcpListener, connections: &mut JoinSet<()>) -> Infallible {
    // Said once, until it is over: it may go on for as long as a leak in the client does.
    let mut is_failing = false;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, peer)) => {
                        is_failing = false;
                        connections.spawn(connection(service.clone(), stream, peer));
                    }
                    // Out of descriptors, or a caller that left at once: the next one may fare better.
                    Err(error) => {
                        if !is_failing {
                            tracing::warn!(%error, "a connection was not accepted; others are tried on");
                        }
                        is_failing = true;
                        wait(NEXT_ACCEPT).await;
                    }
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(service: Service, stream: TcpStream, peer: SocketAddr) {
    // Without it small answers wait for the caller's acknowledgement; it is only a matter of speed.
    let _ = stream.set_nodelay(true);
    let reset = Arc::new(AtomicBool::new(false));
    let line = Line::new(stream, reset.clone());
    let Some(certificates) = &service.certificates else {
        return talk(&service, line, peer.ip(), false, reset).await;
    };
    let acceptor = certificates.acceptor(service.network.is_unknown_ca());
    match tokio::time::timeout(service.patience, acceptor.accept(line)).await {
        Ok(Ok(stream)) => talk(&service, stream, peer.ip(), true, reset).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_) => tracing::debug!("a TLS handshake took too long"),
    }
}

async fn talk<S>(service: &Service, stream: S, address: IpAddr, with_tls: bool, reset: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = Peer { address, with_tls };
    let router = service.router.clone();
    let answers = service_fn(move |request| answer(router.clone(), request, peer, reset.clone()));
    if let Err(error) = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(service.patience)
        .serve_connection(TokioIo::new(stream), answers)
        .await
    {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(
    router: Router,
    mut request: hyper::Request<Incoming>,
    peer: Peer,
    reset: Arc<AtomicBool>,
) -> Result<Response, io::Error> {
    // RFC 9112, section 3.2.
    if request.version() == Version::HTTP_11 && request.headers().get_all(header::HOST).iter().count() != 1 {
        let mut refusal = Response::new(Body::from("An HTTP/1.1 request has one Host.\n"));
        *refusal.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(refusal);
    }
    request.extensions_mut().insert(peer);
    let response: Result<Response, Infallible> = router.oneshot(request.map(Body::new)).await;
    let Ok(response) = response;
    if response.extensions().get::<ConnectionReset>().is_some() {
        reset.store(true, Ordering::SeqCst);
    }
    if response.extensions().get::<ConnectionDropped>().is_some() {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{Emulator, Options, World};

    #[tokio::test]
    async fn who_begins_and_does_not_go_on_is_let_go() {
        let begun = "GET /start HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ";
        let secure = Certificates::new("eu-west-1").unwrap();
        for (certificates, begun) in [(None, ""), (None, begun), (Some(secure), "")] {
            let service = Service {
                router: Emulator::new(World::one(), Options::default()).router(),
                network: Network::default(),
                certificates,
                patience: Duration::from_millis(20),
            };
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            tokio::spawn(serve(service, listener));
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(begun.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            let ended = stream.read_to_end(&mut answer);
            let ended = tokio::time::timeout(Duration::from_secs(30), ended).await;
            ended.expect("an end").unwrap();
        }
    }
}
