//! Three days with one sign-in: whoever wants something of it, no refresh token is used twice.

use std::time::Duration;

use anyhow::Result;
use futures_util::future::join_all;
use harness::Simulation;
use identity_center_emulator::{Fault, Operation, Rotation, Trouble, World};
use portray_core::app::contract::{PortalState, ProblemCode, Request, SearchRequest};
use portray_core::identity_center::RoleKey;

const USER: &str = "amara";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: usize = 24 * 60;

/// Programs that ask at the same time.
const CLIENTS: usize = 64;

/// How often they do, in minutes.
const ROUND: usize = 15;

fn world() -> Result<World> {
    let mut world = World::from_toml(&World::generated(8, 4))?;
    // A refresh token that comes a second time ends everything.
    world.rotation = Rotation::Strict;
    world.session_duration = jiff::SignedDuration::from_hours(5 * 24);
    Ok(world)
}

#[tokio::test]
async fn r2_for_three_days_64_clients_restarts_and_refusals_use_no_refresh_token_twice() -> Result<()> {
    let mut day = Simulation::signed_in(world()?, USER).await?;
    // What never reached AWS may be asked again.
    day.emulator
        .add_fault(Fault::trouble(Operation::CreateToken, Trouble::Unavailable).with_probability(0.1));
    let roles: Vec<_> = day
        .app
        .catalogue()
        .listing(&day.portal)
        .expect("a list")
        .roles(&day.portal)
        .collect();
    for round in 0..3 * DAY / ROUND {
        ask(&day, &roles, round).await?;
        match round % 24 {
            // The application ends while tokens are being replaced, and an agent takes its place; or the other way round.
            5 | 17 => {
                day.app.click(Request::RenewNow);
                day.restart().await?;
            }
            // AWS refuses the token that everybody uses.
            9 => refuse(&day).await,
            // A person clicks again and again.
            13 => (0..20).for_each(|_| day.app.click(Request::RenewNow)),
            20 => day.suspend(3 * 60 * MINUTE).await,
            _ => {}
        }
        // The tools come once more while that is under way.
        ask(&day, &roles, round + 1).await?;
        day.advance(ROUND as u32 * MINUTE).await;
        // An AWS that has trouble for a moment is waited for, and signs nobody out.
        let state = day.portal_state().await?;
        let is_in = matches!(state, PortalState::SignedIn | PortalState::Offline);
        assert!(is_in, "round {round}: {state:?}");
    }
    let calls = day.emulator.counters();
    assert_eq!(calls.reused_refresh_tokens, 0);
    assert_eq!(calls.calls(Operation::RegisterClient), 1);
    let refreshes = calls.calls(Operation::CreateToken);
    assert!(
        refreshes > 3 * 24,
        "{refreshes} calls are too few for the story to show anything"
    );
    assert_eq!(day.shell.opened(), 0);
    Ok(())
}

/// The helpers of SDKs, the command line and the window, all at once.
async fn ask(day: &Simulation, roles: &[RoleKey], round: usize) -> Result<()> {
    let tools = (0..CLIENTS).map(|number| {
        let (app, role) = (&day.app, &roles[(number + round) % roles.len()]);
        async move {
            if number % 16 == 0 {
                let found = app.search(&everything());
                assert!(found.total > 0, "the list is there");
                app.snapshot().await.map(drop)
            } else {
                app.credentials(role, Duration::ZERO).await.map(drop)
            }
        }
    });
    let all = async { Ok::<_, ()>(join_all(tools).await) };
    for answer in day.while_time_passes(all).await? {
        // Of AWS's trouble a tool may hear, of a sign-in never.
        let is_well =
            answer.is_ok() || matches!(&answer, Err(problem) if problem.code == ProblemCode::Unreachable);
        assert!(is_well, "round {round}: {answer:?}");
    }
    Ok(())
}

fn everything() -> SearchRequest {
    SearchRequest {
        query: String::new(),
        portal: None,
        sorted_at: None,
        offset: 0,
        limit: 1,
    }
}

/// A call is answered by 401 though the token has not run out.
async fn refuse(day: &Simulation) {
    let refused = Fault::trouble(Operation::GetRoleCredentials, Trouble::Unauthorized).times(1);
    day.emulator.add_fault(refused);
    day.app.click(Request::RenewNow);
    day.advance(Duration::from_secs(5)).await;
}
