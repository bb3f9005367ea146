//! When a token that could not be refreshed is tried again: by itself after growing pauses, for whoever is refused
//! something because of it after a few seconds.

use std::time::Duration;

use super::Session;
use crate::identity_center::{Failure, Priority, Token};
use crate::refresh::standing::{Failing, Status};
use crate::refresh::{RefreshFailure, retry};

impl Session {
    /// The next attempt need not wait for its pause.
    pub fn forget_failures(&self) {
        if let Status::SignedIn(signed_in) = &mut *self.status() {
            signed_in.try_at_once();
        }
    }

    /// Until which monotonic time the last failure is the answer to whoever is refused something because the token has run
    /// out. None: it has not.
    pub fn answer_until(&self) -> Option<Duration> {
        match &*self.status() {
            Status::SignedIn(signed_in) if !self.is_usable(signed_in) => {
                signed_in.failing.as_ref().map(Failing::answer_until)
            }
            Status::SignedIn(_) | Status::NotRead | Status::Unreadable(_) | Status::SignedOut { .. } => None,
        }
    }

    /// What can be said without a call: somebody else has refreshed meanwhile, or the last failure is too fresh.
    pub(super) fn without_asking(
        &self,
        old: Option<&Token>,
        waiting: Priority,
    ) -> Option<Result<Token, RefreshFailure>> {
        let status = self.status();
        let Status::SignedIn(signed_in) = &*status else {
            return Some(Err(RefreshFailure::SignInNeeded));
        };
        let current = &signed_in.sign_in.token;
        let is_usable = self.is_usable(signed_in);
        let is_replaced = old.is_some_and(|old| old.access_token != current.access_token);
        if is_replaced && is_usable {
            return Some(Ok(current.clone()));
        }
        let failing = signed_in.failing.as_ref()?;
        let is_refused_something = waiting == Priority::Interactive && !is_usable;
        let not_before = match is_refused_something {
            true => failing.answer_until(),
            false => failing.not_before,
        };
        let too_soon = self.clock.elapsed() < not_before;
        too_soon.then(|| Err(RefreshFailure::Aws(failing.failure.clone())))
    }

