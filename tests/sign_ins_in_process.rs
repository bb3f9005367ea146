//! Sign-ins that do not come to their end, in moments.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Simulation, get};
use identity_center_emulator::{Fault, Operation, World};
use portray_core::app::contract::{PortalState, ProblemView, Request, SignInMethod};
use portray_core::app::{SignInStart, SignInStarted};
use portray_core::clock::Clock;
use tokio::net::TcpStream;
use url::Url;

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

#[tokio::test]
async fn l5_a_cancelled_sign_in_is_over_at_once_though_aws_does_not_answer() -> Result<()> {
    let day = Simulation::begin(World::acme())?;
    code_after_a_click(&day).await?;
    day.emulator.add_fault(Fault::hang(Operation::CreateToken));
    day.advance(3 * SECOND).await;
    let polls = day.emulator.counters().calls(Operation::CreateToken);
    assert!(polls > 0, "a poll is under way");
    let before = day.clock.elapsed();
    day.ask(Request::CancelSignIn {
        portal: day.portal.0.clone(),
    })
    .await?;
    assert_eq!(day.portal_state().await?, PortalState::SignInNeeded);
    assert!(day.clock.elapsed() - before <= SECOND);
    day.advance(MINUTE).await;
    assert_eq!(day.emulator.counters().calls(Operation::CreateToken), polls);
    Ok(())
}

/// Somebody who is signed in, or was, wants a new session, and sees its page.
async fn new_session(day: &Simulation) -> Result<SignInStarted> {
    let begin = day
        .app
        .sign_in(&day.portal.0, SignInMethod::DeviceCode, false, true);
    match day.while_time_passes(begin).await? {
        SignInStart::Started(started) => Ok(started),
        SignInStart::AlreadySignedIn => anyhow::bail!("a new session was wanted"),
    }
}

/// How a sign-in ends from which nothing came.
async fn came_to_nothing(day: &Simulation, started: SignInStarted) -> Result<ProblemView> {
    let ended = day.while_time_passes(started.finished).await?;
    ended.err().context("nobody has signed in")
}

const SIGNED_OUT: &str = "You were signed out of acme for it. Sign in again";

#[tokio::test]
async fn r5_a_new_session_that_comes_to_nothing_says_that_the_one_before_it_has_ended() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let code = |started: &SignInStarted| started.user_code.clone().context("a code");
    let cancel = || Request::CancelSignIn {
        portal: day.portal.0.clone(),
    };

    let denied = new_session(&day).await?;
    assert_eq!(denied.signed_out_of.as_deref(), Some("acme"));
    day.emulator.deny_device(&code(&denied)?)?;
    let said = came_to_nothing(&day, denied).await?;
    assert!(said.what_to_do.starts_with(SIGNED_OUT), "{said:?}");

    let second = new_session(&day).await?;
    assert_eq!(second.signed_out_of, None, "nobody was signed in");
    day.ask(cancel()).await?;
    let said = came_to_nothing(&day, second).await?;
    assert_eq!(said, ProblemView::cancelled());

    day.sign_in("amara").await?;
    let cancelled = new_session(&day).await?;
    day.ask(cancel()).await?;
    let said = came_to_nothing(&day, cancelled).await?;
    assert!(said.what_to_do.starts_with(SIGNED_OUT), "{said:?}");

    day.sign_in("amara").await?;
    day.app.click(Request::SignIn {
        portal: day.portal.0.clone(),
        method: SignInMethod::DeviceCode,
        force: true,
    });
    day.advance(12 * MINUTE).await;
    let notice = day.shell.notices.lock().expect("no panic").last().cloned();
    let notice = notice.context("a notice")?;
    assert_eq!(notice.title, "Nobody finished the sign-in to acme in time.");
    assert!(notice.body.starts_with(SIGNED_OUT), "{notice:?}");
    Ok(())
}

#[tokio::test]
async fn r5_nobody_is_told_of_the_end_of_a_session_that_lives_on() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.emulator.add_fault(Fault::status(Operation::Logout, 503));
    let started = new_session(&day).await?;
    assert_eq!(started.signed_out_of, None);
    day.ask(Request::CancelSignIn {
        portal: day.portal.0.clone(),
    })
    .await?;
    assert_eq!(came_to_nothing(&day, started).await?, ProblemView::cancelled());
    assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    Ok(())
}

/// A click in the tray on signing in, and the page to which the link leads that it opened.
async fn page_after_a_click(day: &Simulation, method: SignInMethod) -> Result<Url> {
    day.app.click(Request::SignIn {
        portal: day.portal.0.clone(),
        method,
        force: false,
    });
    day.advance(SECOND).await;
    let opened = day.shell.opened.lock().expect("no panic").last().cloned();
    let answer = get(&opened.context("a page")?.parse()?).await?;
    let location = answer
        .head
        .lines()
        .find_map(|line| line.strip_prefix("location: "));
    Ok(location.context("the link leads on")?.parse()?)
}

#[tokio::test]
async fn l3_two_clicks_are_one_attempt_and_another_way_ends_it() -> Result<()> {
    let day = Simulation::begin(World::acme())?;
    let first = page_after_a_click(&day, SignInMethod::Browser).await?;
    let again = page_after_a_click(&day, SignInMethod::Browser).await?;
    assert_eq!(again, first, "state, challenge and listener are the same");
    let redirect = first.query_pairs().find(|(name, _)| name == "redirect_uri");
    let redirect: Url = redirect.context("a redirect")?.1.parse()?;
    let port = redirect.port().context("a port")?;
    assert!(TcpStream::connect(("127.0.0.1", port)).await.is_ok());

    let other = page_after_a_click(&day, SignInMethod::DeviceCode).await?;
    assert_ne!(other, first);
    assert!(
        TcpStream::connect(("127.0.0.1", port)).await.is_err(),
        "nobody listens any more for the first one"
    );
    Ok(())
}
