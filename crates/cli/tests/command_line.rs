//! The built program against an agent that says what a test wrote down, and against a real one.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

const SECRET: &str = "aoa-canary-secret";

/// A home of its own for the program.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn socket(&self) -> PathBuf {
        self.path().join("run/agent.sock")
    }

    /// An agent that answers every request with the same lines; what it was asked comes out of the channel.
    fn with_agent(&self, answers: Vec<Value>) -> std::sync::mpsc::Receiver<Value> {
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

    fn portray(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portray"));
        command.args(arguments);
        self.surround(&mut command);
        command
    }

    /// Nothing of the environment in which the tests run.
    fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("PORTRAY_HOME", self.path())
            .env("PORTRAY_SECRET_STORE", "memory")
            .stdin(Stdio::null());
    }

    fn stop_agent(&self) {
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

fn credentials() -> Value {
    json!({
        "v": 1, "answer": "credentials",
        "access_key_id": "ASIAEXAMPLE", "secret_access_key": SECRET, "session_token": "token",
        "expires_at": "2026-03-02T13:00:00.5Z",
        "role": {"portal": "p", "account": "111122223333", "permission_set": "ReadOnly"},
        "portal_name": "acme", "account_name": "acme-dev",
    })
}

fn problem(code: &str) -> Value {
    json!({
        "v": 1, "answer": "problem", "candidates": [],
        "problem": {"code": code, "what_happened": "It\u{1b}[2J failed.", "what_to_do": "Do\nsomething."},
    })
}

const PROCESS: [&str; 6] = [
    "credential-process",
    "--portal",
    "acme",
    "--account",
    "111122223333",
    "--permission-set=ReadOnly",
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn p1_stdout_is_one_document_or_nothing_and_the_exit_code_says_which() {
    let outcomes = [
        (vec![credentials()], 0),
        (vec![problem("failed")], 1),
        (vec![problem("wrong_use")], 2),
        (vec![problem("sign_in_needed")], 3),
        (vec![problem("not_assigned")], 4),
        (vec![problem("denied")], 4),
        (vec![problem("unreachable")], 5),
        (vec![problem("no_agent")], 6),
        (vec![problem("secret_store")], 7),
        (vec![problem("cancelled")], 130),
        (vec![json!("no JSON")], 1),
        (vec![json!({"v": 7, "answer": "unheard of"})], 6),
        (vec![Value::Null], 1),
        (vec![json!({"v": 1, "answer": "done"})], 1),
    ];
    for (answers, code) in outcomes {
        for log in ["", "trace"] {
            let home = Home::new();
            let requests = home.with_agent(answers.clone());
            let output = home.portray(&PROCESS).env("RUST_LOG", log).output().unwrap();
            assert_eq!(output.status.code(), Some(code), "{answers:?} {output:?}");
            is_one_document_or_nothing(&output);
            let asked = requests.recv().unwrap();
            assert_eq!(asked["role"]["permission_set"], "ReadOnly");
        }
    }
}

fn is_one_document_or_nothing(output: &Output) {
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(!stderr.contains(SECRET), "{stderr}");
    if !output.status.success() {
        assert_eq!(stdout, "");
        let shown = stderr.lines().count();
        assert_eq!(shown, 2, "what happened, what to do: {stderr}");
        assert!(
            !stderr.chars().any(|letter| letter.is_control() && letter != '\n'),
            "{stderr:?}"
        );
        return;
    }
    let expected = format!(
        r#"{{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"{SECRET}","SessionToken":"token","Expiration":"2026-03-02T13:00:00Z","AccountId":"111122223333"}}"#
    );
    assert_eq!(stdout, format!("{expected}\n"));
    assert_eq!(stderr, "");
}

#[test]
fn p1_closed_and_full_streams_are_survived() {
    for (redirection, code) in [
        (">&-", 1),
        (">/dev/full", 1),
        ("2>&-", 0),
        (">&- 2>&-", 1),
        ("<&-", 0),
        (">/dev/null", 0),
    ] {
        let home = Home::new();
        let _requests = home.with_agent(vec![credentials()]);
        let mut command = Command::new("sh");
        home.surround(&mut command);
        let script = format!("exec \"$0\" \"$@\" {redirection}");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_portray")])
            .args(PROCESS);
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{redirection} {output:?}");
        assert!(!text(&output.stderr).contains("panicked"), "{output:?}");
    }
}

#[test]
fn p3_without_a_usable_home_it_says_what_to_do() {
    let home = Home::new();
    let run = home.path().join("run");
    std::fs::create_dir(&run).unwrap();
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o755)).unwrap();
    let refused = home.portray(&PROCESS).output().unwrap();
    assert_eq!(refused.status.code(), Some(6), "{refused:?}");
    let nowhere = home
        .portray(&PROCESS)
        .env_remove("PORTRAY_HOME")
        .output()
        .unwrap();
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
    assert!(text(&nowhere.stderr).contains("PORTRAY_HOME"), "{nowhere:?}");
    let home = Home::new();
    let store = home
        .portray(&PROCESS)
        .env("PORTRAY_SECRET_STORE", "file")
        .output()
        .unwrap();
    assert_eq!(store.status.code(), Some(7), "{store:?}");
    assert!(text(&store.stderr).contains("memory"), "{store:?}");
}

