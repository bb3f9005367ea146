//! Thousands of accounts in moments: what a sync asks for, how fast it may, and what can be used meanwhile.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{InProcess, Simulation};
use identity_center_emulator::{Fault, Operation, Trouble, World};
use portray_core::app::contract::{Request, SearchAnswer, SearchRequest};
use portray_core::role_catalog::Counts;

const USER: &str = "amara";
const SECOND: Duration = Duration::from_secs(1);
const LISTS: [Operation; 2] = [Operation::ListAccounts, Operation::ListAccountRoles];

/// What a network between continents takes.
const LATENCY: Duration = Duration::from_millis(30);

/// The quota of a person in a portal, a second.
const QUOTA: u64 = 20;

fn world(accounts: u32, permission_sets: u32) -> Result<World> {
    Ok(World::from_toml(&World::generated(accounts, permission_sets))?)
}

/// Somebody signs in with this world, over this network; the sync has just begun.
async fn begin(world: World, faults: &[Fault]) -> Result<Simulation> {
    let day = Simulation::begin(world)?;
    day.network.set_latency(LATENCY);
    for fault in faults {
        day.emulator.add_fault(fault.clone());
    }
    day.begin_sign_in(USER, false).await?;
    Ok(day)
}

/// Lets time pass until the list is complete.
async fn synced(day: &Simulation, within: Duration) -> Result<Counts> {
    settled(day, within, true).await
}

/// Lets time pass until a sync has come to its end, and the list is then complete or not.
async fn settled(day: &Simulation, within: Duration, complete: bool) -> Result<Counts> {
    let end = day.elapsed() + within;
    while day.elapsed() < end {
        let catalogue = day.app.catalogue();
        let is_running = day.snapshot().await?.portals[0].sync.running.is_some();
        let listing = catalogue.listing(&day.portal);
        if !is_running && listing.is_some_and(|it| it.synced_at.is_some() && it.complete == complete) {
            return Ok(catalogue.counts(&day.portal));
        }
        day.advance(SECOND).await;
    }
    anyhow::bail!("not synced after {within:?}: {:?}", day.snapshot().await?.portals)
}

fn counts(accounts: usize, permission_sets: usize) -> Counts {
    Counts {
        accounts,
        permission_sets,
    }
}

fn calls(day: &Simulation) -> u64 {
    let counters = day.emulator.counters();
    LISTS.iter().map(|operation| counters.calls(*operation)).sum()
}

const TOO_MANY: &str = "TooManyRequestsException";

/// How often the quota refused a call.
fn refusals(day: &Simulation) -> u64 {
    let counters = day.emulator.counters();
    let refused = |operation| counters.errors(operation, TOO_MANY);
    LISTS.into_iter().map(refused).sum::<u64>() + refused(Operation::GetRoleCredentials)
}

/// How often a script did.
fn scripted_refusals(day: &Simulation) -> u64 {
    let counters = day.emulator.counters();
    LISTS
        .iter()
        .map(|operation| counters.injected(*operation, TOO_MANY))
        .sum()
}

/// From the first second with a call of the lists to the last one.
fn seconds_of_listing(day: &Simulation) -> u64 {
    let by_second = day.emulator.calls_by_second();
    let mut busy = by_second
        .iter()
        .filter(|(_, calls)| LISTS.iter().any(|operation| calls.contains_key(operation)))
        .map(|(second, _)| *second);
    let first = busy.next().unwrap_or_default();
    let last = busy.next_back().unwrap_or(first);
    u64::try_from(last - first + 1).unwrap_or_default()
}

fn rows(day: &Simulation) -> SearchAnswer {
    day.app.search(&SearchRequest {
        query: String::new(),
        portal: None,
        sorted_at: None,
        offset: 0,
        limit: 10,
    })
}

#[tokio::test]
async fn s2_a_thousand_accounts_take_the_fewest_calls_and_hardly_longer_than_the_quota_needs() -> Result<()> {
    let day = begin(world(1_000, 5)?, &[]).await?;
    assert_eq!(synced(&day, 120 * SECOND).await?, counts(1_000, 5_000));
    let least = 10 + 1_000;
    assert_eq!(calls(&day), least);
    assert_eq!(refusals(&day), 0, "429 though nothing else calls");
    let seconds = seconds_of_listing(&day);
    assert!(
        seconds * QUOTA * 10 <= least * 12,
        "{seconds} s for {least} calls"
    );
    Ok(())
}

