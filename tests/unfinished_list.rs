//! A list that stops half-way, on the command line and in the window: what it has, what it lacks, and that it goes on.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fantoccini::Locator;
use harness::{Desktop, EmulatorProcess, Portray, Program, WindowDriver};
use serde_json::json;

use crate::stage::{PORTAL, Stage};

const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn s2_a_list_that_stopped_half_way_says_so_serves_what_it_has_and_goes_on() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let mut command = desktop.command(Program::Emulator)?;
    command.args(["--generate", "12x2"]);
    let emulator = EmulatorProcess::start_command(&desktop, command).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("big", emulator.addresses()).await?;
    emulator
        .add_fault(&json!({"operation": "ListAccountRoles", "status": 400, "after": 1}))
        .await?;
    portray.sign_in(&emulator, "amara").await?;
    let stopped = async || {
        let portal = portray.status().await?["portals"][0].clone();
        let is_stopped = portal["accounts"].as_u64() == Some(12) && !portal["problem"].is_null();
        Ok(is_stopped.then_some(()))
    };
    desktop.wait_until("the list stops", SOON, stopped).await?;

    let listed = portray.run(&["accounts", "--json"]).await?.expect_code(0)?;
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout)?;
    assert_eq!(listed["complete"], false);
    let accounts = listed["accounts"].as_array().context("accounts")?;
    let is_begun = |account: &&serde_json::Value| account["permission_sets"] == json!([]);
    let begun = accounts.iter().find(is_begun).context("one without roles")?;
    let name = begun["name"].as_str().context("a name")?;

    for lacked in [&["accounts", "nobody"][..], &["credentials", "nobody/Admin"]] {
        let refused = portray.run(lacked).await?.expect_code(5)?;
        assert!(
            refused.stderr.contains("the list is not whole"),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains("HTTP 400"), "{}", refused.stderr);
    }
    let target = format!("{name}/PermissionSet000");
    portray.run(&["credentials", &target]).await?.expect_code(0)?;

    emulator.clear_faults().await?;
    let words = format!("{name} PermissionSet000");
    let found = async || {
        let asked = portray.run(&["credentials", &words]).await?;
        Ok((asked.code == Some(0)).then_some(()))
    };
    desktop.wait_until("the list goes on", SOON, found).await?;
    let unknown = portray.run(&["credentials", "nobody/Admin"]).await?;
    unknown.expect_code(2)?;
    Ok(())
}

#[tokio::test]
async fn s2_a_first_list_that_aws_refuses_is_told_in_words_and_a_role_can_be_named_without_it() -> Result<()>
{
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    emulator
        .add_fault(&json!({"operation": "ListAccounts", "status": 500}))
        .await?;
    portray.sign_in(&emulator, "amara").await?;

    let refused = portray.run(&["credentials", "acme-dev/ReadOnly"]).await?;
    let refused = refused.expect_code(5)?;
    assert_eq!(refused.stdout, "");
    for words in ["could not be read yet", "HTTP 500", "ACCOUNT_ID/PERMISSION_SET"] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    let listed = portray.run(&["accounts", "--json"]).await?.expect_code(5)?;
    assert!(listed.stderr.contains("HTTP 500"), "{listed:?}");
    assert_eq!(listed.stdout, "", "no document that could pass for a list");
    portray
        .run(&["credentials", "111122223333/ReadOnly"])
        .await?
        .expect_code(0)?;

    emulator.clear_faults().await?;
    let found = async || {
        let asked = portray.run(&["credentials", "acme-dev/ReadOnly"]).await?;
        Ok((asked.code == Some(0)).then_some(()))
    };
    desktop.wait_until("the list goes on", SOON, found).await
}

#[tokio::test]
async fn s2_while_aws_hangs_what_is_known_is_shown_and_why_there_is_no_more() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    emulator
        .add_fault(&json!({"operation": "ListAccountRoles", "hang": true}))
        .await?;
    portray.sign_in(&emulator, "amara").await?;

    for arguments in [&["accounts"][..], &["accounts", "dev"]] {
        let listed = portray.run(arguments).await?.expect_code(0)?;
        assert!(listed.stdout.contains("acme-dev"), "{listed:?}");
        for words in [
            "still being listed, 0 of 9 accounts",
            "AWS cannot be reached for acme",
        ] {
            assert!(listed.stderr.contains(words), "{words}: {listed:?}");
        }
    }
    portray
        .run(&["credentials", "acme-dev/ReadOnly"])
        .await?
        .expect_code(0)?;

    emulator.clear_faults().await?;
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    emulator
        .add_fault(&json!({"operation": "ListAccounts", "hang": true}))
        .await?;
    let anew = portray.start(&["accounts", "--sync"])?;
    let told = async || {
        let listed = portray.run(&["accounts", "dev"]).await?.expect_code(0)?;
        let is_told = listed.stderr.contains("acme: this was listed at")
            && listed.stderr.contains("AWS cannot be reached for acme");
        assert!(listed.stdout.contains("acme-dev"), "{listed:?}");
        Ok(is_told.then_some(()))
    };
    desktop.wait_until("how old the list is", SOON, told).await?;
    emulator.clear_faults().await?;
    let anew = anew.finished(SOON).await?.expect_code(0)?;
    assert!(anew.stderr.contains("Portray goes on trying"), "{anew:?}");
    Ok(())
}

#[tokio::test]
async fn s2_a_list_that_aws_refuses_ends_with_4_and_says_who_can_mend_it() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    for (status, name) in [(403, "ForbiddenException"), (404, "ResourceNotFoundException")] {
        let said = json!({"__type": name, "message": "No access"});
        emulator
            .add_fault(&json!({
                "operation": "ListAccounts", "status": status, "body": said.to_string(),
                "headers": {"x-amzn-ErrorType": name},
            }))
            .await?;
        if status == 403 {
            portray.sign_in(&emulator, "amara").await?;
        }
        for arguments in [&["accounts"][..], &["accounts", "--sync"]] {
            let refused = portray.run(arguments).await?.expect_code(4)?;
            assert_eq!(refused.stdout, "", "{refused:?}");
            let words = format!("AWS refuses to list the accounts of acme (HTTP {status}: No access).");
            assert!(refused.stderr.contains(&words), "{refused:?}");
            assert!(refused.stderr.contains("an administrator"), "{refused:?}");
        }
        emulator.clear_faults().await?;
    }
    Ok(())
}

#[tokio::test]
async fn s2_a_sync_that_aws_does_not_answer_says_why_beside_its_progress_in_the_window() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    stage.wait_for_whole_list(&application).await?;
    let window = WindowDriver::open(&stage.desktop, &stage.portray().environment()).await?;
    window.wait_for("#roles [role='row']").await?;
    ensure!(!window.shows("#sync-trouble").await?, "all is well");

    let away = json!({ "operation": "ListAccounts", "status": 503 });
    stage.emulator.add_fault(&away).await?;
    stage.tray.click(&application.icon, &[PORTAL, "Sync now"]).await?;
    window.wait_for("#sync-trouble").await?;
    window.wait_for("progress").await?;
    let said = window
        .client()
        .find(Locator::Css("#sync-trouble"))
        .await?
        .text()
        .await?;
    ensure!(said.contains("AWS") && said.contains("by itself"), "{said}");
    ensure!(window.shows("#roles [role='row']").await?, "the list of before");

    stage.emulator.clear_faults().await?;
    let is_gone = async || Ok((!window.shows("#sync-trouble").await?).then_some(()));
    stage
        .desktop
        .wait_until("a sync that goes on", SOON, is_gone)
        .await
}
