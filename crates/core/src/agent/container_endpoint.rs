//! The container-credentials endpoint of one launch: loopback HTTP for AWS SDKs, behind a token.
//!
//! It holds no credentials: every request asks the agent over its socket, so it outlives a restart of the agent.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::agent::client::{Client, ClientError};
use crate::agent::protocol::{CredentialsReply, Operation, Reply, Target};
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
}

/// Refused requests since the last line about them in the log.
#[derive(Debug, Default)]
struct Refusals {
    logged_at: Option<Duration>,
}

impl ContainerEndpoint {
    /// Binds a port of the system's choice on 127.0.0.1 and makes a token of 256 bits.
    pub async fn bind(paths: Paths, target: Target, clock: SharedClock) -> io::Result<Self> {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let door = Door {
            address: SocketAddrV4::new(Ipv4Addr::LOCALHOST, port),
            token: new_token()?,
            paths,
            target,
            clock,
            refusals: Mutex::default(),
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
        let asked = tokio::task::spawn_blocking(move || ask_agent(&self.paths, &self.target));
        match asked.await {
            Ok(Ok(credentials)) => Ok(container_form(&credentials)),
            Ok(Err(error)) => Err(in_words_of_http(error)),
            Err(_) => Err(try_again("Portray failed while it answered.")),
        }
    }
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
        "AccountId": credentials.role.account,
    })
}

