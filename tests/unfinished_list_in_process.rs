//! A first list that stops half-way: what a name that it lacks is told, what can be had meanwhile, and how it goes on.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::Simulation;
use identity_center_emulator::{Fault, Operation, World};
use portray_core::agent::protocol::{AgentKind, Target};
use portray_core::agent::targets::Refusal;
use portray_core::agent::{Handler, Host};
use portray_core::app::contract::{ProblemCode, SyncView};
use portray_core::identity_center::RoleKey;
use portray_core::paths::SecretStore;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A role that is listed last, or not at all.
struct Sought {
    account: String,
    by_name: String,
}

/// Somebody signs in, and AWS tells nothing of what is assigned in all accounts but the first. The first attempt to
/// list them is over.
async fn half_listed() -> Result<Simulation> {
    let day = Simulation::begin(World::from_toml(&World::generated(40, 2))?)?;
    day.emulator
        .add_fault(Fault::status(Operation::ListAccountRoles, 500).after_calls(1));
    day.begin_sign_in("amara", false).await?;
    for _ in 0..300 {
        day.advance(SECOND).await;
        if has_stopped(&day).await? {
            return Ok(day);
        }
    }
    anyhow::bail!("the list does not stop: {:?}", day.snapshot().await?.portals)
}

async fn has_stopped(day: &Simulation) -> Result<bool> {
    let portal = &day.snapshot().await?.portals[0];
    Ok(portal.sync.running.is_none() && portal.problem.is_some())
}

/// What is told of the sync that runs once AWS has answered one of its calls.
async fn until_something_is_listed(day: &Simulation) -> Result<SyncView> {
    for _ in 0..60 {
        let sync = day.snapshot().await?.portals[0].sync.clone();
        if sync.running.is_some_and(|progress| progress.total > 0) {
            return Ok(sync);
        }
        day.advance(SECOND).await;
    }
    anyhow::bail!("nothing is listed while the sync runs")
}

async fn is_whole(day: &Simulation) -> Result<bool> {
    Ok(day.snapshot().await?.portals[0].sync.complete)
}

/// An account of which the list has the name only.
fn begun(day: &Simulation) -> Result<Sought> {
    let catalogue = day.app.catalogue();
    let listing = catalogue.listing(&day.portal).expect("a part of the list");
    ensure!(listing.synced_at.is_none(), "the list is whole");
    let begun = listing.accounts.iter().find(|it| it.permission_sets.is_empty());
    let account = &begun.expect("an account that is not listed").account;
    Ok(Sought {
        account: account.id.0.clone(),
        by_name: format!("{}/PermissionSet000", account.name),
    })
}

async fn role(day: &Simulation, words: &str) -> Result<Result<RoleKey, Refusal>> {
    let host = Host {
        kind: AgentKind::Headless,
        secret_store: SecretStore::Memory,
    };
    let handler = Handler::new(day.app.clone(), host);
    let words = words.to_owned();
    let target = Target::Words { words };
    let mut asked = tokio::spawn(async move { handler.role(&target).await });
    for _ in 0..600 {
        // What is read from the disk has a moment of real time before the clock goes on.
        let moment = tokio::time::timeout(Duration::from_millis(50), &mut asked);
        if let Ok(found) = moment.await {
            return Ok(found?);
        }
        day.advance(SECOND / 2).await;
    }
    anyhow::bail!("no answer")
}

fn list_calls(day: &Simulation) -> u64 {
    day.emulator.counters().calls(Operation::ListAccounts)
}

