//! The clock that the application lives by: the machine's, put right where AWS's answers show that it is wrong.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::clock::skew::Skew;
use crate::clock::{Clock, SharedClock, Sleep, ahead, saturating_add};

/// Clocks are read one after the other, and are slewed: a difference that small is none.
const NOISE: Duration = Duration::from_secs(1);

/// AWS's time as far as it is known. All times that are kept and compared are of this clock; what leaves for programs
/// that read the machine's own passes [`Clock::as_shown`].
#[derive(Debug)]
pub struct CorrectedClock {
    machine: SharedClock,
    skew: Skew,
    ages: Mutex<Ages>,
}

impl CorrectedClock {
    pub fn shared(machine: SharedClock, skew: Skew) -> SharedClock {
        skew.look(&*machine);
        let ages = Mutex::new(Ages {
            ahead: ahead(machine.now(), machine.elapsed()),
            skipped: Duration::ZERO,
        });
        Arc::new(Self { machine, skew, ages })
    }
}

impl Clock for CorrectedClock {
    fn now(&self) -> Timestamp {
        self.skew.look(&*self.machine);
        saturating_add(self.machine.now(), self.skew.correction())
    }

    fn elapsed(&self) -> Duration {
        self.machine.elapsed()
    }

    fn age(&self) -> Duration {
        let mut ages = self.ages.lock().expect("no panic under this lock");
        loop {
            let before = self.machine.elapsed();
            let wall = self.machine.now();
            let elapsed = self.machine.elapsed();
            // Whoever was held up between the two reads again: that is no suspend.
            if elapsed - before < NOISE / 2 {
                return ages.at(wall, elapsed);
            }
        }
    }

    fn as_shown(&self, time: Timestamp) -> Timestamp {
        self.skew.look(&*self.machine);
        saturating_add(time, SignedDuration::ZERO.saturating_sub(self.skew.correction()))
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        self.machine.sleep(duration)
    }
}

/// Adds up what the wall clock ran ahead of the monotonic one. It sees what happened between two looks, of which there
/// is one in thirty seconds at least.
#[derive(Debug)]
struct Ages {
    /// How far the wall clock was ahead at the last look.
    ahead: SignedDuration,
    skipped: Duration,
}

impl Ages {
    fn at(&mut self, wall: Timestamp, elapsed: Duration) -> Duration {
        let ahead = ahead(wall, elapsed);
        let moved = ahead.saturating_sub(self.ahead);
        if moved.unsigned_abs() > NOISE {
            self.ahead = ahead;
            // Set back, it skipped nothing, and the way back to where it was counts again.
            self.skipped += Duration::try_from(moved).unwrap_or_default();
        }
        elapsed + self.skipped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::clock::skew::Reading;

    const HOUR: Duration = Duration::from_secs(3600);

    fn noon() -> (ManualClock, Skew, SharedClock) {
        let (machine, skew) = (
            ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap()),
            Skew::default(),
        );
        let clock = CorrectedClock::shared(Arc::new(machine.clone()), skew.clone());
        (machine, skew, clock)
    }

    #[test]
    fn t4_a_wrong_clock_is_put_right_inside_and_shows_its_own_time_outside() {
        let (machine, skew, clock) = noon();
        let truth: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        machine.jump(SignedDuration::from_hours(3));
        for answer in ["one", "two"] {
            skew.heard(Reading {
                ahead: SignedDuration::from_hours(-3),
                answer: answer.to_owned(),
            });
        }
        assert_eq!(clock.now(), truth);
        assert_eq!(clock.as_shown(truth), machine.now());
    }

    #[test]
    fn t4_a_clock_that_is_set_shows_the_right_time_at_once() {
        let (machine, skew, clock) = noon();
        let truth: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        machine.jump(SignedDuration::from_hours(3));
        for answer in ["one", "two"] {
            skew.look(&machine);
            skew.heard(Reading {
                ahead: SignedDuration::from_hours(-3),
                answer: answer.to_owned(),
            });
        }
        machine.jump(SignedDuration::from_hours(-3));
        assert_eq!(clock.as_shown(truth), truth);
        assert_eq!(clock.now(), truth);
        machine.jump(SignedDuration::from_hours(-1));
        assert_eq!(clock.now(), truth);
    }

    #[test]
    fn t4_age_counts_suspends_and_never_goes_back_however_the_clock_is_set() {
        let (machine, _, clock) = noon();
        machine.advance(HOUR);
        machine.suspend(HOUR);
        assert_eq!(clock.age(), 2 * HOUR);
        machine.jump(SignedDuration::from_hours(-24));
        assert_eq!(clock.age(), 2 * HOUR);
        machine.suspend(HOUR);
        assert_eq!(
            clock.age(),
            3 * HOUR,
            "a clock that was set back still shows a suspend"
        );
        machine.advance(HOUR);
        assert_eq!(clock.age(), 4 * HOUR);
    }

    #[test]
    fn t1_age_does_not_grow_by_being_looked_at() {
        let (machine, _, clock) = noon();
        for _ in 0..1000 {
            machine.jump(SignedDuration::from_millis(900));
            clock.age();
            machine.jump(SignedDuration::from_millis(-900));
            clock.age();
        }
        assert_eq!(clock.age(), Duration::ZERO);
    }

    #[test]
    fn t4_the_ends_of_time_are_no_panic() {
        let (machine, _, clock) = noon();
        machine.jump(SignedDuration::MIN);
        clock.age();
        machine.jump(SignedDuration::MAX);
        assert!(clock.age() > HOUR);
        assert!(clock.now() > Timestamp::UNIX_EPOCH);
    }
}
