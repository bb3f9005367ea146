//! The administrator takes one role away: that role goes from every list, and nothing else changes.

use anyhow::Result;
use harness::{Menu, WindowDriver};

use crate::stage::{Application, PORTAL, SOON, Stage, USER, roles};

/// Assigned to the developer directly, in an account that has another permission set for everybody.
const ACCOUNT: (&str, &str) = ("acme-payments-prod", "777788889999");
const PERMISSION_SET: &str = "Deployer";

#[tokio::test]
async fn r8_a_role_taken_away_goes_from_menu_and_list_with_the_next_sync() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    let before = stage.wait_for_whole_list(&application).await?;
    let window = WindowDriver::open(&stage.desktop, &stage.portray().environment()).await?;
    window.wait_for(&row(PERMISSION_SET)).await?;
    stage.expect_credentials("acme-payments-prod/Deployer", 0).await?;

    stage.emulator.unassign(USER, PERMISSION_SET, ACCOUNT.1).await?;
    stage.tray.click(&application.icon, &[PORTAL, "Sync now"]).await?;

    let after = wait_until_gone(&stage, &application).await?;
    assert_eq!(roles(&after), without_the_role(roles(&before)));
    window.wait_for("#roles[aria-rowcount='14']").await?;
    assert!(!window.shows(&row(PERMISSION_SET)).await?, "still in the list");
    assert!(
        window.shows(&row("ReadOnly")).await?,
        "its neighbour has gone too"
    );
    // The credentials went with the role: they are not served from memory.
    let profile = [
        "credential-process",
        "--portal",
        PORTAL,
        "--account",
        ACCOUNT.1,
        "--permission-set",
        PERMISSION_SET,
    ];
    stage.portray().run(&profile).await?.expect_code(4)?;
    ensure_nobody_was_signed_out(&stage).await
}

#[tokio::test]
async fn r8_a_role_that_aws_refuses_goes_at_once() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    let before = stage.wait_for_whole_list(&application).await?;

    stage.emulator.unassign(USER, PERMISSION_SET, ACCOUNT.1).await?;
    stage.expect_credentials("acme-payments-prod/Deployer", 4).await?;

    let after = wait_until_gone(&stage, &application).await?;
    assert_eq!(roles(&after), without_the_role(roles(&before)));
    ensure_nobody_was_signed_out(&stage).await
}

async fn wait_until_gone(stage: &Stage, application: &Application) -> Result<Menu> {
    let role = ["Accounts", ACCOUNT.0, PERMISSION_SET];
    stage
        .tray
        .wait_for_menu(&application.icon, "the role to go", SOON, |menu| !menu.has(&role))
        .await
}

async fn ensure_nobody_was_signed_out(stage: &Stage) -> Result<()> {
    stage.portray().wait_for_portal("signed_in", SOON).await?;
    stage.expect_credentials("acme-payments-prod/ReadOnly", 0).await?;
    assert_eq!(stage.opener.count(), 0, "no page was opened");
    let shown = stage.notifications.all();
    let asks = shown.iter().find(|one| one.buttons().contains(&"Sign in"));
    assert_eq!(asks, None, "nobody has to sign in");
    Ok(())
}

/// The line of the window's list for a permission set of the account.
fn row(permission_set: &str) -> String {
    format!("[data-role='{}/{permission_set}']", ACCOUNT.1)
}

fn without_the_role(mut roles: Vec<(String, String)>) -> Vec<(String, String)> {
    let all = roles.len();
    roles.retain(|(account, set)| (account.as_str(), set.as_str()) != (ACCOUNT.0, PERMISSION_SET));
    assert_eq!(roles.len() + 1, all, "it was there once");
    roles
}
