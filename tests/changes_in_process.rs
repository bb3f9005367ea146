//! What an administrator assigns and takes away is told once, by name or by number, and never after a sign-in.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::Simulation;
use identity_center_emulator::{Assignment, Fault, Operation, Principal, World};
use portray_core::app::contract::Request;

const USER: &str = "amara";
const OTHER: &str = "chiara";
const SETS: u32 = 5;
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// A user without anything but what the test assigns, beside one who has everything.
async fn signed_in(accounts: u32, assigned: usize) -> Result<Simulation> {
    let mut world = World::from_toml(&World::generated(accounts, SETS))?;
    world.amend(&format!(
        "[[user]]\nname = \"{OTHER}\"\ndisplay_name = \"Chiara\"\nemail = \"chiara@big.example\"\npassword = \"demo\"\n"
    ))?;
    let day = Simulation::begin(world)?;
    for number in 0..assigned {
        assign(&day, number, 0)?;
    }
    day.sign_in(OTHER).await?;
    Ok(day)
}

fn assignment(day: &Simulation, account: usize, set: usize) -> Assignment {
    Assignment {
        principal: Principal::User(OTHER.to_owned()),
        permission_set: format!("PermissionSet{set:03}"),
        account: day.emulator.world().accounts[account].id.clone(),
    }
}

fn assign(day: &Simulation, account: usize, set: usize) -> Result<()> {
    Ok(day.emulator.assign(&assignment(day, account, set))?)
}

fn unassign(day: &Simulation, account: usize, set: usize) {
    assert!(day.emulator.unassign(&assignment(day, account, set)));
}

/// Asks for a new list and lets it come.
async fn sync(day: &Simulation) -> Result<()> {
    day.ask(Request::Sync {
        portal: day.portal.0.clone(),
    })
    .await?;
    day.advance(MINUTE).await;
    Ok(())
}

/// The texts of all notices so far about assignments.
fn told(day: &Simulation) -> Vec<String> {
    let notices = day.shell.notices.lock().expect("no panic under this lock");
    let told = notices
        .iter()
        .filter(|notice| notice.key.starts_with("assignments/"));
    told.map(|notice| notice.body.clone()).collect()
}

#[tokio::test]
async fn r8_what_was_gained_and_lost_is_told_once_by_name() -> Result<()> {
    let day = signed_in(10, 3).await?;
    sync(&day).await?;
    assert_eq!(told(&day), Vec::<String>::new(), "nothing has changed");
    assign(&day, 0, 1)?;
    unassign(&day, 2, 0);
    sync(&day).await?;
    let both = "New: big-00000 / PermissionSet001. Removed: big-00002 / PermissionSet000.";
    assert_eq!(told(&day), [both]);
    sync(&day).await?;
    assert_eq!(told(&day), [both], "once");
    Ok(())
}

#[tokio::test]
async fn many_changes_are_told_by_their_number() -> Result<()> {
    let day = signed_in(30, 15).await?;
    for account in 15..27 {
        assign(&day, account, 0)?;
    }
    for account in 0..3 {
        unassign(&day, account, 0);
    }
    sync(&day).await?;
    assert_eq!(told(&day), ["12 new, 3 removed."]);
    Ok(())
}

