//! Where sign-ins are kept, and what happens where they cannot be.

use std::collections::HashMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use harness::{Desktop, DesktopOptions, EmulatorProcess, Portray};
use serde_json::Value;
use zbus::zvariant;
use zbus::zvariant::OwnedObjectPath;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);

const KEYRING: &str = "org.freedesktop.secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

#[tokio::test]
async fn k3_without_a_keyring_nothing_is_kept_and_the_choice_is_told() -> Result<()> {
    let desktop = Desktop::start_with(DesktopOptions::bare()).await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;

    let refused = portray.run(&["login", "--device-code"]).await?.expect_code(7)?;
    assert_eq!(refused.stdout, "", "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
    for choice in ["PORTRAY_SECRET_STORE=memory", "PORTRAY_SECRET_STORE=file"] {
        assert!(refused.stderr.contains(choice), "{refused:?}");
    }
    assert_eq!(emulator.calls("StartDeviceAuthorization").await?, 0);
    assert_eq!(files_with_tokens(&desktop.portray_home())?, Vec::<String>::new());

    // The agent that runs has the keyring: what was advised works all the same.
    let portray = portray.with_variable("PORTRAY_SECRET_STORE", "memory");
    portray.sign_in(&emulator, "amara").await?;
    let role = "111122223333/ReadOnly";
    portray.run(&["credentials", role]).await?.expect_code(0)?;
    assert_eq!(files_with_tokens(&desktop.portray_home())?, Vec::<String>::new());
    let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert!(stopped.stderr.contains("in memory only"), "{stopped:?}");
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;

    // So does the other advice, also while an agent runs that has nobody signed in.
    let passphrase = desktop.folder().join("passphrase");
    std::fs::write(&passphrase, "correct horse battery staple\n")?;
    std::fs::set_permissions(&passphrase, std::fs::Permissions::from_mode(0o600))?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses())
        .with_variable("PORTRAY_SECRET_STORE", "file")
        .with_variable("PORTRAY_PASSPHRASE_FILE", &passphrase.to_string_lossy());
    portray.sign_in(&emulator, "amara").await?;
    assert_eq!(files_with_tokens(&desktop.portray_home())?, Vec::<String>::new());
    let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert!(
        stopped.stderr.contains("kept in the encrypted file"),
        "{stopped:?}"
    );
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    Ok(())
}

#[tokio::test]
async fn k3_a_sign_in_in_the_keyring_is_not_left_for_one_in_memory_unasked() -> Result<()> {
    let story = Headless::signed_in().await?;
    let in_memory = story.portray().with_variable("PORTRAY_SECRET_STORE", "memory");
    let refused = in_memory.run(&["login", "--device-code"]).await?.expect_code(7)?;
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
    assert!(refused.stderr.contains("portray agent stop"), "{refused:?}");
    in_memory.wait_for_portal("signed_in", DEADLINE).await?;
    in_memory.run(&["agent", "stop"]).await?.expect_code(0)?;
    in_memory.sign_in(&story.emulator, "amara").await?;
    let stopped = in_memory.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert!(stopped.stderr.contains("in memory only"), "{stopped:?}");
    Ok(())
}

#[tokio::test]
async fn k3_without_a_session_bus_there_is_no_keyring_service_and_that_is_said() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    for address in ["unix:path=/nowhere/bus", ""] {
        let portray = Portray::with_emulator(&desktop, emulator.addresses())
            .with_variable("DBUS_SESSION_BUS_ADDRESS", address);
        portray.add_portal("acme", emulator.addresses()).await?;
        let refused = portray.run(&["login", "--device-code"]).await?.expect_code(7)?;
        assert!(refused.stderr.contains("no keyring service"), "{refused:?}");
        let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        assert!(!stopped.stderr.contains("kept"), "nothing is: {stopped:?}");
    }
    Ok(())
}

