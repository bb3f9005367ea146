//! Portals that come, go and change hands while Portray runs, in moments.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, wait_until};
use identity_center_emulator::{Fault, Operation, Rotation, World};
use portray_core::app::SignInStart;
use portray_core::app::contract::SignInMethod;
use portray_core::app::contract::{PortalState, PortalView, ProblemCode, Request};
use portray_core::refresh::standing::Standing;

const DEV: &str = "111122223333";
const DEADLINE: Duration = Duration::from_secs(20);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Lets minutes pass until the first portals are as they should be: files are read and written in real time.
async fn portals(day: &Simulation, what: &str, wanted: impl Fn(&[PortalView]) -> bool) -> Result<()> {
    wait_until(what, DEADLINE, async || {
        day.advance(MINUTE / 2).await;
        Ok(wanted(&day.snapshot().await?.portals).then_some(()))
    })
    .await
}

fn edit(day: &Simulation, change: impl Fn(String) -> String) -> Result<()> {
    let settings = std::fs::read_to_string(day.settings_file())?;
    Ok(std::fs::write(day.settings_file(), change(settings))?)
}

fn add(day: &Simulation) -> Request {
    Request::AddPortal {
        start_url: "https://other.awsapps.com/start".to_owned(),
        region: Some(day.emulator.region()),
        name: Some("other".to_owned()),
    }
}

#[tokio::test]
async fn a_portal_written_into_the_settings_by_hand_appears_and_goes_without_a_restart() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let before = std::fs::read_to_string(day.settings_file())?;
    edit(&day, |settings| {
        format!(
            "{settings}\n# mine\n{}",
            settings.replace("acme", "mine").replace("id = \"", "id = \"x")
        )
    })?;
    let names = |portals: &[PortalView]| portals.iter().map(|it| it.name.clone()).collect::<Vec<_>>();
    portals(&day, "the second portal", |portals| {
        names(portals) == ["acme", "mine"]
    })
    .await?;
    day.ask_in_real_time(add(&day)).await?;
    let settings = std::fs::read_to_string(day.settings_file())?;
    assert!(
        settings.contains("# mine"),
        "a change keeps what was written by hand: {settings}"
    );
    assert_eq!(names(&day.snapshot().await?.portals), ["acme", "mine", "other"]);
    std::fs::write(day.settings_file(), &before)?;
    portals(&day, "the first portal alone", |portals| {
        names(portals) == ["acme"]
    })
    .await?;
    assert_eq!(
        day.portal_state().await?,
        PortalState::SignedIn,
        "nobody touched that one"
    );
    Ok(())
}

#[tokio::test]
async fn r9_settings_damaged_while_portray_runs_are_told_and_left_alone() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let good = std::fs::read_to_string(day.settings_file())?;
    for bad in [
        "[[portal]]\nname = ".to_owned(),
        format!("{good}\n[[guard]]\nmatch = \"*\"\n"),
    ] {
        std::fs::write(day.settings_file(), &bad)?;
        let refused = day.ask_in_real_time(add(&day)).await;
        assert!(refused.is_err(), "{refused:?}");
        wait_until("a word about it", DEADLINE, async || {
            day.advance(MINUTE / 2).await;
            let problem = day.snapshot().await?.problem.clone();
            Ok(problem.filter(|problem| problem.code == ProblemCode::WrongUse))
        })
        .await?;
        assert_eq!(std::fs::read_to_string(day.settings_file())?, bad);
        assert_eq!(day.portal_state().await?, PortalState::SignedIn);
        std::fs::write(day.settings_file(), &good)?;
        wait_until("its end", DEADLINE, async || {
            day.advance(MINUTE / 2).await;
            Ok(day.snapshot().await?.problem.is_none().then_some(()))
        })
        .await?;
    }
    day.ask_in_real_time(add(&day)).await?;
    assert_eq!(day.snapshot().await?.portals.len(), 2);
    Ok(())
}

#[tokio::test]
async fn r8_a_removed_portal_leaves_nothing_in_the_store_and_nothing_to_serve() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.credentials(DEV, "ReadOnly").await?;
    let role = day.role(DEV, "ReadOnly").into();
    day.ask(Request::Keep { role, on: true }).await?;
    day.ask_in_real_time(Request::RemovePortal {
        portal: day.portal.0.clone(),
    })
    .await?;
    // Nothing of this waits for anything any more.
    assert_eq!(day.emulator.counters().calls(Operation::Logout), 1);
    assert!(
        !day.is_stored().await?,
        "a token or a registration is still there"
    );
    assert!(day.try_credentials(DEV, "ReadOnly").await.is_none());
    let snapshot = day.snapshot().await?;
    assert!(
        snapshot.portals.is_empty() && snapshot.credentials.is_empty(),
        "{snapshot:?}"
    );
    assert_eq!(day.app.catalogue().listings().count(), 0);
    let settings = std::fs::read_to_string(day.settings_file())?;
    assert!(!settings.contains("acme"), "{settings}");
    Ok(())
}

