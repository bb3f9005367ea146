//! Portals as the command line has them: several of one start URL, edited by hand, removed, over SSH.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, Finished, Opener, Portray, follow};
use url::Url;

const DEADLINE: Duration = Duration::from_secs(30);

/// Sooner than Portray looks by itself at what has changed.
const SOON: Duration = Duration::from_secs(15);

/// A role that every developer and every administrator has.
const ROLE: &str = "acme-dev/ReadOnly";

async fn sign_in(portray: &Portray<'_>, emulator: &EmulatorProcess, portal: &str, user: &str) -> Result<()> {
    emulator.approve_automatically(Some(user)).await?;
    let login = portray.start(&["login", portal, "--no-browser", "--json"])?;
    let asked: serde_json::Value = serde_json::from_str(&login.first_line(DEADLINE).await?)?;
    follow(&Url::parse(asked["url"].as_str().context("a URL to open")?)?).await?;
    login.finished(DEADLINE).await?.expect_code(0)?;
    emulator.approve_automatically(None).await
}

/// What happened and what to do, and nothing else.
fn ensure_two_lines(finished: &Finished) -> Result<()> {
    ensure!(finished.stderr.lines().count() == 2, "{finished:?}");
    ensure!(finished.stdout.is_empty(), "{finished:?}");
    Ok(())
}

async fn states(portray: &Portray<'_>) -> Result<Vec<(String, String)>> {
    let status = portray.status().await?;
    let portals = status["portals"].as_array().context("portals")?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    Ok(portals
        .iter()
        .map(|portal| (text(&portal["name"]), text(&portal["state"])))
        .collect())
}

#[tokio::test]
async fn one_start_url_under_two_names_is_two_people_who_are_told_apart() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    for (portal, user) in [("mine", "amara"), ("audit", "chiara")] {
        portray.add_portal(portal, emulator.addresses()).await?;
        sign_in(&portray, &emulator, portal, user).await?;
    }
    for (portal, accounts) in [("mine", 9), ("audit", 12)] {
        let listed = portray.run(&["accounts", "--portal", portal, "--json"]).await?;
        let listed = listed.expect_code(0)?.json()?;
        assert_eq!(listed["portal"], portal);
        assert_eq!(listed["accounts"].as_array().context("accounts")?.len(), accounts);
    }

    let ambiguous = portray.run(&["credentials", "acme-dev"]).await?.expect_code(2)?;
    assert!(ambiguous.stdout.is_empty(), "{ambiguous:?}");
    for candidate in ["mine:", "audit:"] {
        assert!(ambiguous.stderr.contains(candidate), "{ambiguous:?}");
    }
    portray
        .run(&["credentials", &format!("mine:{ROLE}")])
        .await?
        .expect_code(0)?;

    portray.run(&["logout", "mine"]).await?.expect_code(0)?;
    let named = |name: &str, state: &str| (name.to_owned(), state.to_owned());
    let expected = [named("mine", "sign_in_needed"), named("audit", "signed_in")];
    assert_eq!(states(&portray).await?, expected);
    portray.run(&["logout", "--all"]).await?.expect_code(0)?;
    assert_eq!(emulator.calls("Logout").await?, 2);
    Ok(())
}

#[tokio::test]
async fn signing_out_of_all_portals_where_there_is_none_says_so() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    for arguments in [&["logout"][..], &["logout", "--all"]] {
        let finished = portray.run(arguments).await?.expect_code(2)?;
        ensure_two_lines(&finished)?;
        assert!(finished.stderr.contains("portray portal add"), "{finished:?}");
    }
    Ok(())
}

#[tokio::test]
async fn r9_a_bad_edit_of_the_settings_is_told_in_the_status_and_the_old_ones_hold() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, "amara").await?;
    portray.run(&["accounts"]).await?.expect_code(0)?;
    let file = desktop.portray_home().join("settings.toml");
    let good = std::fs::read_to_string(&file)?;
    let region = &emulator.addresses().region;
    let moved = good.replace(&format!("region = \"{region}\""), "region = \"the moon\"");
    ensure!(moved != good, "the settings name the region: {good}");
    let damaged = format!("line {}", good.lines().count() + 1);
    for (bad, said) in [
        (moved, "the moon"),
        (format!("{good}garbage [[[\n"), damaged.as_str()),
    ] {
        std::fs::write(&file, &bad)?;
        let what = format!("a word about “{said}”");
        // Whoever asks for the status has the file looked at.
        let told = desktop.wait_until(&what, SOON, async || {
            let status = portray.run(&["status"]).await?.expect_code(0)?;
            Ok(status.stdout.contains(said).then_some(status.stdout))
        });
        let told = told.await?;
        assert!(told.contains("settings.toml"), "{told}");
        let problems = portray.status().await?["problems"].clone();
        assert_eq!(problems.as_array().context("problems")?.len(), 1, "{problems}");
        assert_eq!(std::fs::read_to_string(&file)?, bad);
        portray.wait_for_portal("signed_in", DEADLINE).await?;
        portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
        std::fs::write(&file, &good)?;
        desktop
            .wait_until("its end", SOON, async || {
                let status = portray.status().await?;
                let problems = status["problems"].as_array().context("problems")?;
                Ok(problems.is_empty().then_some(()))
            })
            .await?;
    }
    Ok(())
}

