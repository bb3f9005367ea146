//! The administrator ends the session: one notification, one click, and everything goes on.

use anyhow::{Result, ensure};
use harness::{Notification, Person};

use crate::stage::{Application, PASSWORD, PORTAL, SOON, Stage, USER, ensure_one_time_link};

#[tokio::test]
async fn r7_an_ended_session_is_one_notification_whose_button_opens_one_page() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    let notification = end_the_session(&stage).await?;
    assert_eq!(notification.buttons(), ["Sign in", "Later"]);
    assert_eq!(stage.opener.count(), 0, "nobody clicked yet");

    stage.notifications.press(&notification, "Sign in").await?;
    let link = stage.opener.next_url(SOON).await?;
    ensure_one_time_link(&link)?;
    let waiting = stage.portray().wait_for_portal("signing_in", SOON).await?;
    assert_eq!(
        waiting["portals"][0]["access_token_expires_at"],
        serde_json::Value::Null
    );
    let person = Person::at(&stage.desktop).await?;
    person.open(&link).await?;
    person.sign_in(USER, PASSWORD).await?;

    ensure_resumed(&stage, &application).await?;
    assert_eq!(stage.opener.count(), 1, "one page for one click");
    Ok(())
}

#[tokio::test]
async fn r7_signing_in_elsewhere_takes_the_notification_away() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_signed_in().await?;
    end_the_session(&stage).await?;
    stage.sign_in_without_browser().await?;
    ensure_resumed(&stage, &application).await?;
    assert_eq!(stage.opener.count(), 0, "nobody clicked");
    Ok(())
}

#[tokio::test]
async fn r7_a_button_is_heard_however_many_notifications_are_open() -> Result<()> {
    let stage = Stage::set().await?;
    let _application = stage.start_signed_in().await?;
    let portray = stage.portray();
    for name in ["second", "third"] {
        portray.add_portal(name, stage.emulator.addresses()).await?;
        let login = portray.start(&["login", name, "--device-code", "--no-browser", "--json"])?;
        let told: serde_json::Value = serde_json::from_str(&login.first_line(SOON).await?)?;
        let code = told["user_code"].as_str().unwrap_or_default();
        stage.emulator.approve(code, USER).await?;
        login.finished(SOON).await?.expect_code(0)?;
    }
    stage.emulator.end_sessions(USER).await?;
    for name in [PORTAL, "second", "third"] {
        let role = format!("{name}:acme-staging/ReadOnly");
        stage.expect_credentials(&role, 3).await?;
    }
    let mut notifications = Vec::new();
    for name in [PORTAL, "second", "third"] {
        let title = format!("Sign in to {name} again");
        let shown = stage
            .notifications
            .wait_for(&title, SOON, |one| one.summary == title);
        notifications.push(shown.await?);
    }
    stage.notifications.others_are_pressed(100).await?;
    for notification in &notifications {
        stage.notifications.press(notification, "Sign in").await?;
        stage.notifications.others_are_pressed(100).await?;
    }
    for _ in &notifications {
        ensure_one_time_link(&stage.opener.next_url(SOON).await?)?;
    }
    assert_eq!(
        stage.opener.count(),
        notifications.len(),
        "one page for one click"
    );
    Ok(())
}

/// Ends the session while tools are at work; returns the notification about that.
async fn end_the_session(stage: &Stage) -> Result<Notification> {
    stage.expect_credentials("acme-dev/ReadOnly", 0).await?;
    assert_eq!(stage.emulator.end_sessions(USER).await?, 1);
    // Several tools come at once, and each is told that somebody has to sign in.
    tokio::try_join!(
        stage.expect_credentials("acme-staging/ReadOnly", 3),
        stage.expect_credentials("acme-staging/Deployer", 3),
        stage.expect_credentials("acme-prod/ReadOnly", 3),
    )?;
    let portray = stage.portray();
    let words = format!("Your session at {PORTAL} ended at ");
    let refused = portray
        .run(&["credentials", "acme-prod/ReadOnly"])
        .await?
        .expect_code(3)?;
    let why = "AWS refuses to renew it.";
    ensure!(
        refused.stderr.contains(&words) && refused.stderr.contains(why),
        "{refused:?}"
    );
    let told = portray.run(&["status"]).await?.expect_code(0)?;
    ensure!(
        told.stdout.contains(&words) && told.stdout.contains(why),
        "{told:?}"
    );
    // What a tool got before lives on.
    stage.expect_credentials("acme-dev/ReadOnly", 0).await?;
    let title = format!("Sign in to {PORTAL} again");
    let shown = stage
        .notifications
        .wait_for(&title, SOON, |one| one.summary == title)
        .await?;
    ensure!(shown.body.contains(&words), "{shown:?}");
    Ok(shown)
}

/// Tools are served, the menu asks for nothing, and the only notification there ever was is gone.
async fn ensure_resumed(stage: &Stage, application: &Application) -> Result<()> {
    stage.portray().wait_for_portal("signed_in", SOON).await?;
    for target in [
        "acme-staging/ReadOnly",
        "acme-staging/Deployer",
        "acme-prod/ReadOnly",
    ] {
        stage.expect_credentials(target, 0).await?;
    }
    let what = "a menu that asks for nothing";
    let menu = stage.tray.wait_for_menu(&application.icon, what, SOON, |menu| {
        !menu.has(&["Sign in"]) && menu.has(&["Renew now"])
    });
    menu.await?;
    let gone = stage
        .desktop
        .wait_until("the notification to go", SOON, async || {
            Ok(stage
                .notifications
                .all()
                .iter()
                .all(|one| !one.open)
                .then_some(()))
        });
    gone.await?;
    assert_eq!(stage.notifications.count(), 1, "{:#?}", stage.notifications.all());
    Ok(())
}
