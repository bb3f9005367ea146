//! Roles that are kept fresh for nobody, and what the settings say of them and of programs that ask, in moments.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, wait_until};
use identity_center_emulator::World;
use jiff::SignedDuration;
use portray_core::app::contract::{ConsumerOrder, ProblemCode, Request};
use portray_core::consumers::Asking;
use portray_core::uses::Door;

const DEV: &str = "111122223333";
const DEADLINE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// Somebody is signed in for a week, and keeps a role.
async fn keeping() -> Result<Simulation> {
    let mut world = World::acme();
    world.session_duration = SignedDuration::from_hours(7 * 24);
    let day = Simulation::signed_in(world, "amara").await?;
    day.ask(Request::Keep {
        role: day.role(DEV, "ReadOnly").into(),
        on: true,
    })
    .await?;
    Ok(day)
}

/// Adds to the settings, and waits until that is taken over: the file is read in real time, and believed once it stands
/// for a while.
async fn edit(day: &Simulation, more: &str) -> Result<()> {
    let settings = std::fs::read_to_string(day.settings_file())?;
    // What this version does not know shows that it has read the file.
    std::fs::write(day.settings_file(), format!("{settings}\n{more}\n[mark]\n"))?;
    let is_read = async || {
        day.advance(MINUTE).await;
        Ok((!day.app.settings_problems().unknown_keys.is_empty()).then_some(()))
    };
    wait_until("the settings to be read", DEADLINE, is_read).await
}

fn is_kept(day: &Simulation) -> bool {
    let key = day.role(DEV, "ReadOnly");
    day.app.catalogue().kept.contains(&key)
}

fn told(day: &Simulation) -> usize {
    let titles = day.shell.notice_titles();
    titles
        .iter()
        .filter(|title| title.contains("kept fresh no longer"))
        .count()
}

#[tokio::test]
async fn a6_a_kept_role_that_nobody_used_for_a_day_is_let_go_and_one_button_keeps_it_on() -> Result<()> {
    let day = keeping().await?;
    day.advance(23 * HOUR).await;
    day.credentials(DEV, "ReadOnly").await?;
    day.advance(24 * HOUR - 2 * MINUTE).await;
    assert!(is_kept(&day), "somebody used it within a day");
    assert_eq!(told(&day), 0);

    day.advance(4 * MINUTE).await;
    assert!(!is_kept(&day));
    assert_eq!(told(&day), 1);
    let calls = || {
        day.emulator
            .counters()
            .calls(identity_center_emulator::Operation::GetRoleCredentials)
    };
    let before = calls();
    day.advance(5 * HOUR).await;
    assert_eq!(calls(), before, "nobody is asked for it any more");

    day.press_button().await?;
    assert!(is_kept(&day));
    day.advance(23 * HOUR).await;
    assert!(is_kept(&day) && calls() > before);
    assert_eq!(told(&day), 1);
    Ok(())
}

#[tokio::test]
async fn a6_a_day_without_use_goes_on_through_restarts_and_clocks_that_are_set() -> Result<()> {
    let mut day = keeping().await?;
    day.advance(12 * HOUR).await;
    day.marks_are_written().await?;
    day.restart().await?;
    assert!(is_kept(&day));
    day.advance(11 * HOUR).await;
    assert!(is_kept(&day));
    day.advance(2 * HOUR).await;
    assert!(!is_kept(&day), "13 hours here and 12 there are a day");
    Ok(())
}

#[tokio::test]
async fn a6_the_time_in_which_the_machine_sleeps_or_is_off_is_not_counted_as_without_use() -> Result<()> {
    let mut day = keeping().await?;
    for _ in 0..4 {
        day.advance(5 * HOUR).await;
        // Every night, and a weekend at the end.
        day.suspend(10 * HOUR).await;
    }
    day.suspend(48 * HOUR).await;
    day.advance(2 * HOUR).await;
    assert!(is_kept(&day), "22 hours awake");
    assert_eq!(told(&day), 0);
    day.ask(Request::Quit).await?;
    day.app.stopped().await;
    day.suspend(40 * HOUR).await;
    day.restart_ended().await?;
    day.advance(HOUR).await;
    assert!(is_kept(&day), "23 hours, and a weekend on which it was off");
    day.advance(2 * HOUR).await;
    assert!(!is_kept(&day));
    assert_eq!(told(&day), 1);
    Ok(())
}

#[tokio::test]
async fn a6_the_settings_say_how_long_and_that_it_is_for_ever() -> Result<()> {
    for (unused_for, hours, kept) in [("2h", 3, false), ("never", 60, true)] {
        let day = keeping().await?;
        edit(&day, &format!("[keep]\nunused_for = \"{unused_for}\"\n")).await?;
        day.advance(hours * HOUR).await;
        assert_eq!(is_kept(&day), kept, "{unused_for}");
    }
    Ok(())
}

#[tokio::test]
async fn a6_whom_to_confirm_is_taken_over_while_portray_runs() -> Result<()> {
    let day = keeping().await?;
    let role = day.role(DEV, "ReadOnly");
    let asks = || {
        day.app.judge(Asking {
            program: None,
            launch: None,
            door: Door::Socket,
            role: &role,
            portal: "acme",
            account_name: "acme-dev",
            assumed: None,
        })
    };
    assert_eq!(asks(), Ok(()));
    edit(&day, "[confirm]\nprograms = \"ask\"\n").await?;
    let waits = asks().expect_err("nobody was asked yet");
    assert_eq!(waits.code, ProblemCode::ConfirmationNeeded);
    day.advance(MINUTE).await;
    let questions = day.snapshot().await?.questions.clone();
    assert_eq!(questions.len(), 1);
    let answer = ConsumerOrder::Answer {
        question: questions[0].id,
        allow: true,
    };
    day.ask(Request::Consumers { order: answer }).await?;
    assert_eq!(asks(), Ok(()));
    Ok(())
}
