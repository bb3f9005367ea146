//! What happens around every endpoint: reading the request, faults, counting, the headers of AWS.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use axum::body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use url::{Host, Url};

use super::Emulator;
use super::unread::Unread;
use crate::administration::AdministrationError;
use crate::audit::{self, AuditEvent, Injected, Operation};
use crate::call::{Call, ErrorName, Peer, Trail};
use crate::clock::stopwatch;
use crate::control;
use crate::faults::{ConnectionDropped, Fault};
use crate::pages;
use crate::pages::PageError;
use crate::sessions::credential_id;
use crate::state::State;
use crate::world::Partition;

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
        self.answer_as(|_| operation, endpoint, request).await
    }

    /// The same where the request itself names the operation.
    pub(crate) async fn answer_as<R: IntoResponse>(
        self,
        operation: impl FnOnce(&Call) -> Operation,
        endpoint: impl Fn(&mut State, &mut Call) -> R,
        request: Request,
    ) -> Response {
        let (mut call, unread) = self.read(request).await;
        let operation = operation(&call);
        let elapsed = stopwatch();
        call.request_id = self.state().random.uuid();
        let refused = match unread {
            Some(unread) => Some(unread.answer(operation, &self.state().world, &call)),
            None => self.foreign_form(operation, &call),
        };
        if let Some(response) = refused {
            self.unserved(operation, &mut call);
            self.record(operation, &call, Some(&response), Injected::Nothing, elapsed());
            return add_headers(response, &call.request_id, call.now);
        }
        let fault = self.strike(operation, &call);
        let injected = fault.as_ref().map_or(Injected::Nothing, Fault::injects);
        let (early, late) = match &fault {
            Some(fault) if fault.processed => (None, Some(fault)),
            fault => (fault.as_ref(), None),
        };
        self.delay(early, &mut call).await;
        if early.is_some_and(Fault::replaces_answer) {
            self.unserved(operation, &mut call);
        }
        if fault.as_ref().is_some_and(|fault| fault.hang && !fault.processed) {
            self.record(operation, &call, None, injected, elapsed());
            return std::future::pending().await;
        }
        let mut response = match &fault {
            Some(fault) if fault.replaces_answer() && !fault.processed => self.made_up(fault, &call),
            Some(_) | None => endpoint(&mut self.state(), &mut call).into_response(),
        };
        self.delay(late, &mut call).await;
        if let Some(fault) = fault
            .as_ref()
            .filter(|fault| fault.replaces_answer() && fault.processed)
        {
            if fault.hang {
                self.record(operation, &call, None, injected, elapsed());
                return std::future::pending().await;
            }
            response = self.made_up(fault, &call);
        }
        if let Some((fault, trouble)) = fault.as_ref().and_then(|fault| Some((fault, fault.trouble?)))
            && !fault.replaces_answer()
        {
            response = trouble.spoil(response, fault, &call).await;
        }
        self.record(operation, &call, Some(&response), injected, elapsed());
        add_headers(response, &call.request_id, call.now)
    }

    /// Runs an endpoint of the control interface: not counted, not disturbed.
    pub(crate) async fn control(
        self,
        endpoint: fn(&mut State, &mut Call) -> Result<Value, AdministrationError>,
        request: Request,
    ) -> Response {
        let (head, body) = request.into_parts();
        if let Some(why) = control::refusal(&head) {
            return control::refused(why);
        }
        let (mut call, unread) = self.read(Request::from_parts(head, body)).await;
        if let Some(unread) = unread {
            return control::answer(Err(AdministrationError::BadRequest(unread.to_string())));
        }
        let answer = endpoint(&mut self.state(), &mut call);
        control::answer(answer)
    }

    /// The answer to a form that a page of another site sent. Cookies do not tell: to them all ports of a host are one
    /// site. A browser says where a form comes from, a program says nothing.
    fn foreign_form(&self, operation: Operation, call: &Call) -> Option<Response> {
        if !operation.is_page() || call.method != Method::POST || is_own_form(call) {
            return None;
        }
        Some(PageError::ForeignForm.page(&self.state().world))
    }

    /// No endpoint looks at this call: the audit log has it all the same.
    fn unserved(&self, operation: Operation, call: &mut Call) {
        if operation == Operation::SignIn {
            pages::unserved_sign_in(&mut self.state(), call);
        }
    }

    fn made_up(&self, fault: &Fault, call: &Call) -> Response {
        fault.answer(&self.state().world, call)
    }

    /// The request, and why its body was not read to its end.
    async fn read(&self, request: Request) -> (Call, Option<Unread>) {
        let (head, body) = request.into_parts();
        let body = body::to_bytes(body, LARGEST_BODY).await;
        let peer = head.extensions.get::<Peer>();
        let with_tls = peer.is_some_and(|peer| peer.with_tls);
        let origin = origin(&head.uri, &head.headers, with_tls).unwrap_or_else(|| self.base_url());
        let unread = body.as_ref().err().map(Unread::of);
        let call = Call {
            now: self.now(),
            request_id: String::new(),
            origin,
            method: head.method,
            uri: head.uri,
            headers: head.headers,
            body: body.unwrap_or_default(),
            user: None,
            session: None,
            trail: Trail::default(),
            principal_tags: BTreeMap::new(),
            source_ip_address: peer.map(|peer| peer.address),
            list: None,
        };
        (call, unread)
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
    fn record(
        &self,
        operation: Operation,
        call: &Call,
        response: Option<&Response>,
        injected: Injected,
        took: Duration,
    ) {
        let error = response.and_then(|response| response.extensions().get::<ErrorName>());
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
            request_parameters: call
                .trail
                .request_parameters
                .clone()
                .unwrap_or_else(|| audit::request_parameters(operation, call)),
            service_event_details: audit::service_event_details(operation, call),
            sign_in: call.trail.sign_in.clone(),
            response_elements: call.trail.response_elements.clone(),
            assumed_role: call.trail.assumed_role.clone(),
            login_to: call.trail.login_to.clone(),
            resource: call.trail.resource.clone(),
            credential_id: call.session.as_deref().map(credential_id),
            principal_tags: call.principal_tags.clone(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            status: response.map_or(0, sent_status),
            error: error.map(|error| error.name.clone()),
            error_message: error.map(|error| error.message.clone()),
            injected,
        };
        tracing::info!(?operation, user = ?event.user, role = ?event.role, status = event.status, error = ?event.error);
        self.state().audit.record(event);
    }
}

