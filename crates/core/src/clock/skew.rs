//! How far the machine's clock is off, as the dates of AWS's answers tell.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::watch;

use crate::clock::{Clock, ahead};

/// Readings that differ by less say the same: dates are whole seconds, and answers take their time. A clock that is off
/// by no more is not corrected: what is handed out lasts longer than that.
const SAME: SignedDuration = SignedDuration::from_secs(30);

/// The machine's two clocks are read one after the other: whoever was held up for longer in between reads them again.
const HELD_UP: Duration = Duration::from_millis(500);

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
    /// Taken before the others.
    hands: Arc<Mutex<Hands>>,
}

/// What the machine's clock was at the last look.
#[derive(Debug, Default)]
struct Hands {
    /// How far the wall clock was ahead of the monotonic one.
    ahead: Option<SignedDuration>,
    /// The correction is what an answer told, and no guess.
    is_told: bool,
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
        let mut hands = self.hands();
        let disproved = *self.disproved.lock().expect("no panic under this lock");
        let mut doubt = self.doubt.lock().expect("no panic under this lock");
        let is_untrue = disproved.is_some_and(|untrue| is_same(reading.ahead, untrue));
        if is_untrue {
            *doubt = None;
            return;
        }
        if is_same(reading.ahead, self.correction()) {
            *doubt = None;
            hands.is_told = true;
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
        hands.is_told = true;
        self.correction.send_replace(reading.ahead);
    }

    /// Notices that the machine's clock was set, so that what is known of it holds from then on and not only with the
    /// next answers of AWS. A clock that goes back was set. One that goes forward may have slept: that counts only where
    /// it makes the clock right, as whoever sets a slow one does; else the next answers tell.
    pub fn look(&self, machine: &dyn Clock) {
        // Under the lock, so that nobody comes with what the clock was before the last look.
        let mut hands = self.hands();
        let now = ahead_of(machine);
        let Some(before) = hands.ahead.replace(now) else {
            return;
        };
        let moved = now.saturating_sub(before);
        if moved.unsigned_abs() <= SAME.unsigned_abs() {
            // Not a step, or one that changes nothing; small ones add up until they do.
            hands.ahead = Some(before);
            return;
        }
        if !hands.is_told {
            return;
        }
        let known = self.correction();
        let since = known.saturating_sub(moved);
        let is_right = is_same(since, SignedDuration::ZERO);
        if is_same(known, since) || !(moved.is_negative() || is_right) {
            return;
        }
        let correction = if is_right { SignedDuration::ZERO } else { since };
        // What contradicted the clock before it was set says nothing of it now.
        *self.doubt.lock().expect("no panic under this lock") = None;
        tracing::info!(
            seconds = moved.as_secs(),
            "this machine's clock was set; what is known of AWS's moves with it"
        );
        self.correction.send_replace(correction);
    }

    /// Whether the last answer contradicted what is known.
    pub fn is_in_doubt(&self) -> bool {
        self.doubt.lock().expect("no panic under this lock").is_some()
    }

    /// Whether answers of AWS have told what time it is, and the last one did not contradict.
    pub fn is_told(&self) -> bool {
        self.hands().is_told && !self.is_in_doubt()
    }

    /// What the dates say cannot be: the machine's clock is taken to be right again, and dates that say the same are not
    /// heard any more.
    pub fn disprove(&self) {
        let mut hands = self.hands();
        let mut disproved = self.disproved.lock().expect("no panic under this lock");
        *disproved = Some(self.correction.send_replace(SignedDuration::ZERO));
        hands.is_told = false;
    }

    /// What has to be added to the machine's time to have AWS's.
    pub fn correction(&self) -> SignedDuration {
        *self.correction.borrow()
    }

    /// Tells when the correction changes.
    pub fn corrections(&self) -> watch::Receiver<SignedDuration> {
        self.correction.subscribe()
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().expect("no panic under this lock")
    }
}

impl Default for Skew {
    fn default() -> Self {
        Self {
            doubt: Arc::default(),
            correction: watch::Sender::new(SignedDuration::ZERO),
            disproved: Arc::default(),
            hands: Arc::default(),
        }
    }
}

/// How far the wall clock is ahead of the monotonic one.
fn ahead_of(machine: &dyn Clock) -> SignedDuration {
    loop {
        let before = machine.elapsed();
        let wall = machine.now();
        let elapsed = machine.elapsed();
        if elapsed - before < HELD_UP {
            return ahead(wall, elapsed);
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
    use crate::clock::ManualClock;

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

    /// A machine whose clock AWS has said to be off by so many seconds, when it was looked at last.
    fn told(seconds: i64) -> (ManualClock, Skew) {
        let machine = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let skew = Skew::default();
        skew.look(&machine);
        assert_eq!(corrected(&skew, &[seconds, seconds]), seconds);
        (machine, skew)
    }

    /// The correction once the clock was set by so many seconds and looked at.
    fn set(machine: &ManualClock, skew: &Skew, by: i64) -> i64 {
        machine.jump(SignedDuration::from_secs(by));
        skew.look(machine);
        skew.correction().as_secs()
    }

    #[test]
    fn t4_what_is_known_of_a_clock_moves_with_it_when_it_is_set() {
        let (machine, skew) = told(-7200);
        assert_eq!(set(&machine, &skew, -7201), 0, "a fast one that is set right");
        let (machine, skew) = told(7200);
        assert_eq!(set(&machine, &skew, 7199), 0, "a slow one that is set right");
        let (machine, skew) = told(0);
        assert_eq!(set(&machine, &skew, -3600), 3600, "a right one that is set wrong");
        assert_eq!(set(&machine, &skew, -3600), 7200, "and worse");
        assert_eq!(set(&machine, &skew, 0), 7200, "looking alone does nothing");
        assert_eq!(set(&machine, &skew, 7200), 0);
        let (machine, skew) = told(-7200);
        assert_eq!(set(&machine, &skew, -3600), -3600, "less wrong");
    }

    #[test]
    fn t4_a_clock_that_goes_forward_may_have_slept() {
        let (machine, skew) = told(0);
        assert_eq!(set(&machine, &skew, 3600), 0);
        let (machine, skew) = told(7200);
        machine.suspend(Duration::from_secs(3600));
        skew.look(&machine);
        assert_eq!(skew.correction().as_secs(), 7200);
    }

    #[test]
    fn t4_of_a_clock_of_which_aws_has_told_nothing_a_step_tells_nothing() {
        let machine = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let skew = Skew::default();
        skew.look(&machine);
        assert_eq!(set(&machine, &skew, -3600), 0, "it may be right only now");
        assert_eq!(corrected(&skew, &[10]), 0);
        assert_eq!(set(&machine, &skew, -3600), 3600);
        skew.disprove();
        assert_eq!(
            set(&machine, &skew, -3600),
            0,
            "nor of one whose dates were untrue"
        );
    }

    #[test]
    fn t4_a_doubt_ends_when_the_clock_is_set() {
        let (machine, skew) = told(-7200);
        assert_eq!(corrected(&skew, &[0]), -7200);
        assert!(skew.is_in_doubt());
        assert_eq!(set(&machine, &skew, -7200), 0);
        assert!(!skew.is_in_doubt());
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
