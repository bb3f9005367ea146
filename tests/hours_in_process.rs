//! A working day in moments: the real application on a moved clock, asked by tools all the time.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, hourly, wait_until};
use identity_center_emulator::{Assignment, AuditEvent, Fault, Operation, Principal};
use jiff::SignedDuration;
use portray_core::app::contract::{CredentialsState, PortalState, Request, SignInMethod};

const DEV: &str = "111122223333";
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn r1_for_seven_hours_every_answer_has_fifteen_minutes_left_and_no_tab_opens() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    for _ in 0..7 * 12 {
        let credentials = day.credentials(DEV, "Developer").await?;
        assert!(
            day.left(&credentials) >= SignedDuration::from_mins(15),
            "{}",
            day.left(&credentials)
        );
        day.advance(5 * MINUTE).await;
    }
    assert_eq!(day.shell.opened(), 0);
    let calls = day.emulator.counters();
    assert!(
        calls.calls(Operation::GetRoleCredentials) <= 14,
        "one in 35 to 40 minutes"
    );
    // 40 minutes are the life of an access token less its lead; the sign-in itself polls a few times.
    assert!(
        calls.calls(Operation::CreateToken) <= 18,
        "{}",
        calls.calls(Operation::CreateToken)
    );
    assert_eq!(calls.calls(Operation::RegisterClient), 1);
    Ok(())
}

#[tokio::test]
async fn t1_after_two_hours_asleep_the_first_answer_is_fresh() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    day.suspend(Duration::from_secs(2 * 3600)).await;
    let credentials = day.credentials(DEV, "Developer").await?;
    assert!(day.left(&credentials) >= SignedDuration::from_mins(55));
    assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn r1_while_aws_is_down_the_old_ones_are_served_and_never_an_expired_one() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    day.advance(33 * MINUTE).await;
    for operation in [
        Operation::GetRoleCredentials,
        Operation::CreateToken,
        Operation::ListAccounts,
    ] {
        day.emulator.add_fault(Fault::status(operation, 503));
    }
    let (mut served, mut refused) = (0, 0);
    for _ in 0..32 {
        day.advance(MINUTE).await;
        match day.try_credentials(DEV, "Developer").await {
            Some(credentials) => {
                served += 1;
                assert!(
                    day.left(&credentials) > SignedDuration::from_secs(0),
                    "an expired one was served"
                );
            }
            None => refused += 1,
        }
    }
    assert!(
        served >= 24,
        "served {served} times: what is left is handed out until its last minute"
    );
    assert!(refused >= 1, "after the end there is an error");
    assert_ne!(
        day.portal_state().await?,
        PortalState::SignInNeeded,
        "503 is never signed out"
    );
    day.emulator.clear_faults();
    // The longest pause between two attempts to refresh a token.
    day.advance(5 * MINUTE).await;
    let credentials = day.credentials(DEV, "Developer").await?;
    assert!(day.left(&credentials) >= SignedDuration::from_mins(15));
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn a2_a_hundred_tools_at_once_cause_one_call() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    let key = day.role(DEV, "Developer");
    let asked = (0..100).map(|_| day.app.credentials(&key, Duration::ZERO));
    let all = async { Ok::<_, ()>(futures_util::future::join_all(asked).await) };
    for credentials in day.while_time_passes(all).await? {
        assert!(credentials.is_ok(), "{credentials:?}");
    }
    assert_eq!(day.emulator.counters().calls(Operation::GetRoleCredentials), 1);
    Ok(())
}

