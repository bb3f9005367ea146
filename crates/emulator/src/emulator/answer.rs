//! What happens around every endpoint: reading the request, faults, counting, the headers of AWS.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use axum::body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use url::{Host, Url};

use super::Emulator;
use crate::administration::AdministrationError;
use crate::audit::{self, AuditEvent, Operation};
use crate::call::{self, Call, ErrorName, Peer};
use crate::clock::stopwatch;
use crate::control;
use crate::faults::Fault;
use crate::sessions::credential_id;
use crate::state::State;

/// AWS's own limit is far below.
const LARGEST_BODY: usize = 1024 * 1024;

impl Emulator {
    /// Runs an endpoint, unless a scripted fault comes first.
    pub(crate) async fn answer<R: IntoResponse>(
        self,
        operation: Operation,
        endpoint: impl Fn(&mut State, &mut Call) -> R,
        request: Request,
    ) -> Response {
        let Some(mut call) = self.read(request).await else {
            return call::text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
        };
        let elapsed = stopwatch();
        call.request_id = self.state().random.uuid();
        let fault = self.strike(operation, &call);
        let (early, late) = match &fault {
            Some(fault) if fault.processed => (None, Some(fault)),
            fault => (fault.as_ref(), None),
        };
        self.delay(early, &mut call).await;
        if fault.as_ref().is_some_and(|fault| fault.hang && !fault.processed) {
            self.record(operation, &call, None, elapsed());
            return std::future::pending().await;
        }
        let mut response = match &fault {
            Some(fault) if fault.replaces_answer() && !fault.processed => fault.answer(),
            Some(_) | None => endpoint(&mut self.state(), &mut call).into_response(),
        };
        self.delay(late, &mut call).await;
        if let Some(fault) = fault
            .as_ref()
            .filter(|fault| fault.replaces_answer() && fault.processed)
        {
            if fault.hang {
                self.record(operation, &call, None, elapsed());
                return std::future::pending().await;
            }
            response = fault.answer();
        }
        if let Some((fault, trouble)) = fault.as_ref().and_then(|fault| Some((fault, fault.trouble?)))
            && !fault.replaces_answer()
        {
            response = trouble.spoil(response, fault, &call).await;
        }
        self.record(operation, &call, Some(&response), elapsed());
        add_headers(response, &call.request_id, call.now)
    }

    /// Runs an endpoint of the control interface: not counted, not disturbed.
    pub(crate) async fn control(
        self,
        endpoint: fn(&mut State, &mut Call) -> Result<Value, AdministrationError>,
        request: Request,
    ) -> Response {
        let Some(mut call) = self.read(request).await else {
            return call::text(StatusCode::PAYLOAD_TOO_LARGE, "the request is too large");
        };
        let answer = endpoint(&mut self.state(), &mut call);
        control::answer(answer)
    }

    async fn read(&self, request: Request) -> Option<Call> {
        let (head, body) = request.into_parts();
        let body = body::to_bytes(body, LARGEST_BODY).await.ok()?;
        let peer = head.extensions.get::<Peer>();
        let with_tls = peer.is_some_and(|peer| peer.with_tls);
        let origin = origin(&head.uri, &head.headers, with_tls).unwrap_or_else(|| self.base_url());
        Some(Call {
            now: self.now(),
            request_id: String::new(),
            origin,
            uri: head.uri,
            headers: head.headers,
            body,
            user: None,
            session: None,
            assumed_role: None,
            principal_tags: BTreeMap::new(),
            source_ip_address: peer.map(|peer| peer.address),
            list: None,
        })
    }

    async fn delay(&self, fault: Option<&Fault>, call: &mut Call) {
        let delay = fault.map_or(0, |fault| fault.delay_ms);
        if delay > 0 {
            wait(Duration::from_millis(delay)).await;
            call.now = self.now();
        }
    }

    fn strike(&self, operation: Operation, call: &Call) -> Option<Fault> {
        let state = &mut *self.state();
        state
            .faults
            .strike(operation, call.role().as_deref(), &mut state.random)
    }

    /// Writes the audit log.
    fn record(&self, operation: Operation, call: &Call, response: Option<&Response>, took: Duration) {
        let error = match response {
            None => Some("Fault".to_owned()),
            Some(response) => response
                .extensions()
                .get::<ErrorName>()
                .map(|name| name.0.clone()),
        };
        let event = AuditEvent {
            time: call.now,
            request_id: call.request_id.clone(),
            operation,
            user: call.user.clone(),
            role: call.role(),
            user_agent: call.header("user-agent").map(str::to_owned),
            // In process there is no connection: then it is this machine all the same.
            source_ip_address: call
                .source_ip_address
                .unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
                .to_string(),
            request_parameters: audit::request_parameters(operation, call),
            service_event_details: audit::service_event_details(operation, call),
            assumed_role: call.assumed_role.clone(),
            credential_id: call.session.as_deref().map(credential_id),
            principal_tags: call.principal_tags.clone(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status: response.map_or(0, |response| response.status().as_u16()),
            error,
        };
        tracing::info!(?operation, user = ?event.user, role = ?event.role, status = event.status, error = ?event.error);
        self.state().audit.record(event);
    }
}

/// Where the caller reached us, if that is this machine: a browser has to find our pages there.
fn origin(uri: &Uri, headers: &HeaderMap, with_tls: bool) -> Option<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))?;
    let scheme = if with_tls { "https" } else { "http" };
    let origin = format!("{scheme}://{authority}");
    let is_ours = match Url::parse(&origin).ok()?.host()? {
        // Over TLS also under AWS's names, for which the certificate is good: where a proxy leads them here.
        Host::Domain(name) => name == "localhost" || (with_tls && name.ends_with(".amazonaws.com")),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    };
    is_ours.then_some(origin)
}

fn add_headers(mut response: Response, request_id: &str, now: Timestamp) -> Response {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .unwrap_or_default();
    let headers = response.headers_mut();
    if let Ok(request_id) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", request_id);
    }
    // A scripted fault may bring a wrong date of its own.
    if let (false, Ok(date)) = (headers.contains_key(header::DATE), HeaderValue::from_str(&date)) {
        headers.insert(header::DATE, date);
    }
    response
}

#[expect(
    clippy::disallowed_methods,
    reason = "a scripted delay is real waiting: that is what it is for"
)]
pub(crate) async fn wait(delay: Duration) {
    tokio::time::sleep(delay).await;
}