#[tokio::test]
async fn r8_a_portal_that_is_removed_while_signed_in_is_signed_out_at_aws_and_leaves_the_keyring_empty()
-> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, "amara").await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    assert!(!desktop.kept_secrets().await?.is_empty(), "the sign-in is kept");

    portray.run(&["portal", "remove", "acme"]).await?.expect_code(0)?;
    assert_eq!(emulator.calls("Logout").await?, 1);
    assert_eq!(desktop.kept_secrets().await?, Vec::<String>::new());
    let listed = portray.run(&["portal", "list", "--json"]).await?.expect_code(0)?;
    assert_eq!(listed.json()?, serde_json::json!([]));
    let refused = portray.run(&["credentials", ROLE]).await?.expect_code(2)?;
    ensure_two_lines(&refused)
}

#[tokio::test]
async fn l4_over_ssh_addresses_are_printed_and_no_sentence_leads_to_a_tray() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let opener = Opener::install(&desktop)?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses())
        .with_variable("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22");
    let (url, region) = (
        emulator.addresses().start_url.as_str(),
        &emulator.addresses().region,
    );
    let add = ["portal", "add", url, "--name", "acme", "--region", region];
    let added = portray.run(&add).await?.expect_code(0)?;
    assert!(added.stderr.contains("portray login acme"), "{added:?}");

    let console = ["console", "111122223333/ReadOnly"];
    let refused = portray.run(&console).await?.expect_code(3)?;
    ensure_two_lines(&refused)?;
    assert!(refused.stderr.contains("portray login"), "{refused:?}");

    let login = portray.start(&["login"])?;
    let page = Url::parse(&login.first_line(DEADLINE).await?)?;
    let code = page.query_pairs().find(|(name, _)| name == "user_code");
    let (_, code) = code.context("a page with the code filled in")?;
    emulator.approve(&code, "amara").await?;
    let finished = login.finished(DEADLINE).await?.expect_code(0)?;
    assert!(
        finished
            .stderr
            .contains(&format!("It must show this code: {code}")),
        "{finished:?}"
    );

    let printed = portray.run(&console).await?.expect_code(0)?;
    let url = Url::parse(printed.stdout.trim())?;
    assert!(url.as_str().contains("SigninToken="), "{printed:?}");
    assert_eq!(opener.lines(), Vec::<String>::new(), "no browser of this machine");
    for said in [&added, &refused, &finished, &printed] {
        assert!(!said.stderr.contains(" tray"), "{said:?}");
    }
    Ok(())
}

#[tokio::test]
async fn s2_a_portals_name_that_was_saved_a_moment_ago_is_known_to_every_command() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("mine", emulator.addresses()).await?;
    sign_in(&portray, &emulator, "mine", "amara").await?;
    let settings = desktop.portray_home().join("settings.toml");
    let rename = |from: &str, to: &str| -> Result<()> {
        let before = std::fs::read_to_string(&settings)?;
        let after = before.replace(&format!("name = \"{from}\""), &format!("name = \"{to}\""));
        ensure!(after != before, "{before}");
        Ok(std::fs::write(&settings, after)?)
    };
    rename("mine", "ours")?;
    let listed = portray.run(&["accounts", "--portal", "ours", "--json"]).await?;
    assert_eq!(listed.expect_code(0)?.json()?["portal"], "ours");
    rename("ours", "company")?;
    portray.run(&["logout", "company"]).await?.expect_code(0)?;
    let gone = portray.run(&["logout", "ours"]).await?.expect_code(2)?;
    ensure!(gone.stderr.contains("company"), "{gone:?}");
    Ok(())
}
