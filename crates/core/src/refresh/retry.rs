//! How long to wait after a failure, by named policies.

use std::time::Duration;

/// A growing pause with a first and a last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    pub first: Duration,
    pub last: Duration,
}

/// Role credentials that AWS did not give (429, 5xx, no network).
pub const ROLE: Policy = Policy {
    first: Duration::from_secs(1),
    last: Duration::from_secs(60),
};

/// A failure is an answer for this long at least, so that a loop of failing clients is no loop of calls.
pub const REMEMBERED: Duration = Duration::from_secs(5);

/// An access token that could not be refreshed: half a minute (a quarter of a short life) up to five minutes.
pub fn token(life: Duration) -> Policy {
    Policy {
        first: Duration::from_secs(30).min(life / 4),
        last: Duration::from_secs(300),
    }
}

impl Policy {
    /// The pause after the `failures`-th failure in a row (from 1), doubled each time. `asked` is what AWS asked for.
    pub fn pause(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(16));
        doubled.max(asked.unwrap_or_default()).min(self.last)
    }

    /// How long a failure is the answer to whoever asks. `asked` is what AWS asked for.
    pub fn remembered(&self, asked: Option<Duration>) -> Duration {
        REMEMBERED.max(asked.unwrap_or_default().min(self.last))
    }

    /// The same as a pause, with a random part, so that many do not come back in the same second.
    pub fn jittered(&self, failures: u32, asked: Option<Duration>) -> Duration {
        let pause = self.pause(failures, asked);
        let mut byte = [0];
        // Without randomness the pause is whole, which is only less polite.
        let _ = getrandom::fill(&mut byte);
        pause
            .mul_f64(1.0 - 0.25 * f64::from(byte[0]) / 255.0)
            .max(asked.unwrap_or_default().min(self.last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r4_pauses_double_from_30_seconds_to_5_minutes() {
        let policy = token(Duration::from_secs(3600));
        let pauses: Vec<_> = (1..7)
            .map(|failures| policy.pause(failures, None).as_secs())
            .collect();
        assert_eq!(pauses, [30, 60, 120, 240, 300, 300]);
        assert_eq!(token(Duration::from_secs(60)).pause(1, None).as_secs(), 15);
    }

    #[test]
    fn a_wish_of_aws_is_honoured() {
        assert_eq!(ROLE.pause(1, Some(Duration::from_secs(7))).as_secs(), 7);
        assert!(ROLE.jittered(1, Some(Duration::from_secs(7))).as_secs() >= 7);
        assert_eq!(ROLE.remembered(Some(Duration::from_secs(7))).as_secs(), 7);
        assert_eq!(ROLE.remembered(Some(Duration::from_secs(3600))), ROLE.last);
        assert_eq!(ROLE.remembered(None), REMEMBERED);
    }
}
