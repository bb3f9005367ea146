//! The program: its one line, its control interface, its end.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

struct Program {
    child: Child,
    announced: Value,
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    fn start(arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"));
        let mut child = command
            .args(["--port", "0", "--json"])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            announced: serde_json::from_str(&line).unwrap(),
        }
    }

    /// Status and body of one request.
    fn request(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let authority = self.announced["base_url"]
            .as_str()
            .unwrap()
            .strip_prefix("http://")
            .unwrap();
        let mut stream = TcpStream::connect(authority).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn control(&self, method: &str, path: &str, body: &Value) -> Value {
        let (status, answer) = self.request(method, &format!("/_control/{path}"), &body.to_string());
        assert_eq!(status, 200, "{answer}");
        serde_json::from_str(&answer).unwrap()
    }
}

#[test]
fn it_announces_itself_in_one_line_and_ends_cleanly_on_a_signal() {
    let mut program = Program::start(&["--world", "tour"]);
    let announced = &program.announced;
    assert_eq!(announced["region"], "eu-west-1");
    assert!(announced["start_url"].as_str().unwrap().starts_with("https://d-"));
    let base_url = announced["base_url"].as_str().unwrap();
    assert_eq!(
        announced["portal_url"].as_str().unwrap(),
        format!("{base_url}/start")
    );

    let pid = program.child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(program.child.wait().unwrap().success());
}

#[test]
fn without_control_there_is_no_control_interface() {
    let program = Program::start(&[]);
    assert_eq!(program.request("GET", "/_control/clock", "").0, 404);
    assert_eq!(program.request("GET", "/start", "").0, 200);
}

#[test]
fn the_control_interface_moves_the_clock_and_scripts_people_and_faults() {
    let program = Program::start(&["--control", "--now", "2030-01-01T08:00:00Z", "--seed", "1"]);
    assert_eq!(
        program.control("GET", "clock", &json!({}))["now"],
        "2030-01-01T08:00:00Z"
    );
    let advanced = program.control("POST", "clock", &json!({ "advance_seconds": 90 }));
    assert_eq!(advanced["now"], "2030-01-01T08:01:30Z");

    let assignment = json!({ "user": "noor", "permission_set": "ReadOnly", "account": "111122223333" });
    program.control("POST", "assignments", &json!({ "add": assignment }));
    program.control("POST", "assignments", &json!({ "remove": assignment }));
    let again = program.request(
        "POST",
        "/_control/assignments",
        &json!({ "remove": assignment }).to_string(),
    );
    assert_eq!(again.0, 400);

    program.control(
        "POST",
        "faults",
        &json!({ "operation": "RegisterClient", "status": 500, "times": 1 }),
    );
    let registration = r#"{"clientName":"x","clientType":"public"}"#;
    assert_eq!(program.request("POST", "/client/register", registration).0, 500);
    assert_eq!(program.request("POST", "/client/register", registration).0, 200);
    assert_eq!(
        program.control("POST", "registrations/expire", &json!({}))["expired"],
        1
    );

    let counters = program.control("GET", "counters", &json!({}));
    assert_eq!(counters["operations"]["RegisterClient"], 2);
    let audit = program.control("GET", "audit", &json!({}));
    assert_eq!(audit["Records"][0]["errorCode"], "InternalServerException");
    assert_eq!(audit["Records"][0]["additionalEventData"]["injectedFault"], true);
    for (path, body) in [
        ("sessions/end", json!({ "user": "nobody" })),
        ("approve", json!({ "user_code": "XXXX-XXXX", "user": "amara" })),
        ("faults", json!({ "operation": "Nonsense" })),
        ("clock", json!({ "advance": 1 })),
    ] {
        assert_eq!(
            program
                .request("POST", &format!("/_control/{path}"), &body.to_string())
                .0,
            400,
            "{path}"
        );
    }
}

#[test]
fn one_seed_makes_the_same_identifiers_each_time() {
    let registration = r#"{"clientName":"x","clientType":"public"}"#;
    let answer = || {
        let program = Program::start(&["--now", "2030-01-01T08:00:00Z", "--seed", "7"]);
        program.request("POST", "/client/register", registration).1
    };
    assert_eq!(answer(), answer());
}

#[test]
fn a_refusal_is_answered_first_and_ends_by_itself() {
    let program = Program::start(&["--control"]);
    let base_url = program.announced["base_url"].as_str().unwrap();
    let address = base_url.strip_prefix("http://").unwrap();
    let mut open = TcpStream::connect(address).unwrap();
    program.control("POST", "network", &json!({ "refuse_ms": 2_000 }));
    assert_eq!(
        open.read(&mut [0; 1]).unwrap_or_default(),
        0,
        "open connections end"
    );
    assert!(TcpStream::connect(address).is_err());

    let (_sender, never) = std::sync::mpsc::channel::<()>();
    let mut tries = 0;
    while TcpStream::connect(address).is_err() {
        tries += 1;
        assert!(tries < 600, "nobody listens again");
        let _ = never.recv_timeout(std::time::Duration::from_millis(50));
    }
    let audit = program.control("GET", "audit", &json!({}));
    assert_eq!(
        audit["Records"],
        json!([]),
        "the control interface is not in the log"
    );
}

