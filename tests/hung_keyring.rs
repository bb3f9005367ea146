//! A keyring that does not answer, asks a question that nobody answers, or is told no: it delays nobody.

use std::time::Duration;

use anyhow::Result;
use harness::{Desktop, DesktopOptions, EmulatorProcess, KeyringCalls, KeyringDouble, Portray};
use portray_core::app::contract::Request;
use serde_json::Value;

use crate::headless::Headless;
use crate::secret_store::tokens_in_keyring;

const DEADLINE: Duration = Duration::from_secs(30);

/// Within which a keyring that works again is used again, without a restart.
const RECOVERY: Duration = Duration::from_secs(60);

/// How long the keyring may take to write.
const WRITE_DEADLINE: Duration = Duration::from_secs(10);

const ROLE: &str = "111122223333/ReadOnly";

/// Waits until the portal's problem is told to scripts, in the words of the keyring's failure.
async fn wait_for_problem(desktop: &Desktop, portray: &Portray<'_>, words: &str) -> Result<Value> {
    let told = desktop.wait_until(words, DEADLINE, async || {
        let portal = portray.status().await?["portals"][0].clone();
        let what_happened = portal["problem"]["what_happened"].as_str().unwrap_or_default();
        Ok(what_happened.contains(words).then_some(portal))
    });
    let portal = told.await?;
    assert_eq!(portal["problem"]["code"], "secret_store", "{portal}");
    Ok(portal)
}

async fn wait_for_no_problem(desktop: &Desktop, portray: &Portray<'_>) -> Result<()> {
    let is_mended = async || {
        let portal = portray.status().await?["portals"][0].clone();
        Ok((portal["problem"] == Value::Null).then_some(()))
    };
    desktop
        .wait_until("a portal without a problem", RECOVERY, is_mended)
        .await
}

/// Each ends by itself, with the exit code of the secret store and two lines.
async fn expect_refusals(portray: &Portray<'_>, words: &str) -> Result<()> {
    for command in [["credentials", ROLE], ["login", "--device-code"]] {
        let refused = portray.run(&command).await?.expect_code(7)?;
        assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
        assert!(refused.stderr.contains(words), "{refused:?}");
    }
    Ok(())
}

#[tokio::test]
async fn k1_while_the_keyring_hangs_tools_are_served_and_a_renewed_token_waits_in_memory() -> Result<()> {
    let story = Headless::signed_in().await?;
    let (desktop, portray) = (&story.desktop, story.portray());
    // Whoever uses a refresh token twice is found out.
    story.emulator.amend_world("rotation = \"strict\"").await?;
    let kept = tokens_in_keyring(desktop).await?;
    let renewals = story.emulator.calls("CreateToken").await?;

    desktop.freeze_keyring()?;
    portray.ask(|_| Request::RenewNow).await?;
    let renewed = async || Ok((story.emulator.calls("CreateToken").await? > renewals).then_some(()));
    desktop.wait_until("a renewal", DEADLINE, renewed).await?;
    // Nobody has read these before: they come from AWS, with a token whose successor cannot be stored.
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    let told = wait_for_problem(desktop, &portray, "did not answer in time").await?;
    assert_eq!(told["state"], "signed_in");
    portray
        .run(&["credentials", "acme-prod/ReadOnly"])
        .await?
        .expect_code(0)?;

    // It would be lost with the agent.
    let refused = portray.run(&["agent", "stop"]).await?.expect_code(7)?;
    assert!(refused.stderr.contains("--force"), "{refused:?}");
    assert_eq!(portray.status().await?["portals"][0]["state"], "signed_in");

    desktop.thaw_keyring()?;
    wait_for_no_problem(desktop, &portray).await?;
    assert_eq!(tokens_in_keyring(desktop).await?, kept, "the same entry");
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    // What was stored at last is the new one.
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let before = story.emulator.calls("CreateToken").await?;
    portray.ask(|_| Request::RenewNow).await?;
    let renewed = async || Ok((story.emulator.calls("CreateToken").await? > before).then_some(()));
    desktop.wait_until("another renewal", DEADLINE, renewed).await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let counters: Value = story.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0);
    Ok(())
}

