//! The container-credentials endpoint of one launch: loopback HTTP for AWS SDKs, behind a token.
//!
//! It holds no credentials: every request asks the agent over its socket, so it outlives a restart of the agent. In a
//! container it asks the socket of a launch outside.

mod connections;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Json;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use connections::{Caller, Connections};
use serde_json::{Value, json};

use crate::agent::client::ClientError;
use crate::agent::endpoint_clients::Clients;
use crate::agent::grant::{Grant, Source, Withheld};
use crate::agent::protocol::{Asker, CredentialsReply, Target};
use crate::app::contract::{ProblemCode, ProblemView};
use crate::clock::SharedClock;
use crate::loopback_peer::{LookUp, Peer};
use crate::paths::Paths;
use crate::secret::Secret;

/// The path under which credentials are.
const PATH: &str = "/credentials";

/// How long the agent may take: SDKs give up after a second.
const PATIENCE: Duration = Duration::from_millis(700);

/// No wait can be shorter than that and be one.
const LEAST: Duration = Duration::from_millis(100);

/// How long a refused request waits for its answer.
const PENANCE: Duration = Duration::from_millis(250);

/// What another user is told who has the token.
const NOT_OURS: &str = "Only processes of the same user are served here.";

/// A bound endpoint that serves one role.
#[derive(Debug)]
pub struct ContainerEndpoint {
    listener: tokio::net::TcpListener,
    door: Arc<Door>,
}

/// What a request has to pass, and what is behind.
#[derive(Debug)]
struct Door {
    address: SocketAddrV4,
    /// The one address more under which this grant is reached: that of a port which SSH leads here.
    named: Option<String>,
    token: Secret,
    source: Source,
    clients: Clients,
    clock: SharedClock,
    look_up: LookUp,
    refusals: Mutex<Refusals>,
}

/// Refused requests since the last line about them in the log.
#[derive(Debug, Default)]
struct Refusals {
    logged_at: Option<Duration>,
}

impl ContainerEndpoint {
    /// Binds a port of the system's choice on 127.0.0.1 and makes a token of 256 bits.
    /// Gives nothing any more once the asker's terms are over, whoever signs in then.
    pub async fn bind(paths: Paths, target: Target, asker: Asker, clock: SharedClock) -> io::Result<Self> {
        let grant = Grant::new(paths, target, asker);
        Self::of(Source::Agent(Box::new(grant)), clock).await
    }

    /// The same inside of a container, for the role of the launch whose socket was put there.
    pub async fn relay(socket: PathBuf, clock: SharedClock) -> io::Result<Self> {
        Self::of(Source::Socket(socket), clock).await
    }

