//! Does what the plan says, looks again at least every 30 s, and notices when the machine slept.

use std::time::Duration;

use crate::identity_center::{PortalId, Priority};
use crate::refresh::life::{Moment, until};
use crate::refresh::plan::{Due, Subject, TokenFacts, plan};
use crate::refresh::{Change, Refresh};

/// The longest time without a look at the clocks.
pub const TICK: Duration = Duration::from_secs(30);

/// So many renewals of one portal are begun: the limiter has half as many in flight, and hundreds that wait for their
/// turn would only take memory.
const AT_ONCE: usize = 16;

/// When those that were not begun are looked at again, unless one of the others ends first.
const SOON: Duration = Duration::from_millis(500);

/// A wall clock that runs away from the monotonic one by more than this was set, or the machine slept.
const JUMP: Duration = Duration::from_secs(60);

/// Runs until the application begins to end: what is due then is begun by nobody, and would be tried again at once.
pub async fn run(refresh: Refresh) {
    let mut before = Moment::of(&*refresh.clock);
    while !refresh.unfinished.is_ending() {
        let (moment, next) = look(&refresh, before, TICK);
        before = moment;
        let pause = next.map_or(TICK, |next| next.min(TICK));
        tokio::select! {
            () = refresh.clock.sleep(pause) => {}
            () = refresh.look.notified() => {}
        }
    }
}

/// Looks at the clocks since `before`, and does what the plan says. The pause is how long nothing is due, as far as
/// `horizon`.
pub(in crate::refresh) fn look(
    refresh: &Refresh,
    before: Moment,
    horizon: Duration,
) -> (Moment, Option<Duration>) {
    let moment = Moment::of(&*refresh.clock);
    if jumped(before, moment) {
        tracing::info!("the machine slept or its clock was set; everything is looked at again");
        refresh.try_again();
        let _ = refresh.changes.send(Change::ClockJumped);
    }
    (moment, step(refresh, moment, horizon))
}

/// Starts what is due and says when to ask again.
fn step(refresh: &Refresh, moment: Moment, horizon: Duration) -> Option<Duration> {
    let sessions = refresh.sessions();
    for session in &sessions {
        if session.center.reach.take_recovered() {
            refresh.roles.forget_silence(&session.portal().id);
        }
    }
    refresh.roles.prune();
    let tokens = sessions.iter().filter_map(|session| session.facts());
    let with_others = |token: TokenFacts| TokenFacts {
        shared: refresh.shares(&token.portal),
        ..token
    };
    let tokens: Vec<_> = tokens.map(with_others).collect();
    let signed_in = |portal: &PortalId| tokens.iter().any(|token| token.portal == *portal);
    let roles = refresh.roles.facts(horizon, signed_in);
    let due = plan(moment, &tokens, &roles);
    let (now, later): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.at <= moment.now);
    let waits = now.into_iter().filter_map(|due| start(refresh, due));
    let next = later.first().map(|due| until(moment.now, due.at));
    waits.chain(next).min()
}

/// Starts it, unless it is under way, or says when to ask again: not all roles of a portal are asked for at once, and
/// few where it does not answer.
fn start(refresh: &Refresh, due: Due) -> Option<Duration> {
    let refresh = refresh.clone();
    match due.subject {
        Subject::Token(portal) => {
            let session = refresh
                .session(&portal)
                .filter(|session| !session.is_renewing())?;
            // Another look may come before this has begun: one renewal is enough for this token.
            let old = session.current().ok()?;
            tracing::debug!(reason = ?due.reason, "renewing an access token");
            tokio::spawn(async move {
                if let Err(failure) = session.refresh(Some(&old), Priority::Background).await {
                    tracing::info!(%failure, "the access token was not renewed");
                }
                refresh.look.notify_one();
            });
        }
        Subject::Role(key) => {
            let session = refresh.session(&key.portal)?;
            if refresh.roles.is_renewing(&key) {
                return None;
            }
            if refresh.roles.under_way(&key.portal) >= AT_ONCE {
                return Some(SOON);
            }
            if let Err(wait) = session.center.reach.turn() {
                return Some(wait);
            }
            tracing::debug!(reason = ?due.reason, "renewing role credentials");
            let renewal = refresh.roles.renew(&session, &key);
            tokio::spawn(async move {
                renewal.await;
                refresh.look.notify_one();
            });
        }
    }
    None
}

fn jumped(before: Moment, now: Moment) -> bool {
    let monotonic = now.elapsed.saturating_sub(before.elapsed);
    let wall = now.shown.duration_since(before.shown);
    let difference = wall - jiff::SignedDuration::try_from(monotonic).unwrap_or_default();
    difference.unsigned_abs() > JUMP
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn t1_suspend_and_set_clocks_are_noticed_and_passing_time_is_not() {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let before = Moment::of(&clock);
        clock.advance(Duration::from_secs(7200));
        assert!(!jumped(before, Moment::of(&clock)));
        clock.suspend(Duration::from_secs(90));
        assert!(jumped(before, Moment::of(&clock)));
        let before = Moment::of(&clock);
        clock.jump(jiff::SignedDuration::from_mins(-2));
        assert!(jumped(before, Moment::of(&clock)));
    }
}