#[tokio::test]
async fn r5_an_ended_session_is_said_once_and_its_button_brings_everything_back() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    day.emulator.end_sessions("amara")?;
    day.advance(60 * MINUTE).await;
    for _ in 0..20 {
        assert!(day.try_credentials(DEV, "Developer").await.is_none());
    }
    day.advance(10 * MINUTE).await;
    assert_eq!(day.shell.notice_titles(), ["Sign in to acme again"]);
    assert_eq!(day.shell.opened(), 0, "no tab without a click");
    day.press_button().await?;
    assert_eq!(day.shell.opened(), 1, "one click, one tab");
    day.ask(Request::CancelSignIn {
        portal: day.portal.0.clone(),
    })
    .await?;
    assert_eq!(
        day.portal_state().await?,
        PortalState::SignInNeeded,
        "cancelling goes back to where it was"
    );
    day.sign_in("amara").await?;
    assert!(day.credentials(DEV, "Developer").await.is_ok());
    assert!(
        day.shell
            .withdrawn
            .lock()
            .unwrap()
            .iter()
            .any(|key| key.starts_with("sign-in/"))
    );
    Ok(())
}

#[tokio::test]
async fn r8_an_unassigned_role_goes_alone() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    day.credentials(DEV, "ReadOnly").await?;
    for principal in [
        Principal::Group("developers".to_owned()),
        Principal::User("amara".to_owned()),
    ] {
        for account in day.emulator.world().accounts {
            let permission_set = "Developer".to_owned();
            day.emulator.unassign(&Assignment {
                principal: principal.clone(),
                permission_set,
                account: account.id,
            });
        }
    }
    day.advance(45 * MINUTE).await;
    assert!(day.try_credentials(DEV, "Developer").await.is_none());
    assert!(day.credentials(DEV, "ReadOnly").await.is_ok());
    let snapshot = day.snapshot().await?;
    assert_eq!(snapshot.portals[0].state, PortalState::SignedIn);
    let catalogue = day.app.catalogue();
    assert!(!catalogue.lists(&day.role(DEV, "Developer")));
    assert!(catalogue.lists(&day.role(DEV, "ReadOnly")));
    Ok(())
}

#[tokio::test]
async fn r5_throttling_is_never_signed_out_and_a_failure_is_remembered_for_a_moment() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.emulator
        .add_fault(Fault::status(Operation::GetRoleCredentials, 429));
    let before = day.emulator.counters().calls(Operation::GetRoleCredentials);
    let key = day.role(DEV, "Developer");
    for _ in 0..50 {
        assert!(
            day.while_time_passes(day.app.credentials(&key, Duration::ZERO))
                .await
                .is_err()
        );
    }
    let calls = day.emulator.counters().calls(Operation::GetRoleCredentials) - before;
    assert!(calls <= 12, "{calls} calls for fifty failing programs");
    let snapshot = day.snapshot().await?;
    assert_eq!(snapshot.portals[0].state, PortalState::SignedIn);
    assert!(
        snapshot
            .credentials
            .iter()
            .all(|view| view.state != CredentialsState::Unavailable)
    );
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn r8_signing_out_tells_aws_and_leaves_nothing_to_serve() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    day.ask(Request::SignOut {
        portal: day.portal.0.clone(),
    })
    .await?;
    assert_eq!(day.emulator.counters().calls(Operation::Logout), 1);
    assert!(day.try_credentials(DEV, "Developer").await.is_none());
    assert!(
        day.snapshot()
            .await?
            .credentials
            .iter()
            .all(|view| view.expires_at.is_none())
    );
    Ok(())
}

#[tokio::test]
async fn s4_an_idle_application_asks_for_nothing_but_its_tokens() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.advance(10 * MINUTE).await;
    let before = day.emulator.counters();
    day.advance(4 * 60 * MINUTE).await;
    let after = day.emulator.counters();
    for operation in [
        Operation::ListAccounts,
        Operation::ListAccountRoles,
        Operation::GetRoleCredentials,
    ] {
        assert_eq!(before.calls(operation), after.calls(operation), "{operation:?}");
    }
    let tokens = after.calls(Operation::CreateToken) - before.calls(Operation::CreateToken);
    assert!((5..=7).contains(&tokens), "{tokens} refreshes in four hours");
    Ok(())
}

