//! The main job on the command line: sign in, find an account, get its credentials, open its console.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Person, Program, follow, get_with_authorization, wait_until};
use portray_core::agent::protocol::Reply;
use portray_core::app::contract::{Request, SignInMethod};
use serde_json::json;
use url::Url;

use crate::headless::Headless;
use crate::secret_store::tokens_in_keyring;

const DEADLINE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_person_signs_in_by_a_printed_address_and_opens_a_printed_console() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    let person = Person::at(&story.desktop).await?;

    let login = portray.start(&["login", "--no-browser"])?;
    person
        .open(&Url::parse(&login.first_line(DEADLINE).await?)?)
        .await?;
    person.sign_in("amara", "demo-amara").await?;
    person.wait_for_text("body", "You are signed in").await?;
    let finished = login.finished(DEADLINE).await?.expect_code(0)?;
    assert!(finished.stderr.contains("Signed in."), "{finished:?}");

    let listed = portray.run(&["accounts", "--sync", "--json"]).await?;
    let listed = listed.expect_code(0)?.json()?;
    assert_eq!(listed["complete"], true);
    assert_eq!(listed["accounts"].as_array().context("accounts")?.len(), 9);

    let printed = portray
        .run(&["console", "acme-dev/ReadOnly", "--destination", "s3", "--print"])
        .await?;
    let url = Url::parse(printed.expect_code(0)?.stdout.trim())?;
    person.open(&url).await?;
    let console = person.console().await?;
    assert_eq!(console.account, "acme-dev (111122223333)");
    assert_eq!(console.role, "ReadOnly");
    assert!(console.destination.contains("s3"), "{console:?}");
    assert_eq!(
        story.opener.lines(),
        Vec::<String>::new(),
        "nothing opens by itself"
    );
    person.leave().await
}

#[tokio::test]
async fn a_login_that_joins_another_opens_no_second_tab_and_a_click_does() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    story.emulator.approve_automatically(Some("amara")).await?;

    let mut first = portray.login_at_desktop().await?;
    let link = story.opener.next_url(DEADLINE).await?;
    let mut second = portray.login_at_desktop().await?;
    portray
        .ask(|portal| Request::SignIn {
            portal,
            method: SignInMethod::Browser,
            force: false,
        })
        .await?;
    story.opener.next_url(DEADLINE).await?;
    assert_eq!(story.opener.count(), 2, "the first login's, and the click's");

    assert_eq!(follow(&link).await?.status, 200);
    for login in [&mut first, &mut second] {
        assert!(matches!(login.next().await?, Reply::Done));
    }
    assert_eq!(story.opener.count(), 2);
    assert_eq!(story.emulator.calls("Authorize").await?, 1);
    Ok(())
}

#[tokio::test]
async fn names_can_be_used_while_the_first_listing_is_still_under_way() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    story
        .emulator
        .add_fault(&json!({ "operation": "ListAccountRoles", "delay_ms": 700 }))
        .await?;
    portray.sign_in(&story.emulator, "amara").await?;
    let role = "acme-dev/ReadOnly";
    portray.run(&["credentials", role]).await?.expect_code(0)?;
    portray
        .run(&["credentials", "acme-dvv/ReadOnly"])
        .await?
        .expect_code(2)?;
    Ok(())
}

#[tokio::test]
async fn a_list_that_was_asked_for_anew_has_what_was_assigned_a_moment_ago() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    portray.sign_in(&story.emulator, "noor").await?;
    let sync = ["accounts", "--sync", "--json"];
    let before = portray.run(&sync).await?.expect_code(0)?.json()?;
    assert_eq!(
        (&before["complete"], &before["accounts"]),
        (&json!(true), &json!([]))
    );

    story.emulator.assign("noor", "ReadOnly", "111122223333").await?;
    story
        .emulator
        .add_fault(&json!({ "operation": "ListAccountRoles", "delay_ms": 700 }))
        .await?;
    let after = portray.run(&sync).await?.expect_code(0)?.json()?;
    assert_eq!(after["accounts"][0]["name"], "acme-dev", "{after}");
    assert_eq!(after["accounts"][0]["permission_sets"], json!(["ReadOnly"]));

    story.emulator.end_sessions("noor").await?;
    portray.run(&sync).await?.expect_code(3)?;
    Ok(())
}

#[tokio::test]
async fn an_agent_starts_by_itself_once_and_ends_when_it_is_told() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let none = portray.run(&["agent", "status"]).await?;
    assert_ne!(none.code, Some(0), "{none:?}");

    portray.add_portal("acme", story.emulator.addresses()).await?;
    let agent = portray.run(&["agent", "status", "--json"]).await?;
    let agent = agent.expect_code(0)?.json()?;
    assert_eq!(agent["kind"], "headless");
    let status = portray.status().await?;
    assert_eq!(status["agent"]["pid"], agent["pid"]);
    assert_eq!(status["portals"][0]["state"], "sign_in_needed");

    let second = portray.run(&["agent", "--foreground"]).await?.expect_code(1)?;
    assert!(second.stderr.contains("running already"), "{second:?}");
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let process = format!("/proc/{}", agent["pid"]);
    let gone = async || Ok((!std::path::Path::new(&process).exists()).then_some(()));
    wait_until("the agent's end", DEADLINE, gone).await
}

