//! What every answer of every operation does to the state, what is tried again, and that no browser opens: in moments.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, hourly};
use identity_center_emulator::{Fault, Operation, Rotation, Trouble, World};
use portray_core::app::contract::{CredentialsState, PortalState, Request, SignInMethod};

const DEV: &str = "111122223333";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Everything that is asked for somebody who is signed in.
const SIGNED_IN: [Operation; 4] = [
    Operation::CreateToken,
    Operation::ListAccounts,
    Operation::ListAccountRoles,
    Operation::GetRoleCredentials,
];

/// Everything that is asked before.
const SIGNING_IN: [Operation; 2] = [Operation::RegisterClient, Operation::StartDeviceAuthorization];

/// What passes: nothing changes, and it is tried again.
fn passing(operation: Operation) -> Vec<(String, Fault)> {
    let troubles = [
        Trouble::Throttled,
        Trouble::ThrottledRetryAfter,
        Trouble::ServerError,
        Trouble::BadGatewayHtml,
        Trouble::Unavailable,
        Trouble::Reset,
        Trouble::Hang,
        Trouble::HalfOpen,
        Trouble::SlowDrip,
        Trouble::TruncatedBody,
        Trouble::GarbageJson,
        Trouble::WrongTypes,
        Trouble::HugeBody,
        Trouble::CaptivePortal,
        Trouble::RedirectToHttp,
    ];
    let mut rows: Vec<_> = troubles
        .into_iter()
        .map(|trouble| (format!("{trouble:?}"), Fault::trouble(operation, trouble)))
        .collect();
    rows.push(("dropped".to_owned(), Fault::drop(operation)));
    for status in [401, 403, 404, 407] {
        let proxy = Fault::status(operation, status)
            .with_body("<html>blocked</html>")
            .with_header("content-type", "text/html");
        rows.push((format!("a proxy's {status}"), proxy));
    }
    rows
}

