//! The network of a simulation: the emulator's router in place of a socket, and as slow as a test wants it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::Response;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use http_body_util::BodyExt;
use identity_center_emulator::{ConnectionDropped, Emulator};
use portray_core::clock::{Clock, ManualClock};
use tower::ServiceExt;

/// Calls the emulator's router where a network would be. Clones are the same network.
#[derive(Clone)]
pub struct InProcess {
    router: Router,
    clock: ManualClock,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    latency_ms: AtomicU64,
    begun: AtomicU64,
    ended: AtomicU64,
    most_in_flight: AtomicU64,
}

impl InProcess {
    pub fn new(emulator: &Emulator, clock: &ManualClock) -> Self {
        Self {
            router: emulator.router(),
            clock: clock.clone(),
            line: Arc::default(),
        }
    }

    /// How long every call takes from now on, on the moved clock; nothing at first.
    pub fn set_latency(&self, latency: Duration) {
        let milliseconds = u64::try_from(latency.as_millis()).unwrap_or(u64::MAX);
        self.line.latency_ms.store(milliseconds, Ordering::SeqCst);
    }

    /// How many calls were under way at the same time, at most.
    pub fn most_in_flight(&self) -> u64 {
        self.line.most_in_flight.load(Ordering::SeqCst)
    }

    /// Grows whenever a call begins or ends.
    pub fn stirrings(&self) -> u64 {
        self.line.begun.load(Ordering::SeqCst) + self.line.ended.load(Ordering::SeqCst)
    }

    fn begin(&self) -> InFlight {
        let begun = self.line.begun.fetch_add(1, Ordering::SeqCst) + 1;
        let in_flight = begun - self.line.ended.load(Ordering::SeqCst);
        self.line.most_in_flight.fetch_max(in_flight, Ordering::SeqCst);
        InFlight(self.line.clone())
    }
}

impl std::fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InProcess")
    }
}

/// One call, until it ends or is given up.
struct InFlight(Arc<Line>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::SeqCst);
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let network = self.clone();
        HttpConnectorFuture::new(async move {
            let _in_flight = network.begin();
            let latency = Duration::from_millis(network.line.latency_ms.load(Ordering::SeqCst));
            if !latency.is_zero() {
                network.clock.sleep(latency).await;
            }
            answer(network.router, request).await
        })
    }
}

async fn answer(
    router: Router,
    request: HttpRequest,
) -> Result<aws_smithy_runtime_api::client::orchestrator::HttpResponse, ConnectorError> {
    let broken = |what: &str| ConnectorError::io(std::io::Error::other(what.to_owned()).into());
    let request = request
        .try_into_http1x()
        .map_err(|error| ConnectorError::user(error.into()))?;
    let (mut parts, body) = request.into_parts();
    // What a connection adds; a signature is about it too.
    if let Some(host) = parts.uri.authority().and_then(|host| host.as_str().parse().ok()) {
        parts.headers.entry("host").or_insert(host);
    }
    let body = body.bytes().map(<[u8]>::to_vec).unwrap_or_default();
    let request = axum::http::Request::from_parts(parts, axum::body::Body::from(body));
    let Ok(response) = router.oneshot(request).await;
    if response.extensions().get::<ConnectionDropped>().is_some() {
        return Err(broken("the connection was dropped"));
    }
    let (parts, body) = response.into_parts();
    let body = body
        .collect()
        .await
        .map_err(|_| broken("the answer broke off"))?
        .to_bytes();
    let response = axum::http::Response::from_parts(parts, SdkBody::from(body));
    Response::try_from(response).map_err(|error| ConnectorError::other(error.into(), None))
}
