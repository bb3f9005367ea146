//! Sign-ins whose portal an edit of settings.toml renames, moves or takes away, in moments.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, wait_until};
use identity_center_emulator::{Operation, World};
use portray_core::app::contract::{PortalState, PortalView, Request};
use portray_core::app::left_behind::LeftBehind;

const DEV: &str = "111122223333";
const DEADLINE: Duration = Duration::from_secs(20);
const MINUTE: Duration = Duration::from_secs(60);

/// Replaces settings.toml, and lets minutes pass until the portals are as they should be.
async fn edited(
    day: &Simulation,
    settings: &str,
    wanted: impl Fn(&[PortalView]) -> bool,
) -> Result<Vec<PortalView>> {
    std::fs::write(day.settings_file(), settings)?;
    wait_until("the edit", DEADLINE, async || {
        day.advance(MINUTE / 2).await;
        let portals = day.snapshot().await?.portals.clone();
        Ok(wanted(&portals).then_some(portals))
    })
    .await
}

async fn left_behind(day: &Simulation) -> Result<Vec<LeftBehind>> {
    let asked = async { Ok::<_, anyhow::Error>(day.app.left_behind().await) };
    day.while_time_passes(asked).await
}

/// As a person writes it: without an id.
fn by_hand(settings: &str) -> String {
    let lines = settings.lines().filter(|line| !line.starts_with("id ="));
    lines.collect::<Vec<_>>().join("\n")
}

fn names(portals: &[PortalView]) -> Vec<&str> {
    portals.iter().map(|portal| &*portal.name).collect()
}

async fn kept(day: &Simulation) -> Result<()> {
    day.credentials(DEV, "ReadOnly").await?;
    let role = day.role(DEV, "ReadOnly").into();
    day.ask(Request::Keep { role, on: true }).await
}

#[tokio::test]
async fn r8_a_sign_in_follows_its_portal_to_another_name_with_all_that_hangs_at_it() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    kept(&day).await?;
    let settings = by_hand(&std::fs::read_to_string(day.settings_file())?);
    let renamed = settings.replace("\"acme\"", "\"gamma\"");
    let portals = edited(&day, &settings, |portals| names(portals) == ["acme"]).await?;
    assert_eq!(portals[0].state, PortalState::SignedIn);
    let accounts = portals[0].accounts;
    let stay = day.app.stays().of(&day.portal);
    let portals = edited(&day, &renamed, |portals| names(portals) == ["gamma"]).await?;
    assert_eq!(portals[0].state, PortalState::SignedIn);
    assert_eq!(portals[0].accounts, accounts, "its list is there at once");
    assert_eq!(day.app.stays().of(&day.portal), stay, "launches that run go on");
    assert_eq!(left_behind(&day).await?, []);
    let day = day.with_settings("").await?;
    day.advance(MINUTE).await;
    let snapshot = day.snapshot().await?;
    assert_eq!(names(&snapshot.portals), ["gamma"]);
    assert_eq!(snapshot.portals[0].state, PortalState::SignedIn);
    assert!(snapshot.credentials[0].kept, "{:?}", snapshot.credentials);
    day.credentials(DEV, "Developer").await?;
    assert_eq!(
        day.emulator.counters().calls(Operation::StartDeviceAuthorization),
        1
    );
    let portal = day.portal.0.clone();
    day.ask(Request::SignOut { portal }).await?;
    assert_eq!(day.emulator.counters().calls(Operation::Logout), 1);
    // The id outlives the sign-in: what a person made of its roles is there at the next one.
    let day = day.with_settings("\n").await?;
    day.advance(MINUTE).await;
    assert_eq!(day.snapshot().await?.portals[0].id, day.portal.0);
    Ok(())
}

#[tokio::test]
async fn r8_a_sign_in_whose_portal_is_gone_is_told_keeps_nothing_fresh_and_can_be_ended() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    kept(&day).await?;
    let settings = std::fs::read_to_string(day.settings_file())?;
    edited(&day, "# nothing\n", <[_]>::is_empty).await?;
    let told = left_behind(&day).await?;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(
        (&*told[0].name, &told[0].start_url),
        ("acme", &day.emulator.start_url())
    );
    assert!(
        told[0].problem.what_to_do.contains("portray logout acme"),
        "{told:?}"
    );
    let asked = |operation| day.emulator.counters().calls(operation);
    let before = [Operation::GetRoleCredentials, Operation::CreateToken].map(asked);
    day.advance(3 * 60 * MINUTE).await;
    let after = [Operation::GetRoleCredentials, Operation::CreateToken].map(asked);
    assert_eq!(after, before, "nothing is kept fresh for nobody");

    let day = day.with_settings("").await?;
    assert_eq!(left_behind(&day).await?.len(), 1, "the next process tells it too");
    let stay = day.app.stays().of(&day.portal);
    let portals = edited(&day, &settings, |portals| names(portals) == ["acme"]).await?;
    assert_eq!(portals[0].state, PortalState::SignedIn, "it has come back");
    edited(&day, "# nothing\n", <[_]>::is_empty).await?;
    assert_ne!(
        day.app.stays().of(&day.portal),
        stay,
        "launches of before are over"
    );
    edited(&day, &settings, |portals| names(portals) == ["acme"]).await?;
    assert_eq!(left_behind(&day).await?, []);

    edited(&day, "# nothing\n", <[_]>::is_empty).await?;
    assert_eq!(left_behind(&day).await?.len(), 1);
    day.ask(Request::SignOutLeftBehind {
        name: Some("other".to_owned()),
    })
    .await?;
    assert_eq!(day.emulator.counters().calls(Operation::Logout), 0);
    day.ask(Request::SignOutLeftBehind { name: None }).await?;
    assert_eq!(day.emulator.counters().calls(Operation::Logout), 1);
    assert_eq!(left_behind(&day).await?, []);
    let portals = edited(&day, &settings, |portals| names(portals) == ["acme"]).await?;
    assert_eq!(portals[0].state, PortalState::SignInNeeded);
    let day = day.with_settings("").await?;
    assert!(!day.is_stored().await?, "nothing of it is left");
    Ok(())
}

