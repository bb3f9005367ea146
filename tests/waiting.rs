//! What people and tools are told while something takes its time: a first list, AWS itself, another person's sign-in.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Process, Simulation};
use identity_center_emulator::{Fault, Operation, World};
use portray_core::app::contract::{ProblemCode, Request};
use serde_json::{Value, json};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);
const DEV: &str = "111122223333";

/// Longer in all than the agent keeps a connection that says nothing, and never silent for so long that AWS seems away.
fn slow_list() -> [Value; 2] {
    [
        json!({ "operation": "ListAccounts", "delay_ms": 4_000, "times": 1 }),
        json!({ "operation": "ListAccountRoles", "delay_ms": 3_500, "times": 9 }),
    ]
}

#[tokio::test]
async fn names_and_lists_wait_for_the_first_list_and_ids_do_not() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    for fault in slow_list() {
        story.emulator.add_fault(&fault).await?;
    }
    portray.sign_in(&story.emulator, "amara").await?;

    let listed = portray.start(&["accounts", "--json"])?;
    let named = portray.start(&["-v", "credentials", "acme-dev ReadOnly"])?;
    let by_id = ["credentials", "111122223333/ReadOnly"];
    portray.run(&by_id).await?.expect_code(0)?;
    let status = portray.status().await?;
    assert_eq!(
        status["portals"][0]["complete"], false,
        "it waited for the list: {status:#}"
    );

    let listed = listed.finished(DEADLINE).await?.expect_code(0)?.json()?;
    assert!(listed["synced_at"].is_string(), "{listed}");
    assert_eq!(listed["accounts"].as_array().context("accounts")?.len(), 9);
    let named = named.finished(DEADLINE).await?.expect_code(0)?;
    assert!(
        named
            .stderr
            .contains("Waiting until the accounts of acme are listed")
    );

    for fault in slow_list() {
        story.emulator.add_fault(&fault).await?;
    }
    let anew = portray.run(&["accounts", "--sync", "--json"]).await?;
    assert_ne!(anew.expect_code(0)?.json()?["synced_at"], listed["synced_at"]);
    Ok(())
}

#[tokio::test]
async fn more_is_said_to_those_who_ask_for_it_and_never_a_secret() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["accounts"]).await?.expect_code(0)?;
    let agent = portray.run(&["agent", "status", "--json"]).await?.json()?;

    let profile = format!("credential-process --portal acme --account {DEV} --permission-set ReadOnly");
    let profile: Vec<&str> = profile.split(' ').collect();
    let quiet = portray.run(&profile).await?.expect_code(0)?;
    assert_eq!(quiet.stderr, "");
    let process = format!("process {}, version {}", agent["pid"], env!("CARGO_PKG_VERSION"));
    let told = portray
        .run(&[&profile[..], &["-v"]].concat())
        .await?
        .expect_code(0)?;
    for part in [
        &process,
        "agent.sock",
        "ReadOnly in account 111122223333",
        "good until",
    ] {
        assert!(told.stderr.contains(part), "{part} in {}", told.stderr);
    }
    for secret in ["SecretAccessKey", "SessionToken"] {
        let document = told.json()?;
        let secret = document[secret].as_str().context("a secret")?;
        assert!(!told.stderr.contains(secret), "{}", told.stderr);
    }
    let listed = portray.run(&["accounts", "-v"]).await?.expect_code(0)?;
    assert!(
        listed.stderr.contains("its accounts were listed at"),
        "{}",
        listed.stderr
    );
    Ok(())
}

