//! The application ends, the machine wakes, answers come that are not AWS's: on a moved clock, in the same process.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::Simulation;
use identity_center_emulator::{
    Account, Assignment, Fault, Operation, PermissionSet, Principal, Rotation, World,
};
use jiff::SignedDuration;
use portray_core::app::contract::{PortalState, Request};

const DEV: &str = "111122223333";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

const FOR_A_PORTAL: [Operation; 3] = [
    Operation::ListAccounts,
    Operation::ListAccountRoles,
    Operation::GetRoleCredentials,
];

/// A world whose role credentials live for an hour and whose refresh tokens may be used once.
fn strict() -> World {
    let mut world = World::acme();
    world.rotation = Rotation::Strict;
    for set in &mut world.permission_sets {
        set.session_duration = SignedDuration::from_hours(1);
    }
    world
}

#[tokio::test]
async fn r5_an_answer_that_aws_does_not_name_ends_no_session_and_is_one_notice() -> Result<()> {
    let mut day = Simulation::signed_in(strict(), "amara").await?;
    day.credentials(DEV, "Developer").await?;
    let log_in = r#"{"error":"invalid_client","message":"Log in to the hotel's network"}"#;
    for operation in FOR_A_PORTAL.into_iter().chain([Operation::CreateToken]) {
        day.emulator
            .add_fault(Fault::status(operation, 401).with_body(log_in));
    }
    for _ in 0..12 {
        day.advance(5 * MINUTE).await;
        day.try_credentials(DEV, "Developer").await;
    }
    assert_ne!(day.portal_state().await?, PortalState::SignInNeeded);
    // One notice for the whole of it, and not a word about signing in.
    assert_eq!(day.shell.notice_titles(), ["Credentials are not being renewed"]);
    let withdrawn = || {
        day.shell
            .withdrawn
            .lock()
            .map(|keys| keys.contains(&"renewal".to_owned()))
    };
    assert!(!withdrawn().unwrap_or(true), "it goes on");
    day.emulator.clear_faults();
    day.advance(6 * MINUTE).await;
    assert!(day.credentials(DEV, "Developer").await.is_ok());
    day.advance(SECOND).await;
    assert!(withdrawn().unwrap_or(false), "it is over");
    day.restart().await?;
    assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    let calls = day.emulator.counters();
    assert_eq!(calls.calls(Operation::RegisterClient), 1);
    assert_eq!(calls.reused_refresh_tokens, 0);
    Ok(())
}

#[tokio::test]
async fn r3_quitting_during_a_rotation_waits_until_the_new_refresh_token_is_stored() -> Result<()> {
    for is_late in [false, true] {
        let mut day = Simulation::signed_in(strict(), "amara").await?;
        // The emulator's delay is real time: the answer comes after everybody was told to quit.
        let delay = Fault::delay(Operation::CreateToken, Duration::from_millis(300)).times(1);
        let delay = if is_late { delay.after_processing() } else { delay };
        day.emulator.add_fault(delay);
        day.app.click(Request::RenewNow);
        day.advance(Duration::from_millis(1)).await;
        day.restart().await?;
        day.ask(Request::RenewNow).await?;
        day.advance(MINUTE).await;
        assert_eq!(day.emulator.counters().reused_refresh_tokens, 0);
        assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    }
    Ok(())
}

#[tokio::test]
async fn quitting_waits_until_the_files_are_written() -> Result<()> {
    let mut day = Simulation::signed_in(strict(), "amara").await?;
    let roles: Vec<_> = (0..100)
        .map(|number| day.role(DEV, &format!("Set{number}")))
        .collect();
    for role in &roles {
        day.app.click(Request::SetFavourite {
            role: role.clone().into(),
            on: true,
        });
    }
    day.restart().await?;
    assert_eq!(day.app.catalogue().favourites.len(), roles.len());
    Ok(())
}