#[tokio::test]
async fn s2_a_name_that_half_a_list_lacks_is_told_why_the_list_is_not_whole() -> Result<()> {
    let day = half_listed().await?;
    let refused = role(&day, "nobody/PermissionSet000").await?.unwrap_err().problem;
    assert_eq!(refused.code, ProblemCode::Unreachable, "{refused:?}");
    assert_eq!(refused.code.exit_code(), 5);
    assert!(refused.what_happened.contains("HTTP 500"), "{refused:?}");
    assert!(refused.what_to_do.contains("by itself"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn s2_a_name_is_told_in_seconds_that_aws_refuses_the_first_list_and_found_when_it_does_not()
-> Result<()> {
    let day = Simulation::begin(World::acme())?;
    day.emulator
        .add_fault(Fault::status(Operation::ListAccounts, 500));
    day.begin_sign_in("amara", false).await?;
    let before = day.elapsed();
    let refused = role(&day, "acme-dev/ReadOnly").await?.unwrap_err().problem;
    assert!(day.elapsed() - before <= 10 * SECOND, "{refused:?}");
    assert_eq!(refused.code, ProblemCode::Unreachable, "{refused:?}");
    assert!(
        refused.what_happened.contains("could not be read yet") && refused.what_happened.contains("HTTP 500"),
        "{refused:?}"
    );
    assert!(refused.what_to_do.contains("ACCOUNT_ID"), "{refused:?}");
    let portal = day.snapshot().await?.portals[0].clone();
    assert!(portal.sync.running.is_some(), "the list goes on");
    let by_id = role(&day, "111122223333/ReadOnly").await?;
    assert_eq!(by_id.ok(), Some(day.role("111122223333", "ReadOnly")));
    day.credentials("111122223333", "ReadOnly").await?;

    day.emulator.clear_faults();
    day.network.set_latency(2 * SECOND);
    let sync = until_something_is_listed(&day).await?;
    assert_eq!(
        sync.trouble, None,
        "AWS answers again, though it is not at its end"
    );
    day.advance(MINUTE).await;
    assert!(is_whole(&day).await?);
    let portal = day.snapshot().await?.portals[0].clone();
    assert_eq!((portal.sync.trouble, portal.problem), (None, None));
    let found = role(&day, "acme-dev/ReadOnly").await?;
    assert_eq!(found.ok(), Some(day.role("111122223333", "ReadOnly")));
    Ok(())
}

#[tokio::test]
async fn s2_a_first_list_that_hangs_is_told_in_seconds_and_names_that_it_has_come_to_need_not_wait()
-> Result<()> {
    for operation in [Operation::ListAccounts, Operation::ListAccountRoles] {
        let day = Simulation::begin(World::acme())?;
        day.emulator.add_fault(Fault::hang(operation));
        day.begin_sign_in("amara", false).await?;
        day.advance(7 * SECOND).await;
        let portal = day.snapshot().await?.portals[0].clone();
        let trouble = portal.sync.trouble.clone();
        let told = trouble.map(|trouble| (trouble.code, trouble.what_happened.contains("no answer for 5")));
        assert_eq!(told, Some((ProblemCode::Unreachable, true)), "{portal:?}");
        assert!(portal.sync.running.is_some(), "it goes on");

        let before = day.elapsed();
        let named = role(&day, "acme-dev/ReadOnly").await?;
        let nobody = role(&day, "nobody/ReadOnly").await?.unwrap_err();
        let words = role(&day, "acme nothing of it").await?.unwrap_err();
        assert!(day.elapsed() - before <= SECOND, "nothing is waited for");
        for refused in [nobody, words] {
            assert_eq!(refused.problem.code, ProblemCode::Unreachable, "{refused:?}");
            assert!(refused.problem.what_happened.contains("no answer"), "{refused:?}");
        }
        if operation == Operation::ListAccounts {
            assert!(named.is_err(), "{named:?}");
        } else {
            assert_eq!(named.ok(), Some(day.role("111122223333", "ReadOnly")));
            day.credentials("111122223333", "ReadOnly").await?;
        }
        day.emulator.clear_faults();
        day.advance(MINUTE).await;
        let portal = day.snapshot().await?.portals[0].clone();
        assert!(portal.sync.complete, "{portal:?}");
        assert_eq!(portal.sync.trouble, None);
    }
    Ok(())
}

#[tokio::test]
async fn s2_an_account_whose_roles_are_not_listed_yet_can_be_used_by_its_name() -> Result<()> {
    let day = half_listed().await?;
    let sought = begun(&day)?;
    let calls = list_calls(&day);
    let key = role(&day, &sought.by_name).await?;
    let key = key.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    assert_eq!(key, day.role(&sought.account, "PermissionSet000"));
    assert_eq!(list_calls(&day), calls, "nothing is listed for it");
    day.credentials(&key.account.0, &key.permission_set).await?;
    Ok(())
}

#[tokio::test]
async fn s2_a_name_that_is_asked_for_makes_the_list_go_on_and_is_found_as_soon_as_aws_answers() -> Result<()>
{
    let day = half_listed().await?;
    let begun = begun(&day)?;
    // Words could be anything in the rest of the list: they wait for it.
    let words = begun.by_name.replace('/', " ");
    let calls = list_calls(&day);
    for _ in 0..20 {
        let _ = role(&day, &words).await?;
    }
    assert_eq!(list_calls(&day), calls, "an attempt has just failed");

    day.emulator.clear_faults();
    day.advance(6 * SECOND).await;
    let before = day.elapsed();
    let key = role(&day, &words).await?;
    let key = key.map_err(|refusal| anyhow::anyhow!("{refusal:?}"))?;
    assert_eq!(key, day.role(&begun.account, "PermissionSet000"));
    assert!(day.elapsed() - before <= 5 * SECOND);
    assert_eq!(list_calls(&day), calls + 1);
    assert!(is_whole(&day).await?);
    let nobody = role(&day, "nobody/PermissionSet000").await?.unwrap_err();
    assert_eq!(nobody.problem.code, ProblemCode::WrongUse, "now it is known");
    Ok(())
}

#[tokio::test]
async fn s2_a_list_that_stopped_goes_on_by_itself_with_pauses_though_nobody_looks() -> Result<()> {
    let day = half_listed().await?;
    let calls = list_calls(&day);
    day.advance(30 * MINUTE).await;
    let tries = list_calls(&day) - calls;
    assert!((4..=10).contains(&tries), "{tries} attempts in half an hour");

    let day = half_listed().await?;
    day.emulator.clear_faults();
    day.advance(65 * SECOND).await;
    assert!(is_whole(&day).await?, "{:?}", day.snapshot().await?.portals);
    assert!(day.snapshot().await?.portals[0].problem.is_none());
    Ok(())
}
