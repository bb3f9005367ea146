//! Whether a portal answers, as the last calls to it told: while it does not, the background asks once in a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::SharedClock;
use crate::identity_center::Failure;

/// How often the background asks a portal that does not answer.
const BETWEEN_PROBES: Duration = Duration::from_secs(5);

/// So long after the last call without an answer nobody knows whether the portal gives one: longer than the pauses
/// between two attempts.
const KNOWN_FOR: Duration = Duration::from_secs(90);

/// What is known of one portal's reachability.
#[derive(Debug)]
pub struct Reach {
    clock: SharedClock,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// The last call got no answer, or the network may be another one now.
    doubted: bool,
    /// The monotonic time before which the background does not ask.
    next_probe: Duration,
    /// Calls in a row without an answer.
    silences: u32,
    /// No role credentials came since the last answer.
    silence: Option<Silence>,
    /// An answer came after several calls had none.
    recovered: bool,
    /// The monotonic time of the last call that gave what it was asked for.
    worked_at: Option<Duration>,
}

/// When the first and the last of the calls were that got no answer, by monotonic time.
#[derive(Debug)]
struct Silence {
    failure: Failure,
    since: Duration,
    last: Duration,
    is_first: bool,
}

impl Reach {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            known: Mutex::default(),
        }
    }

    /// AWS gave an answer, whatever it was.
    pub fn answered(&self) {
        let mut known = self.known();
        *known = Known {
            recovered: known.recovered || known.silences > 1,
            worked_at: known.worked_at,
            ..Known::default()
        };
    }

    /// AWS, the sign-in service or another one, gave what it was asked for.
    pub fn worked(&self) {
        self.known().worked_at = Some(self.clock.elapsed());
    }

    /// The monotonic time when that was last so.
    pub fn worked_at(&self) -> Option<Duration> {
        self.known().worked_at
    }

    /// AWS gave none.
    pub fn silent(&self) {
        let next_probe = self.clock.elapsed() + BETWEEN_PROBES;
        let mut known = self.known();
        known.silences = known.silences.saturating_add(1);
        if !known.doubted {
            known.doubted = true;
            known.next_probe = next_probe;
        }
    }

    /// Nor role credentials to whoever needed some.
    pub fn gave_no_role(&self, failure: &Failure) {
        let now = self.clock.elapsed();
        let mut known = self.known();
        let before = known.silence.take().filter(|silence| silence.is_fresh(now));
        known.silence = Some(Silence {
            failure: failure.clone(),
            since: before.as_ref().map_or(now, |silence| silence.since),
            last: now,
            is_first: before.is_none(),
        });
    }

    /// Why the portal gives no role credentials, and since which monotonic time. None: it has answered since, or was not
    /// asked for any lately, or only once.
    pub fn silence(&self) -> Option<(Failure, Duration)> {
        let now = self.clock.elapsed();
        let known = self.known();
        let silence = known
            .silence
            .as_ref()
            .filter(|silence| silence.is_fresh(now) && !silence.is_first)?;
        Some((silence.failure.clone(), silence.since))
    }

    /// The machine woke up, or is in another network: one call tells, and may be made at once.
    pub fn doubt(&self) {
        let mut known = self.known();
        known.doubted = true;
        known.next_probe = Duration::ZERO;
    }

    /// Whether the background may call now; else when it may ask again.
    pub fn turn(&self) -> Result<(), Duration> {
        let now = self.clock.elapsed();
        let mut known = self.known();
        if !known.doubted {
            return Ok(());
        }
        if now < known.next_probe {
            return Err(known.next_probe - now);
        }
        known.next_probe = now + BETWEEN_PROBES;
        Ok(())
    }

    /// True once after the portal has come back.
    pub fn take_recovered(&self) -> bool {
        std::mem::take(&mut self.known().recovered)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Silence {
    fn is_fresh(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) < KNOWN_FOR
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::{Clock, ManualClock};
    use crate::identity_center::Meaning;

    fn away() -> Failure {
        Failure::new("GetRoleCredentials", Meaning::Unreachable, "no answer in time")
    }

    #[test]
    fn t2_how_long_a_portal_has_been_silent_is_known_until_it_answers_or_nobody_asks() {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let reach = Reach::new(Arc::new(clock.clone()));
        let second = Duration::from_secs(1);
        assert_eq!(reach.silence(), None);
        let begun = clock.elapsed();
        for _ in 0..3 {
            reach.gave_no_role(&away());
            clock.advance(60 * second);
        }
        assert_eq!(reach.silence(), Some((away(), begun)));
        clock.advance(30 * second);
        assert_eq!(reach.silence(), None, "nobody has asked for long");
        let anew = clock.elapsed();
        reach.gave_no_role(&away());
        assert_eq!(reach.silence(), None, "once is a hiccup");
        reach.gave_no_role(&away());
        assert_eq!(reach.silence(), Some((away(), anew)));
        reach.answered();
        assert_eq!(reach.silence(), None);
    }

    #[test]
    fn t2_a_portal_that_does_not_answer_is_asked_every_five_seconds() {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let reach = Reach::new(Arc::new(clock.clone()));
        assert_eq!((reach.turn(), reach.turn()), (Ok(()), Ok(())));
        reach.silent();
        assert_eq!(reach.turn(), Err(BETWEEN_PROBES));
        clock.advance(BETWEEN_PROBES);
        assert_eq!((reach.turn(), reach.turn()), (Ok(()), Err(BETWEEN_PROBES)));
        reach.doubt();
        assert_eq!((reach.turn(), reach.turn()), (Ok(()), Err(BETWEEN_PROBES)));
        reach.silent();
        assert!(!reach.take_recovered());
        reach.answered();
        assert_eq!((reach.turn(), reach.turn()), (Ok(()), Ok(())));
        assert!(reach.take_recovered() && !reach.take_recovered());
    }
}
