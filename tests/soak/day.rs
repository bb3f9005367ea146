//! A day with 500 credentials in use, which AWS, the machine and its clock do not make easy.

use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::future::join_all;
use harness::{Simulation, wait_until};
use identity_center_emulator::{Fault, Operation, Rotation, Trouble, World};
use jiff::SignedDuration;
use portray_core::app::contract::PortalState;
use portray_core::identity_center::RoleKey;
use serde::Serialize;

use crate::process::Process;
use crate::seen::Seen;

const USER: &str = "amara";
const ACCOUNTS: u32 = 25;
const SETS: u32 = 20;

const MINUTE: Duration = Duration::from_secs(60);

/// How long a write may go on, in real time.
const AT_REST: Duration = Duration::from_secs(10);

const HOUR: usize = 60;

/// Every role is asked for once in so many minutes.
const ROUND: usize = 10;

/// How long after trouble everything is as it should be again: 500 renewals at 18 a second, and some air.
const RECOVERY: usize = 2;

/// How long nobody signs in again after the end of the portal session, in minutes.
const ABSENCE: usize = 10;

/// What AWS's SDKs want to be left, for otherwise they ask at every request.
const LEAST: SignedDuration = SignedDuration::from_mins(15);

/// The waking hour at which memory has its shape: those before fill the emulator's logs, which are bounded.
const SETTLED: usize = 6;

/// Of 24 hours, without those asleep.
const AWAKE: usize = 24 * HOUR - (10 + 9 * HOUR + 2 * HOUR);

/// What happens to the machine, at which waking minute.
enum Event {
    Sleep(SignedDuration),
    /// Somebody sets the clock; AWS's goes on as before.
    SetClock(SignedDuration),
}

/// What came of the day.
#[derive(Debug, Serialize)]
pub struct Day {
    seen: Seen,
    get_role_credentials: u64,
    create_token: u64,
    register_client: u64,
    /// Portal calls in the busiest second.
    peak: u64,
    /// Calls that the quota refused.
    refused_by_quota: u64,
    /// Calls that the script refused in the quota's name.
    refused_on_purpose: u64,
    reused_refresh_tokens: u64,
    sign_ins: u64,
    pages_opened: usize,
    /// The titles of all notices.
    notices: Vec<String>,
    /// This process at the beginning of every waking hour.
    hours: Vec<Process>,
    settled: Process,
    end: Process,
    memory_growth_per_cent: f64,
}

fn events() -> Vec<(usize, Event)> {
    let (asleep, set) = (
        |minutes| Event::Sleep(SignedDuration::from_mins(minutes)),
        |minutes| Event::SetClock(SignedDuration::from_mins(minutes)),
    );
    vec![
        (HOUR, asleep(10)),
        (2 * HOUR, set(10)),
        (3 * HOUR, set(-10)),
        (3 * HOUR + 30, set(-10)),
        (4 * HOUR, set(10)),
        (5 * HOUR, asleep(9 * 60)),
        (8 * HOUR, asleep(2 * 60)),
    ]
}

fn world() -> Result<World> {
    let mut world = World::from_toml(&World::generated(ACCOUNTS, SETS))?;
    world.rotation = Rotation::Strict;
    // It ends once while somebody is there.
    world.session_duration = SignedDuration::from_hours(16);
    Ok(world)
}

fn add_faults(day: &Simulation) {
    for operation in [
        Operation::GetRoleCredentials,
        Operation::ListAccounts,
        Operation::ListAccountRoles,
        Operation::CreateToken,
    ] {
        for (trouble, probability) in [(Trouble::Throttled, 0.01), (Trouble::Unavailable, 0.005)] {
            let fault = Fault::trouble(operation, trouble).with_probability(probability);
            day.emulator.add_fault(fault);
        }
    }
}

