//! The emulator's pages in a real Chromium: whole stories of people.

mod appearance;
mod scene;

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use self::scene::{Scene, brought_back};

const DEADLINE: Duration = Duration::from_secs(60);

/// Prints who it is to AWS, as JSON.
const WHO_AM_I: &str = include_str!("aws_clients/who_am_i.py");

#[tokio::test]
async fn a_person_signs_in_with_the_keyboard_finds_a_role_and_its_access_keys_work() -> Result<()> {
    let scene = Scene::set("acme").await?;
    let person = &scene.person;
    scene.open("/start").await?;
    scene.told("label", "User name").await?;
    person.type_here("zoe", true).await?;
    scene.told("label", "Password").await?;
    person.type_here("demo-zoe", true).await?;
    scene.told("label", "MFA code").await?;
    person.type_here("000000", true).await?;
    scene.told("#problem", "This code is not right").await?;
    let code = scene.emulator.read("mfa-code?user=zoe").await?;
    person
        .type_here(code["code"].as_str().context("a code")?, true)
        .await?;
    scene.told("#user", "Zoë").await?;

    assert_eq!(person.read("#found").await?, "12 accounts");
    person.click("#search").await?;
    person.type_here("payments security", true).await?;
    scene.told("#found", "3 accounts").await?;
    person
        .click("a[aria-label='Access keys: SecurityAudit in acme-payments-prod']")
        .await?;
    scene.told("h2", "Access keys").await?;
    assert_eq!(person.read("#account").await?, "acme-payments-prod");
    person.click("button[data-copy='access-key-id']").await?;
    scene.told("#copied", "Copied: Access key ID").await?;
    let copied = person.value("#access-key-id").await?;
    assert!(!person.address().await?.as_str().contains(&copied));

    let bash = person.value("#bash").await?;
    let mut tool = scene.desktop.system_command("bash");
    let python = scene.desktop.python()?;
    tool.args(["-c", &format!("{bash}\nexec \"$@\"\n"), "bash"]);
    tool.arg(python.get_program()).args(["-c", WHO_AM_I]);
    let endpoint = scene.emulator.addresses().base_url.as_str().trim_end_matches('/');
    tool.env("AWS_ENDPOINT_URL_STS", endpoint)
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    let told = scene
        .desktop
        .run("boto3", tool, DEADLINE)
        .await?
        .expect_code(0)?
        .json()?;
    assert_eq!(
        (&told["account"], &told["method"]),
        (&json!("777788889999"), &json!("env"))
    );
    assert!(
        told["arn"].as_str().is_some_and(|arn| arn.ends_with("/zoe")),
        "{told}"
    );

    person.click("nav a[href='/start/applications']").await?;
    scene.told("#applications", "Wiki").await?;
    assert_eq!(person.read(".tabs a[aria-current='page']").await?, "Applications");
    person.click("nav a[href='/start']").await?;
    person.click("#search").await?;
    person.type_here("\u{e009}v", false).await?;
    assert_eq!(person.value("#search").await?, copied, "pasted with the keyboard");
    person.click("#sign-out").await?;
    scene.told("label", "User name").await?;
    scene.open("/start/applications").await?;
    scene.told("label", "User name").await?;
    Ok(())
}

#[tokio::test]
async fn a_shortcut_link_leads_through_signing_in_to_its_destination() -> Result<()> {
    let scene = Scene::set("acme").await?;
    let destination = "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-west-2";
    let encoded: String = url::form_urlencoded::byte_serialize(destination.as_bytes()).collect();
    let role = "account_id=111122223333&role_name=ReadOnly";
    scene
        .open(&format!("/start/#/console?{role}&destination={encoded}"))
        .await?;
    scene.person.authenticate("amara", "demo-amara").await?;
    let console = scene.person.console().await?;
    assert_eq!(console.account, "acme-dev (111122223333)");
    assert_eq!(
        (console.region.as_str(), console.destination.as_str()),
        ("eu-west-2", destination)
    );
    let address = scene.person.address().await?;
    assert_eq!(
        (address.path(), address.as_str().contains("SigninToken")),
        ("/console", false)
    );

    scene.open("/start/#/?tab=applications").await?;
    scene.told("#applications", "Wiki").await?;
    scene.open("/start/#/console?account_id=111122223333").await?;
    scene.told("#choose", "Choose the permission set").await?;
    scene
        .open("/start/#/console?account_id=111122223333&role_name=AdministratorAccess")
        .await?;
    scene.told("#problem", "not assigned to you").await?;
    Ok(())
}

