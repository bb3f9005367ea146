//! HTTP/1.1 over TCP, able to close a connection without an answer.

use std::convert::Infallible;
use std::io;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tower::ServiceExt as _;

use crate::faults::ConnectionDropped;

pub(super) async fn serve(router: Router, listener: TcpListener) -> Infallible {
    // Dropped together with this future, and with it every connection.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(connection(router.clone(), stream));
                    }
                    // Out of descriptors, or a caller that left at once: the next one may fare better.
                    Err(error) => tracing::warn!(%error, "a connection was not accepted"),
                }
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(router: Router, stream: TcpStream) {
    // Without it small answers wait for the caller's acknowledgement; it is only a matter of speed.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| answer(router.clone(), request));
    if let Err(error) = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await
    {
        tracing::debug!(%error, "a connection ended");
    }
}

async fn answer(router: Router, request: hyper::Request<Incoming>) -> Result<Response, io::Error> {
    let response: Result<Response, Infallible> = router.oneshot(request.map(Body::new)).await;
    let Ok(response) = response;
    if response.extensions().get::<ConnectionDropped>().is_some() {
        return Err(io::Error::from(io::ErrorKind::ConnectionReset));
    }
    Ok(response)
}
