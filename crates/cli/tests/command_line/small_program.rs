//! The small program beside the full one: what it answers by itself it answers alike, and nothing else does it answer.

use std::fs;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::mpsc::Receiver;

use serde_json::{Value, json};

use crate::credential_process::{PROCESS, is_one_document_or_nothing};
use crate::home::{Home, credentials, problem, text};

const SMALL: &str = env!("CARGO_BIN_EXE_portray");
const FULL: &str = env!("CARGO_BIN_EXE_portray-cli");

const CHAIN: [&str; 5] = ["credential-process", "--portal", "acme", "--chain", "release"];

/// How a program ended and what it said, and what it had asked.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    asked: Vec<Value>,
}

fn told(output: &Output, requests: Option<&Receiver<Value>>) -> Told {
    Told {
        code: output.status.code(),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
        asked: requests.into_iter().flat_map(Receiver::try_iter).collect(),
    }
}

/// Runs both in the same surroundings, one after the other, and gives what was the same.
fn both(
    home: &Home,
    words: &[&str],
    requests: Option<&Receiver<Value>>,
    with: impl Fn(&mut Command),
) -> Told {
    let [small, full] = [SMALL, FULL].map(|program| {
        let mut command = Command::new(program);
        home.surround(&mut command);
        // Nobody starts an agent.
        command.args(words).env("PORTRAY_SECRET_STORE", "none");
        with(&mut command);
        told(&command.output().unwrap(), requests)
    });
    assert_eq!(small, full, "{words:?}");
    small
}

/// What the small program says by itself where no full program is, beside an agent that says this.
fn alone(home: &Home, words: &[&str]) -> Output {
    let program = home.path().join("alone/portray");
    if !program.exists() {
        fs::create_dir(home.path().join("alone")).unwrap();
        copy(Path::new(SMALL), &program);
    }
    let mut command = Command::new(program);
    home.surround(&mut command);
    command.args(words).output().unwrap()
}

/// By another process: what this one has open for writing, a child of another test could have open for a moment too, and
/// then it cannot be run.
fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").args([from, to]).status().unwrap().success());
}

#[test]
fn p1_what_the_small_program_says_of_an_answer_is_what_the_full_one_says() {
    let mut choice = problem("wrong_use");
    choice["candidates"] = json!(["acme-dev/ReadOnly", "acme\u{202e}prod/ReadOnly"]);
    let mut older = problem("wrong_use");
    older["v"] = json!(0);
    let mut hostile = credentials();
    hostile["access_key_id"] = json!("A\u{9b}31m\"\\\u{202e}");
    let answers = [
        credentials(),
        hostile,
        choice,
        older,
        json!("no JSON"),
        json!(""),
        json!({"v": 0, "answer": "credentials"}),
        json!({"v": 7, "answer": "unheard of"}),
        json!({"v": 1, "answer": "done"}),
        json!({"v": 1, "answer": "credentials", "access_key_id": "ASIAEXAMPLE"}),
    ];
    let codes = [
        "sign_in_needed",
        "not_assigned",
        "unreachable",
        "confirmation_needed",
        "no_agent",
    ];
    for answer in answers.into_iter().chain(codes.map(problem)) {
        let home = Home::new();
        let requests = home.with_agent(vec![answer.clone()]);
        for words in [&PROCESS[..], &CHAIN] {
            let told = both(&home, words, Some(&requests), |_| {});
            assert_eq!(told.asked.len(), 1, "{told:?}");
            assert_eq!(told.asked[0]["op"], "credentials");
            assert_eq!(told.stdout.is_empty(), told.code != Some(0), "{answer} {told:?}");
            let by_itself = self::told(&alone(&home, words), Some(&requests));
            assert_eq!(by_itself, told, "{answer}");
        }
    }
}

