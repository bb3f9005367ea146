//! The real agent, stopped or hung: nobody waits for it for long, and it can be ended.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Output, Stdio};

use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::credential_process::{PROCESS, is_one_document_or_nothing};
use crate::home::{Home, text};

/// Starts an agent in the background.
fn agent(home: &Home) -> Pid {
    let started = home.portray(&["agent"]).output().unwrap();
    assert!(started.status.success(), "{started:?}");
    let status = home.portray(&["agent", "status", "--json"]).output().unwrap();
    let agent: Value = serde_json::from_slice(&status.stdout).unwrap();
    has_run_for_long(home);
    pid(agent["pid"].as_u64().unwrap())
}

/// Lets this program be the agent, as a child of ours.
fn begun(home: &Home, mut program: Command) -> Child {
    program.args(["agent", "--foreground"]).stderr(Stdio::null());
    let agent = program.spawn().unwrap();
    wait_until_served(home);
    has_run_for_long(home);
    agent
}

fn wait_until_served(home: &Home) {
    let clock = portray_core::clock::SystemClock::shared();
    let status = || home.portray(&["agent", "status"]).output().unwrap();
    while !status().status.success() {
        assert!(clock.elapsed().as_secs() < 30, "it does not start");
    }
}

/// One that has just begun would be given more time.
fn has_run_for_long(home: &Home) {
    let at = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let times = Timestamps {
        last_access: at,
        last_modification: at,
    };
    utimensat(CWD, home.socket(), &times, AtFlags::empty()).unwrap();
}

fn pid(number: u64) -> Pid {
    Pid::from_raw(i32::try_from(number).unwrap()).unwrap()
}

fn two_lines(output: &Output, code: i32) -> String {
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{said}");
    assert_eq!(said.lines().count(), 2, "{said}");
    said
}

fn words(output: &Output) -> String {
    let said = text(&output.stderr);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(said.lines().count(), 1, "{said}");
    said
}

#[test]
fn a5_a_stopped_agent_is_named_soon_and_ended_by_its_command() {
    let home = Home::new();
    let agent = agent(&home);
    kill_process(agent, Signal::STOP).unwrap();
    for command in [
        &["status"][..],
        &["accounts"],
        &["agent", "status"],
        &["agent"],
        &PROCESS,
    ] {
        let output = home.portray(command).output().unwrap();
        let said = two_lines(&output, 6);
        assert!(said.contains(&format!("process {agent}")), "{said}");
        assert!(said.contains("portray agent stop"), "{said}");
        is_one_document_or_nothing(&output);
    }
    let stopped = home.portray(&["agent", "stop"]).output().unwrap();
    let said = words(&stopped);
    assert!(
        said.contains("did not answer") && said.contains("ended"),
        "{said}"
    );
    assert!(!said.contains("killed"), "{said}");
    let clock = portray_core::clock::SystemClock::shared();
    while test_kill_process(agent).is_ok() {
        assert!(clock.elapsed().as_secs() < 30, "it is there still");
    }
    assert!(home.portray(&["status"]).output().unwrap().status.success());
    home.stop_agent();
}

/// What runs the command behind it with a signal blocked that asks it to end; a mask is passed on.
const HEEDS_NOTHING: &str = "import os, signal, sys; \
                             signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]); \
                             os.execv(sys.argv[1], sys.argv[1:])";

#[test]
fn a5_an_agent_that_heeds_no_signal_is_killed() {
    let home = Home::new();
    let mut deaf = Command::new("python3");
    home.surround(&mut deaf);
    deaf.args(["-c", HEEDS_NOTHING, env!("CARGO_BIN_EXE_portray")]);
    let mut agent = begun(&home, deaf);
    let number = agent.id();
    kill_process(pid(number.into()), Signal::STOP).unwrap();
    let stopped = home.portray(&["agent", "stop"]).output().unwrap();
    let said = words(&stopped);
    assert!(
        said.contains(&format!("process {number}")) && said.contains("killed"),
        "{said}"
    );
    agent.wait().unwrap();
    assert!(!home.socket().exists(), "it looks like one that crashed");
    assert!(home.portray(&["status"]).output().unwrap().status.success());
    home.stop_agent();
}

#[test]
fn the_application_that_hangs_is_ended_only_by_force() {
    let home = Home::new();
    // A process is known by its program.
    let program = home.path().join("portray-app");
    std::fs::copy(env!("CARGO_BIN_EXE_portray-cli"), &program).unwrap();
    let mut application = Command::new(program);
    home.surround(&mut application);
    let mut application = begun(&home, application);
    kill_process(pid(application.id().into()), Signal::STOP).unwrap();
    let refused = home.portray(&["agent", "stop"]).output().unwrap();
    let said = two_lines(&refused, 6);
    assert!(said.contains("application") && said.contains("--force"), "{said}");
    assert_eq!(application.try_wait().unwrap(), None);
    let stopped = home.portray(&["agent", "stop", "--force"]).output().unwrap();
    assert!(words(&stopped).contains("The Portray application"), "{stopped:?}");
    application.wait().unwrap();
}

#[test]
fn a3_a_process_that_is_not_ours_is_not_ended() {
    let home = Home::new();
    let run = home.path().join("run");
    std::fs::DirBuilder::new().mode(0o700).create(&run).unwrap();
    // This very process, which says nothing.
    let _silent = UnixListener::bind(home.socket()).unwrap();
    let refused = home.portray(&["agent", "stop", "--force"]).output().unwrap();
    let said = two_lines(&refused, 1);
    let us = std::process::id();
    assert!(
        said.contains(&us.to_string()) && said.contains("not one of Portray's"),
        "{said}"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn r2_where_the_file_system_knows_no_locks_there_is_one_agent_all_the_same() {
    let home = Home::new();
    let without_locks = || {
        let mut agent = Command::new("timeout");
        home.surround(&mut agent);
        agent
            .args([
                // One that should not start, and does, would run for ever.
                "60",
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                "trace=flock",
                "-e",
                "inject=flock:error=ENOLCK",
            ])
            .args([env!("CARGO_BIN_EXE_portray"), "agent", "--foreground"])
            .stderr(Stdio::piped());
        agent
    };
    let mut first = without_locks().spawn().unwrap();
    wait_until_served(&home);
    for mark in ["run/agent.mark", "state/agent.mark"] {
        assert!(home.path().join(mark).exists(), "{mark}");
    }
    // So that the second one has nobody to ask.
    std::fs::remove_file(home.socket()).unwrap();
    let second = without_locks().env("RUST_LOG", "off").output().unwrap();
    assert!(two_lines(&second, 1).contains("running already"), "{second:?}");
    let mark = home.path().join("run/agent.mark");
    let agent = std::fs::read_to_string(&mark).unwrap();
    // Each of the two marks keeps others away, whatever became of the other one.
    std::fs::remove_file(&mark).unwrap();
    let third = without_locks().env("RUST_LOG", "off").output().unwrap();
    assert!(two_lines(&third, 1).contains("running already"), "{third:?}");
    std::fs::write(&mark, &agent).unwrap();
    let agent = pid(agent.split_once(' ').unwrap().0.parse().unwrap());
    kill_process(agent, Signal::KILL).unwrap();
    first.wait().unwrap();
    // What it left is nobody's.
    let mut third = without_locks().spawn().unwrap();
    wait_until_served(&home);
    let stopped = home.portray(&["agent", "stop"]).output().unwrap();
    assert!(words(&stopped).contains("has stopped"), "{stopped:?}");
    third.wait().unwrap();
    assert!(!home.path().join("run/agent.mark").exists());
}
