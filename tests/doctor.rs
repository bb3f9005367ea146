//! `portray doctor`: finds what is wrong, and names nobody in what it says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Canaries, Desktop, DesktopOptions, EmulatorProcess, Portray};
use serde_json::{Value, json};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);

const PORTAL: &str = "Umbrella Payroll";
const ROLE: &str = "acme-dev/ReadOnly";

#[tokio::test]
async fn x3_doctor_and_its_report_name_nobody_and_hold_no_secret() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray().with_variable("RUST_LOG", "trace");
    portray.add_portal(PORTAL, story.emulator.addresses()).await?;
    portray.sign_in(&story.emulator, "amara").await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    let listed = portray
        .run(&["accounts", "--sync", "--json"])
        .await?
        .expect_code(0)?;
    // What failed is in the log, with names.
    let refusal = json!({ "operation": "GetRoleCredentials", "status": 403, "times": 3,
        "headers": { "x-amzn-errortype": "ForbiddenException" },
        "body": "{\"message\":\"111122223333 of amara@acme.example at https://umbrella.awsapps.com/start\"}" });
    story.emulator.add_fault(&refusal).await?;
    portray
        .run(&["credentials", "222233334444/ReadOnly"])
        .await?
        .expect_code(4)?;
    story.emulator.clear_faults().await?;

    let report = story.desktop.folder().join("report.txt");
    let path = report.to_str().context("a plain path")?;
    let text = portray.run(&["doctor", "--report", path]).await?.expect_code(0)?;
    let json = portray.run(&["doctor", "--json"]).await?.expect_code(0)?;
    let report_text = std::fs::read_to_string(&report)?;
    for (what, words) in [
        ("checks", "signed in"),
        ("settings", "start URL https://host-"),
        ("state", "access token until"),
        ("log", "portray_core"),
        ("stand-in of the portal", "portal-1"),
    ] {
        assert!(
            report_text.contains(words),
            "the report has no {what}: {report_text}"
        );
    }
    let people = of_people(&story, &listed.json()?)?;
    let secrets: BTreeMap<String, Vec<String>> =
        serde_json::from_value(story.emulator.read("secrets").await?)?;
    for values in [people, secrets] {
        let canaries = Canaries::from(values.clone());
        let raw = json!(values).to_string();
        let kinds: BTreeSet<&str> = values.keys().map(String::as_str).collect();
        assert_eq!(canaries.found_in(raw.as_bytes()), kinds, "they would be found");
        for said in [&report_text, &text.stdout, &text.stderr, &json.stdout] {
            assert_eq!(canaries.found_in(said.as_bytes()), BTreeSet::new(), "{said}");
        }
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&report)?.permissions());
    assert_eq!(mode & 0o777, 0o600);
    portray.run(&["doctor", "--report", path]).await?.expect_code(2)?;
    assert_eq!(
        std::fs::read_to_string(&report)?,
        report_text,
        "nothing is written over"
    );
    Ok(())
}

/// Everything that tells who somebody is, as this run has it.
fn of_people(story: &Headless, listed: &Value) -> Result<BTreeMap<String, Vec<String>>> {
    let accounts = listed["accounts"].as_array().context("accounts")?;
    let of_accounts = |key: &str| -> Vec<String> {
        let values = accounts.iter().filter_map(|account| account[key].as_str());
        values.map(str::to_owned).collect()
    };
    let start_url = &story.emulator.addresses().start_url;
    let host = start_url.host_str().context("a host")?.to_owned();
    let company = host.split('.').next().context("a label")?.to_owned();
    let home = story.desktop.home();
    Ok(BTreeMap::from([
        ("account".to_owned(), of_accounts("id")),
        ("account name".to_owned(), of_accounts("name")),
        ("email".to_owned(), of_accounts("email")),
        ("host".to_owned(), vec![host, company]),
        (
            "portal".to_owned(),
            vec![PORTAL.to_owned(), "Umbrella".to_owned()],
        ),
        (
            "folder".to_owned(),
            vec![
                home.display().to_string(),
                story.desktop.portray_home().display().to_string(),
            ],
        ),
    ]))
}