#[tokio::test]
async fn s2_a_sync_does_not_outlive_its_sign_in() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let developer = day.role(DEV, "Developer");
    assert!(day.app.catalogue().lists(&developer));
    // The second sync has listed a part, and waits for AWS in the middle of the other accounts.
    day.emulator
        .add_fault(Fault::status(Operation::ListAccountRoles, 503).with_probability(0.85));
    let portal = day.portal.0.clone();
    day.ask(Request::Sync {
        portal: portal.clone(),
    })
    .await?;
    let part = |portals: &[PortalView]| {
        let running = portals[0].sync.running;
        running.is_some_and(|it| it.done > 0 && it.done < it.total)
    };
    for _ in 0..60 {
        if part(&day.snapshot().await?.portals) {
            break;
        }
        day.advance(SECOND).await;
    }
    assert!(part(&day.snapshot().await?.portals));
    day.ask(Request::SignOut {
        portal: portal.clone(),
    })
    .await?;
    assert_eq!(day.app.catalogue().counts(&day.portal).accounts, 0);
    let begin = day
        .app
        .sign_in(&day.portal.0, SignInMethod::DeviceCode, false, false);
    let SignInStart::Started(started) = day.while_time_passes(begin).await? else {
        anyhow::bail!("somebody is signed in already");
    };
    day.emulator
        .approve_device(&started.user_code.unwrap_or_default(), "dmitri")?;
    let ended = day.while_time_passes(started.finished).await?;
    ended.map_err(|problem| anyhow::anyhow!("{problem:?}"))?;
    for _ in 0..60 {
        day.advance(SECOND).await;
        let catalogue = day.app.catalogue();
        let listing = catalogue.listing(&day.portal).cloned().unwrap_or_default();
        let mut sets = listing.accounts.iter().flat_map(|it| &it.permission_sets);
        assert!(sets.all(|set| set == "Billing"), "{listing:?}");
    }
    day.emulator.clear_faults();
    // One that is still waiting goes on; one that gave up is begun again.
    day.ask(Request::Sync { portal }).await?;
    day.advance(3 * MINUTE).await;
    let view = &day.snapshot().await?.portals[0];
    assert_eq!(view.permission_sets, 3, "{view:?}");
    Ok(())
}

#[tokio::test]
async fn n1_a_sync_that_aws_never_answers_ends_with_a_word_and_the_next_goes_on() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.emulator
        .add_fault(Fault::status(Operation::ListAccountRoles, 503));
    let portal = day.portal.0.clone();
    day.ask(Request::Sync {
        portal: portal.clone(),
    })
    .await?;
    day.advance(2 * MINUTE).await;
    let view = day.snapshot().await?.portals[0].clone();
    assert_eq!(view.sync.running, None);
    let problem = view.problem.as_ref().map(|problem| problem.code.exit_code());
    assert_eq!(problem, Some(5), "{view:?}");
    assert_eq!(
        (view.state, view.accounts),
        (PortalState::SignedIn, 9),
        "what was listed stays"
    );
    day.emulator.clear_faults();
    day.ask(Request::Sync { portal }).await?;
    day.advance(MINUTE).await;
    let view = day.snapshot().await?.portals[0].clone();
    assert!(view.problem.is_none() && view.sync.complete, "{view:?}");
    Ok(())
}

#[tokio::test]
async fn r9_a_portal_that_cannot_be_removed_keeps_what_was_made_of_its_roles() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let role = day.role(DEV, "ReadOnly");
    let marked = Request::SetFavourite {
        role: role.clone().into(),
        on: true,
    };
    day.ask(marked).await?;
    let good = std::fs::read_to_string(day.settings_file())?;
    std::fs::write(day.settings_file(), "[[portal]]\nname = ")?;
    let remove = || Request::RemovePortal {
        portal: day.portal.0.clone(),
    };
    assert!(day.ask_in_real_time(remove()).await.is_err());
    assert_eq!(day.app.catalogue().favourites, std::slice::from_ref(&role));
    assert!(day.marks()?.contains(DEV), "they are on disk too");

    std::fs::write(day.settings_file(), good)?;
    day.ask_in_real_time(remove()).await?;
    assert!(day.app.catalogue().favourites.is_empty());
    wait_until("favourites that are gone from the disk", DEADLINE, async || {
        Ok((!day.marks()?.contains(DEV)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn r3_a_portal_edited_while_its_token_is_renewed_goes_on_with_the_new_one() -> Result<()> {
    let mut world = World::acme();
    world.rotation = Rotation::Strict;
    let day = Simulation::signed_in(world, "amara").await?;
    let renewals = || {
        let audit = day.emulator.audit().into_iter();
        let tokens = audit.filter(|event| event.operation == Operation::CreateToken);
        tokens.count()
    };
    let before = renewals();
    // The emulator's delay is real time: AWS has replaced the token, and nobody has the new one when the edit counts.
    let slow = Fault::delay(Operation::CreateToken, Duration::from_secs(2)).times(1);
    day.emulator.add_fault(slow.after_processing());
    day.app.click(Request::RenewNow);
    day.advance(Duration::from_millis(1)).await;
    edit(&day, |settings| {
        settings.replace("name = \"acme\"", "name = \"renamed\"")
    })?;
    wait_until("the new name", DEADLINE, async || {
        // Less than the call has in all, or it would end without an answer.
        day.app.woke();
        day.advance(Duration::from_millis(300)).await;
        Ok((day.app.portal_name(&day.portal).as_deref() == Some("renamed")).then_some(()))
    })
    .await?;
    wait_until("the sign-in under the new name", DEADLINE, async || {
        day.advance(Duration::from_millis(1)).await;
        let portal = day.app.portals().into_iter().next();
        let standing = portal.map(|portal| portal.standing);
        Ok((standing == Some(Standing::SignedIn)).then_some(()))
    })
    .await?;
    assert_eq!(renewals(), before + 1, "the first one had an answer");
    day.ask(Request::RenewNow).await?;
    day.advance(MINUTE).await;
    assert!(
        renewals() > before + 1,
        "and the next one asks with the new token"
    );
    assert_eq!(day.emulator.counters().reused_refresh_tokens, 0);
    assert_eq!(day.portal_state().await?, PortalState::SignedIn);
    Ok(())
}
