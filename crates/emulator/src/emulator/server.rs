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
use hyper_util::rt::TokioIo;
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

/// What all connections share.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) router: Router,
    pub(super) network: Network,
    /// With TLS, if there are any.
    pub(super) certificates: Option<Certificates>,
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
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, peer)) => {
                        connections.spawn(connection(service.clone(), stream, peer));
                    }
                    // Out of descriptors, or a caller that left at once: the next one may fare better.
                    Err(error) => tracing::warn!(%error, "a connection was not accepted"),
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
        return talk(service.router, line, peer.ip(), false, reset).await;
    };
    match certificates
        .acceptor(service.network.is_unknown_ca())
        .accept(line)
        .await
    {
        Ok(stream) => talk(service.router, stream, peer.ip(), true, reset).await,
        Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
    }
}

async fn talk<S>(router: Router, stream: S, address: IpAddr, with_tls: bool, reset: Arc<AtomicBool>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = Peer { address, with_tls };
    let service = service_fn(move |request| answer(router.clone(), request, peer, reset.clone()));
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
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
