//! Ends to waiting, measured on the injected clock.

use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;

use crate::clock::{Clock, SharedClock};

/// A moment at which something ends, by the age of the clock: it grows while the machine sleeps, and does not care who
/// sets the time back or finds out that it is wrong.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    /// When that is, for whoever wants to know beforehand.
    pub wall: Timestamp,
    age: Duration,
}

impl Deadline {
    pub fn after(clock: &dyn Clock, duration: Duration) -> Self {
        let wall = clock.now().checked_add(duration).unwrap_or(Timestamp::MAX);
        Self {
            wall,
            age: clock.age().saturating_add(duration),
        }
    }

    pub fn has_passed(&self, clock: &dyn Clock) -> bool {
        clock.age() >= self.age
    }

    /// Ends when the deadline has passed; looks again at least every 30 s, because sleeps stop with the machine.
    pub async fn passed(&self, clock: &SharedClock) {
        while !self.has_passed(clock.as_ref()) {
            let left = self.age.saturating_sub(clock.age());
            clock.sleep(left.min(Duration::from_secs(30))).await;
        }
    }
}

/// The future's result, or none if it took longer than `limit`.
pub(crate) async fn within<F: Future>(clock: &SharedClock, limit: Duration, future: F) -> Option<F::Output> {
    match select(Box::pin(future), clock.sleep(limit)).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}

/// The future's result, or none if the deadline passed before.
pub(crate) async fn before<F: Future>(
    clock: &SharedClock,
    deadline: Deadline,
    future: F,
) -> Option<F::Output> {
    match select(Box::pin(future), Box::pin(deadline.passed(clock))).await {
        Either::Left((result, _)) => Some(result),
        Either::Right(_) => None,
    }
}
