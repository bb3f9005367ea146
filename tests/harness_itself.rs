//! The harness can be trusted: its desktop works, and leaves nothing behind.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use futures_util::StreamExt as _;
use harness::{
    Desktop, DesktopOptions, EmulatorProcess, NotificationServer, Opener, Panel, Person, TrayHost, wait_until,
};
use url::Url;
use zbus::zvariant::Value;

const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_pressed_button_reaches_the_application() -> Result<()> {
    let desktop = Desktop::start_with(DesktopOptions {
        display: false,
        ..DesktopOptions::default()
    })
    .await?;
    let server = NotificationServer::start(&desktop).await?;
    let mut signals = zbus::MessageStream::from(desktop.bus());
    let bus = zbus::fdo::DBusProxy::new(desktop.bus()).await?;
    for member in ["ActionInvoked", "NotificationClosed"] {
        let rule = zbus::MatchRule::builder()
            .interface("org.freedesktop.Notifications")?
            .member(member)?;
        bus.add_match_rule(rule.build()).await?;
    }

    let actions = vec!["default", "Open", "sign_in", "Sign in"];
    let hints = HashMap::<&str, Value<'_>>::new();
    let message = (
        "test",
        0_u32,
        "",
        "Sign-in needed",
        "Your session ended.",
        actions,
        hints,
        -1_i32,
    );
    let name = "org.freedesktop.Notifications";
    let path = "/org/freedesktop/Notifications";
    let answer = desktop
        .bus()
        .call_method(Some(name), path, Some(name), "Notify", &message)
        .await?;
    let id: u32 = answer.body().deserialize()?;

    let shown = server
        .wait_for("a notification", DEADLINE, |one| one.summary == "Sign-in needed")
        .await?;
    assert_eq!((shown.id, shown.buttons()), (id, vec!["Sign in"]));
    server.press(&shown, "Sign in").await?;
    assert!(!server.all()[0].open);
    assert_eq!(server.count(), 1);
    let pressed = tokio::time::timeout(DEADLINE, async {
        loop {
            let message = signals.next().await.context("the bus closed")??;
            if message
                .header()
                .member()
                .is_some_and(|member| member == "ActionInvoked")
            {
                return message.body().deserialize::<(u32, String)>().context("an action");
            }
        }
    });
    assert_eq!(pressed.await??, (id, "sign_in".to_owned()));
    Ok(())
}

#[tokio::test]
async fn the_keyring_of_a_desktop_is_unlocked_and_its_tray_is_empty() -> Result<()> {
    let desktop = Desktop::start().await?;
    let tray = TrayHost::start(&desktop).await?;
    tray.wait_for_no_item(DEADLINE).await?;
    let name = "org.freedesktop.secrets";
    let collection = "/org/freedesktop/secrets/aliases/default";
    let property = ("org.freedesktop.Secret.Collection", "Locked");
    let interface = "org.freedesktop.DBus.Properties";
    let answer = desktop
        .bus()
        .call_method(Some(name), collection, Some(interface), "Get", &property)
        .await?;
    let body = answer.body();
    let locked: Value<'_> = body.deserialize()?;
    assert_eq!(locked, Value::from(false));
    Ok(())
}

#[tokio::test]
async fn the_opener_keeps_a_url_in_one_piece() -> Result<()> {
    let options = DesktopOptions::bare();
    let desktop = Desktop::start_with(options).await?;
    let opener = Opener::install(&desktop)?;
    let url = "http://127.0.0.1:1/go?a=1&b=%20x";
    let mut command = desktop.system_command("xdg-open");
    command.arg(url);
    desktop.run("xdg-open", command, DEADLINE).await?.expect_code(0)?;
    assert_eq!(opener.next_url(DEADLINE).await?.as_str(), url);
    assert_eq!(opener.count(), 1);
    Ok(())
}

#[tokio::test]
async fn a_program_that_made_itself_a_session_ends_with_the_desktop() -> Result<()> {
    let options = DesktopOptions::bare();
    let desktop = Desktop::start_with(options).await?;
    let folder = desktop.folder().to_path_buf();
    let mut command = desktop.system_command("setsid");
    command.args(["--fork", "--wait", "sh", "-c", "echo $$; exec sleep 1000"]);
    let started = desktop.start_process("setsid", command)?;
    let process: u32 = started.first_line(DEADLINE).await?.parse()?;
    ensure!(is_running(process), "it should have started");
    drop((started, desktop));
    let gone = async || Ok((!is_running(process)).then_some(()));
    wait_until("its end", DEADLINE, gone).await?;
    assert!(!folder.exists());
    Ok(())
}

#[tokio::test]
async fn a_panel_has_a_tray_and_the_screen_can_be_pictured() -> Result<()> {
    let desktop = Desktop::start_with(DesktopOptions {
        keyring: false,
        ..DesktopOptions::default()
    })
    .await?;
    let panel = Panel::start(&desktop, 1280).await?;
    let tray = TrayHost::beside_a_panel(&desktop).await?;
    tray.wait_for_no_item(DEADLINE).await?;
    panel.open_tray_menu(&desktop).await?;
    let picture = desktop.folder().join("screen.png");
    desktop.screenshot(&picture).await?;
    let bytes = std::fs::read(&picture)?;
    assert!(bytes.starts_with(b"\x89PNG"), "a PNG");
    Ok(())
}

#[tokio::test]
async fn a_person_reads_pages_in_a_real_browser() -> Result<()> {
    let desktop = Desktop::start_with(DesktopOptions {
        keyring: false,
        ..DesktopOptions::default()
    })
    .await?;
    let page = desktop.folder().join("page.html");
    std::fs::write(&page, "<title>t</title><p id=greeting>Good morning</p>")?;
    let person = Person::at(&desktop).await?;
    person.open(&Url::from_file_path(&page).unwrap()).await?;
    assert_eq!(
        person.wait_for_text("#greeting", "morning").await?,
        "Good morning"
    );
    let picture = desktop.folder().join("page.png");
    person.screenshot(&picture).await?;
    assert!(std::fs::read(&picture)?.starts_with(b"\x89PNG"), "a PNG");
    person.leave().await
}

#[tokio::test]
async fn a_person_signs_in_at_the_emulator_and_opens_a_console() -> Result<()> {
    let desktop = Desktop::start_with(DesktopOptions {
        keyring: false,
        ..DesktopOptions::default()
    })
    .await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let person = Person::at(&desktop).await?;
    person.open(&emulator.addresses().portal_url).await?;
    person.authenticate("amara", "demo-amara").await?;
    person.wait_for_text("body", "acme-dev").await?;
    person
        .click("a[aria-label^='Management console: ReadOnly in acme-dev']")
        .await?;
    person.follow_into_new_tab().await?;
    let console = person.console().await?;
    assert_eq!(console.account, "acme-dev (111122223333)");
    assert_eq!(console.role, "ReadOnly");
    assert_eq!(emulator.calls("ConsoleLogin").await?, 1);
    assert_eq!(emulator.end_sessions("amara").await?, 1);
    Ok(())
}

/// Runs, and is not merely waiting for its parent to notice its end.
fn is_running(process: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    status
        .rsplit(") ")
        .next()
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}