#[tokio::test]
async fn r8_a_sign_out_of_which_aws_could_not_be_told_says_so() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let refusal = json!({ "operation": "Logout", "status": 500 });
    story.emulator.add_fault(&refusal).await?;
    let left = portray.run(&["logout"]).await?.expect_code(0)?;
    assert!(left.stderr.contains("AWS could not be told"), "{left:?}");
    assert!(
        left.stderr.contains("Credentials that tools already have"),
        "{left:?}"
    );
    assert_eq!(tokens_in_keyring(&story.desktop).await?, Vec::<String>::new());
    portray
        .run(&["credentials", "111122223333/ReadOnly"])
        .await?
        .expect_code(3)?;
    Ok(())
}

#[tokio::test]
async fn r8_signing_out_tells_aws_and_leaves_nothing_to_sign_in_with() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let role = "111122223333/ReadOnly";
    portray.run(&["credentials", role]).await?.expect_code(0)?;
    let kept = tokens_in_keyring(&story.desktop).await?;
    assert_eq!(kept.len(), 1, "{kept:?}");

    portray.run(&["logout"]).await?.expect_code(0)?;
    assert_eq!(story.emulator.calls("Logout").await?, 1);
    assert_eq!(tokens_in_keyring(&story.desktop).await?, Vec::<String>::new());
    portray.run(&["credentials", role]).await?.expect_code(3)?;
    assert_eq!(story.emulator.end_sessions("amara").await?, 0, "AWS has ended it");

    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    portray.run(&["credentials", role]).await?.expect_code(3)?;
    assert_eq!(story.emulator.calls("GetRoleCredentials").await?, 1);
    Ok(())
}

#[tokio::test]
async fn r8_what_a_launch_was_given_ends_with_the_sign_out_and_outlives_a_session_that_aws_ended()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let exec = portray
        .start_exec("111122223333/ReadOnly", &["sleep", "600"])
        .await?;
    let asked = async || get_with_authorization(&exec.endpoint, &exec.token).await;
    assert_eq!(asked().await?.status, 200);

    story.emulator.end_sessions("amara").await?;
    portray
        .run(&["credentials", "222233334444/ReadOnly"])
        .await?
        .expect_code(3)?;
    portray.sign_in(&story.emulator, "amara").await?;
    assert_eq!(
        asked().await?.status,
        200,
        "AWS ended that session, and nobody left"
    );
    portray.run(&["logout"]).await?.expect_code(0)?;
    assert_eq!(asked().await?.status, 403);
    portray.sign_in(&story.emulator, "amara").await?;
    let refused = asked().await?;
    assert_eq!(refused.status, 403);
    assert!(refused.body.contains("SignedOut"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn r8_signing_out_works_without_aws() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();

    story.emulator.process().kill();
    portray.run(&["logout"]).await?.expect_code(0)?;
    assert_eq!(tokens_in_keyring(&story.desktop).await?, Vec::<String>::new());
    let refused = portray.run(&["credentials", "111122223333/ReadOnly"]).await?;
    refused.expect_code(3)?;
    Ok(())
}

/// How its arguments end where a command of theirs ends by a signal, and whether a shell goes on then, whose terminal
/// sends the signal to everybody.
const ENDED_BY_SIGNALS: &str = r#"
import json, os, pty, subprocess, sys, time
ended = {}
for signal in ["INT", "TERM", "HUP", "QUIT", "KILL", "USR1"]:
    command = [*sys.argv[1:], "sh", "-c", f"kill -{signal} $$"]
    ended[signal] = subprocess.run(command).returncode
# Says READY itself: a shell that is just starting its next program may lose a Ctrl-C.
waiting = "import signal, time; signal.signal(2, signal.SIG_DFL); print('READY', flush=True); time.sleep(60)"
pid, terminal = pty.fork()
if pid == 0:
    command = [*sys.argv[1:], sys.executable, "-c", waiting]
    os.execvp("bash", ["bash", "-c", '"$@"; echo NEXT', "script", *command])
said = b""
try:
    while part := os.read(terminal, 4096):
        said += part
        if b"READY" in said:
            os.write(terminal, b"\x03")
            said = said.replace(b"READY", b"")
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"ended": ended, "said": said.decode(), "script": status}))
"#;

#[tokio::test]
async fn exec_ends_as_its_command_does_so_that_a_shell_whose_command_was_interrupted_does_not_go_on()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let mut command = portray.system_command("python3");
    command.args(["-c", ENDED_BY_SIGNALS]);
    command
        .arg(portray.command(Program::Portray)?.get_program())
        .args(["exec", "acme-dev/ReadOnly", "--"]);
    let told = story.desktop.run("python3", command, DEADLINE).await?;
    let told = told.expect_code(0)?.json()?;
    assert_eq!(
        told["ended"],
        json!({"INT": -2, "TERM": -15, "HUP": -1, "QUIT": -3, "KILL": -9, "USR1": -10}),
        "{told}"
    );
    assert_eq!(told["script"], -2, "{told}");
    let said = told["said"].as_str().context("a text")?;
    assert!(!said.contains("NEXT"), "{told}");
    Ok(())
}