#[tokio::test]
async fn s2_with_a_fifth_of_the_calls_refused_the_list_is_whole_after_half_as_many_calls_again() -> Result<()>
{
    let faults = LISTS.map(|operation| Fault::trouble(operation, Trouble::Throttled).with_probability(0.2));
    let day = begin(world(1_000, 5)?, &faults).await?;
    assert_eq!(synced(&day, 3_600 * SECOND).await?, counts(1_000, 5_000));
    let made = calls(&day);
    assert!(made > 1_010 && made * 2 <= 1_010 * 3, "{made} calls");
    assert_eq!(
        made - scripted_refusals(&day),
        1_010,
        "what was refused is asked once more, and nothing else"
    );
    assert_eq!(refusals(&day), 0, "asking once more keeps to the quota");
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

#[tokio::test]
async fn s2_nothing_one_account_and_ten_thousand() -> Result<()> {
    for (accounts, sets) in [(0, 5), (1, 5), (1, 0), (10_000, 5)] {
        let day = begin(world(accounts, sets)?, &[]).await?;
        let listed = if sets == 0 { 0 } else { accounts as usize };
        let expected = counts(listed, listed * sets as usize);
        assert_eq!(synced(&day, 900 * SECOND).await?, expected, "{accounts} accounts");
        let least = (listed as u64).div_ceil(100).max(1) + listed as u64;
        assert_eq!(calls(&day), least, "{accounts} accounts");
    }
    Ok(())
}

#[tokio::test]
async fn s2_pages_that_come_twice_or_lead_in_a_circle_give_what_is_there() -> Result<()> {
    for trouble in [Trouble::DuplicatePages, Trouble::LoopingNextToken] {
        for operation in LISTS {
            let day = begin(world(250, 2)?, &[Fault::trouble(operation, trouble)]).await?;
            let is_whole = trouble == Trouble::DuplicatePages;
            let found = settled(&day, 900 * SECOND, is_whole).await?;
            let seen = match (trouble, operation) {
                // Behind a page that only leads to itself nothing can be seen.
                (Trouble::LoopingNextToken, Operation::ListAccounts) => 100,
                _ => 250,
            };
            assert_eq!(found, counts(seen, 2 * seen), "{trouble:?} of {operation:?}");
            assert!(calls(&day) <= 3 * 253, "{} calls", calls(&day));
        }
    }
    Ok(())
}

#[tokio::test]
async fn s2_the_list_can_be_used_from_its_first_page_on_and_says_how_far_it_is() -> Result<()> {
    let day = begin(world(1_000, 5)?, &[]).await?;
    day.advance(SECOND).await;
    let first = rows(&day);
    assert!(first.total >= 5, "{} rows after a second", first.total);
    let running = day.snapshot().await?.portals[0].sync.running;
    let running = running.expect("the sync runs");
    assert!(running.done > 0 && running.done < running.total, "{running:?}");
    // Somebody uses what there is.
    let role = &first.rows[0].role;
    let before = day.elapsed();
    day.credentials(&role.account, &role.permission_set).await?;
    let waited = day.elapsed() - before;
    assert!(
        waited <= SECOND / 2,
        "credentials waited {waited:?} behind the sync"
    );
    let mut seen = first.total;
    for _ in 0..4 {
        day.advance(10 * SECOND).await;
        let now = rows(&day).total;
        assert!(now > seen, "{now} rows after {seen}");
        seen = now;
    }
    assert_eq!(synced(&day, 120 * SECOND).await?, counts(1_000, 5_000));
    Ok(())
}

#[tokio::test]
async fn s2_a_restart_goes_on_where_the_sync_was() -> Result<()> {
    let mut day = begin(world(1_000, 5)?, &[]).await?;
    for _ in 0..2 {
        day.advance(15 * SECOND).await;
        day.restart().await?;
    }
    assert_eq!(synced(&day, 120 * SECOND).await?, counts(1_000, 5_000));
    // Three times the pages of accounts, and each time at most a twentieth was not saved yet.
    let most = 3 * 10 + 1_000 + 2 * (1_000 / 20 + 18);
    assert!(calls(&day) <= most, "{} calls", calls(&day));
    Ok(())
}

#[tokio::test]
async fn s1_what_a_person_waits_for_goes_first_while_a_sync_keeps_the_limit_busy() -> Result<()> {
    let day = begin(world(1_000, 5)?, &[]).await?;
    let account = day.emulator.world().accounts[0].id.clone();
    for number in 0..20 {
        day.advance(SECOND).await;
        let permission_set = format!("PermissionSet{:03}", number % 5);
        let role = &day.emulator.world().accounts[number].id;
        let before = day.elapsed();
        day.credentials(role, &permission_set).await?;
        let waited = day.elapsed() - before;
        // One turn of 18 a second, and the network.
        assert!(
            waited <= SECOND / 10 + LATENCY,
            "request {number} waited {waited:?}"
        );
    }
    assert_eq!(synced(&day, 120 * SECOND).await?, counts(1_000, 5_000));
    assert_eq!(refusals(&day), 0);
    let peak = day.emulator.counters().peak_portal_calls_per_second;
    assert!(peak <= 18, "{peak} calls in one second");
    day.credentials(&account, "PermissionSet000").await?;
    Ok(())
}

#[tokio::test]
async fn s1_a_slow_portal_has_eight_calls_in_flight_and_not_one_more() -> Result<()> {
    let day = Simulation::begin(world(200, 1)?)?;
    day.begin_sign_in(USER, false).await?;
    day.network.set_latency(2 * SECOND);
    let roles = day.emulator.world().accounts;
    day.advance(10 * SECOND).await;
    let asked = roles.iter().take(30).map(|account| {
        let key = day.role(&account.id, "PermissionSet000");
        let app = day.app.clone();
        async move { app.credentials(&key, Duration::ZERO).await }
    });
    let all = async { Ok::<_, ()>(futures_util::future::join_all(asked).await) };
    for answer in day.while_time_passes(all).await? {
        ensure!(answer.is_ok(), "{answer:?}");
    }
    day.ask(Request::Sync {
        portal: day.portal.0.clone(),
    })
    .await?;
    synced(&day, 900 * SECOND).await?;
    assert_eq!(InProcess::most_in_flight(&day.network), 8);
    Ok(())
}
