//! The only place that asks the system for the time: wall time, monotonic time and sleep, injected everywhere.

pub mod corrected;
pub mod skew;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// A future that ends when a sleep does.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Wall time, monotonic time and sleep.
///
/// Deadlines that outlive a moment (tokens, credentials) are wall times, because monotonic clocks stop
/// while the machine is suspended. [`Clock::elapsed`] only measures how long something took.
pub trait Clock: Debug + Send + Sync {
    /// The wall time. It may jump in both directions.
    fn now(&self) -> Timestamp;

    /// Time since this clock was made. Never goes back; stops while the machine is suspended.
    fn elapsed(&self) -> Duration;

    /// The longest time that can have passed since this clock was made: [`Clock::elapsed`], and all that the wall clock
    /// ever ran ahead of it, in a suspend or because it was set. Never goes back, so whatever has this age is that old.
    fn age(&self) -> Duration {
        self.elapsed()
    }

    /// What the machine's own clock shows at `time`: for whoever reads that clock, as tools and windows do.
    fn as_shown(&self, time: Timestamp) -> Timestamp {
        time
    }

    /// Ends after `duration` of monotonic time. Whoever waits for a wall time sleeps in steps of at most
    /// 30 s and looks again.
    fn sleep(&self, duration: Duration) -> Sleep;
}

/// The clock that everything shares.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's own clocks.
#[derive(Debug)]
pub struct SystemClock {
    started: std::time::Instant,
}

impl SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for the time"
    )]
    pub fn new() -> Self {
        Self {
            started: std::time::Instant::now(),
        }
    }

    pub fn shared() -> SharedClock {
        Arc::new(Self::new())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that asks the system for the time"
    )]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "the one place that sleeps")]
    fn sleep(&self, duration: Duration) -> Sleep {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A clock that stands still until a test moves it. Clones are the same clock.
#[derive(Debug, Clone)]
pub struct ManualClock {
    hands: Arc<Mutex<Hands>>,
}

#[derive(Debug)]
struct Hands {
    wall: Timestamp,
    elapsed: Duration,
    /// Who sleeps until when, the earliest first; the number tells those apart that end together.
    sleepers: BTreeMap<(Duration, u64), Waker>,
    /// How many sleeps there have ever been.
    begun: u64,
}

impl ManualClock {
    pub fn at(wall: Timestamp) -> Self {
        let hands = Hands {
            wall,
            elapsed: Duration::ZERO,
            sleepers: BTreeMap::new(),
            begun: 0,
        };
        Self {
            hands: Arc::new(Mutex::new(hands)),
        }
    }

    /// Both clocks go on by `duration`; sleeps that end by then wake.
    pub fn advance(&self, duration: Duration) {
        let due = {
            let mut hands = self.hands();
            hands.wall = later(hands.wall, duration);
            hands.elapsed += duration;
            let asleep = hands.elapsed + Duration::from_nanos(1);
            let later = hands.sleepers.split_off(&(asleep, 0));
            std::mem::replace(&mut hands.sleepers, later)
        };
        due.into_values().for_each(Waker::wake);
    }

    /// The machine sleeps: the wall clock goes on, the monotonic one does not.
    pub fn suspend(&self, duration: Duration) {
        let mut hands = self.hands();
        hands.wall = later(hands.wall, duration);
    }

    /// Somebody sets the wall clock, forwards or back.
    pub fn jump(&self, by: SignedDuration) {
        let mut hands = self.hands();
        hands.wall = saturating_add(hands.wall, by);
    }

    /// The monotonic time at which the next sleep ends: nothing that waits for the clock happens before.
    pub fn next_wake(&self) -> Option<Duration> {
        let hands = self.hands();
        hands.sleepers.first_key_value().map(|((until, _), _)| *until)
    }

    /// How many sleeps there have ever been: while it grows, something is at work.
    pub fn sleeps(&self) -> u64 {
        self.hands().begun
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.hands.lock().expect("no panic while the hands are moved")
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands().wall
    }

    fn elapsed(&self) -> Duration {
        self.hands().elapsed
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let mut hands = self.hands();
        hands.begun += 1;
        Box::pin(ManualSleep {
            clock: self.clone(),
            ends: (hands.elapsed + duration, hands.begun),
        })
    }
}

/// A sleep on a manual clock.
struct ManualSleep {
    clock: ManualClock,
    /// When, and which one it is.
    ends: (Duration, u64),
}

impl Future for ManualSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut hands = self.clock.hands();
        if hands.elapsed >= self.ends.0 {
            return Poll::Ready(());
        }
        // What a waker belongs to may sleep too, and goes with it: not under the lock.
        let before = hands.sleepers.insert(self.ends, context.waker().clone());
        drop(hands);
        drop(before);
        Poll::Pending
    }
}

impl Drop for ManualSleep {
    fn drop(&mut self) {
        let waker = self.clock.hands().sleepers.remove(&self.ends);
        drop(waker);
    }
}

fn later(wall: Timestamp, by: Duration) -> Timestamp {
    saturating_add(wall, SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX))
}

/// How far a wall clock is ahead of a monotonic one.
pub(crate) fn ahead(wall: Timestamp, elapsed: Duration) -> SignedDuration {
    let elapsed = SignedDuration::try_from(elapsed).unwrap_or(SignedDuration::MAX);
    wall.duration_since(Timestamp::UNIX_EPOCH).saturating_sub(elapsed)
}

pub(crate) fn saturating_add(wall: Timestamp, by: SignedDuration) -> Timestamp {
    let limit = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    wall.checked_add(by).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noon() -> ManualClock {
        ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap())
    }

    #[tokio::test]
    async fn a_sleep_ends_when_the_clock_has_moved_far_enough() {
        let clock = noon();
        let sleep = tokio::spawn(clock.sleep(Duration::from_secs(30)));
        clock.advance(Duration::from_secs(29));
        tokio::task::yield_now().await;
        assert!(!sleep.is_finished());
        clock.advance(Duration::from_secs(1));
        sleep.await.unwrap();
    }

    #[tokio::test]
    async fn the_next_wake_is_that_of_the_earliest_sleep_that_somebody_still_waits_for() {
        let clock = noon();
        assert_eq!(clock.next_wake(), None);
        let second = Duration::from_secs(1);
        let mut sleeps = [3, 1, 2].map(|seconds| Box::pin(clock.sleep(second * seconds)));
        for sleep in &mut sleeps {
            assert!(futures_util::poll!(sleep).is_pending());
        }
        assert_eq!(clock.next_wake(), Some(second));
        clock.advance(second);
        assert_eq!(clock.next_wake(), Some(2 * second), "one has ended");
        let [longest, _, given_up] = sleeps;
        drop(given_up);
        assert_eq!(clock.next_wake(), Some(3 * second));
        drop(longest);
        assert_eq!(clock.next_wake(), None);
    }

    #[tokio::test]
    async fn t1_suspend_moves_the_wall_clock_only() {
        let clock = noon();
        clock.suspend(Duration::from_secs(7200));
        assert_eq!(clock.now(), "2026-03-02T14:00:00Z".parse().unwrap());
        assert_eq!(clock.elapsed(), Duration::ZERO);
    }

    #[test]
    fn t4_the_wall_clock_can_go_back() {
        let clock = noon();
        clock.jump(SignedDuration::from_hours(-1));
        assert_eq!(clock.now(), "2026-03-02T11:00:00Z".parse().unwrap());
    }
}
