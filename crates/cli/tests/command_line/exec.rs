//! `exec`: what its command is given, and that it ends as the command does.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::home::{Home, Lines, SECRET, credentials, end, text};

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
    assert_eq!(
        value("no_proxy").as_deref(),
        Some(".corp,127.0.0.1,localhost,::1")
    );
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
fn a_default_profile_that_tools_would_take_instead_is_said_with_the_way_around_it() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let said = |more: &[&str]| {
        let exec = ["exec", "acme-dev/ReadOnly"].iter().chain(more);
        let arguments: Vec<_> = exec.chain(&["--", "true"]).copied().collect();
        let output = home
            .portray(&arguments)
            .env("HOME", home.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        text(&output.stderr)
    };
    assert_eq!(said(&[]), "", "nothing is in the way");
    let aws = home.path().join(".aws");
    std::fs::create_dir(&aws).unwrap();
    std::fs::write(
        aws.join("config"),
        "[default]\nregion = eu-west-1\n[profile other]\nsso_account_id = 1\n",
    )
    .unwrap();
    assert_eq!(said(&[]), "");
    std::fs::write(
        aws.join("credentials"),
        "[default]\naws_access_key_id = AKIACANARY\n",
    )
    .unwrap();
    let warned = said(&[]);
    assert_eq!(warned.lines().count(), 2, "{warned}");
    assert!(
        warned.contains(".aws/credentials has access keys")
            && warned.contains("in place of acme-dev/ReadOnly")
            && warned.contains("portray exec --env"),
        "{warned}"
    );
    assert!(!warned.contains("CANARY"));
    assert!(!said(&["--env"]).contains("[default]"), "there the role is taken");
    std::fs::write(aws.join("credentials"), "").unwrap();
    std::fs::write(
        home.path().join(".boto"),
        "[Credentials]\naws_access_key_id = AKIACANARY\n",
    )
    .unwrap();
    let warned = said(&[]);
    assert!(
        warned.contains(".boto has access keys: the AWS CLI and boto3"),
        "{warned}"
    );
    assert!(!said(&["--env"]).contains("boto"));
    let mut serve = home.portray(&["serve", "acme-dev/ReadOnly"]);
    serve.env("HOME", home.path()).stdout(Stdio::null());
    let mut serve = serve.stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(serve.stderr.take().unwrap()).lines();
    let warned: Vec<_> = lines.by_ref().take(2).map(Result::unwrap).collect();
    serve.kill().unwrap();
    serve.wait().unwrap();
    assert!(
        warned[0].contains(".boto has access keys") && warned[1].contains("portray env"),
        "{warned:?}"
    );
}

#[test]
fn exec_ends_as_its_command_does() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    for (script, code) in [
        ("exit 7", Ok(7)),
        ("exit 0", Ok(0)),
        ("kill -TERM $$", Err(15)),
        ("kill -KILL $$", Err(9)),
    ] {
        let arguments = ["exec", "acme-dev/ReadOnly", "--", "sh", "-c", script];
        let status = home.portray(&arguments).status().unwrap();
        assert_eq!(end(status), code, "{script}");
    }
    for (program, code, advice) in [
        ("/no/such/program", 127, "Check the command's name"),
        ("", 127, "“” could not be started"),
        ("/etc/passwd", 126, "or a file that you may not run"),
    ] {
        let exec = ["exec", "acme-dev/ReadOnly", "--", program];
        let refused = home.portray(&exec).output().unwrap();
        assert_eq!(refused.status.code(), Some(code), "{refused:?}");
        let said = text(&refused.stderr);
        assert_eq!(said.lines().count(), 2, "{refused:?}");
        assert!(said.contains(advice), "{refused:?}");
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
        ("QUIT", rustix::process::Signal::QUIT),
        ("USR1", rustix::process::Signal::USR1),
        ("USR2", rustix::process::Signal::USR2),
        ("ALRM", rustix::process::Signal::ALARM),
    ] {
        let script = format!("trap 'echo passed on; exit 9' {name}; echo ready; while :; do sleep 0.1; done");
        let mut child = home
            .portray(&["exec", "acme-dev/ReadOnly", "--", "sh", "-c", &script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = Lines::of(child.stdout.take().unwrap());
        assert_eq!(lines.next(), "ready");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        assert_eq!(lines.next(), "passed on", "{name}");
        assert_eq!(child.wait().unwrap().code(), Some(9), "{name}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn what_was_ignored_when_exec_began_stays_ignored_by_it_and_by_its_command() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let script = "grep SigIgn: /proc/self/status; read -r line; echo end";
    let exec = home.portray(&["exec", "acme-dev/ReadOnly", "--", "sh", "-c", script]);
    let mut under_nohup = std::process::Command::new("sh");
    under_nohup
        .args(["-c", "trap '' HUP INT; exec \"$@\"", "sh"])
        .arg(exec.get_program())
        .args(exec.get_args())
        .env_clear();
    for (name, value) in exec.get_envs() {
        under_nohup.env(name, value.unwrap_or_default());
    }
    let mut child = under_nohup
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = Lines::of(child.stdout.take().unwrap());
    let mask = lines.next();
    let mask = u64::from_str_radix(mask.trim_start_matches("SigIgn:").trim(), 16).unwrap();
    assert_eq!(mask & 0b11, 0b11, "{mask:b}");
    let pid = rustix::process::Pid::from_child(&child);
    for signal in [rustix::process::Signal::HUP, rustix::process::Signal::INT] {
        rustix::process::kill_process(pid, signal).unwrap();
    }
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\n").unwrap();
    assert_eq!(lines.next(), "end");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