#[tokio::test]
async fn a_portal_that_nobody_signed_in_to_leaves_the_others_lists_as_they_are() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    portray.add_portal("one", story.emulator.addresses()).await?;
    portray.run(&["accounts"]).await?.expect_code(3)?;
    portray.run(&["accounts", "--json"]).await?.expect_code(3)?;
    portray.sign_in(&story.emulator, "amara").await?;
    portray.add_portal("two", story.emulator.addresses()).await?;

    for arguments in [&["accounts", "dev"][..], &["accounts", "--sync", "dev"]] {
        let listed = portray.run(arguments).await?.expect_code(0)?;
        assert!(listed.stdout.contains("acme-dev"), "{listed:?}");
        assert!(listed.stderr.contains("two: You are not signed in"), "{listed:?}");
    }
    let nothing = portray.run(&["accounts", "zzz", "qqq"]).await?.expect_code(0)?;
    assert_eq!(nothing.stdout, "");
    let note = "No account or permission set matches “zzz qqq”.";
    assert!(nothing.stderr.contains(note), "{nothing:?}");
    let both = portray.run(&["accounts", "--json"]).await?.expect_code(2)?;
    assert_eq!(both.stdout, "");
    assert!(
        both.stderr.contains("--portal") && both.stderr.contains("  two\n"),
        "{both:?}"
    );
    let one = portray.run(&["accounts", "--json", "--portal", "one"]).await?;
    assert_eq!(one.expect_code(0)?.json()?["portal"], "one");
    let two = portray.run(&["accounts", "--json", "--portal", "two"]).await?;
    two.expect_code(3)?;
    Ok(())
}

/// Somebody is signed in, and AWS does not answer who asks for a role's credentials.
async fn signed_in_without_an_answer() -> Result<Headless> {
    let story = Headless::signed_in().await?;
    let hangs = json!({ "operation": "GetRoleCredentials", "hang": true });
    story.emulator.add_fault(&hangs).await?;
    Ok(story)
}

#[tokio::test]
async fn whoever_asks_for_more_words_is_told_that_aws_is_waited_for() -> Result<()> {
    let story = signed_in_without_an_answer().await?;
    let portray = story.portray();
    let role = format!("{DEV}/ReadOnly");
    for command in [
        &["credentials", &role][..],
        &["env", &role],
        &["exec", &role, "--", "true"],
    ] {
        let waiting = portray.start(&[&["-v"], command].concat())?;
        let said = async || Ok(waiting.stderr().contains("Waiting for AWS …").then_some(()));
        let what = format!("words about the wait of {command:?}");
        story
            .desktop
            .wait_until(&what, Duration::from_secs(20), said)
            .await?;
        waiting.interrupt();
    }
    Ok(())
}

#[tokio::test]
async fn a_tool_is_told_that_aws_does_not_answer_before_it_gives_up() -> Result<()> {
    let story = signed_in_without_an_answer().await?;
    let portray = story.portray();
    let profile = format!("credential-process --portal acme --account {DEV} --permission-set ReadOnly");
    let profile: Vec<&str> = profile.split(' ').collect();
    let refused = portray.run(&profile).await?.expect_code(5)?;
    assert!(
        refused.stderr.contains("AWS cannot be reached for acme"),
        "{refused:?}"
    );
    Ok(())
}

#[tokio::test]
async fn who_waits_at_a_terminal_hears_after_a_moment_what_for_and_a_pipe_hears_nothing() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let slow = json!({ "operation": "GetRoleCredentials", "delay_ms": 6_000 });
    story.emulator.add_fault(&slow).await?;
    let asks = |set| ["credentials", set];
    let terminal = portray.start_at_terminal(&asks("111122223333/ReadOnly"))?;
    let pipe = portray.start(&asks("111122223333/Developer"))?;
    terminal.wait_for("Waiting for AWS", 0, DEADLINE).await?;
    terminal.finished(DEADLINE).await?.expect_code(0)?;
    let pipe = pipe.finished(DEADLINE).await?.expect_code(0)?;
    assert_eq!(pipe.stderr, "");

    portray.run(&["logout"]).await?.expect_code(0)?;
    let slow = json!({ "operation": "StartDeviceAuthorization", "delay_ms": 6_000 });
    story.emulator.add_fault(&slow).await?;
    let login = portray.start_at_terminal(&["login", "--device-code", "--no-browser"])?;
    let waits = login
        .wait_for("Waiting for AWS's sign-in service", 0, DEADLINE)
        .await?;
    login.wait_for("must show this code", waits, DEADLINE).await?;
    Ok(())
}