#[tokio::test]
async fn t3_what_expired_since_it_was_cached_is_not_served() -> Result<()> {
    let day = Simulation::signed_in(strict(), "amara").await?;
    let cached = day.credentials(DEV, "Developer").await?;
    // Nothing has had a turn between the jump and the request.
    day.clock
        .jump(SignedDuration::from_mins(59) + SignedDuration::from_secs(1));
    let served = day.credentials(DEV, "Developer").await?;
    assert_ne!(served.access_key_id, cached.access_key_id);
    assert!(
        day.left(&served) >= SignedDuration::from_mins(55),
        "{}",
        day.left(&served)
    );

    day.clock.jump(SignedDuration::from_hours(2));
    day.emulator
        .add_fault(Fault::status(Operation::GetRoleCredentials, 503));
    assert!(day.try_credentials(DEV, "Developer").await.is_none());
    Ok(())
}

#[tokio::test]
async fn r8_after_somebody_else_has_signed_in_nobody_gets_the_previous_persons_credentials() -> Result<()> {
    let day = Simulation::signed_in(strict(), "amara").await?;
    let before = day.credentials(DEV, "Developer").await?;
    day.sign_in_again("amara").await?;
    let after = day.credentials(DEV, "Developer").await?;
    assert_ne!(after.access_key_id, before.access_key_id);
    let calls = day.emulator.counters();
    assert_eq!(calls.calls(Operation::GetRoleCredentials), 2);
    Ok(())
}

const HOT_ACCOUNTS: usize = 50;
const HOT_SETS: usize = 10;

/// A person with 500 permission sets.
async fn five_hundred_roles() -> Result<Simulation> {
    let mut world = strict();
    for number in 0..HOT_ACCOUNTS {
        world.accounts.push(Account {
            id: account(number),
            name: format!("account-{number}"),
            email: format!("aws-{number}@acme.example"),
            organizational_unit: "many".to_owned(),
        });
    }
    for number in 0..HOT_SETS {
        world.permission_sets.push(PermissionSet {
            name: permission_set(number),
            description: String::new(),
            session_duration: SignedDuration::from_hours(1),
            relay_state: None,
            managed_policies: Vec::new(),
        });
    }
    let day = Simulation::begin(world)?;
    for (account, permission_set) in hot_roles() {
        day.emulator.assign(&Assignment {
            principal: Principal::User("amara".to_owned()),
            permission_set,
            account,
        })?;
    }
    day.sign_in("amara").await?;
    // The listing comes to its end.
    for _ in 0..30 {
        day.advance(SECOND).await;
    }
    Ok(day)
}

fn account(number: usize) -> String {
    format!("7000{number:08}")
}

fn permission_set(number: usize) -> String {
    format!("Set{number}")
}

fn hot_roles() -> impl Iterator<Item = (String, String)> {
    let sets = |number| (0..HOT_SETS).map(move |set| (account(number), permission_set(set)));
    (0..HOT_ACCOUNTS).flat_map(sets)
}

fn portal_calls(day: &Simulation) -> u64 {
    let counters = day.emulator.counters();
    FOR_A_PORTAL
        .iter()
        .map(|operation| counters.calls(*operation))
        .sum()
}

#[tokio::test]
async fn t2_waking_without_a_network_loses_nothing_and_floods_nobody_once_it_is_back() -> Result<()> {
    let day = five_hundred_roles().await?;
    let keys: Vec<_> = hot_roles()
        .map(|(account, permission_set)| day.role(&account, &permission_set))
        .collect();
    let asked = keys.iter().map(|key| day.app.credentials(key, Duration::ZERO));
    let all = async { Ok::<_, ()>(futures_util::future::join_all(asked).await) };
    for credentials in day.while_time_passes(all).await? {
        credentials.map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
    }

    for operation in FOR_A_PORTAL.into_iter().chain([Operation::CreateToken]) {
        day.emulator.add_fault(Fault::drop(operation));
    }
    let before = portal_calls(&day);
    // Role credentials and the access token are due by now, and still alive.
    day.suspend(38 * MINUTE).await;
    for _ in 0..90 {
        day.advance(SECOND).await;
    }
    let probes = portal_calls(&day) - before;
    assert!(
        (1..=19).contains(&probes),
        "{probes} calls in 90 seconds without a network: {:?}",
        day.emulator.counters().operations
    );
    assert_ne!(day.portal_state().await?, PortalState::SignInNeeded);
    let views = day.snapshot().await?.credentials.clone();
    let alive = views.iter().filter(|view| view.expires_at > Some(day.now()));
    assert_eq!(alive.count(), keys.len(), "nothing is lost");

    day.emulator.clear_faults();
    let before = portal_calls(&day);
    day.app.woke();
    for _ in 0..60 {
        day.advance(SECOND).await;
    }
    let views = day.snapshot().await?.credentials.clone();
    let soonest = views
        .iter()
        .filter_map(|view| view.expires_at)
        .min()
        .context("roles")?;
    let left = soonest.duration_since(day.now());
    assert!(
        left >= SignedDuration::from_mins(50),
        "every role is renewed: {left}"
    );
    let calls = portal_calls(&day) - before;
    let listing = 1 + day.emulator.world().accounts.len() as u64;
    assert!(
        calls <= keys.len() as u64 + listing,
        "{calls} calls, each for something"
    );
    let counters = day.emulator.counters();
    assert!(counters.peak_portal_calls_per_second <= 18, "{counters:?}");
    assert_eq!(
        counters.errors(Operation::GetRoleCredentials, "TooManyRequestsException"),
        0
    );
    assert_eq!((day.shell.opened(), counters.reused_refresh_tokens), (0, 0));
    Ok(())
}

