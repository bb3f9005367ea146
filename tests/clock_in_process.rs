//! A clock that is set or wrong, in moments: AWS's own goes on as it was.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, hourly};
use identity_center_emulator::{Fault, Operation, Trouble};
use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimePrinter;
use portray_core::app::contract::{PortalState, Request};

const DEV: &str = "111122223333";
const ROLE: &str = "111122223333/Developer";
const HOUR: SignedDuration = SignedDuration::from_hours(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Back and forth by an hour and by a day, and a clock that has lost everything.
const SET_BY: [SignedDuration; 5] = [
    SignedDuration::from_hours(-1),
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(-24),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(-492_300),
];

/// A tool asks, and what it gets is good, and said to be good for as long as it is.
async fn good_ones(day: &Simulation, by: SignedDuration) -> Result<()> {
    let credentials = day.credentials(DEV, "Developer").await?;
    let end = day.true_end(ROLE, HOUR)?;
    let left = day.truly_left(end);
    assert!(left >= SignedDuration::from_mins(15), "{by:#}: {left:#} are left");
    let wrong = day.told_too_late(&credentials, end);
    assert!(
        wrong.abs() <= SignedDuration::from_secs(2),
        "{by:#}: told wrong by {wrong:#}"
    );
    Ok(())
}

fn calls(day: &Simulation, operation: Operation) -> u64 {
    day.emulator.counters().calls(operation)
}

fn told_of_the_clock(day: &Simulation) -> Vec<String> {
    let titles = day.shell.notice_titles().into_iter();
    titles.filter(|title| title.contains("clock")).collect()
}

fn taken_back(day: &Simulation) -> bool {
    day.shell
        .withdrawn
        .lock()
        .expect("no panic")
        .contains(&"clock".to_owned())
}

#[tokio::test]
async fn t4_wherever_the_clock_is_set_tools_are_served_and_nobody_is_signed_out() -> Result<()> {
    for by in SET_BY {
        let day = Simulation::signed_in(hourly(), "amara").await?;
        good_ones(&day, by).await?;
        let before = (
            calls(&day, Operation::GetRoleCredentials),
            calls(&day, Operation::CreateToken),
        );
        day.set_clock(by);
        // At once, before anybody has noticed: whatever is served is good, and not said to be good for longer than it is.
        let credentials = day.credentials(DEV, "Developer").await?;
        let end = day.true_end(ROLE, HOUR)?;
        assert!(day.truly_left(end).is_positive(), "{by:#}");
        let wrong = day.told_too_late(&credentials, end);
        assert!(
            wrong <= SignedDuration::from_secs(2),
            "{by:#}: told wrong by {wrong:#}"
        );
        day.advance(MINUTE).await;
        for _ in 0..6 {
            good_ones(&day, by).await?;
            day.advance(5 * MINUTE).await;
        }
        assert_eq!(day.portal_state().await?, PortalState::SignedIn, "{by:#}");
        assert_eq!(
            told_of_the_clock(&day).len(),
            1,
            "{by:#}: {:?}",
            day.shell.notice_titles()
        );

        day.set_clock(-by);
        day.advance(MINUTE).await;
        good_ones(&day, by).await?;
        assert!(taken_back(&day), "{by:#}");
        assert_eq!(told_of_the_clock(&day).len(), 1, "{by:#}");
        assert_eq!(day.snapshot().await?.problem, None, "{by:#}");
        let roles = calls(&day, Operation::GetRoleCredentials) - before.0;
        // One of them comes with the time, and the clock was set twice.
        assert!(roles <= 1 + 2 * 3, "{by:#}: {roles} calls for one role");
        let tokens = calls(&day, Operation::CreateToken) - before.1;
        assert!(tokens <= 1 + 2 * 3, "{by:#}: {tokens} tokens");
        assert_eq!(day.shell.opened(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn t4_a_machine_that_starts_with_a_wrong_clock_tells_it_once_and_serves_good_credentials() -> Result<()>
{
    for by in SET_BY {
        let mut day = Simulation::begin(hourly())?;
        day.set_clock(by);
        day.sign_in("amara").await?;
        for _ in 0..16 {
            good_ones(&day, by).await?;
            day.advance(5 * MINUTE).await;
        }
        let told = told_of_the_clock(&day);
        assert_eq!(told.len(), 1, "{by:#}: {told:?}");
        let problem = day.snapshot().await?.problem.clone();
        assert_eq!(
            problem.map(|problem| problem.what_happened),
            told.first().cloned()
        );
        day.ask(Request::DismissProblem).await?;
        assert_eq!(day.snapshot().await?.problem, None, "seen is seen");
        assert!(calls(&day, Operation::GetRoleCredentials) <= 2 + 3 + 1, "{by:#}");

        // What the store holds is understood by the next process, which does not know of the clock yet.
        day.restart().await?;
        assert_eq!(day.portal_state().await?, PortalState::SignedIn, "{by:#}");
        let before = calls(&day, Operation::GetRoleCredentials);
        good_ones(&day, by).await?;
        assert!(calls(&day, Operation::GetRoleCredentials) - before <= 2, "{by:#}");
        day.advance(MINUTE).await;
        assert_eq!(
            told_of_the_clock(&day).len(),
            1,
            "{by:#}: the new process tells it too"
        );
    }
    Ok(())
}

#[tokio::test]
async fn t4_a_clock_that_is_set_back_during_a_renewal_makes_nothing_last_longer() -> Result<()> {
    for operation in [Operation::CreateToken, Operation::GetRoleCredentials] {
        let day = Simulation::signed_in(hourly(), "amara").await?;
        good_ones(&day, HOUR).await?;
        // The emulator's delay is real time: the answer comes after the clock was set.
        day.emulator
            .add_fault(Fault::delay(operation, Duration::from_millis(200)).times(1));
        let before = calls(&day, operation);
        day.app.click(Request::RenewNow);
        day.advance(Duration::from_millis(1)).await;
        day.set_clock(-HOUR);
        let answered = async || Ok((calls(&day, operation) > before).then_some(()));
        harness::wait_until("the late answer", Duration::from_secs(10), answered).await?;
        // Nobody tells this machine the time any more.
        day.advance(SECOND).await;
        for silent in [
            Operation::CreateToken,
            Operation::ListAccounts,
            Operation::GetRoleCredentials,
        ] {
            day.emulator.add_fault(Fault::drop(silent));
        }
        for _ in 0..75 {
            if day.try_credentials(DEV, "Developer").await.is_some() {
                let left = day.truly_left(day.true_end(ROLE, HOUR)?);
                assert!(left.is_positive(), "{operation:?}: expired by {left:#}");
            }
            day.advance(MINUTE).await;
        }
        assert!(
            day.try_credentials(DEV, "Developer").await.is_none(),
            "{operation:?}: an hour is over"
        );
        assert_ne!(day.portal_state().await?, PortalState::SignInNeeded);
        day.emulator.clear_faults();
        day.advance(6 * MINUTE).await;
        good_ones(&day, -HOUR).await?;
    }
    Ok(())
}

#[tokio::test]
async fn t4_a_wrong_date_in_one_answer_changes_nothing() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    let odd = |operation| Fault::trouble(operation, Trouble::WrongDate).times(1);
    // No other answer comes behind this one.
    day.emulator.add_fault(odd(Operation::CreateToken));
    let before = calls(&day, Operation::CreateToken);
    day.ask(Request::RenewNow).await?;
    day.advance(SECOND).await;
    assert_eq!(calls(&day, Operation::CreateToken), before + 1);
    assert_eq!(day.app.clock_problem(), None);
    for operation in [Operation::GetRoleCredentials, Operation::ListAccounts] {
        day.emulator.add_fault(odd(operation));
    }
    for _ in 0..12 {
        good_ones(&day, SignedDuration::ZERO).await?;
        day.advance(5 * MINUTE).await;
    }
    assert_eq!(told_of_the_clock(&day), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn t4_a_gateway_with_a_clock_of_its_own_takes_no_good_credentials_away() -> Result<()> {
    for (status, hours) in [(502, 2), (403, 9), (407, 2), (503, -2), (200, 2), (511, 2)] {
        let day = Simulation::signed_in(hourly(), "amara").await?;
        good_ones(&day, SignedDuration::ZERO).await?;
        let end = day.true_end(ROLE, HOUR)?;
        for operation in [
            Operation::GetRoleCredentials,
            Operation::CreateToken,
            Operation::ListAccounts,
            Operation::ListAccountRoles,
        ] {
            let date = DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&(day.now() + SignedDuration::from_hours(hours)))?;
            let page = Fault::status(operation, status)
                .with_body("<html>gateway</html>")
                .with_header("content-type", "text/html")
                .with_header("date", &date);
            day.emulator.add_fault(page);
        }
        // Whoever asks for what is not there yet makes more such answers.
        for minute in 0..57 {
            assert!(day.try_credentials("444455556666", "ReadOnly").await.is_none());
            let credentials = day.credentials(DEV, "Developer").await?;
            let wrong = day.told_too_late(&credentials, end);
            assert!(
                wrong.abs() <= SignedDuration::from_secs(2),
                "{status}, minute {minute}: told wrong by {wrong:#}"
            );
            day.advance(MINUTE).await;
        }
        assert_eq!(told_of_the_clock(&day), Vec::<String>::new(), "{status}");
        assert_eq!(day.app.clock_problem(), None, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn t4_what_is_told_of_the_clock_is_true_from_the_moment_in_which_it_is_set() -> Result<()> {
    let day = Simulation::signed_in(hourly(), "amara").await?;
    good_ones(&day, SignedDuration::ZERO).await?;
    // Nobody tells this machine the time any more.
    for silent in [
        Operation::CreateToken,
        Operation::ListAccounts,
        Operation::ListAccountRoles,
        Operation::GetRoleCredentials,
    ] {
        day.emulator.add_fault(Fault::drop(silent));
    }
    let told = || day.app.clock_problem().map(|problem| problem.what_happened);
    day.set_clock(-HOUR);
    assert_eq!(
        told().as_deref(),
        Some("This machine's clock is 60 minutes slow.")
    );
    day.advance(SECOND).await;
    assert_eq!(told_of_the_clock(&day).len(), 1);
    day.set_clock(-HOUR);
    assert_eq!(
        told().as_deref(),
        Some("This machine's clock is 120 minutes slow.")
    );
    day.set_clock(2 * HOUR);
    assert_eq!(told(), None);
    day.advance(MINUTE).await;
    assert_eq!(day.snapshot().await?.problem, None);
    assert!(taken_back(&day));
    Ok(())
}

#[tokio::test]
async fn t4_credentials_that_always_look_expired_are_no_loop() -> Result<()> {
    for trouble in [
        Trouble::ExpirationPast,
        Trouble::ExpirationSeconds,
        Trouble::ExpirationZero,
    ] {
        let day = Simulation::signed_in(hourly(), "amara").await?;
        day.ask(Request::Keep {
            role: day.role(DEV, "Developer").into(),
            on: true,
        })
        .await?;
        day.advance(5 * SECOND).await;
        day.emulator
            .add_fault(Fault::trouble(Operation::GetRoleCredentials, trouble));
        let before = calls(&day, Operation::GetRoleCredentials);
        // From when it is due; a renewal that fails is tried again once a minute at most, and more seldom by tools.
        day.advance(60 * MINUTE).await;
        let by_itself = calls(&day, Operation::GetRoleCredentials) - before;
        assert!(
            (2..=35).contains(&by_itself),
            "{trouble:?}: {by_itself} calls in 25 minutes"
        );
        assert_eq!(day.portal_state().await?, PortalState::SignedIn);
        day.emulator.clear_faults();
        day.advance(2 * MINUTE).await;
        good_ones(&day, SignedDuration::ZERO).await?;
    }
    Ok(())
}