#[tokio::test]
async fn a_browser_has_one_console_until_it_opts_in_to_five() -> Result<()> {
    let scene = Scene::set("acme").await?;
    let person = &scene.person;
    scene.open("/start").await?;
    person.authenticate("ben", "demo-ben").await?;
    let accounts = [
        "111122223333",
        "222233334444",
        "333344445555",
        "444455556666",
        "555566667777",
        "666677778888",
    ];
    scene.open_console(accounts[0], "AdministratorAccess").await?;
    scene.told("#account", accounts[0]).await?;
    scene.open_console(accounts[1], "AdministratorAccess").await?;
    scene
        .told(
            "#problem",
            "You must first log out before logging into a different AWS account",
        )
        .await?;
    assert!(!person.address().await?.as_str().contains("SigninToken"));
    person.click("#log-out-and-continue").await?;
    scene.told("#account", accounts[1]).await?;

    scene.open_console(accounts[0], "AdministratorAccess").await?;
    person.click("#multi-session").await?;
    scene.told("#state", "is off").await?;
    person.click("#turn-on").await?;
    scene.told("#account", accounts[0]).await?;
    for account in &accounts[2..5] {
        scene.open_console(account, "AdministratorAccess").await?;
        scene.told("#account", account).await?;
        let host = scene.told("#console-host", account).await?;
        ensure!(host.ends_with(".eu-west-1.console.aws.amazon.com"), "{host}");
        let own = host.split('.').next().unwrap_or_default();
        assert_eq!(person.address().await?.path(), format!("/console/{own}"));
    }
    scene.told("#sessions", "5 of 5").await?;
    scene.open_console(accounts[5], "AdministratorAccess").await?;
    scene.told("#problem", "as many as multi-session allows").await?;
    person.click(".log-out-and-continue").await?;
    scene.told("#account", accounts[5]).await?;
    scene.told("#sessions", "5 of 5").await?;
    person
        .click("ul[aria-labelledby='sessions'] li:first-child a:first-child")
        .await?;
    scene.told("#account", accounts[0]).await?;
    person.click("#sign-out").await?;
    scene.told("#done", "You are signed out of the console").await?;
    scene.open("/console").await?;
    scene.told("#done", "the console session has ended").await?;
    Ok(())
}

#[tokio::test]
async fn a_program_that_asks_is_named_and_gets_the_decision_in_the_browser() -> Result<()> {
    let scene = Scene::set("acme").await?;
    let person = &scene.person;
    let (page, listener) = scene.ask_for_code("Some program").await?;
    person.open(&page).await?;
    person.authenticate("amara", "demo-amara").await?;
    assert_eq!(person.read("#client-name").await?, "Some program");
    assert_eq!(person.read("#user").await?, "Amara Okafor");
    scene.told(".asks", "see the AWS accounts").await?;
    for (decision, told) in [("#deny", "error"), ("#allow", "code")] {
        person.open(&page).await?;
        // The answer comes while the click is still waited for.
        let (clicked, brought) = tokio::join!(person.click(decision), brought_back(&listener));
        clicked?;
        let brought = brought?;
        assert_eq!(brought["state"], "state of the story");
        assert!(brought.contains_key(told), "{decision}: {brought:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_device_code_is_compared_then_allowed_denied_or_too_old() -> Result<()> {
    let scene = Scene::set("acme").await?;
    let person = &scene.person;
    let device = scene.ask_for_device("Some <b>program</b>").await?;
    person.open(&device.page).await?;
    person.authenticate("amara", "demo-amara").await?;
    assert_eq!(person.user_code().await?, device.user_code);
    assert_eq!(person.read("#client-name").await?, "Some <b>program</b>");
    scene.told(".asks", "get temporary credentials").await?;
    assert_eq!(
        scene.poll(&device).await?.as_deref(),
        Some("authorization_pending")
    );
    person.click("#allow").await?;
    scene.told("#done", "The program is signed in").await?;
    person.open(&device.page).await?;
    scene.told("#problem", "allowed or denied already").await?;
    assert_eq!(scene.poll(&device).await?, None);

    let device = scene.ask_for_device("Some program").await?;
    scene.open("/device").await?;
    person.type_user_code(&device.user_code.to_lowercase()).await?;
    person.click("#deny").await?;
    scene.told("h1", "Access denied").await?;
    assert_eq!(scene.poll(&device).await?.as_deref(), Some("access_denied"));

    let device = scene.ask_for_device("Some program").await?;
    person.open(&device.page).await?;
    scene.told("#user-code", &device.user_code).await?;
    scene.emulator.advance(Duration::from_secs(600)).await?;
    person.click("#allow").await?;
    scene.told("#problem", "older than ten minutes").await?;
    person.click("a[href='/device']").await?;
    person.type_user_code("AAAA-AAAA").await?;
    scene.told("#problem", "Nothing waits for this code").await?;
    assert_eq!(scene.poll(&device).await?.as_deref(), Some("expired_token"));
    Ok(())
}
