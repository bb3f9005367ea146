//! Whether a portal answers, as the last calls to it told: while it does not, the background asks once in a while.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::SharedClock;

/// How often the background asks a portal that does not answer.
const BETWEEN_PROBES: Duration = Duration::from_secs(5);

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
    /// An answer came after several calls had none.
    recovered: bool,
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
            ..Known::default()
        };
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

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
