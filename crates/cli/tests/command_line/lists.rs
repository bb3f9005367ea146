//! `portray accounts` against an agent that is as impatient with silent clients as the real one.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use portray_core::agent::protocol::{Reply, ResponseLine, StatusReply};
use portray_core::app::contract::{
    Answer, Mood, PortalState, PortalView, ProblemCode, ProblemView, Snapshot, SyncProgress, SyncView,
};
use serde_json::Value;

use crate::home::Home;

/// Lists one portal when it is asked to, without success.
#[derive(Default)]
struct Agent {
    running: AtomicBool,
    failed: AtomicBool,
    /// Those that only ask and then say nothing.
    silent: Mutex<Vec<UnixStream>>,
}

impl Agent {
    fn answer(&self, stream: &UnixStream, request: &Value) -> bool {
        let reply = match request["op"].as_str() {
            Some("status") => self.status(),
            Some("command") => {
                self.running.store(true, Ordering::SeqCst);
                Reply::Command {
                    outcome: Answer::Done,
                }
            }
            Some("subscribe") => {
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
            other => panic!("nobody asks for {other:?} here"),
        };
        if !matches!(reply, Reply::Snapshot(_)) {
            self.silent.lock().unwrap().push(stream.try_clone().unwrap());
        }
        say(stream, reply)
    }

    fn status(&self) -> Reply {
        let running = self.running.load(Ordering::SeqCst);
        let failed = self.failed.load(Ordering::SeqCst);
        Reply::Status(Box::new(StatusReply {
            problems: Vec::new(),
            clock_problem: None,
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
        uses_revision: 0,
        questions: Vec::new(),
        problem: None,
    }))
}

fn say(stream: &UnixStream, reply: Reply) -> bool {
    crate::home::say(
        stream,
        &serde_json::to_value(ResponseLine { v: 1, reply }).unwrap(),
    )
}

fn portray(arguments: &[&str]) -> Output {
    let (home, agent) = (Home::new(), Agent::default());
    home.with_agent_that(move |stream, request| agent.answer(stream, request));
    home.portray(arguments).output().unwrap()
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
        // No terminal: what is waited for is said once, and never where the document goes.
        assert_eq!(
            stderr,
            "Waiting until the accounts of acme are listed …\nAWS cannot be reached for acme.\nCheck the network.\n"
        );
        assert!(output.stdout.is_empty());
    }
}
