//! The tray's menu changes while it is open: what is still in it can still be clicked.

use anyhow::{Context, Result, ensure};

use crate::stage::{PORTAL, SOON, Stage};

#[tokio::test]
async fn a_click_in_a_menu_that_was_opened_before_it_changed_is_not_lost() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    let opened = stage.tray.menu(&application.icon).await?;
    let page = [PORTAL, "Open the access portal"];
    let (page, quit) = (opened.find(&page), opened.find(&["Quit"]));
    let (page, quit) = (page.context("the portal")?, quit.context("the end")?);
    ensure!(opened.has(&["Signed in"]), "{opened}");

    // Its first lines say something else, and what they offer is something else.
    stage.portray().run(&["logout"]).await?.expect_code(0)?;
    let changed = stage
        .tray
        .wait_for_menu(&application.icon, "the menu to change", SOON, |menu| {
            menu.has(&["Sign in"]) && !menu.has(&["Accounts"])
        })
        .await?;
    ensure!(!changed.has(&["Signed in"]), "{changed}");
    stage.tray.click_line(&application.icon, page).await?;
    let shown = stage.opener.next_url(SOON).await?;
    assert_eq!(shown, stage.emulator.addresses().portal_url);

    // What changes and comes back stands where it stood.
    stage.sign_in_without_browser().await?;
    let again = stage.wait_for_whole_list(&application).await?;
    assert_eq!(again.labels()[1..], opened.labels()[1..], "{again}");
    assert_eq!(
        again.find(&[PORTAL]).map(|portal| portal.labels()[1..].to_vec()),
        opened.find(&[PORTAL]).map(|portal| portal.labels()[1..].to_vec()),
        "{again}"
    );
    stage.tray.click_line(&application.icon, quit).await?;
    application.process.finished(SOON).await?.expect_code(0)?;
    Ok(())
}