#[tokio::test]
async fn a_person_is_told_that_aws_does_not_answer_before_the_command_gives_up() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.emulator.add_fault(Fault::hang(Operation::GetRoleCredentials));
    let began = day.now();
    let role = day.role(DEV, "ReadOnly");
    let refused = day
        .while_time_passes(async { Ok::<_, ()>(day.app.credentials(&role, Duration::ZERO).await.map(drop)) });
    let problem = refused.await?.expect_err("AWS does not answer");
    assert_eq!(problem.code, ProblemCode::Unreachable);
    assert!(problem.what_happened.contains("AWS"), "{problem:?}");
    let waited = day.now().duration_since(began);
    assert!(waited.as_secs() < 50, "{waited}");
    Ok(())
}

#[tokio::test]
async fn what_aws_never_gave_is_nobodys_role() -> Result<()> {
    let day = Simulation::begin(World::acme())?;
    assert!(day.try_credentials(DEV, "ReadOnly").await.is_none());
    assert!(day.snapshot().await?.credentials.is_empty(), "signed out");
    day.sign_in("amara").await?;
    for (account, permission_set) in [(DEV, "Nope"), ("999999999999", "ReadOnly")] {
        assert!(day.try_credentials(account, permission_set).await.is_none());
        assert!(
            day.snapshot().await?.credentials.is_empty(),
            "{account}/{permission_set}"
        );
    }
    let role = day.role(DEV, "Nope").into();
    day.ask(Request::Keep { role, on: true }).await?;
    assert_eq!(
        day.snapshot().await?.credentials.len(),
        1,
        "kept is shown whatever becomes of it"
    );
    Ok(())
}

#[tokio::test]
async fn ctrl_c_ends_the_sign_in_that_a_login_began_and_no_other() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();

    let (alone, _) = portray.login_by_code(&[]).await?;
    interrupted(&alone, "was cancelled").await?;
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;

    let (first, code) = portray.login_by_code(&[]).await?;
    let (second, same_code) = portray.login_by_code(&[]).await?;
    assert_eq!(code, same_code, "the second one joined the first one");
    interrupted(&second, "goes on").await?;
    assert_eq!(portray.status().await?["portals"][0]["state"], "signing_in");
    story.emulator.approve(&code, "amara").await?;
    first.finished(DEADLINE).await?.expect_code(0)?;
    Ok(())
}

#[tokio::test]
async fn a_login_says_that_it_has_ended_the_session_before_it_also_when_it_is_cancelled() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    portray.sign_in(&story.emulator, "amara").await?;
    let (login, _) = portray.login_by_code(&["--force"]).await?;
    login.interrupt();
    let ended = login.finished(DEADLINE).await?.expect_code(130)?;
    let said: Vec<_> = ended.stderr.lines().collect();
    assert_eq!(
        said,
        [
            "Your session at acme has ended; there are no new credentials until you have signed in.",
            "The sign-in was cancelled.",
            "You were signed out of acme for it. Sign in again when you are ready.",
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_login_that_another_one_replaced_says_so() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    let replaced = portray.start(&["login", "--no-browser"])?;
    replaced.first_line(DEADLINE).await?;
    let (_other, _) = portray.login_by_code(&[]).await?;
    let replaced = replaced.finished(DEADLINE).await?.expect_code(130)?;
    assert!(
        replaced.stderr.contains("Another sign-in to acme was begun"),
        "{replaced:?}"
    );
    Ok(())
}

async fn interrupted(login: &Process, says: &str) -> Result<()> {
    login.interrupt();
    let ended = login.finished(DEADLINE).await?.expect_code(130)?;
    assert_eq!(ended.stderr.lines().count(), 2, "{ended:?}");
    assert!(ended.stderr.contains(says), "{ended:?}");
    Ok(())
}