    async fn of(source: Source, clock: SharedClock) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let door = Door {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            named: None,
            token: new_token()?,
            source,
            clients: Clients::new(clock.clone()),
            clock,
            look_up: LookUp::of_the_system(),
            refusals: Mutex::default(),
        };
        Ok(Self {
            listener,
            door: Arc::new(door),
        })
    }

    /// Answers also to this one `HOST:PORT`, under which a port is reached that leads here.
    #[must_use]
    pub fn named(self, authority: &str) -> Self {
        self.with(|door| door.named = Some(authority.to_owned()))
    }

    fn with(mut self, change: impl FnOnce(&mut Door)) -> Self {
        let door = Arc::get_mut(&mut self.door);
        change(door.expect("nobody shares the door of an endpoint that does not serve yet"));
        self
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.door.address.port()
    }

    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`: where its clients are, under the name that was given.
    pub fn uri(&self) -> String {
        match &self.door.named {
            Some(authority) => format!("http://{authority}{PATH}"),
            None => format!("http://{}{PATH}", self.door.address),
        }
    }

    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub fn token(&self) -> &Secret {
        &self.door.token
    }

    /// Whoever asks here.
    pub fn clients(&self) -> Clients {
        self.door.clients.clone()
    }

    /// Answers until the future is dropped.
    pub async fn serve(self) -> io::Result<()> {
        let Self { listener, door } = self;
        let connections = Connections::new(door.clock.clone());
        let answer = move |head, caller| answer(door.clone(), head, caller);
        match connections.serve(listener, answer).await {}
    }
}

/// Only who has the token is looked up: anybody can connect, and the look-up takes longer than all the rest.
async fn answer(door: Arc<Door>, head: Parts, caller: Caller) -> Response {
    let [code, message] = error_names(&head.headers);
    let began = door.clock.elapsed();
    let outcome = match door.admit(&head) {
        Err(refusal) => {
            door.note_refusal(&refusal);
            door.clock.sleep(PENANCE).await;
            Err(refusal)
        }
        Ok(()) => match door.looked_up(&caller).await {
            Ok(socket) => door.credentials(socket, began).await,
            Err(refusal) => {
                door.note_refusal(&refusal);
                Err(refusal)
            }
        },
    };
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(problem) => (
            problem.status,
            json!({ code: problem.code, message: problem.message }),
        ),
    };
    (status, protective_headers(), Json(body)).into_response()
}

/// What an SDK is told instead of credentials.
struct Denied {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl Denied {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
        }
    }

    fn forbidden(message: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }
}

impl Door {
    /// Turns a request away before anything is looked up.
    fn admit(&self, request: &Parts) -> Result<(), Denied> {
        if request.uri.authority().is_some() || !self.is_host(&request.headers) {
            return Err(Denied::forbidden("This address is not served here."));
        }
        if is_of_a_browser(&request.headers) {
            return Err(Denied::forbidden("Browsers are not served here."));
        }
        if request.method != Method::GET {
            return Err(Denied::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "Only GET is served here.",
            ));
        }
        if !self.is_authorized(&request.headers) {
            return Err(Denied::forbidden("The authorization token is missing or wrong."));
        }
        if request.uri.path() != PATH {
            return Err(Denied::new(
                StatusCode::NOT_FOUND,
                "NotFound",
                "Credentials are at /credentials.",
            ));
        }
        Ok(())
    }

    /// A name that resolves to 127.0.0.1 must not open this door: only our own address, once.
    fn is_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
        if let Some(named) = &self.named
            && host.as_bytes() == named.as_bytes()
        {
            return true;
        }
        let port = self.address.port();
        ["127.0.0.1", "localhost", "[::1]"]
            .iter()
            .any(|name| host.as_bytes() == format!("{name}:{port}").as_bytes())
    }

    fn is_authorized(&self, headers: &HeaderMap) -> bool {
        let mut given = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(token), None) = (given.next(), given.next()) else {
            return false;
        };
        token
            .to_str()
            .is_ok_and(|token| Secret::from(token) == self.token)
    }

    /// One line a minute, however many requests are refused.
    fn note_refusal(&self, refusal: &Denied) {
        let now = self.clock.elapsed();
        let mut refusals = self.refusals.lock().expect("nothing panics while it is held");
        let logged_lately = refusals
            .logged_at
            .is_some_and(|logged| now.saturating_sub(logged) < Duration::from_secs(60));
        if !logged_lately {
            refusals.logged_at = Some(now);
            // Not a warning: the terminal is the command's.
            tracing::info!(
                reason = refusal.message,
                "refused a request to the credentials endpoint"
            );
        }
    }

    /// The kernel's number of the caller's socket, where it tells. The connection of another user ends after the
    /// answer.
    async fn looked_up(&self, caller: &Caller) -> Result<Option<u64>, Denied> {
        caller.is_known(true);
        match self.look_up.peer(caller.from, self.address).await {
            Some(Peer::Ours { socket }) => Ok(socket),
            Some(Peer::NotOurs) => {
                caller.is_known(false);
                caller.ends();
                Err(Denied::forbidden(NOT_OURS))
            }
            None => Err(try_again("Portray failed while it looked who asks.")),
        }
    }

    async fn credentials(self: Arc<Self>, socket: Option<u64>, began: Duration) -> Result<Value, Denied> {
        let program = self.clients.program(socket).await;
        let spent = self.clock.elapsed().saturating_sub(began);
        let patience = PATIENCE.saturating_sub(spent).max(LEAST);
        match tokio::task::spawn_blocking(move || self.source.credentials(program, patience)).await {
            Ok(Ok(credentials)) => Ok(container_form(&credentials)),
            Ok(Err(Withheld::Over(problem))) => Err(over(&problem)),
            Ok(Err(Withheld::Agent(error))) => Err(in_words_of_http(error)),
            Err(_) => Err(try_again("Portray failed while it answered.")),
        }
    }
}

fn over(problem: &ProblemView) -> Denied {
    let message = format!("{} {}", problem.what_happened, problem.what_to_do);
    let code = match problem.code == ProblemCode::SignInNeeded {
        true => "SignedOut",
        false => "Revoked",
    };
    Denied::new(StatusCode::FORBIDDEN, code, message)
}

fn container_form(credentials: &CredentialsReply) -> Value {
    json!({
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key.expose(),
        "Token": credentials.session_token.expose(),
        "Expiration": credentials.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "AccountId": credentials.account_id(),
    })
}

/// 503 only where trying again soon helps (SDKs do); 403 where a person has to act.
fn in_words_of_http(error: ClientError) -> Denied {
    let problem = error.into_problem();
    let message = format!("{} {}", problem.what_happened, problem.what_to_do);
    match problem.code {
        ProblemCode::SignInNeeded => Denied::new(StatusCode::FORBIDDEN, "SignInNeeded", message),
        ProblemCode::MfaCodeNeeded => Denied::new(StatusCode::FORBIDDEN, "MfaCodeNeeded", message),
        ProblemCode::NotAssigned => Denied::new(StatusCode::FORBIDDEN, "NotAssigned", message),
        ProblemCode::Revoked => Denied::new(StatusCode::FORBIDDEN, "Revoked", message),
        ProblemCode::ConfirmationNeeded => Denied::new(StatusCode::FORBIDDEN, "ConfirmationNeeded", message),
        ProblemCode::WrongUse | ProblemCode::Denied | ProblemCode::SecretStore | ProblemCode::Cancelled => {
            Denied::new(StatusCode::FORBIDDEN, "NotAvailable", message)
        }
        ProblemCode::Unreachable | ProblemCode::BeingListed | ProblemCode::NoAgent | ProblemCode::Failed => {
            try_again(message)
        }
    }
}

fn try_again(message: impl Into<String>) -> Denied {
    Denied::new(StatusCode::SERVICE_UNAVAILABLE, "TryAgainSoon", message)
}

/// How the parts of an error are called. The SDK for Java reads small letters only, and would not say why.
fn error_names(headers: &HeaderMap) -> [&'static str; 2] {
    let agent = headers.get(header::USER_AGENT).map(HeaderValue::as_bytes);
    match agent.is_some_and(|agent| agent.starts_with(b"aws-sdk-java/")) {
        true => ["code", "message"],
        false => ["Code", "Message"],
    }
}

/// What browsers add to requests and AWS SDKs do not.
fn is_of_a_browser(headers: &HeaderMap) -> bool {
    [
        "origin",
        "referer",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
    ]
    .iter()
    .any(|name| headers.contains_key(*name))
}

fn protective_headers() -> [(HeaderName, HeaderValue); 3] {
    [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
        (
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'"),
        ),
    ]
}

fn new_token() -> io::Result<Secret> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

#[cfg(test)]
#[cfg(unix)]
mod sdk_requests;
#[cfg(test)]
#[cfg(unix)]
mod tests;
