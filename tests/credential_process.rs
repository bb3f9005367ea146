//! What an AWS tool sees of `portray credential-process`: one document or nothing, and an exit code.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Finished, Program};
use jiff::Timestamp;
use serde_json::Value;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);

const COMMAND: &str = "credential-process --portal acme --account";

fn arguments<'a>(account: &'a str, permission_set: &'a str) -> Vec<&'a str> {
    let mut words: Vec<&str> = COMMAND.split(' ').collect();
    words.extend([account, "--permission-set", permission_set]);
    words
}

/// Nothing on stdout, and two lines on stderr: what happened, what to do.
fn assert_refused(refused: &Finished) {
    assert_eq!(refused.stdout, "", "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
}

#[tokio::test]
async fn p1_a_tool_gets_one_document_or_nothing_and_the_exit_code_that_says_which() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    let known = arguments("111122223333", "ReadOnly");

    assert_refused(&portray.run(&known).await?.expect_code(3)?);
    portray.sign_in(&story.emulator, "amara").await?;
    assert_document(&portray.run(&known).await?.expect_code(0)?, "111122223333")?;
    let denied = arguments("111122223333", "AdministratorAccess");
    assert_refused(&portray.run(&denied).await?.expect_code(4)?);
    let unknown = arguments("000000000000", "ReadOnly");
    assert_refused(&portray.run(&unknown).await?.expect_code(4)?);

    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let traced = story.portray().with_variable("RUST_LOG", "trace");
    let restarted = traced.run(&known).await?.expect_code(0)?;
    assert_document(&restarted, "111122223333")?;

    story.emulator.end_sessions("amara").await?;
    let ended = portray.run(&arguments("222233334444", "ReadOnly")).await?;
    assert_refused(&ended.expect_code(3)?);
    assert_eq!(
        story.opener.lines(),
        Vec::<String>::new(),
        "a tool never opens a browser"
    );
    Ok(())
}

#[tokio::test]
async fn p1_a_tool_that_no_longer_listens_gets_a_failure_and_no_crash() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let known = arguments("111122223333", "ReadOnly");

    for (redirection, code) in [(">/dev/full", 1), (">&-", 1), ("2>&-", 0)] {
        let program = portray.command(Program::Portray)?;
        let mut command = story.desktop.system_command("sh");
        command.envs(portray.environment());
        command.args(["-c", &format!("exec \"$0\" \"$@\" {redirection}")]);
        command.arg(program.get_program()).args(&known);
        let finished = story
            .desktop
            .run("sh", command, DEADLINE)
            .await?
            .expect_code(code)?;
        assert!(!finished.stderr.contains("panicked"), "{finished:?}");
        if code != 0 {
            assert_refused(&finished);
        }
    }

    let (reader, writer) = std::io::pipe()?;
    drop(reader);
    let mut command = portray.command(Program::Portray)?;
    command.args(&known).stdin(Stdio::null()).stdout(writer);
    let output = tokio::task::spawn_blocking(move || command.stderr(Stdio::piped()).output()).await??;
    let words = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert_eq!(words.lines().count(), 2, "{words}");
    Ok(())
}

#[tokio::test]
async fn p1_where_no_agent_can_run_the_exit_code_says_so() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    std::fs::write(story.desktop.portray_home().join("run"), "not a folder")?;
    let refused = portray.run(&arguments("111122223333", "ReadOnly")).await?;
    assert_refused(&refused.expect_code(6)?);
    Ok(())
}

#[tokio::test]
async fn p1_an_aws_that_cannot_be_reached_is_not_called_signed_out() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let known = arguments("111122223333", "ReadOnly");
    let before = portray.run(&known).await?.expect_code(0)?;

    story.emulator.process().kill();
    let from_memory = portray.run(&known).await?.expect_code(0)?;
    assert_eq!(from_memory.stdout, before.stdout);
    let other = portray.run(&arguments("222233334444", "ReadOnly")).await?;
    assert_refused(&other.expect_code(5)?);
    Ok(())
}