#[tokio::test]
async fn k2_with_a_hung_keyring_portray_starts_ends_starts_again_and_heals_by_itself() -> Result<()> {
    let story = Headless::signed_in().await?;
    let (desktop, portray) = (&story.desktop, story.portray());
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let kept = tokens_in_keyring(desktop).await?;
    let sign_ins = story.emulator.calls("CreateToken").await?;

    desktop.freeze_keyring()?;
    let first = portray.start_agent().await?;
    assert_eq!(portray.status().await?["portals"][0]["state"], "unknown");
    wait_for_problem(desktop, &portray, "did not answer in time").await?;
    expect_refusals(&portray, "did not answer in time").await?;
    let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert_eq!(stopped.stderr.trim(), "The agent has stopped.");
    first.finished(DEADLINE).await?.expect_code(0)?;

    let second = portray.start_agent().await?;
    wait_for_problem(desktop, &portray, "did not answer in time").await?;
    desktop.thaw_keyring()?;
    portray.wait_for_portal("signed_in", RECOVERY).await?;
    wait_for_no_problem(desktop, &portray).await?;
    let served = async || {
        let credentials = portray.run(&["credentials", ROLE]).await?;
        Ok((credentials.code == Some(0)).then_some(()))
    };
    desktop.wait_until("credentials", RECOVERY, served).await?;
    assert_eq!(story.emulator.calls("CreateToken").await?, sign_ins);
    assert_eq!(tokens_in_keyring(desktop).await?, kept);

    // A renewed token that cannot be stored holds up the end for two seconds, and not for the ten of a write.
    desktop.freeze_keyring()?;
    portray.ask(|_| Request::RenewNow).await?;
    let renewed = async || Ok((story.emulator.calls("CreateToken").await? > sign_ins).then_some(()));
    desktop.wait_until("a renewal", DEADLINE, renewed).await?;
    second.terminate();
    second.finished(WRITE_DEADLINE).await?.expect_code(0)?;
    Ok(())
}

/// A machine whose Secret Service is the test's own.
async fn without_keyring() -> Result<(Desktop, EmulatorProcess)> {
    let desktop = Desktop::start_with(DesktopOptions::bare()).await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    Ok((desktop, emulator))
}

#[tokio::test]
async fn k2_a_question_of_the_keyring_that_nobody_answers_holds_up_nothing() -> Result<()> {
    let (desktop, emulator) = without_keyring().await?;
    let keyring = KeyringDouble::with_open_question(&desktop).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    let first = portray.start_agent().await?;
    portray.add_portal("acme", emulator.addresses()).await?;
    keyring.wait_for_question(DEADLINE).await?;
    wait_for_problem(&desktop, &portray, "did not answer in time").await?;
    expect_refusals(&portray, "did not answer in time").await?;
    assert_eq!(emulator.calls("StartDeviceAuthorization").await?, 0);
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    first.finished(DEADLINE).await?.expect_code(0)?;

    let _second = portray.start_agent().await?;
    wait_for_problem(&desktop, &portray, "did not answer in time").await?;
    keyring.unlock().await?;
    let healed = portray.wait_for_portal("sign_in_needed", RECOVERY).await?;
    assert_eq!(healed["portals"][0]["problem"], Value::Null, "{healed}");
    Ok(())
}

#[tokio::test]
async fn k3_a_question_of_the_keyring_that_was_turned_down_is_told_as_that() -> Result<()> {
    let (desktop, emulator) = without_keyring().await?;
    let keyring = KeyringDouble::with_question_turned_down(&desktop).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    let portal = wait_for_problem(&desktop, &portray, "dismissed").await?;
    assert_eq!(portal["state"], "unknown");
    let refused = portray.run(&["login", "--device-code"]).await?.expect_code(7)?;
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
    assert!(refused.stderr.contains("dismissed"), "{refused:?}");
    assert!(refused.stderr.contains("Unlock the keyring"), "{refused:?}");
    assert_eq!(emulator.calls("StartDeviceAuthorization").await?, 0);
    // The person unlocks it elsewhere: that is seen, and nobody was asked once more for it.
    let asked = keyring.questions();
    keyring.unlock().await?;
    let healed = portray.wait_for_portal("sign_in_needed", RECOVERY).await?;
    assert_eq!(healed["portals"][0]["problem"], Value::Null, "{healed}");
    assert_eq!(keyring.questions(), asked);
    Ok(())
}

#[tokio::test]
async fn k5_the_keyring_is_asked_once_a_start_by_an_encrypted_session_and_never_to_serve() -> Result<()> {
    let story = Headless::signed_in().await?;
    let (desktop, portray) = (&story.desktop, story.portray());
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;

    let calls = KeyringCalls::overhear(desktop).await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let at_start = calls.secrets_read();
    assert_eq!(at_start.len(), 1, "the sign-in: {at_start:?}");
    for role in [ROLE, ROLE, "acme-prod/ReadOnly"] {
        portray.run(&["credentials", role]).await?.expect_code(0)?;
    }
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    assert_eq!(calls.secrets_written(), Vec::<String>::new());
    portray.ask(|_| Request::RenewNow).await?;
    let stored = async || Ok((!calls.secrets_written().is_empty()).then_some(()));
    desktop.wait_until("a stored token", DEADLINE, stored).await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    assert_eq!(
        calls.secrets_read(),
        at_start,
        "nothing was read to serve or to renew"
    );
    assert_eq!(calls.secrets_written(), at_start, "one entry, written once");
    let algorithms = calls.algorithms();
    assert_eq!(algorithms, ["dh-ietf1024-sha256-aes128-cbc-pkcs7"]);
    Ok(())
}