#[test]
fn p1_what_the_small_program_asks_for_a_tool_is_what_the_full_one_asks() {
    let home = Home::new();
    let requests = home.with_agent(vec![credentials()]);
    let socket = home.socket().to_str().unwrap().to_owned();
    for (words, by_itself) in [
        ("--portal acme --account 1 --permission-set ReadOnly", true),
        (
            "--permission-set=R --account=1 --portal=https://acme.awsapps.com/start",
            true,
        ),
        (
            "--portal acme --account 1 --permission-set R --region eu-west-1",
            true,
        ),
        ("--portal acme --chain release --region eu-west-1", true),
        (&format!("--socket {socket}"), true),
        ("--portal acme --account 1", false),
        ("--portal acme --account 1 --permission-set", false),
        (
            "--portal acme --account 1 --permission-set R --chain release",
            false,
        ),
        (
            "--portal acme --portal acme --account 1 --permission-set R",
            false,
        ),
        ("--portal= --account 1 --permission-set R", false),
        ("--portal acme --account -1 --permission-set R", false),
        ("--portal acme --account 1 --permission-set R --frobnicate", false),
        ("--portal acme --account 1 --permission-set R more", false),
        ("--portal acme --account 1 --permission-set R -- more", false),
        ("--portal acme --account 1 --permission-set R --help", false),
        ("-v --portal acme --account 1 --permission-set R", false),
        ("--socket /nowhere", false),
        (&format!("--socket {socket} --portal acme"), false),
        ("--verbose --portal acme", false),
    ] {
        let words: Vec<_> = ["credential-process"]
            .into_iter()
            .chain(words.split(' '))
            .collect();
        let told = both(&home, &words, Some(&requests), |_| {});
        let alone = self::told(&alone(&home, &words), Some(&requests));
        if by_itself {
            assert_eq!(told.code, Some(0), "{words:?}");
            assert_eq!(alone, told);
        } else {
            assert_eq!((alone.code, alone.asked.len()), (Some(1), 0), "{words:?}");
            assert!(alone.stderr.contains("portray-cli"), "{words:?} {alone:?}");
        }
    }
}

#[test]
fn p1_the_rest_is_told_by_the_full_program() {
    let home = Home::new();
    let requests = home.with_agent(vec![problem("sign_in_needed")]);
    for words in [
        &["--version"][..],
        &["--help"],
        &["help", "credential-process"],
        &["man", "credential-process"],
        &["completions", "bash"],
        &["credentials-process"],
        &["-v", "status"],
        &["status", "--json"],
        &["login"],
        &["exec", "a/b", "--", "true"],
        &[],
    ] {
        let told = both(&home, words, Some(&requests), |_| {});
        assert!(!told.stdout.is_empty() || !told.stderr.is_empty(), "{words:?}");
    }
}

/// What is wrong, the exit code that says so, and how it comes about.
type Surroundings<'test> = (&'static str, i32, &'test dyn Fn(&Home));

#[test]
fn p3_where_no_agent_can_be_asked_both_say_the_same() {
    let run = |home: &Home| home.path().join("run");
    let folder = |path: PathBuf, mode| fs::DirBuilder::new().mode(mode).create(path).unwrap();
    let surroundings: [Surroundings<'_>; 5] = [
        ("nothing is there", 7, &|_| {}),
        ("the folder is none", 6, &|home| fs::write(run(home), "").unwrap()),
        ("nobody listens any more", 7, &|home| {
            folder(run(home), 0o700);
            drop(UnixListener::bind(home.socket()).unwrap());
        }),
        ("others can enter the folder", 6, &|home| {
            let _requests = home.with_agent(vec![credentials()]);
            fs::set_permissions(run(home), fs::Permissions::from_mode(0o755)).unwrap();
        }),
        ("the note leads to nobody", 7, &|home| {
            folder(home.path().join("state"), 0o700);
            fs::write(home.path().join("state/agent-socket"), "/nowhere").unwrap();
        }),
    ];
    for (what, code, make) in surroundings {
        let home = Home::new();
        make(&home);
        let told = both(&home, &PROCESS, None, |_| {});
        assert_eq!(
            (told.code, told.stderr.lines().count()),
            (Some(code), 2),
            "{what} {told:?}"
        );
    }
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    for (name, value, code) in [
        ("PORTRAY_HOME", None, 2),
        ("PORTRAY_HOME", Some("relative"), 2),
        ("RUST_LOG", Some("trace"), 0),
        ("RUST_LOG", Some(""), 0),
    ] {
        let told = both(&home, &PROCESS, None, |command| {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        });
        assert_eq!(told.code, Some(code), "{name} {told:?}");
    }
}

