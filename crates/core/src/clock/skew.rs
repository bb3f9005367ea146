//! How far the machine's clock is off, as the dates of AWS's answers tell.

use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use tokio::sync::watch;

/// Readings that differ by less say the same: dates are whole seconds, and answers take their time. A clock that is off
/// by no more is not corrected: what is handed out lasts longer than that.
const SAME: SignedDuration = SignedDuration::from_secs(30);

/// A person is told of a clock that is off by more than this.
pub const WORTH_TELLING: SignedDuration = SignedDuration::from_mins(2);

/// What is known of the machine's clock, one for all portals: AWS's clocks agree. Clones are the same.
#[derive(Debug, Clone)]
pub struct Skew {
    /// A reading that contradicts what is known, and waits for a second one.
    doubt: Arc<Mutex<Option<Reading>>>,
    /// What has to be added to the machine's time: its clock is taken to be right until answers say otherwise.
    correction: watch::Sender<SignedDuration>,
    /// What dates said that other things of AWS contradict: somebody on the way writes them anew.
    disproved: Arc<Mutex<Option<SignedDuration>>>,
}

/// What one answer tells of the clock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// How far AWS's clock is ahead of the machine's.
    pub ahead: SignedDuration,
    /// Which answer it was: a cached one that comes twice is no second witness.
    pub answer: String,
}

impl Skew {
    /// Takes a reading in. One alone changes nothing, because a proxy may have made up its date: two in a row that agree do.
    pub fn heard(&self, reading: Reading) {
        let disproved = *self.disproved.lock().expect("no panic under this lock");
        let mut doubt = self.doubt.lock().expect("no panic under this lock");
        let is_untrue = disproved.is_some_and(|untrue| is_same(reading.ahead, untrue));
        if is_untrue || is_same(reading.ahead, self.correction()) {
            *doubt = None;
            return;
        }
        let is_confirmed = doubt
            .as_ref()
            .is_some_and(|earlier| is_same(reading.ahead, earlier.ahead) && reading.answer != earlier.answer);
        if !is_confirmed {
            *doubt = Some(reading);
            return;
        }
        *doubt = None;
        tracing::info!(
            seconds = reading.ahead.as_secs(),
            "AWS's clock is ahead of this machine's"
        );
        self.correction.send_replace(reading.ahead);
    }

    /// Whether the last answer contradicted what is known.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.lock().expect("no panic under this lock").is_some()
    }

    /// What the dates say cannot be: the machine's clock is taken to be right again, and dates that say the same are not
    /// heard any more.
    pub fn disprove(&self) {
        let mut disproved = self.disproved.lock().expect("no panic under this lock");
        *disproved = Some(self.correction.send_replace(SignedDuration::ZERO));
    }

    /// What has to be added to the machine's time to have AWS's.
    pub fn correction(&self) -> SignedDuration {
        *self.correction.borrow()
    }

    /// Tells when the correction changes.
    pub fn corrections(&self) -> watch::Receiver<SignedDuration> {
        self.correction.subscribe()
    }
}

impl Default for Skew {
    fn default() -> Self {
        Self {
            doubt: Arc::default(),
            correction: watch::Sender::new(SignedDuration::ZERO),
            disproved: Arc::default(),
        }
    }
}

/// Whether a person has to know that the machine's clock is off by so much.
pub fn is_worth_telling(ahead: SignedDuration) -> bool {
    ahead.unsigned_abs() > WORTH_TELLING.unsigned_abs()
}

fn is_same(one: SignedDuration, other: SignedDuration) -> bool {
    one.saturating_sub(other).unsigned_abs() <= SAME.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hears readings of so many seconds, each of an answer of its own.
    fn corrected(skew: &Skew, seconds: &[i64]) -> i64 {
        for (number, seconds) in seconds.iter().enumerate() {
            skew.heard(Reading {
                ahead: SignedDuration::from_secs(*seconds),
                answer: format!("{number}/{seconds}"),
            });
        }
        skew.correction().as_secs()
    }

    #[test]
    fn t4_one_odd_date_changes_nothing_and_two_that_agree_do() {
        let skew = Skew::default();
        assert_eq!(corrected(&skew, &[0, 86_400, 0, 1, -3600, 5, 86_400]), 0);
        assert!(skew.is_in_doubt());
        assert_eq!(corrected(&skew, &[-3600]), 0, "odd in another way");
        assert_eq!(corrected(&skew, &[-3590]), -3590);
        assert!(!skew.is_in_doubt());
        assert_eq!(corrected(&skew, &[0, -3600, 0, -3595]), -3590, "nor back again");
        assert_eq!(corrected(&skew, &[0, 1]), 1);
    }

    #[test]
    fn t4_an_answer_that_comes_twice_is_one_witness() {
        let skew = Skew::default();
        let cached = Reading {
            ahead: SignedDuration::from_hours(-5),
            answer: "the same".to_owned(),
        };
        for _ in 0..3 {
            skew.heard(cached.clone());
        }
        assert_eq!(skew.correction(), SignedDuration::ZERO);
    }

    #[test]
    fn t4_a_clock_that_is_a_little_off_is_counted_with_and_does_not_flicker() {
        let skew = Skew::default();
        assert_eq!(corrected(&skew, &[30, -30, 29, 30]), 0);
        assert_eq!(corrected(&skew, &[119, 120]), 120);
        assert_eq!(
            corrected(&skew, &[121, 119, 150, 91]),
            120,
            "within what one answer can be wrong by"
        );
        assert!(!skew.is_in_doubt());
        let told = [120, 121, -121].map(SignedDuration::from_secs);
        assert_eq!(told.map(is_worth_telling), [false, true, true]);
    }

    #[test]
    fn t4_dates_that_were_disproved_are_heard_no_more_and_others_are() {
        let skew = Skew::default();
        assert_eq!(corrected(&skew, &[86_400, 86_401]), 86_401);
        skew.disprove();
        assert_eq!(corrected(&skew, &[86_400, 86_402, 86_403]), 0);
        assert!(!skew.is_in_doubt());
        assert_eq!(corrected(&skew, &[-3600, -3600]), -3600);
    }

    #[test]
    fn t4_a_clock_at_the_end_of_time_is_no_panic() {
        let skew = Skew::default();
        let end = SignedDuration::MAX.as_secs();
        assert_eq!(corrected(&skew, &[end, end]), end);
        assert_eq!(corrected(&skew, &[-end, -end]), -end);
        assert_eq!(corrected(&skew, &[0, 0]), 0);
    }
}
