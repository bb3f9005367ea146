//! The only place that asks the system for the time: wall time, monotonic time and sleep, injected everywhere.

pub mod corrected;
pub mod skew;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

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
    moved: watch::Sender<Duration>,
}

#[derive(Debug)]
struct Hands {
    wall: Timestamp,
    elapsed: Duration,
}

impl ManualClock {
    pub fn at(wall: Timestamp) -> Self {
        let hands = Hands {
            wall,
            elapsed: Duration::ZERO,
        };
        Self {
            hands: Arc::new(Mutex::new(hands)),
            moved: watch::Sender::new(Duration::ZERO),
        }
    }

    /// Both clocks go on by `duration`; sleeps that end by then wake.
    pub fn advance(&self, duration: Duration) {
        self.change(|hands| {
            hands.wall = later(hands.wall, duration);
            hands.elapsed += duration;
        });
    }

    /// The machine sleeps: the wall clock goes on, the monotonic one does not.
    pub fn suspend(&self, duration: Duration) {
        self.change(|hands| hands.wall = later(hands.wall, duration));
    }

    /// Somebody sets the wall clock, forwards or back.
    pub fn jump(&self, by: SignedDuration) {
        self.change(|hands| hands.wall = saturating_add(hands.wall, by));
    }

    fn change(&self, change: impl FnOnce(&mut Hands)) {
        let elapsed = {
            let mut hands = self.hands.lock().expect("no panic while the hands are moved");
            change(&mut hands);
            hands.elapsed
        };
        self.moved.send_replace(elapsed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        self.hands
            .lock()
            .expect("no panic while the hands are moved")
            .wall
    }

    fn elapsed(&self) -> Duration {
        self.hands
            .lock()
            .expect("no panic while the hands are moved")
            .elapsed
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let until = self.elapsed() + duration;
        let mut moved = self.moved.subscribe();
        Box::pin(async move {
            // The sender lives in the clock: when it is gone nobody can end this sleep.
            if moved.wait_for(|elapsed| *elapsed >= until).await.is_err() {
                std::future::pending::<()>().await;
            }
        })
    }
}

fn later(wall: Timestamp, by: Duration) -> Timestamp {
    saturating_add(wall, SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX))
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
