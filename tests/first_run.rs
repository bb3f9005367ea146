//! The first day: a start URL, a sign-in, the list, and a console.

use anyhow::Result;
use harness::{Person, WindowDriver, get};

use crate::stage::{PASSWORD, ROLES, SOON, Stage, USER, ensure_one_time_link};

/// What the demo company assigns to its developer.
const ACCOUNTS: [&str; 9] = [
    "acme-data-dev",
    "acme-data-prod",
    "acme-dev",
    "acme-payments-dev",
    "acme-payments-prod",
    "acme-payments-staging",
    "acme-prod",
    "acme-sandbox-amara",
    "acme-staging",
];

#[tokio::test]
async fn b1_from_the_first_start_to_the_console_no_token_is_given_to_the_browser() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start().await?;
    let menu = stage.tray.menu(&application.icon).await?;
    assert!(menu.has(&["Add your access portal…"]), "{menu}");

    let window = WindowDriver::open(&stage.desktop, &stage.portray().environment()).await?;
    add_portal(&stage, &window).await?;
    let person = Person::at(&stage.desktop).await?;
    sign_in(&stage, &window, &person).await?;

    window
        .wait_for(&format!("#roles[aria-rowcount='{ROLES}']"))
        .await?;
    window.wait_for("[data-role='111122223333/ReadOnly']").await?;
    let menu = stage.wait_for_whole_list(&application).await?;
    let listed = menu.find(&["Accounts"]).map(|accounts| {
        let mut labels = accounts.labels();
        labels.sort_unstable();
        labels
    });
    assert_eq!(listed, Some(ACCOUNTS.to_vec()), "{menu}");

    let role = ["Accounts", "acme-dev", "ReadOnly"];
    stage.tray.click(&application.icon, &role).await?;
    let link = stage.opener.next_url(SOON).await?;
    ensure_one_time_link(&link)?;
    person.open(&link).await?;
    let console = person.console().await?;
    assert_eq!(console.account, "acme-dev (111122223333)");
    assert_eq!(console.role, "ReadOnly");
    assert_eq!(stage.opener.count(), 2, "one page for each click");

    let again = get(&link).await?;
    assert_eq!(again.status, 410, "a link that was used: {again:?}");
    assert_eq!(stage.emulator.calls("ConsoleLogin").await?, 1);
    assert_eq!(stage.notifications.all(), [], "nothing calls for a person");
    Ok(())
}

/// Types the start URL into the window's first page.
async fn add_portal(stage: &Stage, window: &WindowDriver) -> Result<()> {
    let addresses = stage.emulator.addresses();
    window.fill("#start-url", addresses.start_url.as_str()).await?;
    // This start URL does not say its region.
    window
        .click(&format!("#region option[value='{}']", addresses.region))
        .await?;
    window.click("#add-portal:enabled").await
}

/// Clicks Sign in in the window and does the rest in the browser.
async fn sign_in(stage: &Stage, window: &WindowDriver, person: &Person) -> Result<()> {
    window.click("#sign-in").await?;
    let link = stage.opener.next_url(SOON).await?;
    ensure_one_time_link(&link)?;
    window.wait_for_text("body", "Continue in your browser").await?;
    person.open(&link).await?;
    person.sign_in(USER, PASSWORD).await?;
    stage.portray().wait_for_portal("signed_in", SOON).await?;
    Ok(())
}
