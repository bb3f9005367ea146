//! Credentials and registrations from the shortest life to the longest, in moments.

use std::time::Duration;

use anyhow::Result;
use harness::Simulation;
use identity_center_emulator::{Fault, Operation, World};
use jiff::SignedDuration;
use portray_core::app::contract::{PortalState, Request, SignInMethod};

const DEV: &str = "111122223333";
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Half a minute stands for what no permission set has: rules that hold there hold anywhere.
const LIVES: [u64; 6] = [30, 120, 900, 3600, 2 * 3600, 12 * 3600];

fn world(life: Duration) -> Result<World> {
    let mut world = World::acme();
    world.session_duration = SignedDuration::from_hours(7 * 24);
    for set in &mut world.permission_sets {
        set.session_duration = SignedDuration::try_from(life)?;
    }
    Ok(world)
}

/// Credentials of one life, asked for all the time.
struct Asked {
    day: Simulation,
    life: Duration,
}

impl Asked {
    /// What is left of what a tool gets now; none where it gets an error.
    async fn left(&self) -> Result<Option<Duration>> {
        let served = self.day.try_credentials(DEV, "Developer").await;
        let left = served.map(|credentials| self.day.left(&credentials));
        assert!(
            left.is_none_or(|left| left.is_positive()),
            "{:?}: an expired one was served, {left:?}",
            self.life
        );
        Ok(left.map(Duration::try_from).transpose()?)
    }

    /// How often a tool asks.
    fn pause(&self) -> Duration {
        (self.life / 30).clamp(SECOND, 5 * MINUTE)
    }
}

#[tokio::test]
async fn r1_for_lives_of_half_a_minute_to_half_a_day_nothing_expired_is_served_though_aws_is_down()
-> Result<()> {
    for seconds in LIVES {
        let life = Duration::from_secs(seconds);
        let day = Simulation::signed_in(world(life)?, "amara").await?;
        let asked = Asked { day, life };
        let enough = (15 * MINUTE).min(life.mul_f64(0.35));
        let down_for = (25 * MINUTE).min(life / 2);
        let floor = MINUTE.min(life / 10);
        // Through one renewal, and to the moment before the next one.
        let mut left = Duration::MAX;
        let mut renewed = 0;
        loop {
            let now_left = asked.left().await?.unwrap_or_default();
            assert!(
                now_left >= enough,
                "{life:?}: {now_left:?} left though AWS answers"
            );
            renewed += u32::from(now_left > left);
            left = now_left;
            if renewed == 1 && left <= down_for + asked.pause() {
                break;
            }
            asked.day.advance(asked.pause()).await;
        }
        for operation in [
            Operation::GetRoleCredentials,
            Operation::CreateToken,
            Operation::ListAccounts,
            Operation::ListAccountRoles,
        ] {
            asked.day.emulator.add_fault(Fault::status(operation, 503));
        }
        let end = asked.day.clock.clone();
        let (mut served_to, mut refused) = (left, 0);
        let until = portray_core::clock::Clock::elapsed(&end) + left + (5 * MINUTE).min(life);
        while portray_core::clock::Clock::elapsed(&end) < until {
            match asked.left().await? {
                Some(left) => served_to = left,
                None => refused += 1,
            }
            asked.day.advance(asked.pause().min(20 * SECOND)).await;
        }
        assert!(
            served_to >= floor.saturating_sub(3 * SECOND) && served_to <= floor + asked.pause() + 25 * SECOND,
            "{life:?}: the last one served had {served_to:?} left, the floor is {floor:?}"
        );
        assert!(refused > 0, "{life:?}: after the end there is an error");
        assert_ne!(asked.day.portal_state().await?, PortalState::SignInNeeded);
        asked.day.emulator.clear_faults();
        asked.day.advance(6 * MINUTE).await;
        assert!(
            asked.left().await? >= Some(enough),
            "{life:?}: it goes on by itself"
        );
        assert_eq!(asked.day.shell.opened(), 0);
    }
    Ok(())
}

/// Begins a sign-in in the browser, looks whether it could, and leaves it.
async fn browser_sign_in(day: &Simulation) -> Result<bool> {
    let before = day.shell.opened();
    let portal = day.portal.0.clone();
    day.app.click(Request::SignIn {
        portal: portal.clone(),
        method: SignInMethod::Browser,
        force: false,
    });
    day.advance(SECOND).await;
    let opened = day.shell.opened() > before;
    day.ask(Request::CancelSignIn { portal }).await?;
    Ok(opened)
}

#[tokio::test]
async fn r6_a_client_is_registered_once_in_eighty_days_for_each_way_and_before_a_browser_opens() -> Result<()>
{
    let day = Simulation::begin(World::acme())?;
    let registered = || day.emulator.counters().calls(Operation::RegisterClient);
    for number in 0..=82 {
        assert!(browser_sign_in(&day).await?, "day {number}");
        day.sign_in("amara").await?;
        day.ask(Request::SignOut {
            portal: day.portal.0.clone(),
        })
        .await?;
        assert_eq!(registered(), 2, "day {number}");
        day.suspend(DAY).await;
    }
    // Seven days are left and a little less.
    day.suspend(DAY).await;
    day.emulator
        .add_fault(Fault::status(Operation::RegisterClient, 503));
    assert!(
        !browser_sign_in(&day).await?,
        "no page before there is a registration"
    );
    day.emulator.clear_faults();
    let before = registered();
    assert!(browser_sign_in(&day).await?);
    day.sign_in("amara").await?;
    assert_eq!(registered() - before, 2, "a new one for each way");
    let grants: Vec<_> = day
        .emulator
        .audit()
        .iter()
        .filter(|event| event.operation == Operation::RegisterClient && event.status == 200)
        .map(|event| event.request_parameters["grantTypes"].to_string())
        .collect();
    assert!(
        grants
            .iter()
            .all(|grant| !(grant.contains("authorization_code") && grant.contains("device_code")))
    );
    assert_eq!(
        grants
            .iter()
            .filter(|grant| grant.contains("authorization_code"))
            .count(),
        2
    );
    assert_eq!(grants.len(), 4);
    Ok(())
}

#[tokio::test]
async fn r2_a_token_that_the_aws_cli_sees_is_replaced_with_20_minutes_left() -> Result<()> {
    for (settings, renewals) in [("", 0), ("share_aws_cli_login = true\n", 1)] {
        let day = Simulation::signed_in(World::acme(), "amara").await?;
        let begun = day.emulator.counters().calls(Operation::CreateToken);
        let day = day.with_first_settings(settings).await?;
        day.advance(39 * MINUTE + 30 * SECOND).await;
        let calls = day.emulator.counters().calls(Operation::CreateToken);
        assert_eq!(
            calls - begun,
            renewals,
            "{settings:?}: without, 20 minutes left are early"
        );
        day.advance(6 * MINUTE).await;
        assert_eq!(day.emulator.counters().calls(Operation::CreateToken) - begun, 1);
    }
    Ok(())
}