    /// Nothing is lost: the next attempt waits. `begun`: the monotonic time at which this one began.
    pub(super) fn later(&self, failure: &Failure, begun: Duration) {
        let now = self.clock.elapsed();
        let mut status = self.status();
        let Status::SignedIn(signed_in) = &mut *status else {
            return;
        };
        let policy = retry::token(signed_in.life.length);
        let answer_until = now.saturating_add(policy.remembered(failure.retry_after));
        let before = signed_in.failing.as_ref();
        let since = before.map_or(now, |failing| failing.since);
        let (in_a_row, not_before) = match before {
            // Somebody asked ahead of the background's turn: that stays when it was, but for what every failure costs.
            Some(failing) if begun < failing.not_before => {
                (failing.in_a_row, failing.not_before.max(answer_until))
            }
            Some(Failing { in_a_row, .. }) => {
                let in_a_row = in_a_row + 1;
                (
                    in_a_row,
                    now.saturating_add(policy.pause(in_a_row, failure.retry_after)),
                )
            }
            None => (1, now.saturating_add(policy.pause(1, failure.retry_after))),
        };
        signed_in.failing = Some(Failing {
            failure: failure.clone(),
            in_a_row,
            since,
            not_before,
            answer_until,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::future::join_all;

    use super::*;
    use crate::clock::Clock;
    use crate::refresh::scripted::{LIFE, Says, Scripted};

    const SECOND: Duration = Duration::from_secs(1);

    /// A session whose token has run out while AWS was away for long.
    async fn after_a_long_outage() -> (Scripted, Arc<Session>) {
        let aws = Scripted::open();
        let session = aws.session(LIFE).await;
        aws.say(Says::Unavailable);
        aws.clock.advance(LIFE);
        for _ in 0..5 {
            aws.clock.advance(pause(&aws, &session));
            assert!(session.refresh(None, Priority::Background).await.is_err());
        }
        (aws, session)
    }

    /// How long the background waits.
    fn pause(aws: &Scripted, session: &Session) -> Duration {
        let not_before = session.facts().unwrap().not_before.unwrap();
        not_before.saturating_sub(aws.clock.elapsed())
    }

    /// How many of a hundred who ask at once get a token.
    async fn served(session: &Arc<Session>, waiting: Priority) -> usize {
        let answers = join_all((0..100).map(|_| session.token(waiting))).await;
        answers.iter().filter(|answer| answer.is_ok()).count()
    }

    #[tokio::test]
    async fn r4_whoever_is_refused_for_a_token_that_has_run_out_makes_it_be_tried_after_five_seconds() {
        let (aws, session) = after_a_long_outage().await;
        let (calls, waits) = (aws.calls(), pause(&aws, &session));
        assert_eq!(waits, 300 * SECOND);
        aws.clock.advance(5 * SECOND - Duration::from_millis(1));
        assert_eq!(served(&session, Priority::Interactive).await, 0);
        assert_eq!(aws.calls(), calls, "the failure is the answer for five seconds");
        aws.clock.advance(Duration::from_millis(1));
        assert_eq!(served(&session, Priority::Background).await, 0);
        assert_eq!(aws.calls(), calls, "the background keeps its pauses");
        assert_eq!(served(&session, Priority::Interactive).await, 0);
        assert_eq!(aws.calls(), calls + 1, "one attempt for a hundred");
        assert_eq!(
            pause(&aws, &session),
            waits - 5 * SECOND,
            "the background's turn stays"
        );

        aws.say(Says::Number);
        aws.clock.advance(5 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
        assert_eq!(aws.calls(), calls + 2);
    }

    #[tokio::test]
    async fn r4_a_hundred_tools_that_ask_every_second_cause_an_attempt_every_five_seconds() {
        let (aws, session) = after_a_long_outage().await;
        let calls = aws.calls();
        for _ in 0..600 {
            aws.clock.advance(SECOND);
            assert_eq!(served(&session, Priority::Interactive).await, 0);
        }
        assert_eq!(aws.calls() - calls, 120);
        // They do not make the background wait longer once they have gone.
        assert!(pause(&aws, &session) <= 300 * SECOND);
    }

    #[tokio::test]
    async fn r4_while_the_token_lives_whoever_asks_gets_it_and_causes_no_attempt() {
        let aws = Scripted::open();
        let session = aws.session(LIFE).await;
        aws.say(Says::Unavailable);
        aws.clock.advance(LIFE / 2);
        assert!(session.refresh(None, Priority::Background).await.is_err());
        aws.clock.advance(10 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
        assert!(session.refresh(None, Priority::Interactive).await.is_err());
        assert_eq!(aws.calls(), 1);
        // In its last minute it is given out, and something better looked for.
        aws.clock.advance(LIFE / 2 - 50 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
        assert_eq!(aws.calls(), 2);
    }

    #[tokio::test]
    async fn r4_a_wish_of_aws_holds_for_whoever_asks_too() {
        let (aws, session) = after_a_long_outage().await;
        let calls = aws.calls();
        aws.say(Says::Throttled(40));
        aws.clock.advance(5 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 0);
        aws.say(Says::Number);
        aws.clock.advance(39 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 0);
        assert_eq!(aws.calls(), calls + 1);
        aws.clock.advance(SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
    }

    #[tokio::test]
    async fn r4_an_attempt_that_somebody_asked_for_shortens_no_pause_after_a_renewal() {
        let (aws, session) = after_a_long_outage().await;
        aws.say(Says::Number);
        aws.clock.advance(5 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
        let calls = aws.calls();
        assert_eq!(pause(&aws, &session), 30 * SECOND);
        assert_eq!(served(&session, Priority::Interactive).await, 100);
        assert_eq!((aws.calls(), pause(&aws, &session)), (calls, 30 * SECOND));
    }
}
