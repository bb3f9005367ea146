//! `env`, `serve` and what shells evaluate of them; `keep`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

use crate::home::{Home, SECRET, credentials, text};

/// What a shell prints after it has evaluated statements in an environment that has other credentials.
pub fn evaluated(shell: &str, statements: &str, then: &str) -> String {
    let output = Command::new(shell)
        .args(["-c", &format!("{statements}\n{then}")])
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("AWS_PROFILE", "other")
        .env("AWS_SECURITY_TOKEN", "other")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    text(&output.stdout)
}

fn env(home: &Home, login_shell: &str, arguments: &[&str]) -> Output {
    let arguments = [&["env"], arguments].concat();
    home.portray(&arguments)
        .env("SHELL", login_shell)
        .output()
        .unwrap()
}

#[test]
fn i4_env_gives_a_shell_the_credentials_and_takes_them_back() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let set = env(
        &home,
        "/bin/bash",
        &["acme-dev/ReadOnly", "--region", "eu-west-1"],
    );
    assert!(set.status.success(), "{set:?}");
    let set = text(&set.stdout);
    let unset = text(&env(&home, "/bin/bash", &["--unset"]).stdout);
    let tell = "echo \"$AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY $AWS_REGION \
                ${AWS_PROFILE-none} ${AWS_SECURITY_TOKEN-none}\"";
    let told = evaluated("bash", &set, tell);
    assert_eq!(told, format!("ASIAEXAMPLE {SECRET} eu-west-1 none none\n"));
    let told = evaluated("bash", &format!("{set}\n{unset}"), "env");
    assert!(
        !told.contains("AWS_ACCESS_KEY_ID") && !told.contains("AWS_REGION") && !told.contains(SECRET),
        "{told}"
    );
}

/// Whatever of AWS's variables names credentials, or a part of them.
const COMPETING: [&str; 13] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
];

/// AWS's variables in an environment that had stale values in all of them, by name.
fn left_in(environment: &str) -> Vec<&str> {
    let mut names: Vec<_> = environment
        .lines()
        .filter_map(|line| line.split_once('=').map(|(name, _)| name))
        .filter(|name| name.starts_with("AWS_"))
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn h5_whatever_would_win_over_given_credentials_is_cleared_by_every_command_that_gives_some() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let keys = [
        "AWS_ACCESS_KEY_ID",
        "AWS_CREDENTIAL_EXPIRATION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
    ];
    let endpoint = [
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    ];
    let evaluated =
        |command: &str| format!("eval \"$(\"$0\" {command} acme-dev/ReadOnly --shell bash)\"; env");
    // What serves goes on in the background: its lines are taken up to the last that it prints.
    let served = "coproc \"$0\" serve acme-dev/ReadOnly --shell bash; \
                  while read -r line; do eval \"$line\"; \
                  case $line in *AUTHORIZATION_TOKEN=*) break;; esac; done <&\"${COPROC[0]}\"; kill $COPROC_PID; env";
    let credentials = "eval \"$(\"$0\" credentials acme-dev/ReadOnly --format bash)\"; env";
    for (script, expected) in [
        (evaluated("env"), &keys[..]),
        (credentials.to_owned(), &keys[..]),
        (served.to_owned(), &endpoint[..]),
        ("\"$0\" exec acme-dev/ReadOnly -- env".to_owned(), &endpoint[..]),
        ("\"$0\" exec --env acme-dev/ReadOnly -- env".to_owned(), &keys[..]),
    ] {
        let mut shell = Command::new("bash");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_portray")]);
        home.surround(&mut shell);
        shell.envs(COMPETING.map(|name| (name, "stale")));
        let output = shell.output().unwrap();
        let environment = text(&output.stdout);
        assert_eq!(left_in(&environment), expected, "{script}: {output:?}");
        assert!(!environment.contains("stale"), "{script}: {environment}");
    }
}

#[test]
fn env_speaks_the_login_shells_language_unless_another_is_named() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    for (login_shell, named, statement) in [
        ("/usr/bin/fish", None, "set -gx AWS_ACCESS_KEY_ID 'ASIAEXAMPLE'"),
        ("/bin/zsh", None, "export AWS_ACCESS_KEY_ID='ASIAEXAMPLE'"),
        (
            "/opt/microsoft/powershell/7/pwsh",
            None,
            "$Env:AWS_ACCESS_KEY_ID = 'ASIAEXAMPLE'",
        ),
        (
            "/usr/bin/fish",
            Some("zsh"),
            "export AWS_ACCESS_KEY_ID='ASIAEXAMPLE'",
        ),
        ("/bin/sh", Some("cmd"), "set \"AWS_ACCESS_KEY_ID=ASIAEXAMPLE\""),
    ] {
        let named: Vec<_> = named.iter().flat_map(|shell| ["--shell", shell]).collect();
        let output = env(
            &home,
            login_shell,
            &[&["acme-dev/ReadOnly"], named.as_slice()].concat(),
        );
        let lines = text(&output.stdout);
        assert!(
            lines.lines().any(|line| line == statement),
            "{login_shell} {named:?}: {lines}"
        );
    }
    let without_target = env(&home, "/bin/sh", &[]);
    assert_eq!(without_target.status.code(), Some(2), "{without_target:?}");
}

/// `serve`, and what it has printed.
struct Serving {
    child: Child,
    variables: Value,
}

impl Serving {
    fn start(home: &Home, arguments: &[&str]) -> Self {
        let arguments = [&["serve", "acme-dev/ReadOnly", "--json"], arguments].concat();
        let mut child = home
            .portray(&arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            child,
            variables: serde_json::from_str(&line).unwrap(),
        }
    }

