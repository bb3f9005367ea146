//! Sign-ins that do not come to their end, in moments.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::Simulation;
use identity_center_emulator::World;
use portray_core::app::contract::{PortalState, Request, SignInMethod};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A click in the tray begins a sign-in with a code, which the person sees in the window.
async fn code_after_a_click(day: &Simulation) -> Result<String> {
    day.app.click(Request::SignIn {
        portal: day.portal.0.clone(),
        method: SignInMethod::DeviceCode,
        force: false,
    });
    day.advance(SECOND).await;
    let portal = day.snapshot().await?.portals[0].clone();
    let waiting = portal.sign_in.context("a sign-in that waits")?;
    let code = waiting.user_code.context("a code")?;
    let page = waiting.verification_url.context("the page to which it belongs")?;
    assert!(page.starts_with("http") && !page.contains(&code), "{page}");
    Ok(code)
}

/// The newest notice has this title; its first button begins another sign-in, and takes the notice away.
async fn sign_in_again_from_notice(day: &Simulation, title: &str) -> Result<()> {
    let notice = day.shell.notices.lock().expect("no panic").last().cloned();
    let notice = notice.context("a notice")?;
    let labels: Vec<_> = notice
        .actions
        .iter()
        .map(|action| action.label.as_str())
        .collect();
    assert_eq!(
        (notice.title.as_str(), labels),
        (title, vec!["Sign in", "Details"])
    );
    let before = day.shell.opened();
    day.press_button().await?;
    assert_eq!(day.shell.opened(), before + 1, "one click, one page");
    assert_eq!(day.portal_state().await?, PortalState::SigningIn);
    day.advance(SECOND).await;
    assert!(
        day.shell
            .withdrawn
            .lock()
            .expect("no panic")
            .contains(&notice.key)
    );
    day.ask(Request::CancelSignIn {
        portal: day.portal.0.clone(),
    })
    .await
}

#[tokio::test]
async fn a_sign_in_that_was_denied_or_that_nobody_finished_can_be_begun_again_from_its_notice() -> Result<()>
{
    let day = Simulation::begin(World::acme())?;
    let code = code_after_a_click(&day).await?;
    day.emulator.deny_device(&code)?;
    day.advance(MINUTE).await;
    sign_in_again_from_notice(&day, "The sign-in to acme was denied in the browser.").await?;
    code_after_a_click(&day).await?;
    day.advance(12 * MINUTE).await;
    sign_in_again_from_notice(&day, "Nobody finished the sign-in to acme in time.").await
}
