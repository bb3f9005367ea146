//! How much of a token or of credentials is left, by wall time and by monotonic time.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// The life of something that AWS issued.
///
/// The wall time decides (it goes on during suspend), but never gives more than the monotonic time allows: a wall
/// clock that is set back does not make anything last longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub expires_at: Timestamp,
    /// From when it was obtained until it expires.
    pub length: Duration,
    /// The monotonic time at which it was obtained.
    obtained: Duration,
}

/// Both clocks at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub now: Timestamp,
    pub elapsed: Duration,
}

impl Moment {
    pub fn of(clock: &dyn Clock) -> Self {
        Self {
            now: clock.now(),
            elapsed: clock.elapsed(),
        }
    }
}

impl Life {
    /// Obtained at `moment`.
    pub fn begins(moment: Moment, expires_at: Timestamp) -> Self {
        Self {
            expires_at,
            length: until(moment.now, expires_at),
            obtained: moment.elapsed,
        }
    }

    /// Issued in an earlier run of the program, at `issued_at`.
    pub fn continues(moment: Moment, issued_at: Timestamp, expires_at: Timestamp) -> Self {
        let length = until(issued_at, expires_at);
        // What is left now is all that the monotonic clock may still give.
        let used = length.saturating_sub(until(moment.now, expires_at));
        Self {
            expires_at,
            length,
            obtained: moment.elapsed.saturating_sub(used),
        }
    }

    /// Zero once it has expired.
    pub fn left(&self, moment: Moment) -> Duration {
        let by_wall = until(moment.now, self.expires_at);
        let by_monotonic = self
            .length
            .saturating_sub(moment.elapsed.saturating_sub(self.obtained));
        by_wall.min(by_monotonic)
    }
}

/// Zero where `end` is past.
pub fn until(now: Timestamp, end: Timestamp) -> Duration {
    Duration::try_from(end.duration_since(now)).unwrap_or(Duration::ZERO)
}

/// `now` plus a duration, at the end of time at the latest.
pub fn after(now: Timestamp, duration: Duration) -> Timestamp {
    let duration = SignedDuration::try_from(duration).unwrap_or(SignedDuration::MAX);
    now.checked_add(duration).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(wall: &str, elapsed: u64) -> Moment {
        Moment {
            now: wall.parse().unwrap(),
            elapsed: Duration::from_secs(elapsed),
        }
    }

    fn an_hour() -> Life {
        Life::begins(
            moment("2026-03-02T12:00:00Z", 100),
            "2026-03-02T13:00:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn t1_suspend_uses_up_life_though_the_monotonic_clock_stood_still() {
        assert_eq!(
            an_hour().left(moment("2026-03-02T12:50:00Z", 100)),
            Duration::from_secs(600)
        );
        assert_eq!(
            an_hour().left(moment("2026-03-02T14:00:00Z", 100)),
            Duration::ZERO
        );
    }

    #[test]
    fn t4_a_clock_set_back_does_not_make_anything_last_longer() {
        assert_eq!(
            an_hour().left(moment("2026-03-02T11:00:00Z", 100 + 3000)),
            Duration::from_secs(600)
        );
    }

    #[test]
    fn what_was_issued_before_a_restart_keeps_its_length() {
        let life = Life::continues(
            moment("2026-03-02T12:45:00Z", 5),
            "2026-03-02T12:00:00Z".parse().unwrap(),
            "2026-03-02T13:00:00Z".parse().unwrap(),
        );
        assert_eq!(life.length, Duration::from_secs(3600));
        assert_eq!(
            life.left(moment("2026-03-02T12:45:00Z", 5)),
            Duration::from_secs(900)
        );
    }
}