/// Whether a form can be one of our own pages'.
fn is_own_form(call: &Call) -> bool {
    let header = |name: HeaderName| call.headers.get(name).map(HeaderValue::as_bytes);
    let is_own =
        header(header::ORIGIN).is_none_or(|origin| origin.eq_ignore_ascii_case(call.origin.as_bytes()));
    is_own && control::is_own_site(&call.headers)
}

/// 0 of an answer that stands for a connection closed without one.
fn sent_status(response: &Response) -> u16 {
    match response.extensions().get::<ConnectionDropped>() {
        Some(ConnectionDropped) => 0,
        None => response.status().as_u16(),
    }
}

/// Where the caller reached us, if that is this machine: a browser has to find our pages there.
fn origin(uri: &Uri, headers: &HeaderMap, with_tls: bool) -> Option<String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let authority = host.or_else(|| uri.authority().map(axum::http::uri::Authority::as_str))?;
    let scheme = if with_tls { "https" } else { "http" };
    let origin = format!("{scheme}://{authority}");
    // Over TLS also under AWS's names, for which the certificate is good: where a proxy leads them here.
    (is_loopback(&origin) || with_tls && is_at_aws(&origin)).then_some(origin)
}

/// Whether the caller named this machine as we tell it to, and not by a name of its own that leads here.
pub(crate) fn is_our_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let url = host.and_then(|host| Url::parse(&format!("http://{host}")).ok());
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Ipv6(address)) => address == Ipv6Addr::LOCALHOST,
        None => false,
    }
}

fn is_at_aws(origin: &str) -> bool {
    let url = Url::parse(origin).ok();
    let name = url.as_ref().and_then(Url::domain);
    let domains = Partition::ALL.into_iter().flat_map(Partition::service_domains);
    let mut parents = domains.map(|domain| format!(".{domain}"));
    name.is_some_and(|name| parents.any(|parent| name.ends_with(&parent)))
}

fn is_loopback(origin: &str) -> bool {
    let url = Url::parse(origin).ok();
    match url.as_ref().and_then(Url::host) {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn add_headers(mut response: Response, request_id: &str, now: Timestamp) -> Response {
    let date = DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&now)
        .unwrap_or_default();
    let headers = response.headers_mut();
    for (name, value) in [
        (HeaderName::from_static("x-amzn-requestid"), request_id),
        (header::DATE, &date),
    ] {
        // A scripted fault may bring its own, and a wrong date.
        if let (false, Ok(value)) = (headers.contains_key(&name), HeaderValue::from_str(value)) {
            headers.insert(name, value);
        }
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