    fn variable(&self, name: &str) -> &str {
        self.variables[name].as_str().unwrap()
    }

    /// The answer to a request that shows this token.
    fn get(&self, token: &str) -> String {
        let url = self.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let request = format!(
            "GET /{path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {token}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Ends as with Ctrl-C; gives the exit code and what was said.
    fn end(mut self) -> (Option<i32>, String) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

#[test]
fn h4_serve_answers_who_has_its_token_until_it_is_ended() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let serving = Serving::start(&home, &[]);
    let answer = serving.get(serving.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    assert!(answer.contains(SECRET), "{answer}");
    assert!(!serving.get("other").contains(SECRET));
    let (code, said) = serving.end();
    assert_eq!(
        (code, said.as_str()),
        (Some(0), "acme-dev/ReadOnly is served until Ctrl-C.\n")
    );
}

#[test]
fn serve_names_a_region_where_one_is_wished_for() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let serving = Serving::start(&home, &["--region", "eu-west-3"]);
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        assert_eq!(serving.variable(name), "eu-west-3");
    }
    assert_eq!(serving.end().0, Some(0));
}

#[test]
fn h4_a_token_file_holds_the_token_alone_for_its_owner_alone_and_goes_with_the_endpoint() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let file = home.path().join("token");
    let serving = Serving::start(&home, &["--token-file", file.to_str().unwrap()]);
    assert_eq!(
        serving.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
        file.to_str().unwrap()
    );
    assert_eq!(serving.variables.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"), None);
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!((token.len(), token.trim_end()), (43, token.as_str()));
    assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert!(serving.get(&token).contains(SECRET));

    let taken = home
        .portray(&[
            "serve",
            "acme-dev/ReadOnly",
            "--token-file",
            file.to_str().unwrap(),
        ])
        .output()
        .unwrap();
    assert_eq!(taken.status.code(), Some(2), "{taken:?}");
    assert!(
        text(&taken.stderr).contains("nothing is written over it"),
        "{taken:?}"
    );
    assert_eq!(serving.end().0, Some(0));
    assert!(!file.exists());
}

#[test]
fn h3_serve_keeps_requests_away_from_a_proxy_that_only_the_other_shell_knows() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let serving = Serving::start(&home, &[]);
    for name in ["NO_PROXY", "no_proxy"] {
        assert_eq!(serving.variable(name), "127.0.0.1,localhost,::1");
    }
    serving.end();
    let mut serve = home.portray(&["serve", "acme-dev/ReadOnly", "--shell", "bash"]);
    let mut child = serve
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The last of all.
    let mut statements = String::new();
    for line in lines.map_while(Result::ok) {
        statements += &format!("{line}\n");
        if line.starts_with("export no_proxy=") {
            break;
        }
    }
    let tell = "echo \"$NO_PROXY $no_proxy\"";
    let told = evaluated("bash", &format!("export NO_PROXY=.corp\n{statements}"), tell);
    let both = ".corp,127.0.0.1,localhost,::1";
    assert_eq!(told, format!("{both} {both}\n"));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_folder_that_no_container_can_be_shown_is_named_with_what_cannot_stand_in_it() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    for letter in [',', ':'] {
        let folder = home.path().join(format!("a{letter}b"));
        let folder = folder.to_str().unwrap();
        let mut serve = home.portray(&["serve", "acme-dev/ReadOnly", "--container-dir", folder]);
        let mut refused = serve
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(refused.stderr.take().unwrap());
        let mut said = String::new();
        lines.read_line(&mut said).unwrap();
        if !said.contains(folder) {
            refused.kill().unwrap();
        }
        lines.read_to_string(&mut said).unwrap();
        assert_eq!(refused.wait().unwrap().code(), Some(2), "{said}");
        assert!(said.contains("“,”") && said.contains("“:”"), "{said}");
        assert!(!std::path::Path::new(folder).exists(), "nothing is left");
    }
}

#[test]
fn keep_says_that_a_code_is_needed_each_time() {
    let home = Home::new();
    let kept = json!({
        "v": 1, "answer": "kept", "account_name": "acme-dev", "wants_code": true,
        "role": {"portal": "p", "account": "111122223333", "permission_set": "ReadOnly", "chain": "release"},
    });
    home.with_agent(vec![kept]);
    let output = home.portray(&["keep", "release"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("needs a code of its MFA device"), "{said}");
    assert!(!said.contains("fresh from now on"), "{said}");
}

#[test]
fn keep_says_which_role_is_kept() {
    let home = Home::new();
    let kept = json!({
        "v": 1, "answer": "kept", "account_name": "acme-dev",
        "role": {"portal": "p", "account": "111122223333", "permission_set": "ReadOnly"},
    });
    let requests = home.with_agent(vec![kept]);
    for (arguments, on, said) in [
        (
            &["keep", "dev", "read"][..],
            true,
            "acme-dev/ReadOnly is kept fresh from now on.\n",
        ),
        (
            &["keep", "dev", "read", "--off"],
            false,
            "acme-dev/ReadOnly is fresh only while it is in use.\n",
        ),
    ] {
        let output = home.portray(arguments).output().unwrap();
        assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
        assert_eq!(text(&output.stderr), said);
        let asked = requests
            .try_iter()
            .find(|request| request["op"] == "keep")
            .unwrap();
        assert_eq!(
            (&asked["on"], &asked["role"]["words"]),
            (&json!(on), &json!("dev read"))
        );
    }
}