#[tokio::test]
async fn t1_a_tool_is_served_within_ten_seconds_after_the_network_is_back_told_of_or_not() -> Result<()> {
    for is_told in [false, true] {
        let day = Simulation::signed_in(strict(), "amara").await?;
        day.credentials(DEV, "Developer").await?;
        for operation in FOR_A_PORTAL.into_iter().chain([Operation::CreateToken]) {
            day.emulator.add_fault(Fault::drop(operation));
        }
        day.suspend(120 * MINUTE).await;
        // Everything has run out, and tools ask in vain.
        for _ in 0..30 {
            assert!(day.try_credentials(DEV, "Developer").await.is_none());
            day.advance(3 * SECOND).await;
        }
        day.emulator.clear_faults();
        let back = day.elapsed();
        if is_told {
            day.app.woke();
        }
        let served = loop {
            if let Some(served) = day.try_credentials(DEV, "Developer").await {
                break served;
            }
            day.advance(SECOND).await;
            assert!(day.elapsed() - back <= 10 * SECOND, "told of it: {is_told}");
        };
        let waited = day.elapsed() - back;
        assert!(waited <= 10 * SECOND, "told of it: {is_told}, {waited:?}");
        assert!(day.left(&served) >= SignedDuration::from_mins(15));
        if is_told {
            assert!(waited <= SECOND, "{waited:?}");
        }
        assert_eq!(day.portal_state().await?, PortalState::SignedIn);
        assert_eq!(day.emulator.counters().reused_refresh_tokens, 0);
    }
    Ok(())
}

#[tokio::test]
async fn r7_five_hundred_roles_that_expire_under_a_hundred_tools_open_nothing_and_are_one_notice()
-> Result<()> {
    let day = five_hundred_roles().await?;
    let keys: Vec<_> = hot_roles()
        .map(|(account, permission_set)| day.role(&account, &permission_set))
        .collect();
    let ask = async |keys: &[_]| {
        let asked = keys.iter().map(|key| day.app.credentials(key, Duration::ZERO));
        day.while_time_passes(async { Ok::<_, ()>(futures_util::future::join_all(asked).await) })
            .await
    };
    assert!(ask(&keys).await?.iter().all(Result::is_ok));
    day.emulator.end_sessions("amara")?;
    day.suspend(65 * MINUTE).await;
    day.advance(2 * MINUTE).await;
    let before = day.emulator.counters();
    for _ in 0..3 {
        assert!(ask(&keys[..100]).await?.iter().all(Result::is_err));
        day.advance(10 * SECOND).await;
    }
    assert_eq!(day.shell.opened(), 0);
    assert_eq!(day.shell.notice_titles(), ["Sign in to acme again"]);
    assert_eq!(day.portal_state().await?, PortalState::SignInNeeded);
    let after = day.emulator.counters();
    assert_eq!(
        before.operations, after.operations,
        "AWS is asked nothing for nobody"
    );
    Ok(())
}
