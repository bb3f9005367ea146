//! The container-credentials endpoint of one launch: loopback HTTP for AWS SDKs, behind a token.
//!
//! It holds no credentials: every request asks the agent over its socket, so it outlives a restart of the agent.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::agent::client::{Client, ClientError};
use crate::agent::protocol::{CredentialsReply, Operation, Reply, Stay, Target};
use crate::app::contract::ProblemCode;
use crate::clock::SharedClock;
use crate::loopback_peer::is_same_user;
use crate::paths::Paths;
use crate::secret::Secret;

/// The path under which credentials are.
const PATH: &str = "/credentials";

/// How long the agent may take: SDKs give up after a second.
const PATIENCE: Duration = Duration::from_millis(700);

/// How long a refused request waits for its answer.
const PENANCE: Duration = Duration::from_millis(250);

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
    token: Secret,
    paths: Paths,
    target: Target,
    clock: SharedClock,
    refusals: Mutex<Refusals>,
    /// Whose launch it is; none once that person has signed out.
    stay: Mutex<Option<Stay>>,
}

/// Refused requests since the last line about them in the log.
#[derive(Debug, Default)]
struct Refusals {
    logged_at: Option<Duration>,
}

impl ContainerEndpoint {
    /// Binds a port of the system's choice on 127.0.0.1 and makes a token of 256 bits.
    /// Gives nothing any more after the end of `stay`, whoever signs in then.
    pub async fn bind(paths: Paths, target: Target, stay: Stay, clock: SharedClock) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let door = Door {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            token: new_token()?,
            paths,
            target,
            clock,
            refusals: Mutex::default(),
            stay: Mutex::new(Some(stay)),
        };
        Ok(Self {
            listener,
            door: Arc::new(door),
        })
    }

    /// `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn uri(&self) -> String {
        format!("http://{}{PATH}", self.door.address)
    }

    /// `AWS_CONTAINER_AUTHORIZATION_TOKEN`.
    pub fn token(&self) -> &Secret {
        &self.door.token
    }

    /// Answers until the future is dropped.
    pub async fn serve(self) -> io::Result<()> {
        let router = Router::new().fallback(answer).with_state(self.door);
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        axum::serve(self.listener, service).await
    }
}

async fn answer(
    State(door): State<Arc<Door>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let outcome = match door.refusal(peer, &request) {
        Some(refusal) => {
            door.note_refusal(&refusal);
            door.clock.sleep(PENANCE).await;
            Err(refusal)
        }
        None => door.credentials().await,
    };
    let (status, body) = match outcome {
        Ok(body) => (StatusCode::OK, body),
        Err(problem) => (
            problem.status,
            json!({"Code": problem.code, "Message": problem.message}),
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
    /// Why a request is turned away, before anything is looked up.
    fn refusal(&self, peer: SocketAddr, request: &Request) -> Option<Denied> {
        if request.uri().authority().is_some() || !self.is_host(request.headers()) {
            return Some(Denied::forbidden("This address is not served here."));
        }
        if is_of_a_browser(request.headers()) {
            return Some(Denied::forbidden("Browsers are not served here."));
        }
        if request.method() != Method::GET {
            return Some(Denied::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                "Only GET is served here.",
            ));
        }
        if !self.is_authorized(request.headers()) {
            return Some(Denied::forbidden("The authorization token is missing or wrong."));
        }
        if !is_same_user(peer, self.address) {
            return Some(Denied::forbidden(
                "Only processes of the same user are served here.",
            ));
        }
        if request.uri().path() != PATH {
            return Some(Denied::new(
                StatusCode::NOT_FOUND,
                "NotFound",
                "Credentials are at /credentials.",
            ));
        }
        None
    }

    /// A name that resolves to 127.0.0.1 must not open this door: only our own address, once.
    fn is_host(&self, headers: &HeaderMap) -> bool {
        let mut hosts = headers.get_all(header::HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else {
            return false;
        };
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

    /// Whether the person of this launch has signed out, for good.
    fn is_left(&self, now: Stay) -> bool {
        let mut stay = self.stay();
        *stay = stay.filter(|stay| !stay.is_over(now)).map(|_| now);
        stay.is_none()
    }

    fn stay(&self) -> MutexGuard<'_, Option<Stay>> {
        self.stay.lock().expect("nothing panics while it is held")
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

    async fn credentials(self: Arc<Self>) -> Result<Value, Denied> {
        if self.stay().is_none() {
            return Err(signed_out());
        }
        let door = self.clone();
        let asked = tokio::task::spawn_blocking(move || ask_agent(&door.paths, &door.target));
        match asked.await {
            Ok(Ok(credentials)) if self.is_left(credentials.stay) => Err(signed_out()),
            Ok(Ok(credentials)) => Ok(container_form(&credentials)),
            Ok(Err(error)) => Err(in_words_of_http(error)),
            Err(_) => Err(try_again("Portray failed while it answered.")),
        }
    }
}

fn signed_out() -> Denied {
    let message = "You have signed out since this command was started. Sign in, then start it again.";
    Denied::new(StatusCode::FORBIDDEN, "SignedOut", message)
}

fn ask_agent(paths: &Paths, target: &Target) -> Result<CredentialsReply, ClientError> {
    let mut client = Client::connect(paths)?;
    client.wait_at_most(Some(PATIENCE))?;
    let reply = client.ask(&Operation::Credentials {
        role: target.clone(),
        min_ttl_seconds: 0,
    })?;
    let Reply::Credentials(credentials) = reply else {
        return Err(ClientError::Garbled);
    };
    Ok(credentials)
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
mod tests;
