//! What `login` prints for a person who opens the page somewhere else.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::home::{Home, say, text};

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
    let asked = requests.iter().find(|asked| asked["op"] == "login").unwrap();
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
fn a5_a_login_whose_agent_hangs_meanwhile_says_so_and_ends() {
    let home = Home::new();
    let hangs = AtomicBool::new(false);
    home.with_agent_that(move |stream, request| {
        if request["op"] != "login" {
            return hangs.load(Ordering::SeqCst) || say(stream, &crate::home::problem("wrong_use"));
        }
        hangs.store(true, Ordering::SeqCst);
        let page = json!({"v": 1, "answer": "sign_in", "url": "https://acme.example/x", "user_code": null,
            "expires_at": "2026-03-02T12:10:00Z"});
        say(stream, &page)
    });
    let mut login = Command::new("timeout");
    home.surround(&mut login);
    login.args(["60", env!("CARGO_BIN_EXE_portray"), "login", "--no-browser"]);
    let output = login.output().unwrap();
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{said}");
    assert!(
        said.contains("https://acme.example/x") || text(&output.stdout).contains("https://acme.example/x")
    );
    assert!(
        said.contains(&format!("process {}", std::process::id())),
        "{said}"
    );
    assert!(said.contains("portray agent stop"), "{said}");
}

#[test]
#[cfg(target_os = "linux")]
fn l5_ctrl_c_is_heard_from_the_first_line_of_a_login_on_however_slow_the_machine_is() {
    use std::os::unix::process::CommandExt as _;

    use rustix::process::{Pid, Signal, kill_process_group};

    let home = Home::new();
    // Another login has begun it, and goes on.
    let page = json!({"v": 1, "answer": "sign_in", "url": "https://acme.example/x", "user_code": null,
        "expires_at": "2026-03-02T12:10:00Z", "joined": true});
    home.with_agent_that(move |stream, request| {
        let answer = match request["op"] == "login" {
            true => page.clone(),
            false => crate::home::problem("wrong_use"),
        };
        say(stream, &answer)
    });
    // Whatever is to be done about a signal takes a while, and the agent answers at once.
    let mut slow = Command::new("timeout");
    home.surround(&mut slow);
    slow.args(["--foreground", "60", "strace", "-f", "-qq", "-o", "/dev/null"])
        .args([
            "-e",
            "trace=rt_sigaction",
            "-e",
            "inject=rt_sigaction:delay_enter=200000",
        ])
        .args([env!("CARGO_BIN_EXE_portray"), "login", "--no-browser", "--json"])
        .process_group(0)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut login = slow.spawn().unwrap();
    let mut line = String::new();
    BufReader::new(login.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    assert!(line.contains("https://acme.example/x"), "{line}");
    let group = Pid::from_raw(i32::try_from(login.id()).unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    let ended = login.wait_with_output().unwrap();
    let said = text(&ended.stderr);
    assert_eq!(ended.status.code(), Some(130), "{ended:?}");
    assert!(said.contains("goes on"), "{said}");
}