#[tokio::test]
async fn p2_a_tool_is_answered_cold_and_from_the_cache_and_is_asked_nothing() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let known = arguments("111122223333", "ReadOnly");
    // At a terminal, where a question could be asked.
    let at_terminal = async || {
        let tool = portray.start_at_terminal(&known)?;
        let answered = tool.finished(DEADLINE).await?.expect_code(0)?;
        assert_eq!(answered.stderr, "", "nothing is drawn");
        assert_document(&answered, "111122223333")?;
        Ok::<_, anyhow::Error>(answered.stdout)
    };
    let cold = at_terminal().await?;
    for _ in 0..3 {
        assert_eq!(at_terminal().await?, cold);
    }
    assert_eq!(story.emulator.calls("GetRoleCredentials").await?, 1);

    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let from_nothing = at_terminal().await?;
    assert_ne!(from_nothing, cold, "credentials are in memory only");
    assert_eq!(story.emulator.calls("GetRoleCredentials").await?, 2);
    story.emulator.process().kill();
    assert_eq!(at_terminal().await?, from_nothing);
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn p2_a_tool_that_needs_a_sign_in_is_told_so_in_two_lines_and_nothing_opens() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    let known = arguments("111122223333", "ReadOnly");
    for _ in ["with an agent", "without one"] {
        let at_terminal = portray.start_at_terminal(&known)?;
        for refused in [at_terminal.finished(DEADLINE).await?, portray.run(&known).await?] {
            let refused = refused.expect_code(3)?;
            assert_refused(&refused);
            assert!(refused.stderr.contains("portray login"), "{refused:?}");
        }
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    }
    for begun in ["Authorize", "StartDeviceAuthorization", "RegisterClient"] {
        assert_eq!(story.emulator.calls(begun).await?, 0, "{begun}");
    }
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn p2_a_warm_answer_is_one_question_to_the_agent_and_takes_no_file_thread_or_other_program()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let known = arguments("111122223333", "ReadOnly");
    portray.run(&known).await?.expect_code(0)?;

    let log = story.desktop.folder().join("strace.log");
    let mut traced = story.desktop.system_command("strace");
    traced.envs(portray.environment());
    traced
        .args(["--follow-forks", "--quiet=all", "--output"])
        .arg(&log);
    traced.arg("--trace=/^(exec|clone|fork|vfork|epoll|socket|connect|open|creat)");
    traced
        .arg(portray.command(Program::Portray)?.get_program())
        .args(&known);
    let answered = story
        .desktop
        .run("strace", traced, DEADLINE)
        .await?
        .expect_code(0)?;
    assert_document(&answered, "111122223333")?;

    let log = std::fs::read_to_string(log)?;
    // The loader opens libraries, and the runtime of every Rust program looks where its stack ends.
    let of_every_program = ["/etc/ld.so", ".so.", "\"/proc/self/maps\"", "exited with"];
    let calls = log
        .lines()
        .filter(|line| !of_every_program.iter().any(|known| line.contains(known)));
    let names = calls.map(|line| {
        line.split(['(', ' '])
            .find(|word| word.starts_with(char::is_alphabetic))
    });
    let names: Vec<_> = names.map(Option::unwrap_or_default).collect();
    assert_eq!(names, ["execve", "socket", "connect"], "{log}");
    assert!(log.contains("run/agent.sock"), "{log}");
    Ok(())
}

/// Every program here that looks for credentials of its own would find itself.
#[tokio::test]
async fn p3_profiles_and_variables_that_lead_to_portray_make_no_loop() -> Result<()> {
    let story = Headless::with_portal().await?;
    let program = story.portray().command(Program::Portray)?;
    let known = arguments("111122223333", "ReadOnly");
    let words = format!("{} {}", program.get_program().display(), known.join(" "));
    let config = story.desktop.home().join(".aws");
    std::fs::create_dir_all(&config)?;
    std::fs::write(
        config.join("config"),
        format!("[default]\ncredential_process = {words}\n[profile us]\ncredential_process = {words}\n"),
    )?;
    story.portray().run(&["agent", "stop"]).await?.expect_code(0)?;
    let mut portray = story.portray();
    for (name, value) in [
        ("AWS_PROFILE", "us"),
        ("AWS_DEFAULT_PROFILE", "us"),
        ("AWS_SDK_LOAD_CONFIG", "1"),
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9/"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ] {
        portray = portray.with_variable(name, value);
    }
    portray.sign_in(&story.emulator, "amara").await?;
    assert_document(&portray.run(&known).await?.expect_code(0)?, "111122223333")?;
    assert_eq!(story.desktop.running("portray").len(), 1, "the agent alone");
    let uses = portray.run(&["uses", "--json"]).await?.expect_code(0)?.json()?;
    assert_eq!(uses["uses"].as_array().map(Vec::len), Some(1), "{uses:#}");
    assert_eq!(story.emulator.calls("GetRoleCredentials").await?, 1);
    Ok(())
}

/// The longest output that every SDK reads.
const MOST_OUTPUT: usize = 8 * 1024;

fn assert_document(finished: &Finished, account: &str) -> Result<()> {
    assert_eq!(finished.stdout.matches('\n').count(), 1, "{finished:?}");
    assert!(finished.stdout.len() <= MOST_OUTPUT);
    let document = finished.json()?;
    let members = document.as_object().context("one object")?;
    let names: Vec<&str> = members.keys().map(String::as_str).collect();
    let mut expected = [
        "Version",
        "AccessKeyId",
        "SecretAccessKey",
        "SessionToken",
        "Expiration",
        "AccountId",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(document["Version"], Value::from(1));
    assert_eq!(document["AccountId"], account);
    let expiration = document["Expiration"].as_str().context("an expiration")?;
    assert!(expiration.ends_with('Z'), "{expiration}");
    let _: Timestamp = expiration.parse()?;
    Ok(())
}
