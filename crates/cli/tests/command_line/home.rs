//! A home of its own for the program, and an agent there that says what a test wrote down.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

pub const SECRET: &str = "aoa-canary-secret";

/// A home of its own for the program.
pub struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.path().join("run/agent.sock")
    }

    /// An agent that answers every request with the same lines; what it was asked comes out of the channel.
    pub fn with_agent(&self, answers: Vec<Value>) -> std::sync::mpsc::Receiver<Value> {
        let run = self.path().join("run");
        std::fs::DirBuilder::new().mode(0o700).create(&run).unwrap();
        let listener = UnixListener::bind(self.socket()).unwrap();
        let (asked, requests) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (stream, answers, asked) = (stream.unwrap(), answers.clone(), asked.clone());
                std::thread::spawn(move || converse(&stream, &answers, &asked));
            }
        });
        requests
    }

    pub fn portray(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portray"));
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Nothing of the environment in which the tests run.
    pub fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PORTRAY_HOME", self.path())
            .env("PORTRAY_SECRET_STORE", "memory")
            .stdin(Stdio::null());
    }

    pub fn stop_agent(&self) {
        self.portray(&["agent", "stop"]).output().unwrap();
    }
}

fn converse(
    stream: &std::os::unix::net::UnixStream,
    answers: &[Value],
    asked: &std::sync::mpsc::Sender<Value>,
) {
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let _ = asked.send(serde_json::from_str(&line).unwrap());
        for answer in answers {
            // Null ends the connection; a text is sent as it stands.
            if answer.is_null() {
                return;
            }
            let line = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
            let mut stream = stream;
            let _ = stream.write_all(format!("{line}\n").as_bytes());
        }
    }
}

pub fn credentials() -> Value {
    json!({
        "v": 1, "answer": "credentials",
        "access_key_id": "ASIAEXAMPLE", "secret_access_key": SECRET, "session_token": "token",
        "expires_at": "2026-03-02T13:00:00.5Z",
        "role": {"portal": "p", "account": "111122223333", "permission_set": "ReadOnly"},
        "portal_name": "acme", "account_name": "acme-dev",
    })
}

pub fn problem(code: &str) -> Value {
    json!({
        "v": 1, "answer": "problem", "candidates": [],
        "problem": {"code": code, "what_happened": "It\u{1b}[2J failed.", "what_to_do": "Do\nsomething."},
    })
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
