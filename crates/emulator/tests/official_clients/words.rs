//! What the program says to people: its help, and the names of a hostile world.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

#[test]
fn its_help_teaches_a_new_user() {
    let output = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
        .arg("--help")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let readme = include_str!("../../README.md");
    for taught in [
        "[sso-session acme]",
        "sso_registration_scopes = sso:account:access",
        "[profile acme-dev]",
        "sso_account_id = 111122223333",
        "sso_role_name = ReadOnly",
        "AWS_DATA_PATH",
        "2.9.19",
        "--print-world > my.toml",
    ] {
        assert!(help.contains(taught), "--help does not have {taught}");
        assert!(readme.contains(taught), "the README does not have {taught}");
    }
    assert!(help.contains("AWS CLI from 2.13 on") && readme.contains("AWS CLI 2.13 or newer"));
    for taught in [
        "http://127.0.0.1:8417/start",
        "$CONTROL/approve",
        "Needs --ca-out",
    ] {
        assert!(help.contains(taught), "--help does not have {taught}");
    }
}

/// What is to be copied has to be there in one piece, on a narrow terminal too.
#[test]
fn the_help_fits_narrow_terminals_and_its_commands_are_whole() {
    let output = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
        .arg("--help")
        .env("COLUMNS", "80")
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let too_long: Vec<&str> = help.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(too_long.is_empty(), "{too_long:#?}");
    let calls: Vec<&str> = help.lines().filter(|line| line.contains("curl ")).collect();
    assert_eq!(calls.len(), 4, "{calls:#?}");
    // A terminal that breaks a line breaks it before the body.
    for call in &calls[1..] {
        assert!(call.contains(" -d '{") && call.ends_with("}'"), "{call}");
    }
}

#[test]
fn a_hostile_world_is_announced_in_harmless_text() {
    for more in [&[][..], &["--json"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_identity-center-emulator"))
            .args(["--port", "0", "--world", "hostile"])
            .args(more)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = String::new();
        for line in lines.by_ref() {
            told = told + &line.unwrap() + "\n";
            if told.contains("--help shows") || !more.is_empty() {
                break;
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let is_odd = |letter: char| {
            letter.is_control() && letter != '\n' || ('\u{202a}'..='\u{202e}').contains(&letter)
        };
        assert!(told.contains("amara") && !told.contains(is_odd), "{told:?}");
    }
}
