//! `credential-process`: one document or nothing, whatever the agent says and wherever the streams lead.

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::home::{Home, SECRET, credentials, problem, text};

pub const PROCESS: [&str; 6] = [
    "credential-process",
    "--portal",
    "acme",
    "--account",
    "111122223333",
    "--permission-set=ReadOnly",
];

#[test]
fn p1_stdout_is_one_document_or_nothing_and_the_exit_code_says_which() {
    let outcomes = [
        (vec![credentials()], 0),
        (vec![problem("failed")], 1),
        (vec![problem("wrong_use")], 2),
        (vec![problem("sign_in_needed")], 3),
        (vec![problem("mfa_code_needed")], 3),
        (vec![problem("not_assigned")], 4),
        (vec![problem("denied")], 4),
        (vec![problem("revoked")], 4),
        (vec![problem("being_listed")], 5),
        (vec![problem("confirmation_needed")], 8),
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

pub fn is_one_document_or_nothing(output: &Output) {
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
    // A tool has no terminal: nobody is asked for a passphrase, and nobody waits for one.
    for (store, what_to_do) in [("plain", "memory"), ("file", "PORTRAY_PASSPHRASE_FILE")] {
        let mut command = home.portray(&PROCESS);
        let refused = command.env("PORTRAY_SECRET_STORE", store).output().unwrap();
        assert_eq!(refused.status.code(), Some(7), "{refused:?}");
        assert!(text(&refused.stderr).contains(what_to_do), "{refused:?}");
    }
}
