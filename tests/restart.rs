//! Portray ends and starts again, and nobody has to sign in for that.

use anyhow::Result;

use crate::stage::{Application, SOON, Stage};

#[tokio::test]
async fn after_quitting_and_starting_again_the_sign_in_comes_from_the_keyring() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    stage.expect_credentials("acme-dev/ReadOnly", 0).await?;
    let tokens = stage.emulator.calls("CreateToken").await?;
    stage.quit(application).await?;

    let application = stage.start().await?;
    ensure_signed_in(&stage, &application).await?;
    assert_eq!(
        stage.emulator.calls("CreateToken").await?,
        tokens,
        "the stored token is still good"
    );
    Ok(())
}

#[tokio::test]
async fn after_a_crash_the_sign_in_comes_from_the_keyring() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    application.process.kill();
    stage.tray.wait_for_no_item(SOON).await?;

    let application = stage.start().await?;
    ensure_signed_in(&stage, &application).await
}

/// Signed in, with list and credentials, and no browser was opened for it.
async fn ensure_signed_in(stage: &Stage, application: &Application) -> Result<()> {
    stage.portray().wait_for_portal("signed_in", SOON).await?;
    let menu = stage.wait_for_role(application, "acme-dev", "ReadOnly").await?;
    assert!(!menu.has(&["Sign in"]), "{menu}");
    stage.expect_credentials("acme-prod/ReadOnly", 0).await?;
    assert_eq!(stage.opener.lines(), Vec::<String>::new(), "no page was opened");
    assert_eq!(stage.notifications.all(), [], "nothing calls for a person");
    Ok(())
}