/// 503 only where trying again soon helps (SDKs do); 403 where a person has to act.
fn in_words_of_http(error: ClientError) -> Denied {
    let problem = error.into_problem();
    let message = format!("{} {}", problem.what_happened, problem.what_to_do);
    match problem.code {
        ProblemCode::SignInNeeded => Denied::new(StatusCode::FORBIDDEN, "SignInNeeded", message),
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
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::agent::double::{Double, paths_in, role};
    use crate::clock::{ManualClock, SystemClock};

    struct Scene {
        _home: tempfile::TempDir,
        paths: Paths,
        address: SocketAddrV4,
        token: String,
        door: Arc<Door>,
    }

    impl Scene {
        async fn new(permission_set: &str, clock: SharedClock) -> Self {
            let home = tempfile::tempdir().unwrap();
            let paths = paths_in(home.path());
            let endpoint = ContainerEndpoint::bind(paths.clone(), role(permission_set), clock)
                .await
                .unwrap();
            let scene = Self {
                _home: home,
                paths,
                address: endpoint.door.address,
                token: endpoint.token().expose().clone(),
                door: endpoint.door.clone(),
            };
            tokio::spawn(endpoint.serve());
            scene
        }

        fn with_agent(self) -> Self {
            Double::default().serve(&self.paths, &SystemClock::shared());
            self
        }

        /// Sends a request as it stands; gives the status and everything that came.
        async fn send(&self, request: &str) -> (u16, String) {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            let status = answer.split(' ').nth(1).unwrap_or("0").parse().unwrap();
            (status, answer)
        }

        async fn get(&self, lines: &str) -> (u16, String) {
            let token = &self.token;
            let request = format!(
                "GET /credentials HTTP/1.1\r\nAuthorization: {token}\r\nConnection: close\r\n{lines}\r\n"
            );
            self.send(&request).await
        }

        fn host(&self) -> String {
            format!("Host: {}\r\n", self.address)
        }
    }

    fn clock() -> SharedClock {
        SystemClock::shared()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn gives_credentials_in_the_form_that_sdks_expect() {
        let scene = Scene::new("ReadOnly", clock()).await.with_agent();
        let (status, answer) = scene.get(&scene.host()).await;
        let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(status, 200);
        let expected = json!({
            "AccessKeyId": "ASIAEXAMPLE", "SecretAccessKey": "secret/+=", "Token": "token/+=",
            "Expiration": "2026-03-02T13:00:00Z", "AccountId": "111122223333",
        });
        assert_eq!(body, expected);
        let head = answer.to_lowercase();
        for protective in [
            "cache-control: no-store",
            "x-content-type-options: nosniff",
            "content-security-policy: default-src 'none'",
        ] {
            assert!(head.contains(protective), "{head}");
        }
        assert!(!head.contains("access-control"), "{head}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h1_only_our_own_address_is_served() {
        let scene = Scene::new("ReadOnly", clock()).await.with_agent();
        let port = scene.address.port();
        for good in [
            format!("127.0.0.1:{port}"),
            format!("localhost:{port}"),
            format!("[::1]:{port}"),
        ] {
            assert_eq!(scene.get(&format!("Host: {good}\r\n")).await.0, 200, "{good}");
        }
        let other_port = port.wrapping_add(1);
        let names = [
            "evil.example",
            "127.0.0.1",
            "localhost",
            "[::1]",
            "localhost.",
            "127.0.0.1.evil.example",
            "0.0.0.0",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "127.0.0.2",
            "[::ffff:127.0.0.1]",
            "[0:0:0:0:0:0:0:1]",
            "::1",
            "LOCALHOST",
            "user@127.0.0.1",
            "user:pass@localhost",
            "localhost.localdomain",
            "169.254.170.2",
            "127.0.0.1.nip.io",
        ];
        let mut refused: Vec<String> = Vec::new();
        for name in names {
            refused.push(format!("Host: {name}\r\n"));
            refused.push(format!("Host: {name}:{other_port}\r\n"));
            if !["127.0.0.1", "localhost", "[::1]"].contains(&name) {
                refused.push(format!("Host: {name}:{port}\r\n"));
            }
        }
        refused.push(format!("Host: 127.0.0.1:{port}.\r\n"));
        refused.push(format!("Host: 127.0.0.1:0{port}\r\n"));
        refused.push(format!("Host: 127.0.0.1:{port}\r\nHost: 127.0.0.1:{port}\r\n"));
        refused.push(format!("Host: 127.0.0.1:{port}\r\nHost: evil.example\r\n"));
        refused.push(format!("X-Forwarded-Host: 127.0.0.1:{port}\r\n"));
        refused.push("Host: \r\n".to_owned());
        assert!(refused.len() >= 60, "{}", refused.len());
        let answers = refused.iter().map(|lines| scene.get(lines));
        for ((status, answer), lines) in futures_util::future::join_all(answers)
            .await
            .into_iter()
            .zip(&refused)
        {
            assert!(matches!(status, 400 | 403), "{lines}{answer}");
            assert!(!answer.contains("secret/"), "{lines}");
        }
        let absolute = format!(
            "GET http://127.0.0.1:{port}/credentials HTTP/1.1\r\nAuthorization: {}\r\n{}Connection: close\r\n\r\n",
            scene.token,
            scene.host()
        );
        assert_eq!(scene.send(&absolute).await.0, 403);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h2_browsers_and_other_methods_are_turned_away() {
        let scene = Scene::new("ReadOnly", clock()).await.with_agent();
        for line in [
            "Origin: null",
            "Origin: http://127.0.0.1",
            "Referer: https://evil.example/",
            "Sec-Fetch-Site: same-origin",
            "Sec-Fetch-Mode: no-cors",
        ] {
            let (status, answer) = scene.get(&format!("{}{line}\r\n", scene.host())).await;
            assert_eq!(status, 403, "{line}");
            assert!(!answer.to_lowercase().contains("access-control"), "{answer}");
        }
        for method in ["POST", "PUT", "OPTIONS", "DELETE", "TRACE"] {
            let request = format!(
                "{method} /credentials HTTP/1.1\r\nAuthorization: {}\r\n{}Content-Length: 0\r\nConnection: close\r\n\r\n",
                scene.token,
                scene.host()
            );
            assert_eq!(scene.send(&request).await.0, 405, "{method}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h4_every_path_wants_the_token_of_this_launch() {
        let scene = Scene::new("ReadOnly", clock()).await.with_agent();
        let other = new_token().unwrap();
        let bearer = format!("Authorization: Bearer {}\r\n", scene.token);
        let shorter = format!("Authorization: {}\r\n", &scene.token[1..]);
        let foreign = format!("Authorization: {}\r\n", other.expose());
        let twice = format!("Authorization: {0}\r\nAuthorization: {0}\r\n", scene.token);
        assert_ne!(other.expose(), &scene.token);
        for line in ["", "Authorization: \r\n", &bearer, &shorter, &foreign, &twice] {
            for path in ["/credentials", "/", "/health"] {
                let host = scene.host();
                let request = format!("GET {path} HTTP/1.1\r\n{host}{line}Connection: close\r\n\r\n");
                assert_eq!(scene.send(&request).await.0, 403, "{path} {line}");
            }
        }
        assert_eq!(scene.token.len(), 43, "256 bits in base64");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h4_many_bad_tries_are_one_line_a_minute_and_hold_up_nobody_else() {
        let manual = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let scene = Scene::new("ReadOnly", Arc::new(manual.clone()))
            .await
            .with_agent();
        let bad = scene.host();
        let bad = format!("GET /credentials HTTP/1.1\r\n{bad}Connection: close\r\n\r\n");
        let mut waiting = Vec::new();
        for _ in 0..100 {
            let mut stream = TcpStream::connect(scene.address).await.unwrap();
            stream.write_all(bad.as_bytes()).await.unwrap();
            waiting.push(stream);
        }
        assert_eq!(
            scene.get(&scene.host()).await.0,
            200,
            "a good client does not wait"
        );
        let first = scene.door.refusals.lock().unwrap().logged_at;
        assert_eq!(first, Some(Duration::ZERO));
        manual.advance(Duration::from_secs(1));
        for mut stream in waiting {
            let mut answer = String::new();
            let read = stream.read_to_string(&mut answer);
            // A request that came after the clock had moved still waits.
            let moving = async {
                loop {
                    tokio::task::yield_now().await;
                    manual.advance(Duration::from_millis(250));
                }
            };
            tokio::select! {
                read = read => assert!(read.is_ok()),
                () = moving => {}
            }
            assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h5_only_what_mends_itself_is_worth_another_try() {
        for (code, status) in [
            ("sign_in_needed", 403),
            ("not_assigned", 403),
            ("wrong_use", 403),
            ("secret_store", 403),
            ("unreachable", 503),
            ("failed", 503),
        ] {
            let scene = Scene::new(code, clock()).await.with_agent();
            let (given, answer) = scene.get(&scene.host()).await;
            assert_eq!(given, status, "{code}");
            let body: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
            assert!(body["Code"].is_string() && body["Message"] == "It failed. Do something.");
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h5_an_agent_that_is_slow_or_away_is_told_as_try_again_soon() {
        let scene = Scene::new("Slow", clock()).await;
        assert_eq!(scene.get(&scene.host()).await.0, 503, "no agent");
        let scene = scene.with_agent();
        assert_eq!(scene.get(&scene.host()).await.0, 503, "a slow one");
    }
}