#[tokio::test]
async fn what_is_wrong_is_said_with_what_to_do_and_exit_code_1() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let (_, good) = doctor(&portray, 0).await?;
    assert_eq!(verdict(&good, "portal"), "ok");
    assert_eq!(verdict(&good, "reach"), "ok");
    assert_eq!(verdict(&good, "clock"), "ok");
    assert_eq!(verdict(&good, "aws-files"), "ok");
    assert_eq!(verdict(&good, "secret_service"), "ok");

    let aws = story.desktop.home().join(".aws");
    std::fs::create_dir_all(&aws)?;
    std::fs::write(aws.join("config"), "[profile secretive]\nsecretive\n")?;
    let (said, unreadable) = doctor(&portray, 1).await?;
    assert_eq!(verdict(&unreadable, "aws-files"), "failed");
    assert!(said.contains("line 2") && !said.contains("secretive"), "{said}");
    std::fs::remove_file(aws.join("config"))?;

    story.desktop.lock_keyring().await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let (_, locked) = doctor(&portray, 1).await?;
    assert_eq!(verdict(&locked, "keyring"), "failed");
    story.desktop.unlock_keyring().await?;

    let settings = story.desktop.portray_home().join("settings.toml");
    let before = std::fs::read(&settings)?;
    std::fs::write(&settings, "[[portal]\nname = \"secretive\"")?;
    let (said, damaged) = doctor(&portray, 1).await?;
    assert_eq!(verdict(&damaged, "settings"), "failed");
    assert!(!said.contains("secretive"), "{said}");
    assert_eq!(
        std::fs::read(&settings)?,
        b"[[portal]\nname = \"secretive\"",
        "doctor touches nothing"
    );
    std::fs::write(&settings, &before)?;

    std::fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    let (_, open) = doctor(&portray, 1).await?;
    assert_eq!(verdict(&open, "folders"), "failed");
    std::fs::set_permissions(&settings, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;

    story.emulator.process().crash();
    let silent = async || {
        let (_, silent) = doctor(&portray, 1).await?;
        Ok((verdict(&silent, "reach") == "failed").then_some(()))
    };
    story
        .desktop
        .wait_until("an AWS that does not answer", DEADLINE, silent)
        .await
}

#[tokio::test]
async fn k3_a_keyring_service_without_a_keyring_to_store_in_is_found() -> Result<()> {
    let desktop = Desktop::start_with(DesktopOptions::bare()).await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    let (_, without) = doctor(&portray, 0).await?;
    assert_eq!(verdict(&without, "secret_service"), "note");

    // As on a machine at which nobody has typed a password yet.
    let mut service = desktop.system_command("gnome-keyring-daemon");
    service.args(["--foreground", "--components=secrets"]);
    let _service = desktop.start_process("gnome-keyring-daemon", service)?;
    let is_found = async || {
        let document = portray.run(&["doctor", "--json"]).await?.json()?;
        Ok((verdict(&document, "secret_service") == "failed").then_some(()))
    };
    desktop
        .wait_until("a service without a keyring", DEADLINE, is_found)
        .await?;
    let (said, _) = doctor(&portray, 1).await?;
    assert!(said.contains("PORTRAY_SECRET_STORE=file"), "{said}");
    Ok(())
}

/// What it says with this exit code, as text and as a document.
async fn doctor(portray: &Portray<'_>, code: i32) -> Result<(String, Value)> {
    let text = portray.run(&["doctor"]).await?.expect_code(code)?.stdout;
    let document = portray
        .run(&["doctor", "--json"])
        .await?
        .expect_code(code)?
        .json()?;
    assert_eq!(document["healthy"], code == 0);
    Ok((text, document))
}

/// The worst of a check's verdicts.
fn verdict<'a>(document: &'a Value, check: &str) -> &'a str {
    let checks = document["checks"].as_array().into_iter().flatten();
    let verdicts: Vec<&str> = checks
        .filter(|one| one["check"] == check)
        .filter_map(|one| one["verdict"].as_str())
        .collect();
    ["failed", "note", "ok"]
        .into_iter()
        .find(|verdict| verdicts.contains(verdict))
        .unwrap_or("missing")
}