#[test]
fn p1_streams_that_are_closed_or_full_are_told_alike() {
    for redirection in [">&-", ">/dev/full", "2>&-", ">&- 2>&-", "<&-", "2>/dev/full"] {
        let home = Home::new();
        let requests = home.with_agent(vec![credentials()]);
        for words in [&PROCESS[..], &["status"], &["--version"]] {
            let [small, full] = [SMALL, FULL].map(|program| {
                let mut command = Command::new("sh");
                home.surround(&mut command);
                let script = format!("exec \"$0\" \"$@\" {redirection}");
                command.args(["-c", &script, program]).args(words);
                told(&command.output().unwrap(), Some(&requests))
            });
            assert_eq!(small, full, "{redirection} {words:?}");
        }
    }
}

#[test]
fn a3_an_agent_that_ends_before_its_answer_is_asked_no_oftener_than_by_the_full_program() {
    let (told_to, requests) = std::sync::mpsc::channel();
    let home = Home::new();
    home.with_agent_that(move |_, request| {
        told_to.send(request.clone()).unwrap();
        false
    });
    let told = both(&home, &PROCESS, Some(&requests), |_| {});
    assert_eq!((told.code, told.asked.len()), (Some(1), 2), "{told:?}");
    // It says for how long it has asked, because a tool does not wait twice.
    let mut late = PROCESS.to_vec();
    late.push("--waited=9500");
    let silent = Home::new();
    silent.with_agent_that(|_, _| true);
    let mut command = Command::new(FULL);
    silent.surround(&mut command);
    let output = command.args(late).output().unwrap();
    assert!(text(&output.stderr).contains("in time"), "{output:?}");
}

#[test]
fn p3_without_the_full_program_it_says_what_is_missing_and_goes_on_answering_tools() {
    let home = Home::new();
    let requests = home.with_agent(vec![credentials()]);
    is_one_document_or_nothing(&alone(&home, &PROCESS));
    assert_eq!(requests.try_iter().count(), 1);
    let folder = home.path().join("alone");
    let missing = || {
        let output = alone(&home, &["status"]);
        assert_eq!(
            (output.status.code(), text(&output.stdout).as_str()),
            (Some(1), "")
        );
        let words = text(&output.stderr);
        let expected = folder.join("portray-cli").display().to_string();
        assert!(words.contains(&expected) && words.contains("install"), "{words}");
        assert_eq!(words.lines().count(), 2, "{words}");
    };
    missing();
    // It never takes itself for the other one.
    symlink("portray", folder.join("portray-cli")).unwrap();
    missing();
    fs::remove_file(folder.join("portray-cli")).unwrap();
    fs::hard_link(folder.join("portray"), folder.join("portray-cli")).unwrap();
    missing();
    fs::remove_file(folder.join("portray-cli")).unwrap();
    copy(&folder.join("portray"), &folder.join("portray-cli"));
    missing();
    // Nor anything that cannot be run.
    fs::write(folder.join("portray-cli"), "").unwrap();
    fs::set_permissions(folder.join("portray-cli"), fs::Permissions::from_mode(0o644)).unwrap();
    let output = alone(&home, &["status"]);
    assert!(text(&output.stderr).contains("Permission denied"), "{output:?}");
}

#[test]
fn p3_a_link_in_a_folder_of_programs_leads_to_both() {
    let home = Home::new();
    let _requests = home.with_agent(vec![credentials()]);
    let folder = home.path().join("some where");
    fs::create_dir(&folder).unwrap();
    let link = folder.join("p");
    symlink(Path::new(SMALL), &link).unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(&link);
        home.surround(&mut command);
        command.args(words).output().unwrap()
    };
    is_one_document_or_nothing(&run(&PROCESS));
    let version = run(&["--version"]);
    assert!(text(&version.stdout).starts_with("portray "), "{version:?}");
    // Found through PATH by its name alone.
    let mut command = Command::new("/bin/sh");
    home.surround(&mut command);
    command.env("PATH", &folder).args(["-c", "p --version"]);
    assert_eq!(command.output().unwrap().stdout, version.stdout);
}