fn named(operation: Operation, status: u16, name: &str) -> Fault {
    Fault::status(operation, status)
        .with_body(r#"{"error":"refused","error_description":"refused"}"#)
        .with_header("x-amzn-errortype", name)
}

fn forgiving() -> World {
    let mut world = hourly();
    // An answer that gets lost must not take the session with it: whether it may is another rule's business.
    world.rotation = Rotation::Off;
    world
}

/// Somebody signed in, with credentials in use.
async fn in_use() -> Result<Simulation> {
    let day = Simulation::signed_in(forgiving(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    Ok(day)
}

/// Has the operation called, whatever comes of it.
async fn call(day: &Simulation, operation: Operation) -> Result<()> {
    let portal = day.portal.0.clone();
    if operation == Operation::CreateToken {
        day.ask(Request::RenewNow).await?;
    } else if operation == Operation::GetRoleCredentials {
        // Once it was given, only a renewal asks AWS.
        if day.try_credentials(DEV, "ReadOnly").await.is_some() {
            day.ask(Request::RenewNow).await?;
        }
    } else {
        // It is a list. Whether that succeeds is seen by what it leaves.
        let _ = day.ask(Request::Sync { portal }).await;
    }
    day.advance(2 * SECOND).await;
    Ok(())
}

/// The same without a renewal of the access token that a person wants.
async fn ask_once(day: &Simulation, operation: Operation, permission_set: &str) -> Result<()> {
    if operation != Operation::GetRoleCredentials {
        return call(day, operation).await;
    }
    drop(day.try_credentials(DEV, permission_set).await);
    day.advance(2 * SECOND).await;
    Ok(())
}

fn calls(day: &Simulation, operation: Operation) -> u64 {
    day.emulator.counters().calls(operation)
}

#[tokio::test]
async fn r5_what_passes_changes_nothing_whichever_operation_it_hits() -> Result<()> {
    for operation in SIGNED_IN {
        let day = in_use().await?;
        for (row, fault) in passing(operation) {
            let listed = day.app.catalogue().counts(&day.portal).permission_sets;
            let before = calls(&day, operation);
            day.emulator.add_fault(fault);
            call(&day, operation).await?;
            assert_eq!(
                day.portal_state().await?,
                PortalState::SignedIn,
                "{operation:?}, {row}"
            );
            day.advance(58 * SECOND).await;
            let tried = calls(&day, operation) - before;
            // A listing asks about several accounts.
            let most = if operation == Operation::ListAccountRoles {
                60
            } else {
                12
            };
            assert!(
                (1..=most).contains(&tried),
                "{operation:?}, {row}: {tried} calls in a minute"
            );
            // Whoever answers a call for credentials that it is too much can be reached.
            let is_offline = operation == Operation::CreateToken
                || (operation == Operation::GetRoleCredentials && !row.starts_with("Throttled"));
            let state = match is_offline {
                true => PortalState::Offline,
                false => PortalState::SignedIn,
            };
            assert_eq!(day.portal_state().await?, state, "{operation:?}, {row}");
            assert!(
                day.try_credentials(DEV, "Developer").await.is_some(),
                "{operation:?}, {row}: what is alive is served"
            );
            assert_eq!(
                day.app.catalogue().counts(&day.portal).permission_sets,
                listed,
                "{row}"
            );
            day.emulator.clear_faults();
            day.advance(5 * MINUTE).await;
            call(&day, operation).await?;
            assert_eq!(
                day.portal_state().await?,
                PortalState::SignedIn,
                "{operation:?}, {row}"
            );
            assert!(
                day.try_credentials(DEV, "ReadOnly").await.is_some(),
                "{operation:?}, {row}"
            );
        }
        let titles = day.shell.notice_titles();
        assert!(
            !titles.iter().any(|title| title.starts_with("Sign in")),
            "{titles:?}"
        );
        assert_eq!(day.shell.opened(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn r5_a_sign_in_that_cannot_begin_changes_nothing_and_opens_nothing() -> Result<()> {
    for operation in SIGNING_IN {
        let day = Simulation::begin(forgiving())?;
        for (row, fault) in passing(operation) {
            day.emulator.add_fault(fault);
            let begin = day
                .app
                .sign_in(&day.portal.0, SignInMethod::DeviceCode, true, false);
            assert!(
                day.while_time_passes(begin).await.is_err(),
                "{operation:?}, {row}"
            );
            day.emulator.clear_faults();
            assert_eq!(
                day.portal_state().await?,
                PortalState::SignInNeeded,
                "{operation:?}, {row}"
            );
            assert_eq!(day.shell.opened(), 0, "{operation:?}, {row}");
        }
        day.sign_in("amara").await?;
        assert_eq!(day.portal_state().await?, PortalState::SignedIn);
        assert_eq!(
            calls(&day, Operation::CreateToken),
            1,
            "only for the code that was approved"
        );
    }
    Ok(())
}

#[tokio::test]
async fn r5_a_refused_access_token_is_renewed_once_and_refused_again_it_is_the_end_of_the_session()
-> Result<()> {
    for operation in [
        Operation::ListAccounts,
        Operation::ListAccountRoles,
        Operation::GetRoleCredentials,
    ] {
        let day = in_use().await?;
        let (tokens, asked) = (calls(&day, Operation::CreateToken), calls(&day, operation));
        day.emulator.add_fault(Fault::status(operation, 401).times(1));
        ask_once(&day, operation, "ReadOnly").await?;
        assert_eq!(calls(&day, Operation::CreateToken) - tokens, 1, "{operation:?}");
        assert_eq!(day.portal_state().await?, PortalState::SignedIn, "{operation:?}");
        assert!(calls(&day, operation) - asked >= 2, "{operation:?}: it went on");

        let (tokens, asked) = (calls(&day, Operation::CreateToken), calls(&day, operation));
        day.emulator.add_fault(Fault::status(operation, 401));
        day.advance(2 * MINUTE).await;
        ask_once(&day, operation, "AdministratorAccess").await?;
        day.advance(5 * MINUTE).await;
        assert_eq!(
            day.portal_state().await?,
            PortalState::SignInNeeded,
            "{operation:?}"
        );
        assert_eq!(
            calls(&day, Operation::CreateToken) - tokens,
            1,
            "{operation:?}: no loop"
        );
        // A listing asks about several accounts at once.
        assert!(calls(&day, operation) - asked <= 2 + 8, "{operation:?}: no loop");
        assert_eq!(day.shell.opened(), 0);
        assert_eq!(
            day.shell.notice_titles(),
            ["Sign in to acme again"],
            "{operation:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn r5_a_refused_role_goes_alone_and_is_not_asked_for_again() -> Result<()> {
    for (status, name) in [(403, "ForbiddenException"), (404, "ResourceNotFoundException")] {
        let day = in_use().await?;
        let role = day.role(DEV, "Developer");
        day.ask(Request::Keep {
            role: role.clone().into(),
            on: true,
        })
        .await?;
        day.emulator
            .add_fault(named(Operation::GetRoleCredentials, status, name).for_role(DEV, "Developer"));
        day.ask(Request::RenewNow).await?;
        day.advance(2 * SECOND).await;
        let asked = day
            .emulator
            .counters()
            .role_calls(Operation::GetRoleCredentials, DEV, "Developer");
        day.advance(10 * MINUTE).await;
        let again = day
            .emulator
            .counters()
            .role_calls(Operation::GetRoleCredentials, DEV, "Developer");
        assert_eq!(asked, again, "{name}: not before the next listing has it");
        let views = day.snapshot().await?.credentials.clone();
        let unavailable = views
            .iter()
            .filter(|view| view.state == CredentialsState::Unavailable);
        assert_eq!(unavailable.count(), 1, "{name}: {views:?}");
        assert!(day.try_credentials(DEV, "Developer").await.is_none(), "{name}");
        assert!(
            day.try_credentials(DEV, "ReadOnly").await.is_some(),
            "{name}: the others stay"
        );
        assert_eq!(day.portal_state().await?, PortalState::SignedIn, "{name}");
        assert_eq!(day.shell.opened(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn r5_a_refused_grant_or_client_is_not_tried_again_and_opens_nothing() -> Result<()> {
    for (status, name) in [
        (400, "InvalidGrantException"),
        (400, "ExpiredTokenException"),
        (400, "AccessDeniedException"),
        (401, "InvalidClientException"),
        (400, "UnauthorizedClientException"),
    ] {
        let day = in_use().await?;
        let (tokens, clients) = (
            calls(&day, Operation::CreateToken),
            calls(&day, Operation::RegisterClient),
        );
        day.emulator
            .add_fault(named(Operation::CreateToken, status, name));
        // The next one is due within the hour.
        day.advance(55 * MINUTE).await;
        assert_eq!(calls(&day, Operation::CreateToken) - tokens, 1, "{name}");
        assert_eq!(day.portal_state().await?, PortalState::SignInNeeded, "{name}");
        assert_eq!(day.shell.notice_titles(), ["Sign in to acme again"], "{name}");
        assert_eq!(day.shell.opened(), 0, "{name}");
        day.emulator.clear_faults();
        day.sign_in("amara").await?;
        assert!(day.credentials(DEV, "Developer").await.is_ok(), "{name}");
        let is_about_the_client = name.contains("Client");
        let clients = calls(&day, Operation::RegisterClient) - clients;
        assert_eq!(clients, u64::from(is_about_the_client), "{name}: registered anew");
    }
    Ok(())
}