#[tokio::test]
async fn k3_a_keyring_service_without_a_default_keyring_is_called_that_at_login() -> Result<()> {
    let story = Headless::with_portal().await?;
    let _empty = story.desktop.without_any_keyring().await?;
    let refused = story
        .portray()
        .run(&["login", "--device-code"])
        .await?
        .expect_code(7)?;
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
    for words in [
        "no default keyring",
        "set it as default",
        "PORTRAY_SECRET_STORE=file",
    ] {
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
    assert_eq!(story.emulator.calls("StartDeviceAuthorization").await?, 0);
    Ok(())
}

#[tokio::test]
async fn k2_a_sign_in_whose_keyring_is_not_there_yet_is_waited_for_and_nobody_is_asked_to_sign_in()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let calls = story.emulator.calls("CreateToken").await?;

    let _empty = story.desktop.without_any_keyring().await?;
    for command in [
        ["credentials", "111122223333/ReadOnly"],
        ["login", "--device-code"],
    ] {
        let refused = portray.run(&command).await?.expect_code(7)?;
        assert!(refused.stderr.contains("no default keyring"), "{refused:?}");
    }
    let portal = portray.status().await?["portals"][0].clone();
    assert_eq!(portal["state"], "unknown", "{portal}");
    assert_eq!(portal["problem"]["code"], "secret_store", "{portal}");

    let _keyring = story.desktop.with_keyring_again().await?;
    let recovery = Duration::from_secs(60);
    let healed = portray.wait_for_portal("signed_in", recovery).await?;
    assert_eq!(healed["portals"][0]["problem"], Value::Null, "{healed}");
    assert_eq!(story.emulator.calls("StartDeviceAuthorization").await?, 0);
    assert_eq!(
        story.emulator.calls("CreateToken").await?,
        calls,
        "nobody signed in again"
    );
    Ok(())
}

#[tokio::test]
async fn k3_a_locked_keyring_is_said_waited_for_and_left_alone() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let kept = tokens_in_keyring(&story.desktop).await?;
    let calls = story.emulator.calls("CreateToken").await?;

    story.desktop.lock_keyring().await?;
    for command in [
        ["credentials", "111122223333/ReadOnly"].as_slice(),
        &["login", "--device-code"],
        &["login", "--no-browser"],
        &["logout"],
        &["portal", "remove", "acme"],
        &["logout"],
    ] {
        let refused = portray.run(command).await?.expect_code(7)?;
        assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
        assert!(refused.stderr.contains("locked"), "{refused:?}");
        assert!(refused.stderr.contains("Unlock the keyring"), "{refused:?}");
    }
    let portal = portray.status().await?["portals"][0].clone();
    assert_eq!(portal["state"], "unknown");
    assert_eq!(portal["problem"]["code"], "secret_store", "{portal}");
    assert_eq!(story.emulator.calls("StartDeviceAuthorization").await?, 0);
    assert_eq!(tokens_in_keyring(&story.desktop).await?, kept);

    story.desktop.unlock_keyring().await?;
    let recovery = Duration::from_secs(60);
    let healed = portray.wait_for_portal("signed_in", recovery).await?;
    assert_eq!(healed["portals"][0]["problem"], Value::Null, "{healed}");
    // The refusal is the answer for a few seconds more.
    let served = async || {
        let credentials = portray.run(&["credentials", "111122223333/ReadOnly"]).await?;
        Ok((credentials.code == Some(0)).then_some(()))
    };
    story.desktop.wait_until("credentials", recovery, served).await?;
    assert_eq!(
        story.emulator.calls("CreateToken").await?,
        calls,
        "nobody signed in again"
    );
    assert_eq!(tokens_in_keyring(&story.desktop).await?, kept);
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}

/// The names of the entries of the keyring that hold a sign-in.
pub async fn tokens_in_keyring(desktop: &Desktop) -> Result<Vec<String>> {
    let property = ("org.freedesktop.Secret.Collection", "Items");
    let answer = desktop
        .bus()
        .call_method(Some(KEYRING), COLLECTION, Some(PROPERTIES), "Get", &property)
        .await?;
    let body = answer.body();
    let items: Vec<OwnedObjectPath> = body.deserialize::<zvariant::Value<'_>>()?.try_into()?;
    let mut names = Vec::new();
    for item in items {
        let property = ("org.freedesktop.Secret.Item", "Attributes");
        let answer = desktop
            .bus()
            .call_method(Some(KEYRING), &item, Some(PROPERTIES), "Get", &property)
            .await?;
        let body = answer.body();
        let attributes: HashMap<String, String> = body.deserialize::<zvariant::Value<'_>>()?.try_into()?;
        names.extend(attributes.get("username").cloned());
    }
    names.retain(|name| name.contains("/token "));
    Ok(names)
}

/// The files below `folder` in which something stands that looks like a token of Identity Center.
pub fn files_with_tokens(folder: &Path) -> Result<Vec<String>> {
    files_with(folder, &|text| {
        text.contains("aoa") && text.contains(':') || text.contains("refresh_token")
    })
}

fn files_with(folder: &Path, is_found: &dyn Fn(&str) -> bool) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_with(&path, is_found)?);
        } else if path.is_file() && is_found(&String::from_utf8_lossy(&std::fs::read(&path)?)) {
            found.push(path.display().to_string());
        }
    }
    Ok(found)
}

/// What processes that were killed while they wrote have left below `folder`.
pub fn unfinished_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(unfinished_files(&path)?);
        } else if path.to_string_lossy().contains("/.portray-") {
            found.push(path);
        }
    }
    Ok(found)
}