/// With a client that trusts this authority only.
fn shakes_hands(program: &Program, ca_pem: &str) {
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;
    use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, Stream};

    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap())
        .unwrap();
    let config = ClientConfig::builder_with_provider(std::sync::Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("oidc.eu-west-1.amazonaws.com").unwrap();
    let mut connection = ClientConnection::new(config.into(), name).unwrap();
    let address = program.announced["tls_url"].as_str().unwrap();
    let mut socket = TcpStream::connect(address.strip_prefix("https://").unwrap()).unwrap();
    let mut stream = Stream::new(&mut connection, &mut socket);
    write!(stream, "GET /start HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut line = [0; 12];
    stream.read_exact(&mut line).unwrap();
    assert_eq!(&line, b"HTTP/1.1 200");
}

#[test]
fn with_tls_it_says_where_and_writes_its_authority() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.pem");
    let start = || {
        let program = Program::start(&["--tls-port", "0", "--ca-out", path.to_str().unwrap()]);
        (program, std::fs::read_to_string(&path).unwrap())
    };
    let (program, pem) = start();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"));
    let key = std::fs::metadata(folder.path().join("ca.pem.key")).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::mode(&key.permissions());
    assert_eq!(mode & 0o777, 0o600);
    let (second, again) = start();
    assert_eq!(again, pem, "it can be trusted once");
    shakes_hands(&second, &pem);
    let address = program.announced["tls_url"].as_str().unwrap();
    assert!(address.starts_with("https://127.0.0.1:"));
    assert_eq!(program.announced["ca_file"], path.to_str().unwrap());

    std::fs::write(&path, "another").unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
        .args([
            "--port",
            "0",
            "--tls-port",
            "0",
            "--ca-out",
            path.to_str().unwrap(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut announced = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut announced).unwrap();
    // If it serves all the same it would do so for ever.
    let _ = child.kill();
    let ended = child.wait_with_output().unwrap();
    let told = String::from_utf8(ended.stderr).unwrap();
    assert!(
        announced.is_empty() && told.contains("Name another file"),
        "{announced}{told}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "another");
}

#[test]
fn a_generated_world_is_printed_and_read_again() {
    let printed = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
            .args(arguments)
            .arg("--print-world")
            .output()
            .unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };
    let text = printed(&["--generate", "30x5"]);
    assert_eq!(text.matches("[[account]]").count(), 30);
    let path = std::env::temp_dir().join(format!("generated-{}.toml", std::process::id()));
    std::fs::write(&path, &text).unwrap();
    let again = printed(&["--world", path.to_str().unwrap()]);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(again, text);
}

#[test]
fn a_broken_world_file_is_refused_with_key_and_line() {
    let path = std::env::temp_dir().join(format!("world-{}.toml", std::process::id()));
    std::fs::write(
        &path,
        "company = \"x\"\nregion = \"eu-west-1\"\nstart_url = \"http://x\"\n",
    )
    .unwrap();
    let name = path.to_str().unwrap();
    let error = refusal(&["--world", name]);
    assert_eq!(
        error.trim_end(),
        format!(
            "identity-center-emulator: {name}: the world file is not valid: line 3, start_url: \"http://x\" does not \
             look like https://d-1234567890.awsapps.com/start, \
             https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws or another of the forms in the README"
        )
    );
    std::fs::write(&path, "company = \"x\"\nregion = \"eu-west-1\"\nregoin = \"x\"\n").unwrap();
    let error = refusal(&["--world", name]);
    std::fs::remove_file(&path).unwrap();
    assert!(
        error.starts_with(&format!("identity-center-emulator: {name}: ")),
        "{error}"
    );
    assert_eq!(error.matches("unknown field").count(), 1, "{error}");
    assert!(error.contains("line 3") && error.lines().count() < 10, "{error}");

    let error = refusal(&["--world", "nosuch.toml"]);
    assert_eq!(
        error.trim_end(),
        "identity-center-emulator: there is neither a world file nosuch.toml nor a built-in world of that name: \
         those are acme, tour, one, hostile, big"
    );
    for size in ["0x0", "10x0", "0x5", "10", "x"] {
        assert!(refusal(&["--generate", size]).contains("--generate"), "{size}");
    }
    assert!(refusal(&["--now", "9500-01-01T00:00:00Z"]).contains("outside the years 1970 to 8999"));
}

/// What it says on standard error when it refuses to start, and that all of it is text.
fn refusal(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
        .args(arguments)
        .args(["--port", "0"])
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
        .args(["--world", "big", "--print-world"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && error.is_empty(), "{error}");
}
