//! A home of its own for the program, and an agent there that says what a test wrote down.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

const DEADLINE: Duration = Duration::from_secs(20);

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
    pub fn with_agent(&self, answers: Vec<Value>) -> Receiver<Value> {
        let (asked, requests) = channel();
        self.with_agent_that(move |stream, request| {
            let _ = asked.send(request.clone());
            // A launch is announced, and nothing is answered while it runs.
            request["op"] == "launch"
                || answers
                    .iter()
                    .all(|answer| say(stream, &for_request(request, answer)))
        });
        requests
    }

    /// An agent that does this with every request: writes its answers, and says whether it listens to more.
    pub fn with_agent_that(&self, answer: impl Fn(&UnixStream, &Value) -> bool + Send + Sync + 'static) {
        let run = self.path().join("run");
        std::fs::DirBuilder::new().mode(0o700).create(&run).unwrap();
        let listener = UnixListener::bind(self.socket()).unwrap();
        let answer = Arc::new(answer);
        std::thread::spawn(move || {
            for stream in listener.incoming().map(Result::unwrap) {
                let answer = Arc::clone(&answer);
                std::thread::spawn(move || {
                    let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                    let mut requests = lines.map(|line| serde_json::from_str(&line).unwrap());
                    requests.all(|request| answer(&stream, &request));
                });
            }
        });
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

/// What a program says, line by line: whoever waits for a line that does not come is told.
pub struct Lines(Receiver<String>);

impl Lines {
    pub fn of(output: impl Read + Send + 'static) -> Self {
        let (say, said) = channel();
        std::thread::spawn(move || {
            let mut lines = BufReader::new(output).lines().map_while(Result::ok);
            lines.try_for_each(|line| say.send(line))
        });
        Self(said)
    }

    pub fn next(&self) -> String {
        self.0.recv_timeout(DEADLINE).unwrap()
    }
}

/// Writes an answer: a text as it stands, and null by ending the connection. Gives whether that goes on.
pub fn say(mut stream: &UnixStream, answer: &Value) -> bool {
    let line = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    // A client that was sent away does not read it.
    !answer.is_null() && stream.write_all(format!("{line}\n").as_bytes()).is_ok()
}

/// What an endpoint begins with is the same without the keys.
fn for_request(request: &Value, answer: &Value) -> Value {
    let mut answer = answer.clone();
    if request["op"] == "prepare" && answer["answer"] == "credentials" {
        answer["answer"] = json!("prepared");
        answer["stay"] = json!("first");
    }
    answer
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

/// The exit code, or the number of the signal that ended it: a shell tells one from the other.
pub fn end(ended: ExitStatus) -> Result<i32, i32> {
    ended.code().ok_or_else(|| ended.signal().unwrap())
}
