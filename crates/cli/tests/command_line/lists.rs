//! `portray accounts` against an agent that is as impatient with silent clients as the real one.

use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use portray_core::agent::protocol::{Operation, Reply, ResponseLine, StatusReply, parse_request};
use portray_core::app::contract::{
    Answer, Mood, PortalState, PortalView, ProblemCode, ProblemView, Snapshot, SyncProgress, SyncView,
};

/// Lists one portal when it is asked to, without success.
#[derive(Clone, Default)]
struct Agent {
    running: Arc<AtomicBool>,
    failed: Arc<AtomicBool>,
    /// Those that only ask and then say nothing.
    silent: Arc<Mutex<Vec<UnixStream>>>,
}

impl Agent {
    fn begin(self, home: &Path) {
        let run = home.join("run");
        std::fs::DirBuilder::new().mode(0o700).create(&run).unwrap();
        let listener = UnixListener::bind(run.join("agent.sock")).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (agent, stream) = (self.clone(), stream.unwrap());
                std::thread::spawn(move || agent.converse(&stream));
            }
        });
    }

    fn converse(&self, stream: &UnixStream) {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            let request = parse_request(line.as_bytes()).unwrap();
            let reply = match request.operation {
                Operation::Status => self.status(),
                Operation::Command { .. } => {
                    self.running.store(true, Ordering::SeqCst);
                    Reply::Command {
                        outcome: Answer::Done,
                    }
                }
                Operation::Subscribe => {
                    let silent = std::mem::take(&mut *self.silent.lock().unwrap());
                    say(stream, snapshot());
                    // A long time later.
                    for silent in silent {
                        silent.shutdown(Shutdown::Both).unwrap();
                    }
                    self.running.store(false, Ordering::SeqCst);
                    self.failed.store(true, Ordering::SeqCst);
                    snapshot()
                }
                Operation::Hello { .. }
                | Operation::Credentials { .. }
                | Operation::Accounts { .. }
                | Operation::Search { .. }
                | Operation::Login { .. }
                | Operation::Logout { .. }
                | Operation::Console { .. }
                | Operation::Keep { .. }
                | Operation::Stop => panic!("nobody asks for this here"),
            };
            if !matches!(reply, Reply::Snapshot(_)) {
                self.silent.lock().unwrap().push(stream.try_clone().unwrap());
            }
            say(stream, reply);
        }
    }

    fn status(&self) -> Reply {
        let running = self.running.load(Ordering::SeqCst);
        let failed = self.failed.load(Ordering::SeqCst);
        Reply::Status(Box::new(StatusReply {
            problems: Vec::new(),
            pid: 7,
            version: "0.1.0".to_owned(),
            headline: String::new(),
            credentials: Vec::new(),
            portals: vec![PortalView {
                id: "p".to_owned(),
                name: "acme".to_owned(),
                start_url: "https://acme.awsapps.com/start".to_owned(),
                region: "eu-west-1".to_owned(),
                state: PortalState::SignedIn,
                access_token_expires_at: None,
                session_ends_at: None,
                session_end_is_estimate: true,
                accounts: 0,
                permission_sets: 0,
                sync: SyncView {
                    running: running.then_some(SyncProgress { done: 1, total: 3 }),
                    ..SyncView::default()
                },
                sign_in: None,
                problem: failed.then(|| ProblemView {
                    code: ProblemCode::Unreachable,
                    what_happened: "AWS cannot be reached for acme.".to_owned(),
                    what_to_do: "Check the network.".to_owned(),
                }),
            }],
        }))
    }
}

fn snapshot() -> Reply {
    Reply::Snapshot(Box::new(Snapshot {
        revision: 1,
        catalogue_revision: 1,
        version: "0.1.0".to_owned(),
        headline: String::new(),
        mood: Mood::Fresh,
        portals: Vec::new(),
        credentials: Vec::new(),
        problem: None,
    }))
}

fn say(mut stream: &UnixStream, reply: Reply) {
    let mut line = serde_json::to_vec(&ResponseLine { v: 1, reply }).unwrap();
    line.push(b'\n');
    // A client that was sent away does not read it.
    let _ = stream.write_all(&line);
}

fn portray(arguments: &[&str]) -> Output {
    let home = tempfile::tempdir().unwrap();
    Agent::default().begin(home.path());
    let mut command = Command::new(env!("CARGO_BIN_EXE_portray"));
    command
        .args(arguments)
        .env_clear()
        .env("PORTRAY_HOME", home.path());
    command.stdin(Stdio::null()).output().unwrap()
}

#[test]
fn a_sync_that_aws_does_not_answer_ends_in_words_about_aws() {
    for arguments in [
        &["accounts", "--sync"][..],
        &["accounts", "--sync", "--json"],
        &["accounts"],
        &["accounts", "--json"],
    ] {
        let output = portray(arguments);
        assert_eq!(output.status.code(), Some(5), "{arguments:?} {output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, "AWS cannot be reached for acme.\nCheck the network.\n");
        assert!(output.stdout.is_empty());
    }
}
