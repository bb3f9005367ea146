//! `exec`: what its command is given, and that it ends as the command does.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::home::{Home, SECRET, credentials, text};

#[test]
fn exec_gives_an_endpoint_of_its_own_and_nothing_that_competes_with_it() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let output = home
        .portray(&["exec", "acme-dev/ReadOnly", "--region", "eu-west-1", "--", "env"])
        .env("AWS_PROFILE", "other")
        .env("AWS_ACCESS_KEY_ID", "AKIAOTHER")
        .env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/other")
        .env("NO_PROXY", ".corp")
        .output()
        .unwrap();
    let environment = text(&output.stdout);
    let value = |name: &str| {
        let mut lines = environment.lines();
        lines.find_map(|line| line.strip_prefix(&format!("{name}=")).map(str::to_owned))
    };
    assert!(output.status.success(), "{output:?}");
    let uri = value("AWS_CONTAINER_CREDENTIALS_FULL_URI").unwrap();
    assert!(
        uri.starts_with("http://127.0.0.1:") && uri.ends_with("/credentials"),
        "{uri}"
    );
    assert_eq!(value("AWS_CONTAINER_AUTHORIZATION_TOKEN").unwrap().len(), 43);
    assert_eq!(value("AWS_REGION").as_deref(), Some("eu-west-1"));
    assert_eq!(
        value("NO_PROXY").as_deref(),
        Some(".corp,127.0.0.1,localhost,::1")
    );
    assert_eq!(value("no_proxy").as_deref(), Some("127.0.0.1,localhost,::1"));
    for competing in [
        "AWS_PROFILE",
        "AWS_ACCESS_KEY_ID",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    ] {
        assert_eq!(value(competing), None, "{competing}");
    }
    assert!(!environment.contains(SECRET));
}

#[test]
fn exec_with_plain_variables_sets_the_keys_and_no_endpoint() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let output = home
        .portray(&["exec", "acme-dev/ReadOnly", "--env", "--", "env"])
        .output()
        .unwrap();
    let environment = text(&output.stdout);
    assert!(
        environment.contains(&format!("AWS_SECRET_ACCESS_KEY={SECRET}\n")),
        "{environment}"
    );
    assert!(
        environment.contains("AWS_CREDENTIAL_EXPIRATION=2026-03-02T13:00:00Z\n"),
        "{environment}"
    );
    assert!(!environment.contains("AWS_CONTAINER"), "{environment}");
}

#[test]
fn exec_ends_as_its_command_does() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    for (script, code) in [
        ("exit 7", 7),
        ("exit 0", 0),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
    ] {
        let arguments = ["exec", "acme-dev/ReadOnly", "--", "sh", "-c", script];
        let status = home.portray(&arguments).status().unwrap();
        assert_eq!(status.code(), Some(code), "{script}");
    }
    for (program, code) in [("/no/such/program", 127), ("/etc/passwd", 126)] {
        let exec = ["exec", "acme-dev/ReadOnly", "--", program];
        let refused = home.portray(&exec).output().unwrap();
        assert_eq!(refused.status.code(), Some(code), "{refused:?}");
        assert_eq!(text(&refused.stderr).lines().count(), 2, "{refused:?}");
    }
}

#[test]
fn exec_passes_signals_on() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    for (name, signal) in [
        ("TERM", rustix::process::Signal::TERM),
        ("INT", rustix::process::Signal::INT),
        ("HUP", rustix::process::Signal::HUP),
    ] {
        let script = format!("trap 'echo passed on; exit 9' {name}; echo ready; while :; do sleep 0.1; done");
        let mut child = home
            .portray(&["exec", "acme-dev/ReadOnly", "--", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(lines.next().unwrap().unwrap(), "ready");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "passed on", "{name}");
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
    }
}