#[test]
fn a_target_that_matches_several_roles_names_them_on_stderr() {
    let home = Home::new();
    let mut answer = problem("wrong_use");
    answer["candidates"] = json!([
        "111122223333/Admin  (acme-dev)",
        "444455556666/Admin  (acme\u{1b}-prod)"
    ]);
    let _requests = home.with_agent(vec![answer]);
    let output = home.portray(&["credentials", "acme", "admin"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert_eq!(
        stderr.lines().nth(2),
        Some("  111122223333/Admin  (acme-dev)"),
        "{stderr}"
    );
    assert!(!stderr.contains('\u{1b}'));
}

#[test]
fn a_console_without_a_target_and_without_a_terminal_is_wrong_use() {
    let home = Home::new();
    let refused = home.portray(&["console"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(text(&refused.stdout), "");
    let stderr = text(&refused.stderr);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.contains("portray accounts"), "{stderr}");
    assert!(!home.socket().exists(), "no agent was started for it");
}

#[test]
fn console_passes_on_all_that_it_is_asked() {
    let home = Home::new();
    let requests = home.with_agent(vec![json!({"v": 1, "answer": "console", "url": null})]);
    let arguments =
        "console acme-dev/ReadOnly --destination s3 --region eu-west-1 --duration 2h --via federation";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.extend(["--browser", "firefox -P work {url}"]);
    let opened = home.portray(&arguments).output().unwrap();
    assert_eq!(opened.status.code(), Some(0), "{opened:?}");
    let expected = json!({
        "v": 1, "op": "console", "role": {"words": "acme-dev/ReadOnly"}, "destination": "s3",
        "region": "eu-west-1", "duration_seconds": 7200, "via": "federation", "open_browser": true,
        "browser": "firefox -P work {url}",
    });
    assert_eq!(requests.recv().unwrap(), expected);
    let both = ["console", "x", "--browser", "firefox", "--print"];
    assert_eq!(home.portray(&both).status().unwrap().code(), Some(2));
}

#[test]
fn login_without_a_browser_prints_one_line_and_waits() {
    let home = Home::new();
    let requests = home.with_agent(vec![
        json!({"v": 1, "answer": "sign_in", "url": "https://acme.example/x?user_code=AB",
            "user_code": "AB", "expires_at": "2026-03-02T12:10:00Z"}),
        json!({"v": 1, "answer": "done"}),
    ]);
    let output = home
        .portray(&["login", "--no-browser", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text(&output.stdout),
        "{\"url\":\"https://acme.example/x?user_code=AB\",\"user_code\":\"AB\",\"expires_at\":\"2026-03-02T12:10:00Z\"}\n"
    );
    let asked = requests.recv().unwrap();
    assert_eq!(
        (&asked["open_browser"], &asked["device_code"]),
        (&json!(false), &json!(false))
    );
}

#[test]
fn a_page_that_only_this_machine_can_open_is_said_to_be_one() {
    let answers = |user_code: Value| {
        let url =
            "https://oidc.example/authorize?state=x&redirect_uri=http%3A%2F%2F127.0.0.1%3A4567%2Fcallback";
        let sign_in = json!({"v": 1, "answer": "sign_in", "url": url, "user_code": user_code,
            "expires_at": "2026-03-02T12:10:00Z"});
        vec![sign_in, json!({"v": 1, "answer": "done"})]
    };
    for (user_code, warned) in [(Value::Null, true), (json!("BCDF-GHJK"), false)] {
        let home = Home::new();
        let _requests = home.with_agent(answers(user_code.clone()));
        let mut login = home.portray(&["login", "--no-browser"]);
        let login = login.env("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22").output();
        let stderr = text(&login.unwrap().stderr);
        let says = |part: &str| stderr.contains(part);
        assert_eq!(
            says("portray login --device-code"),
            warned,
            "{user_code}: {stderr}"
        );
        assert_eq!(says("ssh -L 4567:127.0.0.1:4567"), warned, "{stderr}");
    }
}

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
    assert!(
        text(&stopped.stderr).contains("are gone"),
        "the store is memory: {stopped:?}"
    );
    let gone = home.portray(&["agent", "status"]).output().unwrap();
    assert_eq!(gone.status.code(), Some(6), "{gone:?}");
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