#[tokio::test]
async fn r7_after_a_restart_nobody_has_to_sign_in_and_no_tab_opens() -> Result<()> {
    let mut day = Simulation::signed_in(hourly(), "amara").await?;
    day.restart().await?;
    // Asked before the store was read, a sign-in finds out that there is nothing to do.
    let wish = Request::SignIn {
        portal: day.portal.0.clone(),
        method: SignInMethod::Browser,
        force: false,
    };
    day.ask(wish).await?;
    assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    assert!(day.credentials(DEV, "Developer").await.is_ok());
    assert_eq!(day.shell.opened(), 0);
    assert_eq!(day.emulator.counters().calls(Operation::RegisterClient), 1);
    Ok(())
}

#[tokio::test]
async fn r1_a_kept_role_stays_fresh_though_nobody_asks_also_after_a_restart() -> Result<()> {
    let mut day = Simulation::signed_in(hourly(), "amara").await?;
    day.ask(Request::Keep {
        role: day.role(DEV, "Developer").into(),
        on: true,
    })
    .await?;
    for _ in 0..2 {
        day.advance(3 * 60 * MINUTE).await;
        let snapshot = day.snapshot().await?;
        let view = &snapshot.credentials[0];
        let left = view.expires_at.map(|end| end.duration_since(day.now()));
        assert!(
            view.kept && left >= Some(SignedDuration::from_mins(15)),
            "{view:?}"
        );
        day.marks_are_written().await?;
        day.restart().await?;
    }
    Ok(())
}

#[tokio::test]
async fn renew_now_gives_new_credentials_for_what_is_in_use() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    let before = day.credentials(DEV, "Developer").await?;
    day.advance(10 * MINUTE).await;
    day.ask(Request::RenewNow).await?;
    day.advance(MINUTE).await;
    let after = day.credentials(DEV, "Developer").await?;
    assert_eq!(after.expires_at.duration_since(before.expires_at).as_mins(), 10);
    Ok(())
}

#[tokio::test]
async fn r5_a_refused_token_that_cannot_be_renewed_now_ends_nothing() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    day.emulator
        .add_fault(Fault::status(Operation::GetRoleCredentials, 401));
    day.emulator.add_fault(Fault::status(Operation::CreateToken, 503));
    for _ in 0..5 {
        assert!(day.try_credentials(DEV, "Developer").await.is_none());
        day.advance(MINUTE).await;
    }
    assert_ne!(day.portal_state().await?, PortalState::SignInNeeded);
    day.emulator.clear_faults();
    day.advance(6 * MINUTE).await;
    assert!(day.credentials(DEV, "Developer").await.is_ok());
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn r8_a_refresh_that_ends_after_the_sign_out_brings_nothing_back() -> Result<()> {
    let mut day = Simulation::signed_in(hourly(), "amara").await?;
    let emulator = day.emulator.clone();
    let is_refresh = |event: &AuditEvent| event.operation == Operation::CreateToken;
    let answered = || emulator.audit().iter().filter(|event| is_refresh(event)).count();
    let before = answered();
    // The emulator's delay is real time: its answer comes when nobody is signed in any more.
    day.emulator
        .add_fault(Fault::delay(Operation::CreateToken, Duration::from_millis(300)));
    day.app.click(Request::RenewNow);
    // Until the call is under way.
    day.advance(Duration::from_millis(1)).await;
    day.ask(Request::SignOut {
        portal: day.portal.0.clone(),
    })
    .await?;
    assert_eq!(answered(), before, "the sign-out came first");
    let late = async || Ok((answered() > before).then_some(()));
    wait_until("the answer to the refresh", Duration::from_secs(10), late).await?;
    day.advance(MINUTE).await;
    assert_eq!(day.portal_state().await?, PortalState::SignInNeeded);
    day.restart().await?;
    assert_eq!(day.portal_state().await?, PortalState::SignInNeeded);
    Ok(())
}
