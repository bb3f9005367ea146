//! More connections than the program may open, and requests without a host.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};
use std::time::Duration;

use identity_center_emulator::{Emulator, Options, World};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// So many files the program may open, the hard limit, and more connections than that.
const LIMIT: usize = 64;

fn is_answered(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else {
        return false;
    };
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    let request = "GET /_control/clock HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    let mut answer = String::new();
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_string(&mut answer).is_ok() && answer.starts_with("HTTP/1.1 200")
}

#[test]
fn without_descriptors_it_waits_says_so_once_and_goes_on() {
    let program = env!("CARGO_BIN_EXE_identity-center-emulator");
    // The soft limit is raised to the hard one at the start.
    let limits = format!("ulimit -S -n 32 && ulimit -H -n {LIMIT} && exec \"$0\" --port 0 --control --json");
    let mut child = Command::new("sh")
        .args(["-c", &limits, program])
        .env("RUST_LOG", "warn")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let ready: serde_json::Value = serde_json::from_str(&ready).unwrap();
    let address = ready["base_url"]
        .as_str()
        .unwrap()
        .strip_prefix("http://")
        .unwrap();
    let address: SocketAddr = address.parse().unwrap();
    let crowd: Vec<_> = (0..LIMIT + 8)
        .map(|_| TcpStream::connect(address).unwrap())
        .collect();
    let mut errors = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    errors.read_line(&mut said).unwrap();
    assert!(said.contains("a connection was not accepted"), "{said}");
    drop(crowd);
    assert!(is_answered(address), "when the others have left");
    child.kill().unwrap();
    child.wait().unwrap();
    let mut more = String::new();
    errors.read_to_string(&mut more).unwrap();
    assert_eq!(more, "", "said once");
}

#[tokio::test]
async fn a_request_has_one_host() {
    let emulator = Emulator::new(World::one(), Options::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { emulator.serve(listener).await });
    for (version, hosts, status) in [
        ("1.1", "", "400"),
        ("1.1", "Host: 127.0.0.1\r\nHost: evil.example\r\n", "400"),
        ("1.1", "Host: 127.0.0.1\r\n", "200"),
        ("1.0", "", "200"),
    ] {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        let request = format!("GET /start HTTP/{version}\r\n{hosts}Connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(answer[9..].starts_with(status), "{version} {hosts:?}: {answer}");
    }
}
