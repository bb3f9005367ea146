//! The endpoint over real connections: what is refused, and how.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::agent::double::{Double, paths_in, role, terms};
use crate::agent::protocol::Terms;
use crate::clock::{ManualClock, SystemClock};
use crate::stays::Stay;
use crate::uses;

pub(super) struct Scene {
    _home: tempfile::TempDir,
    paths: Paths,
    pub(super) address: SocketAddrV4,
    pub(super) token: String,
    door: Arc<Door>,
}

impl Scene {
    pub(super) async fn new(permission_set: &str, clock: SharedClock) -> Self {
        let home = tempfile::tempdir().unwrap();
        let paths = paths_in(home.path());
        let bound = ContainerEndpoint::bind(paths.clone(), role(permission_set), asker(), clock).await;
        Self::serving(home, paths, bound.unwrap())
    }

    /// Whose connection one is, `look_up` tells.
    pub(super) async fn looking_up(
        permission_set: &str,
        look_up: impl Fn(SocketAddr, SocketAddrV4) -> Peer + Send + Sync + 'static,
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let paths = paths_in(home.path());
        let bound = ContainerEndpoint::bind(paths.clone(), role(permission_set), asker(), clock()).await;
        let endpoint = bound.unwrap().with(|door| door.look_up = LookUp::by(look_up));
        Self::serving(home, paths, endpoint)
    }

    fn serving(home: tempfile::TempDir, paths: Paths, endpoint: ContainerEndpoint) -> Self {
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

    pub(super) fn with_agent(self) -> Self {
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

    pub(super) async fn get(&self, lines: &str) -> (u16, String) {
        let token = &self.token;
        let request = format!(
            "GET /credentials HTTP/1.1\r\nAuthorization: {token}\r\nConnection: close\r\n{lines}\r\n"
        );
        self.send(&request).await
    }

    pub(super) fn host(&self) -> String {
        format!("Host: {}\r\n", self.address)
    }
}

/// As `portray serve` has it.
fn asker() -> Asker {
    Asker {
        launch: Some("1f2e3d4c".to_owned()),
        terms: Some(terms()),
        ..Asker::through(uses::Door::Serve)
    }
}

pub(super) fn clock() -> SharedClock {
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
#[cfg(target_os = "linux")]
async fn a6_the_agent_is_told_which_program_asks_at_the_endpoint_and_of_which_launch() {
    let scene = Scene::new("ReadOnly", clock()).await;
    let double = Double::default();
    double.serve(&scene.paths, &SystemClock::shared());
    for _ in ["unknown", "likely"] {
        assert_eq!(scene.get(&scene.host()).await.0, 200);
    }
    let askers = double.askers.lock().unwrap().clone();
    assert_eq!(askers.len(), 2);
    for asker in askers {
        let program = asker.program.clone().expect("this process holds the connection");
        assert_eq!(program.pid, std::process::id());
        let executable = std::env::current_exe().unwrap();
        assert_eq!(program.executable.as_deref(), executable.to_str());
        let without_program = Asker {
            program: None,
            ..asker
        };
        assert_eq!(without_program, self::asker());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_after_a_sign_out_the_token_of_a_launch_is_void_whoever_signs_in() {
    let scene = Scene::new("ReadOnly", clock()).await;
    let double = Double::default();
    let agent = double.serve(&scene.paths, &SystemClock::shared());
    assert_eq!(scene.get(&scene.host()).await.0, 200);
    for departures in [1, 1, 0] {
        double.departures.store(departures, Ordering::SeqCst);
        let (status, answer) = scene.get(&scene.host()).await;
        assert_eq!(status, 403);
        assert!(
            answer.contains("SignedOut") && answer.contains("start it again") && !answer.contains("ASIA"),
            "{answer}"
        );
    }
    // Every one of these requests came to the agent, which writes them down; the later ones as being over everywhere.
    let askers = double.askers.lock().unwrap().clone();
    let stays: Vec<_> = askers.into_iter().filter_map(|asker| asker.terms).collect();
    let later = Terms {
        stay: Stay::over(),
        ..terms()
    };
    assert_eq!(stays, [terms(), terms(), later.clone(), later]);
    double.stop.notify_one();
    agent.await.unwrap();
    let (status, answer) = scene.get(&scene.host()).await;
    assert!(status == 403 && answer.contains("SignedOut"), "{answer}");
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
async fn h1_a_grant_names_one_address_more() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    let bound = ContainerEndpoint::bind(paths.clone(), role("ReadOnly"), asker(), clock()).await;
    let endpoint = bound.unwrap().named("127.0.0.1:1");
    assert_eq!(
        endpoint.uri(),
        "http://127.0.0.1:1/credentials",
        "where its clients are"
    );
    let scene = Scene::serving(home, paths, endpoint).with_agent();
    for (host, status) in [
        ("127.0.0.1:1", 200),
        (scene.address.to_string().as_str(), 200),
        ("localhost:1", 403),
        ("[::1]:1", 403),
        ("127.0.0.1:2", 403),
        ("127.0.0.1:1.", 403),
        ("user@127.0.0.1:1", 403),
        ("", 403),
    ] {
        assert_eq!(scene.get(&format!("Host: {host}\r\n")).await.0, status, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h5_inside_of_a_container_the_socket_of_a_launch_is_asked() {
    let home = tempfile::tempdir().unwrap();
    let (paths, socket) = (paths_in(home.path()), home.path().join("s"));
    let relay = ContainerEndpoint::relay(socket.clone(), clock()).await.unwrap();
    let scene = Scene::serving(home, paths.clone(), relay).with_agent();
    let (status, answer) = scene.get(&scene.host()).await;
    assert_eq!(status, 503, "nobody serves the socket yet: {answer}");
    for (permission_set, expected) in [("ReadOnly", 200), ("sign_in_needed", 403), ("Slow", 503)] {
        let grant = Grant::new(paths.clone(), role(permission_set), asker());
        let bound = crate::agent::role_socket::RoleSocket::bind(&socket, grant, clock()).unwrap();
        let serving = tokio::spawn(bound.serve());
        let (status, answer) = scene.get(&scene.host()).await;
        assert_eq!(status, expected, "{permission_set}: {answer}");
        serving.abort();
        assert!(serving.await.is_err());
    }
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
        ("mfa_code_needed", 403),
        ("not_assigned", 403),
        ("wrong_use", 403),
        ("secret_store", 403),
        ("revoked", 403),
        ("confirmation_needed", 403),
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
