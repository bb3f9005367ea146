//! A person edits settings.toml while somebody is signed in: no sign-in is lost, and none is left where nobody sees it.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray};
use serde_json::Value;

const DEADLINE: Duration = Duration::from_secs(30);
const ROLE: &str = "acme-dev/ReadOnly";

/// A portal as a person writes it, without an id.
fn portal(name: &str, emulator: &EmulatorProcess) -> String {
    let (url, region) = (&emulator.addresses().start_url, &emulator.addresses().region);
    format!("# mine\n[[portal]]\nname = \"{name}\"\nstart_url = \"{url}\"\nregion = \"{region}\"\n")
}

/// A machine whose settings are a portal that a person has written.
async fn written_by_hand() -> Result<(Desktop, EmulatorProcess, PathBuf)> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let settings = desktop.portray_home().join("settings.toml");
    std::fs::create_dir_all(desktop.portray_home())?;
    std::fs::write(&settings, portal("acme", &emulator))?;
    Ok((desktop, emulator, settings))
}

#[tokio::test]
async fn r8_a_sign_in_follows_a_renamed_portal_and_is_told_and_ended_where_the_portal_is_gone() -> Result<()>
{
    let (desktop, emulator, settings) = written_by_hand().await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.sign_in(&emulator, "amara").await?;
    portray.run(&["accounts"]).await?.expect_code(0)?;
    portray.run(&["keep", ROLE]).await?.expect_code(0)?;

    // Renamed while it runs, and once more while nothing does.
    for (name, restarts) in [("beta", false), ("gamma", true)] {
        if restarts {
            portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        }
        std::fs::write(&settings, portal(name, &emulator))?;
        let role = format!("{name}:{ROLE}");
        portray.run(&["credentials", &role]).await?.expect_code(0)?;
        portray.wait_for_portal("signed_in", DEADLINE).await?;
        let status = portray.status().await?;
        assert_eq!(status["portals"][0]["name"], name);
        assert_eq!(status["credentials"][0]["kept"], true, "{status}");
        assert_eq!(status["problems"], Value::Array(Vec::new()));
    }
    let written = std::fs::read_to_string(&settings)?;
    assert_eq!(written, portal("gamma", &emulator), "nobody writes into it");

    std::fs::write(&settings, "# nothing\n")?;
    desktop
        .wait_until("a word about it", DEADLINE, async || {
            let status = portray.run(&["status"]).await?.expect_code(0)?.stdout;
            Ok(status.contains("You are still signed in to gamma").then_some(()))
        })
        .await?;
    let doctor = portray.run(&["doctor"]).await?;
    ensure!(doctor.stdout.contains("You are still signed in to"), "{doctor:?}");
    ensure!(
        !doctor.stdout.contains("gamma"),
        "doctor names nobody: {doctor:?}"
    );
    // Whoever starts next knows it too.
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.run(&["logout", "gamma"]).await?.expect_code(0)?;
    assert_eq!(emulator.calls("Logout").await?, 1);
    assert_eq!(desktop.kept_secrets().await?, Vec::<String>::new());
    let status = portray.status().await?;
    assert_eq!(status["problems"], Value::Array(Vec::new()));
    portray.run(&["logout", "--all"]).await?.expect_code(2)?;
    Ok(())
}

#[tokio::test]
async fn r8_a_login_whose_portal_goes_meanwhile_never_says_signed_in() -> Result<()> {
    let (desktop, emulator, settings) = written_by_hand().await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    let login = portray.start(&["login", "acme", "--device-code", "--json"])?;
    let asked: Value = serde_json::from_str(&login.first_line(DEADLINE).await?)?;
    std::fs::write(&settings, "# nothing\n")?;
    emulator
        .approve(asked["user_code"].as_str().unwrap_or_default(), "amara")
        .await?;
    let ended = login.finished(DEADLINE).await?.expect_code(1)?;
    ensure!(!ended.stderr.contains("Signed in."), "{ended:?}");
    ensure!(
        ended.stderr.contains("settings.toml was changed meanwhile"),
        "{ended:?}"
    );
    // Approved in the moment in which the edit was seen, it may be either.
    portray.run(&["status"]).await?.expect_code(0)?;
    if emulator.calls("CreateToken").await? > 0 && !desktop.kept_secrets().await?.is_empty() {
        portray.run(&["logout", "--all"]).await?;
    }
    ensure!(
        desktop
            .kept_secrets()
            .await?
            .iter()
            .all(|name| !name.contains("/token ")),
        "a token is left"
    );
    Ok(())
}