#[tokio::test]
async fn r8_another_start_url_or_region_under_the_same_id_never_gets_the_token_of_the_one_before()
-> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let settings = std::fs::read_to_string(day.settings_file())?;
    let (url, region) = (day.emulator.start_url(), day.emulator.region());
    let elsewhere = [
        settings.replace(&url, "https://other.awsapps.com/start"),
        settings.replace(&format!("region = \"{region}\""), "region = \"ap-south-1\""),
    ];
    let listed = |day: &Simulation| {
        let counters = day.emulator.counters();
        [Operation::ListAccounts, Operation::CreateToken].map(|operation| counters.calls(operation))
    };
    for (place, moved) in elsewhere.iter().enumerate() {
        assert_ne!(*moved, settings);
        let before = listed(&day);
        let stay = day.app.stays().of(&day.portal);
        let is_moved = |portals: &[PortalView]| portals[0].start_url != url || portals[0].region != region;
        let portals = edited(&day, moved, is_moved).await?;
        assert_eq!(portals[0].state, PortalState::SignInNeeded, "{place}");
        assert_eq!((portals[0].accounts, &portals[0].id), (0, &day.portal.0));
        assert_ne!(
            day.app.stays().of(&day.portal),
            stay,
            "{place}: what runs began elsewhere"
        );
        day.advance(90 * MINUTE).await;
        assert!(day.try_credentials(DEV, "ReadOnly").await.is_none());
        assert_eq!(listed(&day), before, "{place}: nobody asks with that token");
        let told = left_behind(&day).await?;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!((&told[0].start_url, &told[0].region), (&url, &region));
        assert!(
            told[0].problem.what_to_do.contains("logout --all"),
            "the name is taken: {told:?}"
        );
        let portals = edited(&day, &settings, |portals| !is_moved(portals)).await?;
        assert_eq!(portals[0].state, PortalState::SignedIn, "{place}");
        assert_eq!(left_behind(&day).await?, []);
    }
    Ok(())
}

#[tokio::test]
async fn r8_a_portal_without_an_id_is_removed_after_it_was_renamed() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let settings = by_hand(&std::fs::read_to_string(day.settings_file())?);
    let renamed = format!("# mine\n{}", settings.replace("\"acme\"", "\"gamma\""));
    let portals = edited(&day, &renamed, |portals| names(portals) == ["gamma"]).await?;
    let portal = portals[0].id.clone();
    day.ask_in_real_time(Request::RemovePortal { portal }).await?;
    let left = std::fs::read_to_string(day.settings_file())?;
    assert!(!left.contains("gamma") && !left.contains("[[portal]]"), "{left}");
    assert_eq!(day.emulator.counters().calls(Operation::Logout), 1);
    assert!(day.snapshot().await?.portals.is_empty());
    assert_eq!(left_behind(&day).await?, []);
    assert!(!day.is_stored().await?);
    // What is written again by hand is a new one.
    let portals = edited(&day, &settings, |portals| names(portals) == ["acme"]).await?;
    assert_ne!(portals[0].id, day.portal.0);
    Ok(())
}

#[tokio::test]
async fn r8_a_sign_in_that_waits_while_its_portal_goes_says_so() -> Result<()> {
    let day = Simulation::begin(World::acme())?;
    let begin = day.app.sign_in(
        &day.portal.0,
        portray_core::app::contract::SignInMethod::DeviceCode,
        false,
        false,
    );
    let portray_core::app::SignInStart::Started(started) = day.while_time_passes(begin).await? else {
        anyhow::bail!("somebody is signed in already");
    };
    edited(&day, "# nothing\n", <[_]>::is_empty).await?;
    let ended = started.finished.await?.unwrap_err();
    assert!(
        ended
            .what_happened
            .contains("settings.toml was changed meanwhile"),
        "{ended:?}"
    );
    Ok(())
}
