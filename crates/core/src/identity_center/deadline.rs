//! Ends to waiting, measured on the injected clock.

use std::time::Duration;

use futures_util::future::{Either, select};
use jiff::Timestamp;

use crate::clock::{Clock, SharedClock};

/// A moment at which something ends, by whichever of the two clocks gets there first: the wall clock goes on
/// while the machine sleeps, the other one does not care who sets the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline {
    pub wall: Timestamp,
    elapsed: Duration,
}

impl Deadline {
    pub fn after(clock: &dyn Clock, duration: Duration) -> Self {
        let wall = clock.now().checked_add(duration).unwrap_or(Timestamp::MAX);
        Self {
            wall,
            elapsed: clock.elapsed().saturating_add(duration),
        }
    }

    pub fn has_passed(&self, clock: &dyn Clock) -> bool {
        clock.now() >= self.wall || clock.elapsed() >= self.elapsed
    }

    /// Ends when the deadline has passed; looks again at least every 30 s, because sleeps stop with the machine.
    pub async fn passed(&self, clock: &SharedClock) {
        while !self.has_passed(clock.as_ref()) {
            let left = self.elapsed.saturating_sub(clock.elapsed());
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
