//! The real agent: started once however many need it, and gone when it is told.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::channel;

use serde_json::{Value, json};

use crate::credential_process::{PROCESS, is_one_document_or_nothing};
use crate::home::{Home, credentials, say, text};

#[test]
fn a3_a_hundred_helpers_start_one_agent() {
    let home = Home::new();
    let helpers: Vec<_> = (0..100)
        .map(|_| {
            home.portray(&["portal", "list", "--json"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for helper in helpers {
        let output = helper.wait_with_output().unwrap();
        assert_eq!(text(&output.stdout), "[]\n", "{output:?}");
        assert!(output.status.success(), "{output:?}");
    }
    let log = std::fs::read_to_string(home.path().join("state/agent.log")).unwrap();
    assert_eq!(log.matches("the agent is running").count(), 1, "{log}");
    home.stop_agent();
    assert!(!home.socket().exists());
}

#[test]
fn a3_helpers_that_wait_for_an_agent_that_cannot_start_end_together() {
    let home = Home::new();
    // Reading its settings, the agent waits for somebody who writes them.
    let settings = home.path().join("settings.toml");
    assert!(Command::new("mkfifo").arg(&settings).status().unwrap().success());
    let clock = portray_core::clock::SystemClock::shared();
    let helpers: Vec<_> = (0..20)
        .map(|_| {
            let mut helper = home.portray(&PROCESS);
            helper.stdout(Stdio::piped()).stderr(Stdio::piped());
            helper.spawn().unwrap()
        })
        .collect();
    for helper in helpers {
        let output = helper.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(6), "{output:?}");
        is_one_document_or_nothing(&output);
    }
    let took = clock.elapsed();
    assert!(took < std::time::Duration::from_secs(30), "{took:?}");
    let last: Value =
        serde_json::from_slice(&std::fs::read(home.path().join("run/start.json")).unwrap()).unwrap();
    assert_eq!(last["number"], 1, "one of them tried: {last}");
    let writer = std::os::unix::fs::OpenOptionsExt::custom_flags(
        std::fs::OpenOptions::new().write(true),
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    )
    .open(&settings);
    assert!(writer.is_err(), "no agent that hangs is left");
}

#[test]
fn a3_a_tool_asks_again_when_an_agent_ends_before_its_answer() {
    let whole = credentials().to_string();
    let half = &whole[..whole.len() / 2];
    for unanswered in [None, Some(half.to_owned())] {
        let home = Home::new();
        let asked = AtomicU32::new(0);
        home.with_agent_that(move |mut stream, _| {
            if asked.fetch_add(1, Ordering::SeqCst) > 0 {
                return say(stream, &credentials());
            }
            let said = unanswered.clone().unwrap_or_default();
            stream.write_all(said.as_bytes()).unwrap();
            false
        });
        let output = home.portray(&PROCESS).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        is_one_document_or_nothing(&output);
    }
    // One that answers nobody is not asked for ever.
    let home = Home::new();
    let (asked, requests) = channel();
    home.with_agent_that(move |_, request| {
        asked.send(request.clone()).unwrap();
        false
    });
    let output = home.portray(&PROCESS).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    is_one_document_or_nothing(&output);
    assert_eq!(requests.try_iter().count(), 2);
}

#[test]
fn a5_an_agent_that_ran_out_of_files_goes_on_when_there_are_some() {
    let home = Home::new();
    let mut agent = Command::new("sh");
    home.surround(&mut agent);
    agent.args([
        "-c",
        "ulimit -n 48; exec \"$0\" agent --foreground",
        env!("CARGO_BIN_EXE_portray"),
    ]);
    let mut agent = agent.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(agent.stderr.take().unwrap()).lines();
    let is_running = |line: &String| line.contains("Ctrl-C");
    assert!(lines.by_ref().map_while(Result::ok).any(|line| is_running(&line)));
    let flood: Vec<_> = (0..80)
        .map(|_| std::os::unix::net::UnixStream::connect(home.socket()).unwrap())
        .collect();
    let ran_out = lines
        .by_ref()
        .map_while(Result::ok)
        .any(|line| line.contains("could not be accepted"));
    assert!(ran_out, "the limit was too high to be reached");
    drop(flood);
    let status = home.portray(&["agent", "status"]).output().unwrap();
    assert!(status.status.success(), "{status:?}");
    home.stop_agent();
    agent.wait().unwrap();
}

#[test]
fn agent_refuses_to_run_beside_another() {
    let home = Home::new();
    assert!(home.portray(&["agent"]).status().unwrap().success());
    let second = home.portray(&["agent", "--foreground"]).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(text(&second.stderr).contains("running already"), "{second:?}");
    let stopped = home.portray(&["agent", "stop"]).output().unwrap();
    let words = text(&stopped.stderr);
    assert_eq!(words.trim(), "The agent has stopped.", "nobody was signed in");
    let gone = home.portray(&["agent", "status"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(6), "{gone:?}");
}

#[test]
fn the_tray_application_is_ended_only_by_force() {
    let hello = |kind: &str| json!({"v": 1, "answer": "hello", "version": "0.1.0", "pid": 7, "kind": kind, "memory_store": false});
    for (kind, words, is_asked_to_stop) in [
        ("tray", &["agent", "stop"][..], false),
        ("tray", &["agent", "stop", "--force"], true),
        ("headless", &["agent", "stop"], true),
    ] {
        let home = Home::new();
        let (asked, stops) = channel();
        let hello = hello(kind);
        home.with_agent_that(move |stream, request| {
            if request["op"] == "hello" {
                return say(stream, &hello);
            }
            let _ = asked.send(request["op"].clone());
            say(stream, &json!({"v": 1, "answer": "done"}))
        });
        let output = home.portray(words).output().unwrap();
        let asked_to_stop = stops.try_iter().any(|operation| operation == "stop");
        assert_eq!(asked_to_stop, is_asked_to_stop, "{kind} {words:?} {output:?}");
        if is_asked_to_stop {
            continue;
        }
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        let said = text(&output.stderr);
        assert!(said.contains("tray menu") && said.contains("--force"), "{said}");
        assert_eq!(said.lines().count(), 2, "{said}");
    }
}

#[test]
fn an_agent_can_be_started_again_right_after_it_was_stopped() {
    let home = Home::new();
    for _ in 0..5 {
        let started = home.portray(&["agent"]).output().unwrap();
        assert!(started.status.success(), "{started:?}");
        home.stop_agent();
    }
}

#[test]
fn a_helper_that_starts_the_agent_lets_go_of_its_callers_pipes() {
    let home = Home::new();
    // Output is read until every holder of the pipe has closed it: the agent must not be one of them.
    let output = home.portray(&["status"]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let status = home.portray(&["agent", "status", "--json"]).output().unwrap();
    let agent: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(agent["kind"], "headless");
    home.stop_agent();
}

#[test]
fn a3_who_reads_from_an_agent_that_ends_asks_the_next_one_and_who_changes_something_does_not() {
    for (arguments, operation, asked, code) in [
        (&["status"][..], "status", 2, 0),
        (&["accounts"], "status", 2, 2),
        (&["portal", "list"], "status", 2, 0),
        (&["credentials", "acme-dev/ReadOnly"], "credentials", 2, 0),
        (&["exec", "acme-dev/ReadOnly", "--", "true"], "prepare", 2, 0),
        (&["logout"], "logout", 1, 1),
        (&["keep", "acme-dev/ReadOnly"], "keep", 1, 1),
        (&["console", "acme-dev/ReadOnly"], "console", 1, 1),
    ] {
        let home = Home::new();
        let seen = std::sync::Arc::new(AtomicU32::new(0));
        let count = seen.clone();
        home.with_agent_that(move |stream, request| {
            // A launch is announced, and nothing is answered while it runs.
            if request["op"] == "launch" {
                return true;
            }
            if request["op"] != operation {
                return say(stream, &json!({"v": 1, "answer": "done"}));
            }
            // The first one is killed before it answers.
            if count.fetch_add(1, Ordering::SeqCst) == 0 {
                return false;
            }
            let answer = match operation {
                "status" => json!({
                    "v": 1, "answer": "status", "pid": 7, "version": "0.1.0", "headline": "", "portals": [],
                    "credentials": [], "problems": [], "clock_problem": null,
                }),
                "prepare" => {
                    let mut prepared = credentials();
                    prepared["answer"] = json!("prepared");
                    prepared["stay"] = json!("first");
                    prepared
                }
                _ => credentials(),
            };
            say(stream, &answer)
        });
        let output = home.portray(arguments).output().unwrap();
        let times = seen.load(Ordering::SeqCst);
        assert_eq!(
            (times, output.status.code()),
            (asked, Some(code)),
            "{arguments:?} {output:?}"
        );
    }
}
