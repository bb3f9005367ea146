//! AWS is away for hours, in moments: what people and tools are told meanwhile, and how soon they are served after it.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, hourly};
use identity_center_emulator::{Fault, Operation};
use portray_core::app::SignInStart;
use portray_core::app::contract::{Answer, PortalState, ProblemCode, Request, SignInMethod};

const DEV: &str = "111122223333";
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn t2_after_an_outage_of_hours_tools_are_served_seconds_after_aws_is_back() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    let operations = [
        Operation::GetRoleCredentials,
        Operation::CreateToken,
        Operation::ListAccounts,
    ];
    for operation in operations {
        day.emulator.add_fault(Fault::status(operation, 503));
    }
    for _ in 0..3 * 60 {
        day.try_credentials(DEV, "Developer").await;
        day.advance(MINUTE).await;
    }
    let calls = || day.emulator.counters().calls(Operation::CreateToken);
    let before = calls();
    let tools: Vec<_> = ["Developer", "ReadOnly"].map(|set| day.role(DEV, set)).to_vec();
    for _ in 0..100 {
        let asked = (0..50).map(|tool| day.app.credentials(&tools[tool % 2], Duration::ZERO));
        let all = async { Ok::<_, ()>(futures_util::future::join_all(asked).await) };
        for answer in day.while_time_passes(all).await? {
            assert_eq!(answer.expect_err("AWS is away").code, ProblemCode::Unreachable);
        }
        day.advance(SECOND).await;
    }
    let tries = calls() - before;
    assert!(
        (18..=21).contains(&tries),
        "{tries} attempts in 100 seconds, for thousands that ask"
    );

    day.emulator.clear_faults();
    let mut waited = 0;
    while day.try_credentials(DEV, "Developer").await.is_none() {
        day.advance(SECOND).await;
        waited += 1;
    }
    assert!(waited <= 6, "{waited} seconds");
    assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn t2_where_only_role_credentials_fail_the_portal_is_offline_after_half_a_minute() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.emulator
        .add_fault(Fault::status(Operation::GetRoleCredentials, 503));
    for seconds in [9, 9, 20] {
        assert_eq!(day.portal_state().await?, PortalState::SignedIn);
        assert!(day.try_credentials(DEV, "Developer").await.is_none());
        day.advance(seconds * SECOND).await;
    }
    let portal = day.snapshot().await?.portals[0].clone();
    assert_eq!(portal.state, PortalState::Offline);
    let problem = portal.problem.as_ref().map(|problem| problem.code);
    assert_eq!(problem, Some(ProblemCode::Unreachable));
    day.emulator.clear_faults();
    day.advance(6 * SECOND).await;
    day.credentials(DEV, "Developer").await?;
    let portal = day.snapshot().await?.portals[0].clone();
    assert_eq!((portal.state, portal.problem), (PortalState::SignedIn, None));
    Ok(())
}

#[tokio::test]
async fn r5_who_signs_in_during_an_outage_is_told_that_they_are_signed_in_and_wait_for_aws() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    let login = || {
        day.app
            .sign_in(&day.portal.0, SignInMethod::DeviceCode, false, false)
    };
    assert!(matches!(
        day.while_time_passes(login()).await?,
        SignInStart::AlreadySignedIn
    ));
    day.emulator.add_fault(Fault::status(Operation::CreateToken, 503));
    day.advance(120 * MINUTE).await;
    let told = async { Ok::<_, ()>(login().await) };
    let told = day
        .while_time_passes(told)
        .await?
        .expect_err("the token has run out");
    assert_eq!(told.code, ProblemCode::Unreachable);
    assert!(told.what_happened.contains("still signed in to acme"), "{told:?}");
    assert!(told.what_to_do.contains("No new sign-in is needed"), "{told:?}");

    day.emulator.clear_faults();
    day.advance(5 * SECOND).await;
    assert!(matches!(
        day.while_time_passes(login()).await?,
        SignInStart::AlreadySignedIn
    ));
    // Over at AWS without a word, and found to be so only now.
    day.suspend(120 * MINUTE).await;
    day.emulator.end_sessions("amara")?;
    assert!(matches!(
        day.while_time_passes(login()).await?,
        SignInStart::Started(_)
    ));
    Ok(())
}

#[tokio::test]
async fn r8_who_signs_out_while_aws_is_away_is_told_what_becomes_of_the_session_there() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.emulator.add_fault(Fault::status(Operation::Logout, 500));
    let portal = day.portal.0.clone();
    let asked = day.app.ask(Request::SignOut { portal });
    let Answer::Said { words } = day.while_time_passes(asked).await? else {
        anyhow::bail!("AWS does not know of it");
    };
    assert!(words.contains("AWS could not be told"), "{words}");
    assert!(words.contains("ends by itself"), "{words}");
    assert!(!day.is_stored_sign_in().await?, "nothing is left here");
    assert_eq!(day.portal_state().await?, PortalState::SignInNeeded);
    // Whoever asks once more has ended no more by that.
    let portal = day.portal.0.clone();
    let again = day.while_time_passes(day.app.ask(Request::SignOut { portal }));
    assert_eq!(again.await?, Answer::Said { words });
    // From the tray, where nobody reads an answer.
    day.sign_in("amara").await?;
    let portal = day.portal.0.clone();
    day.app.click(Request::SignOut { portal });
    day.advance(5 * SECOND).await;
    ensure_noticed(&day)
}

fn ensure_noticed(day: &Simulation) -> Result<()> {
    let titles = day.shell.notice_titles();
    let is_told = titles.iter().any(|title| title.contains("AWS could not be told"));
    anyhow::ensure!(is_told, "{titles:?}");
    Ok(())
}

#[tokio::test]
async fn r8_who_removes_a_portal_while_aws_is_away_is_told_what_becomes_of_the_session_there() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.emulator.add_fault(Fault::status(Operation::Logout, 500));
    let portal = day.portal.0.clone();
    let removed = day.app.ask(Request::RemovePortal { portal }).await;
    let Ok(Answer::Said { words }) = removed else {
        anyhow::bail!("AWS does not know of it");
    };
    assert!(words.contains("Signed out of acme here"), "{words}");
    assert!(words.contains("AWS could not be told"), "{words}");
    assert!(day.snapshot().await?.portals.is_empty());

    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.emulator.add_fault(Fault::status(Operation::Logout, 500));
    let portal = day.portal.0.clone();
    day.app.click(Request::RemovePortal { portal });
    harness::wait_until("the portal to go", MINUTE, async || {
        day.advance(SECOND).await;
        Ok(day.snapshot().await?.portals.is_empty().then_some(()))
    })
    .await?;
    day.advance(SECOND).await;
    ensure_noticed(&day)
}