#[tokio::test]
async fn the_first_list_of_a_sign_in_is_no_news_whoever_signed_in() -> Result<()> {
    let day = signed_in(10, 3).await?;
    // The session ends, and somebody else signs in.
    day.emulator.end_sessions(OTHER)?;
    day.advance(60 * MINUTE).await;
    day.sign_in(USER).await?;
    sync(&day).await?;
    assert_eq!(day.app.catalogue().counts(&day.portal).accounts, 10);
    // After a sign-out the first one comes back.
    day.ask(Request::SignOut {
        portal: day.portal.0.clone(),
    })
    .await?;
    assign(&day, 7, 0)?;
    day.sign_in(OTHER).await?;
    sync(&day).await?;
    assert_eq!(day.app.catalogue().counts(&day.portal).accounts, 4);
    assert_eq!(told(&day), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn a_change_is_compared_with_the_last_whole_list_through_stops_and_restarts() -> Result<()> {
    let mut day = signed_in(100, 100).await?;
    assign(&day, 0, 1)?;
    unassign(&day, 99, 0);
    // The sync shows what it has, and AWS stops answering for good.
    day.emulator
        .add_fault(Fault::status(Operation::ListAccountRoles, 400).after_calls(60));
    sync(&day).await?;
    assert_eq!(told(&day), Vec::<String>::new(), "half a list says nothing");
    assert!(
        day.app
            .catalogue()
            .lists(&day.role(&day.emulator.world().accounts[0].id, "PermissionSet001"))
    );
    day.restart().await?;
    day.emulator.clear_faults();
    sync(&day).await?;
    let both = "New: big-00000 / PermissionSet001. Removed: big-00099 / PermissionSet000.";
    assert_eq!(told(&day), [both]);
    Ok(())
}

#[tokio::test]
async fn r8_a_kept_role_that_goes_and_comes_back_is_kept_fresh_again() -> Result<()> {
    let day = signed_in(10, 3).await?;
    let role = assignment(&day, 1, 0);
    let key = day.role(&role.account, &role.permission_set);
    day.ask(Request::Keep {
        role: key.clone().into(),
        on: true,
    })
    .await?;
    day.advance(MINUTE).await;
    let kept = async || -> Result<Vec<bool>> {
        let snapshot = day.snapshot().await?;
        Ok(snapshot
            .credentials
            .iter()
            .map(|view| view.expires_at.is_some())
            .collect())
    };
    assert_eq!(kept().await?, [true]);
    unassign(&day, 1, 0);
    sync(&day).await?;
    assert_eq!(
        kept().await?,
        Vec::<bool>::new(),
        "what is taken away is not shown"
    );
    let calls = || day.emulator.counters().calls(Operation::GetRoleCredentials);
    let before = calls();
    day.advance(120 * MINUTE).await;
    assert_eq!(calls(), before, "what is taken away is not asked for");
    assign(&day, 1, 0)?;
    sync(&day).await?;
    assert_eq!(kept().await?, [true]);
    let told = told(&day);
    let last = told.last().context("a notice")?;
    assert_eq!(last, "New: big-00001 / PermissionSet000.");
    Ok(())
}

#[tokio::test]
async fn r8_a_role_that_was_given_back_is_handed_out_right_after_a_sync_that_a_person_asked_for() -> Result<()>
{
    let day = signed_in(10, 3).await?;
    let account = day.emulator.world().accounts[0].id.clone();
    let set = "PermissionSet000";
    let refusal = Fault::status(Operation::GetRoleCredentials, 403);
    day.emulator.add_fault(refusal.clone().times(1));
    assert!(day.try_credentials(&account, set).await.is_none());
    // What was refused has the list made anew by itself.
    day.advance(SECOND).await;
    assert!(
        day.try_credentials(&account, set).await.is_none(),
        "no person has asked for it"
    );
    day.ask(Request::Sync {
        portal: day.portal.0.clone(),
    })
    .await?;
    day.advance(SECOND).await;
    assert!(day.try_credentials(&account, set).await.is_some());

    // AWS lists it and refuses it.
    day.emulator.add_fault(refusal);
    let set = "PermissionSet000";
    let other = day.emulator.world().accounts[1].id.clone();
    let calls = || day.emulator.counters().calls(Operation::GetRoleCredentials);
    let before = calls();
    for _ in 0..60 {
        assert!(day.try_credentials(&other, set).await.is_none());
        day.advance(SECOND).await;
    }
    assert!((1..=13).contains(&(calls() - before)), "{}", calls() - before);
    Ok(())
}

#[tokio::test]
async fn s2_that_aws_did_not_answer_is_told_until_the_first_call_that_works() -> Result<()> {
    let day = signed_in(10, 3).await?;
    let account = day.emulator.world().accounts[0].id.clone();
    day.emulator
        .add_fault(Fault::status(Operation::ListAccounts, 503));
    sync(&day).await?;
    let problem = async || Ok::<_, anyhow::Error>(day.snapshot().await?.portals[0].problem.clone());
    for _ in 0..30 {
        if problem().await?.is_none() {
            day.advance(MINUTE).await;
        }
    }
    let told = problem().await?.context("a word about it")?;
    assert!(told.what_happened.contains("503"), "{told:?}");
    day.credentials(&account, "PermissionSet000").await?;
    assert_eq!(problem().await?, None);
    Ok(())
}
