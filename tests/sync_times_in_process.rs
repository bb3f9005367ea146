//! When a listing is brought up to date, and when nobody asks AWS for it: on a moved clock, in the same process.

use std::time::Duration;

use anyhow::Result;
use harness::Simulation;
use identity_center_emulator::{Assignment, Operation, Principal, World};
use portray_core::app::contract::Request;

const DEV: &str = "111122223333";
/// What Amara is not assigned, in an account that she does not see.
const AUDIT: (&str, &str) = ("999911112222", "SecurityAudit");
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// How many syncs have begun: the demo company's accounts are one page.
fn syncs(day: &Simulation) -> u64 {
    day.emulator.counters().calls(Operation::ListAccounts)
}

#[tokio::test]
async fn r8_the_list_is_synced_at_the_sign_in_at_wake_up_and_when_a_window_opens() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    assert_eq!(syncs(&day), 1, "at the sign-in");
    day.advance(5 * MINUTE).await;
    assert_eq!(syncs(&day), 1, "for no reason");

    day.suspend(2 * 60 * MINUTE).await;
    day.advance(MINUTE).await;
    assert_eq!(syncs(&day), 2, "after a suspend that the clocks tell of");
    day.advance(5 * MINUTE).await;
    day.app.woke();
    day.advance(10 * SECOND).await;
    assert_eq!(syncs(&day), 3, "after a wake-up that the system tells of");
    day.advance(5 * MINUTE).await;
    drop(day.app.snapshots());
    day.advance(10 * SECOND).await;
    assert_eq!(syncs(&day), 4, "when somebody looks");
    drop(day.app.snapshots());
    day.advance(10 * SECOND).await;
    assert_eq!(syncs(&day), 4, "it is only just made");
    Ok(())
}

/// Three hours in which nobody asks AWS for a list. What was asked for a moment ago counts for a quarter of an hour more.
async fn assert_quiet(day: &Simulation, why: &str) {
    day.advance(16 * MINUTE).await;
    let before = syncs(day);
    day.advance(3 * 60 * MINUTE).await;
    assert_eq!(syncs(day), before, "{why}");
}

#[tokio::test]
async fn r8_every_fifteen_minutes_while_a_window_is_open() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    assert_quiet(&day, "nobody looks and nobody asks").await;
    let before = syncs(&day);
    let window = day.app.snapshots();
    day.advance(61 * MINUTE).await;
    assert_eq!(syncs(&day) - before, 5, "when it opened, and every 15 minutes");
    drop(window);
    assert_quiet(&day, "the window is closed").await;
    Ok(())
}

#[tokio::test]
async fn r8_every_fifteen_minutes_while_credentials_are_asked_for() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.advance(20 * MINUTE).await;
    let before = syncs(&day);
    for _ in 0..12 {
        day.credentials(DEV, "ReadOnly").await?;
        day.advance(5 * MINUTE).await;
    }
    let made = syncs(&day) - before;
    assert!((4..=5).contains(&made), "{made} syncs in an hour of use");
    assert_quiet(&day, "nobody asks any more").await;
    Ok(())
}

#[tokio::test]
async fn r8_whoever_asks_for_a_sync_sees_what_came_since_and_all_who_ask_meanwhile_share_one() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let ask = async || {
        let portal = day.portal.0.clone();
        day.ask(Request::Sync { portal }).await
    };
    day.network.set_latency(2 * SECOND);
    ask().await?;
    ask().await?;
    day.advance(SECOND).await;
    ask().await?;
    let to_its_end = async || -> Result<()> {
        for _ in 0..60 {
            if day.snapshot().await?.portals[0].sync.running.is_none() {
                return Ok(());
            }
            day.advance(SECOND).await;
        }
        anyhow::bail!("one sync follows another")
    };
    to_its_end().await?;
    assert_eq!(syncs(&day), 2, "nothing of it is older than any of these");

    ask().await?;
    day.advance(3 * SECOND).await;
    // Its accounts are listed, its permission sets are on their way.
    day.emulator.assign(&Assignment {
        principal: Principal::User("amara".to_owned()),
        permission_set: AUDIT.1.to_owned(),
        account: AUDIT.0.to_owned(),
    })?;
    for _ in 0..5 {
        ask().await?;
    }
    let is_listed = || {
        let key = day.role(AUDIT.0, AUDIT.1);
        day.app.catalogue().lists(&key)
    };
    to_its_end().await?;
    assert!(is_listed());
    assert_eq!(syncs(&day), 4, "one for all");
    day.advance(MINUTE).await;
    assert_eq!(syncs(&day), 4);
    Ok(())
}
