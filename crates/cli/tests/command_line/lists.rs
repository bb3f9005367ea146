//! `portray accounts` against an agent that is as impatient with silent clients as the real one.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Output;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use portray_core::agent::protocol::{AccountLine, AccountsReply, Reply, ResponseLine, StatusReply};
use portray_core::app::contract::{
    Answer, Mood, PortalState, PortalView, ProblemCode, ProblemView, Snapshot, SyncProgress, SyncView,
};
use serde_json::Value;

use crate::home::Home;

/// Lists one portal when it is asked to, without success.
#[derive(Default)]
struct Agent {
    /// How many accounts it knows, though the list goes on for ever and AWS answers nothing more.
    stuck_at: Option<u32>,
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
            Some("accounts") => accounts(request),
            Some("subscribe") if self.stuck_at.is_some() => {
                panic!("nothing is waited for where AWS does not answer")
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
            missing_portals: Vec::new(),
            problems: Vec::new(),
            clock_problem: None,
            left_behind: Vec::new(),
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
                accounts: self.stuck_at.unwrap_or_default(),
                permission_sets: 0,
                sync: SyncView {
                    running: running.then_some(SyncProgress { done: 1, total: 3 }),
                    trouble: (running && self.stuck_at.is_some()).then(unreachable),
                    ..SyncView::default()
                },
                sign_in: None,
                problem: failed.then(unreachable),
            }],
        }))
    }
}

fn unreachable() -> ProblemView {
    ProblemView {
        code: ProblemCode::Unreachable,
        what_happened: "AWS cannot be reached for acme.".to_owned(),
        what_to_do: "Check the network.".to_owned(),
    }
}

/// One account, of which nothing is known but its name.
fn accounts(request: &Value) -> Reply {
    let is_hit = "acme-dev".contains(request["query"].as_str().unwrap());
    let account = AccountLine {
        id: "111122223333".to_owned(),
        name: "acme-dev".to_owned(),
        email: String::new(),
        permission_sets: Vec::new(),
        chains: Vec::new(),
    };
    Reply::Accounts(AccountsReply {
        portal: "acme".to_owned(),
        synced_at: None,
        complete: false,
        total: u32::from(is_hit),
        accounts: is_hit.then_some(account).into_iter().collect(),
        unclear_chains: Vec::new(),
    })
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
    with(Agent::default(), arguments)
}

fn with(agent: Agent, arguments: &[&str]) -> Output {
    let home = Home::new();
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
        // No terminal: what is waited for is said where that takes long only.
        assert_eq!(stderr, "AWS cannot be reached for acme.\nCheck the network.\n");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn s2_what_is_known_is_shown_at_once_where_aws_does_not_answer_and_a_name_is_found() {
    let stuck = |accounts, arguments: &[&str]| {
        let agent = Agent {
            stuck_at: Some(accounts),
            ..Agent::default()
        };
        let output = with(agent, arguments);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let note =
        "acme: still being listed, 1 of 3 accounts; there may be more. AWS cannot be reached for acme.\n";
    for arguments in [
        &["accounts"][..],
        &["accounts", "--json"],
        &["accounts", "dev"],
        &["accounts", "acme-dev"],
    ] {
        let (code, stdout, stderr) = stuck(3, arguments);
        assert_eq!((code, stderr.as_str()), (Some(0), note), "{arguments:?}");
        assert!(stdout.contains("acme-dev"), "{arguments:?} {stdout}");
    }
    let (code, stdout, stderr) = stuck(3, &["accounts", "nobody"]);
    assert_eq!((code, stdout.as_str()), (Some(5), ""), "{stderr}");
    assert!(
        stderr.contains("the list is not whole because of this: AWS cannot"),
        "{stderr}"
    );
    let (code, stdout, stderr) = stuck(0, &["accounts"]);
    let told = "AWS cannot be reached for acme.\nCheck the network.\n";
    assert_eq!((code, stdout.as_str(), stderr.as_str()), (Some(5), "", told));
}