/// Lives it.
pub async fn live() -> Result<Day> {
    let day = Simulation::begin(world()?)?;
    day.emulator.keep_audit_events(500);
    day.network.set_latency(Duration::from_millis(20));
    day.sign_in(USER).await?;
    add_faults(&day);
    let roles: Vec<_> = day
        .app
        .catalogue()
        .listing(&day.portal)
        .context("a list")?
        .roles(&day.portal)
        .collect();
    anyhow::ensure!(roles.len() == 500, "{} roles", roles.len());

    let (mut seen, mut sign_ins, mut events) = (Seen::default(), 1, events());
    // The first round fetches everything.
    let mut well_from = ROUND + RECOVERY;
    let (mut ended_at, mut hours) = (None, Vec::new());
    for minute in 0..AWAKE {
        if events.first().is_some_and(|(at, _)| *at == minute) {
            happen(&day, events.remove(0).1).await;
            well_from = minute + RECOVERY;
        }
        if day.portal_state().await? == PortalState::SignInNeeded {
            let since = *ended_at.get_or_insert(minute);
            well_from = minute + RECOVERY;
            if minute - since >= ABSENCE {
                day.begin_sign_in(USER, false).await?;
                (ended_at, sign_ins) = (None, sign_ins + 1);
            }
        }
        if minute % HOUR == 0 {
            hours.push(Process::look("self")?);
        }
        let end = day.elapsed() + MINUTE;
        let asked = roles.iter().skip(minute % ROUND).step_by(ROUND);
        ask(&day, asked, minute >= well_from, &mut seen).await?;
        day.advance(end.saturating_sub(day.elapsed())).await;
    }
    let settled = *hours.get(SETTLED).context("a longer day")?;
    let end = at_rest(&settled).await?;
    outcome(&day, seen, sign_ins, hours, [settled, end])
}

async fn happen(day: &Simulation, event: Event) {
    match event {
        Event::Sleep(duration) => day.suspend(duration.unsigned_abs()).await,
        Event::SetClock(by) => {
            day.clock.jump(by);
            day.emulator.advance(-by);
        }
    }
}

/// Tools that ask for these roles at the same time.
async fn ask(
    day: &Simulation,
    roles: impl Iterator<Item = &RoleKey>,
    is_well: bool,
    seen: &mut Seen,
) -> Result<()> {
    let asked = roles.map(|key| day.app.credentials(key, Duration::ZERO));
    let all = async { Ok::<_, ()>(join_all(asked).await) };
    for answer in day.while_time_passes(all).await? {
        // AWS's clock decides what has expired. While the machine's differs, either may say what is left.
        let (theirs, ours) = (day.emulator.now(), day.now());
        match answer {
            Ok(credentials) => {
                let end = credentials.expires_at;
                let left = end.duration_since(theirs.min(ours));
                seen.serve((theirs, end), left, is_well.then_some(LEAST));
            }
            Err(problem) if is_well => seen.refuse(theirs, &problem.what_happened),
            Err(_) => {}
        }
    }
    Ok(())
}

/// The process at the end. A file that is just being written is no growth: it is closed within moments.
async fn at_rest(settled: &Process) -> Result<Process> {
    let as_before = async || {
        let now = Process::look("self")?;
        let is_at_rest = now.open_files <= settled.open_files && now.threads <= settled.threads;
        Ok(is_at_rest.then_some(now))
    };
    let at_rest = wait_until("files to be closed", AT_REST, as_before).await;
    at_rest.or_else(|_| Process::look("self"))
}

fn outcome(
    day: &Simulation,
    seen: Seen,
    sign_ins: u64,
    hours: Vec<Process>,
    [settled, end]: [Process; 2],
) -> Result<Day> {
    let calls = day.emulator.counters();
    let refused = |operation| calls.errors(operation, "TooManyRequestsException");
    let on_purpose = |operation| calls.injected(operation, "TooManyRequestsException");
    Ok(Day {
        seen,
        get_role_credentials: calls.calls(Operation::GetRoleCredentials),
        create_token: calls.calls(Operation::CreateToken),
        register_client: calls.calls(Operation::RegisterClient),
        peak: calls.peak_portal_calls_per_second,
        refused_by_quota: refused(Operation::GetRoleCredentials)
            + refused(Operation::ListAccounts)
            + refused(Operation::ListAccountRoles),
        refused_on_purpose: on_purpose(Operation::GetRoleCredentials)
            + on_purpose(Operation::ListAccounts)
            + on_purpose(Operation::ListAccountRoles),
        reused_refresh_tokens: calls.reused_refresh_tokens,
        sign_ins,
        pages_opened: day.shell.opened(),
        notices: day.shell.notice_titles(),
        hours,
        settled,
        end,
        memory_growth_per_cent: end.growth_since(&settled),
    })
}
