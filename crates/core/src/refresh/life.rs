//! How much of a token or of credentials is left, by AWS's time and by age.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// Clocks that are slewed, or read one after the other, differ by as much though nobody has set them.
const NOISE: SignedDuration = SignedDuration::from_secs(2);

/// The life of something that AWS issued.
///
/// The time at which AWS ends it decides, but it never lasts longer than its length allows: a clock that is set back, or
/// turns out to be wrong, does not make anything last longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Life {
    pub expires_at: Timestamp,
    /// From when it was obtained until it expires.
    pub length: Duration,
    /// The age of the clock at which it has expired at the latest.
    ends_at_age: Duration,
}

/// What a clock shows at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub now: Timestamp,
    /// What the machine's own clock shows.
    pub shown: Timestamp,
    pub elapsed: Duration,
    pub age: Duration,
}

impl Moment {
    pub fn of(clock: &dyn Clock) -> Self {
        let now = clock.now();
        Self {
            now,
            shown: clock.as_shown(now),
            elapsed: clock.elapsed(),
            age: clock.age(),
        }
    }
}

impl Life {
    /// Obtained at `moment`.
    pub fn begins(moment: Moment, expires_at: Timestamp) -> Self {
        Self::continues(moment, moment.now, expires_at)
    }

    /// Issued at `issued_at`: in an earlier run of the program, or before the clock was set.
    pub fn continues(moment: Moment, issued_at: Timestamp, expires_at: Timestamp) -> Self {
        let length = until(issued_at, expires_at);
        Self {
            expires_at,
            length,
            ends_at_age: moment
                .age
                .saturating_add(length.min(until(moment.now, expires_at))),
        }
    }

    /// When it ends by the clock as it is now: earlier than AWS said where that clock was set back since, so that nobody
    /// who reads it counts on more than there is.
    pub fn ends_at(&self, moment: Moment) -> Timestamp {
        let by_age = after(moment.now, self.ends_at_age.saturating_sub(moment.age));
        match self.expires_at.duration_since(by_age) > NOISE {
            true => by_age,
            false => self.expires_at,
        }
    }

    /// Zero once it has expired.
    pub fn left(&self, moment: Moment) -> Duration {
        let by_age = self.ends_at_age.saturating_sub(moment.age);
        until(moment.now, self.expires_at).min(by_age)
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

    fn moment(wall: &str, age: u64) -> Moment {
        let now = wall.parse().unwrap();
        Moment {
            now,
            shown: now,
            elapsed: Duration::ZERO,
            age: Duration::from_secs(age),
        }
    }

    fn an_hour() -> Life {
        Life::begins(
            moment("2026-03-02T12:00:00Z", 100),
            "2026-03-02T13:00:00Z".parse().unwrap(),
        )
    }

    #[test]
    fn t1_what_has_ended_by_the_wall_clock_has_ended() {
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
    fn t4_the_end_that_is_told_is_never_later_than_by_age() {
        let told = |wall: &str, age| an_hour().ends_at(moment(wall, age)).to_string();
        let as_aws_said = "2026-03-02T13:00:00Z";
        assert_eq!(told("2026-03-02T12:10:00Z", 100 + 600), as_aws_said);
        assert_eq!(
            told("2026-03-02T12:09:58.5Z", 100 + 600),
            as_aws_said,
            "no clock is that exact"
        );
        assert_eq!(
            told("2026-03-02T11:10:00Z", 100 + 600),
            "2026-03-02T12:00:00Z",
            "set back"
        );
        assert_eq!(
            told("2026-03-02T15:10:00Z", 100 + 600),
            as_aws_said,
            "set forward"
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
        assert_eq!(
            life.left(moment("2026-03-02T11:00:00Z", 5 + 600)),
            Duration::from_secs(300),
            "also when the clock is set back afterwards"
        );
    }

    #[test]
    fn t4_what_was_issued_before_the_clock_was_set_back_lasts_no_longer_than_it_was_to() {
        let life = Life::continues(
            moment("2026-03-02T11:00:00Z", 5),
            "2026-03-02T12:00:00Z".parse().unwrap(),
            "2026-03-02T13:00:00Z".parse().unwrap(),
        );
        assert_eq!(
            life.left(moment("2026-03-02T11:00:00Z", 5)),
            Duration::from_secs(3600)
        );
    }
}
