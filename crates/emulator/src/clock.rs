//! The emulator's own time: real or fixed, plus what the control interface advanced.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use jiff::{SignedDuration, Timestamp};

const FIRST_YEAR: Timestamp = Timestamp::UNIX_EPOCH;
/// The beginning of the year 9000.
const LAST_YEAR: Timestamp = Timestamp::constant(221_845_392_000, 0);

/// Where the clock was to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the clock goes from the year 1970 to the year 8999")]
pub struct OutOfRange;

/// Time as the emulator sees it. Clones share what was advanced.
#[derive(Clone)]
pub struct Clock {
    source: Source,
    advanced_milliseconds: Arc<AtomicI64>,
}

#[derive(Clone)]
enum Source {
    System,
    Fixed(Timestamp),
    Following(Arc<dyn Fn() -> Timestamp + Send + Sync>),
}

impl Clock {
    /// Real time.
    pub fn system() -> Self {
        Self::with(Source::System)
    }

    /// Stands still at `start` until it is advanced.
    pub fn fixed(start: Timestamp) -> Self {
        Self::with(Source::Fixed(start))
    }

    /// Asks `source` each time: for a test that has a wall clock already.
    pub fn following(source: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self::with(Source::Following(Arc::new(source)))
    }

    pub fn now(&self) -> Timestamp {
        let base = match &self.source {
            Source::System => system_time(),
            Source::Fixed(start) => *start,
            Source::Following(source) => source(),
        };
        let advanced = SignedDuration::from_millis(self.advanced_milliseconds.load(Ordering::SeqCst));
        base.saturating_add(advanced)
            .expect("a signed duration has no calendar units")
    }

    /// Moves the clock, backwards too if `by` is negative. Every lifetime has to end in a year that can be written.
    pub fn advance(&self, by: SignedDuration) -> Result<(), OutOfRange> {
        let milliseconds = i64::try_from(by.as_millis()).map_err(|_| OutOfRange)?;
        let then = self.now().checked_add(by).map_err(|_| OutOfRange)?;
        if !Self::knows(then) {
            return Err(OutOfRange);
        }
        self.advanced_milliseconds
            .fetch_add(milliseconds, Ordering::SeqCst);
        Ok(())
    }

    /// Whether the clock may stand there.
    pub fn knows(time: Timestamp) -> bool {
        (FIRST_YEAR..LAST_YEAR).contains(&time)
    }

    fn with(source: Source) -> Self {
        Self {
            source,
            advanced_milliseconds: Arc::default(),
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Clock").field(&self.now()).finish()
    }
}

/// Real time from now on, for the log: how long an answer took does not depend on the emulator's clock.
#[expect(clippy::disallowed_methods, reason = "measures one call and decides nothing")]
pub(crate) fn stopwatch() -> impl Fn() -> Duration {
    let start = Instant::now();
    move || start.elapsed()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the emulator's clock is the one place that asks the system"
)]
fn system_time() -> Timestamp {
    Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_it_is_advanced() {
        let start: Timestamp = "2030-01-01T00:00:00Z".parse().unwrap();
        let clock = Clock::fixed(start);
        let clone = clock.clone();
        assert_eq!(clock.now(), start);

        clone.advance(SignedDuration::from_hours(2)).unwrap();

        assert_eq!(clock.now(), "2030-01-01T02:00:00Z".parse().unwrap());
        for too_far in [i64::MAX, i64::MIN, 1_000_000_000_000, -2_000_000_000] {
            assert_eq!(clock.advance(SignedDuration::from_secs(too_far)), Err(OutOfRange));
        }
        assert_eq!(clock.now(), "2030-01-01T02:00:00Z".parse().unwrap());
    }
}
