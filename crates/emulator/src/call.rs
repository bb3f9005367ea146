//! One request as the endpoints see it, and the few forms that an answer takes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::Value;
use url::form_urlencoded;

use crate::audit::{AssumedRole, SignInEvent};

/// A request that was read completely.
pub(crate) struct Call {
    pub(crate) now: Timestamp,
    /// In the answer's head, in the audit log, and where an answer names it in its body.
    pub(crate) request_id: String,
    /// Where the browser reaches this emulator: `http://127.0.0.1:PORT`.
    pub(crate) origin: String,
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whose call it turned out to be, for the audit log.
    pub(crate) user: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) trail: Trail,
    pub(crate) principal_tags: BTreeMap<String, String>,
    pub(crate) source_ip_address: Option<IpAddr>,
    /// The list that the call pages through.
    pub(crate) list: Option<String>,
}

/// Rides in a request's extensions: over which connection it came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) with_tls: bool,
}

/// Rides along in an answer's extensions, for the audit log: AWS's name of the error, and its text.
#[derive(Clone)]
pub(crate) struct ErrorName {
    pub(crate) name: String,
    pub(crate) message: String,
}

impl ErrorName {
    pub(crate) fn new(name: &str, message: impl Into<String>) -> Self {
        Self {
            name: name.to_owned(),
            message: message.into(),
        }
    }
}

/// What an endpoint tells the audit log beyond what request and answer show.
#[derive(Default)]
pub(crate) struct Trail {
    /// What a sign-in went through.
    pub(crate) sign_in: Vec<SignInEvent>,
    /// Of the answer, without its secrets.
    pub(crate) response_elements: Value,
    /// Whose role credentials signed the call, or opened the console.
    pub(crate) assumed_role: Option<AssumedRole>,
    /// Where a console session began; none if the call began none.
    pub(crate) login_to: Option<String>,
    /// What was asked for, where the endpoint says so.
    pub(crate) request_parameters: Option<Value>,
    /// ARN and account of the role that was assumed.
    pub(crate) resource: Option<(String, String)>,
}

impl Call {
    /// A GET of nobody's, for tests.
    #[cfg(test)]
    pub(crate) fn to(uri: Uri) -> Self {
        Self {
            now: Timestamp::UNIX_EPOCH,
            request_id: String::new(),
            origin: String::new(),
            method: Method::GET,
            uri,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            user: None,
            session: None,
            trail: Trail::default(),
            principal_tags: BTreeMap::new(),
            source_ip_address: None,
            list: None,
        }
    }

    pub(crate) fn query(&self, name: &str) -> Option<String> {
        find(self.uri.query().unwrap_or_default().as_bytes(), name)
    }

    pub(crate) fn form(&self, name: &str) -> Option<String> {
        find(&self.body, name)
    }

    /// From the query, else from a form in the body.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.query(name).or_else(|| self.form(name))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether a person's browser asks.
    pub(crate) fn accepts_html(&self) -> bool {
        let accepted = self.header(header::ACCEPT.as_str()).unwrap_or_default();
        accepted.split([',', ';']).any(|kind| kind.trim() == "text/html")
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self
            .headers
            .get_all(header::COOKIE)
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        cookies
            .flat_map(|line| line.split(';'))
            .find_map(|pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
    }

    /// Browsers share cookies between the ports of a host: two emulators must not sign each other out.
    pub(crate) fn cookie_name(&self, purpose: &str) -> String {
        let port = self
            .origin
            .rsplit(':')
            .next()
            .filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
        format!("{purpose}-{}", port.unwrap_or("80"))
    }

    /// Path and query of this request, to come back to after signing in.
    pub(crate) fn path_and_query(&self) -> String {
        self.uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string)
    }

    /// The role that the request is about: `ACCOUNT/PERMISSION_SET`, of AssumeRole `ACCOUNT/ROLE`.
    pub(crate) fn role(&self) -> Option<String> {
        let assigned = self.query("account_id").zip(self.query("role_name"));
        let (account, role) = assigned.or_else(|| self.further_role())?;
        Some(format!("{account}/{role}"))
    }

    fn further_role(&self) -> Option<(String, String)> {
        let arn = self.parameter("RoleArn")?;
        let mut parts = arn.splitn(6, ':').skip(4);
        let (account, role) = (parts.next()?, parts.next()?.strip_prefix("role/")?);
        Some((account.to_owned(), role.to_owned()))
    }
}

pub(crate) fn json(status: StatusCode, body: &Value) -> Response {
    with_body(status, "application/json", body.to_string())
}

pub(crate) fn text(status: StatusCode, body: &str) -> Response {
    with_body(status, "text/plain; charset=utf-8", body.to_owned())
}

pub(crate) fn xml(status: StatusCode, body: String) -> Response {
    with_body(status, "text/xml", body)
}

/// Pages load nothing from elsewhere, run no script of their own, send forms to us only, are not kept, and tell nobody else
/// where the reader came from. (To us they have to: with `no-referrer` browsers send our own forms as from nowhere.)
pub(crate) fn html(status: StatusCode, body: String) -> Response {
    let mut response = with_body(status, "text/html; charset=utf-8", body);
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        response
            .headers_mut()
            .insert(name, header::HeaderValue::from_static(value));
    }
    send_forms_to(&mut response, "");
    response
}

/// The page's form may end at `origin` besides us: browsers hold the whole chain of redirects against the policy.
pub(crate) fn send_forms_to(response: &mut Response, origin: &str) {
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; form-action 'self' {origin}; \
         base-uri 'none'; frame-ancestors 'none'"
    );
    let policy = header::HeaderValue::from_str(&policy).expect("an origin is ASCII");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
}

/// 302 for the OAuth redirect back to a client, 303 after a form.
pub(crate) fn redirect(status: StatusCode, to: &str) -> Response {
    let mut response = with_body(status, "text/plain; charset=utf-8", String::new());
    let Ok(location) = header::HeaderValue::from_str(to) else {
        return text(StatusCode::BAD_REQUEST, "that address cannot be redirected to");
    };
    response.headers_mut().insert(header::LOCATION, location);
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}

/// Adds a cookie for this host, or takes it away if `value` is empty.
pub(crate) fn set_cookie(response: &mut Response, name: &str, value: &str) {
    let life = if value.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{life}");
    let cookie =
        header::HeaderValue::from_str(&cookie).expect("names and values of our cookies are base64url");
    response.headers_mut().append(header::SET_COOKIE, cookie);
}

pub(crate) fn with_body(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static(content_type),
    );
    response
}

/// Marks an answer as an error of AWS's for header and audit log. `namespace` is what AWS puts after the name.
pub(crate) fn name_error(response: &mut Response, exception: &str, namespace: &str, message: &dyn ToString) {
    let value = format!("{exception}:http://internal.amazon.com/coral/{namespace}/");
    if let Ok(value) = header::HeaderValue::from_str(&value) {
        response.headers_mut().insert("x-amzn-errortype", value);
    }
    response
        .extensions_mut()
        .insert(ErrorName::new(exception, message.to_string()));
}

fn find(encoded: &[u8], name: &str) -> Option<String> {
    form_urlencoded::parse(encoded)
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}
