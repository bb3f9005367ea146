//! Panics: reported without what they say, survived by the loops that must go on, three times a minute at most.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use futures_util::FutureExt;

use crate::clock::SharedClock;

/// How often something that panicked goes on within [`WINDOW`].
const MOST: usize = 3;
const WINDOW: Duration = Duration::from_secs(60);

/// The work panicked. Where, the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked;

/// When the last panics were, on the monotonic clock.
#[derive(Debug, Default)]
pub struct Restarts(VecDeque<Duration>);

impl Restarts {
    /// How long to wait before going on after a panic at `now`.
    pub fn pause(&mut self, now: Duration) -> Duration {
        while self.0.front().is_some_and(|panic| *panic + WINDOW <= now) {
            self.0.pop_front();
        }
        let oldest = self.0.len().checked_sub(MOST).and_then(|index| self.0.get(index));
        let from = oldest.map_or(now, |panic| *panic + WINDOW);
        self.0.push_back(from.max(now));
        from.saturating_sub(now)
    }
}

/// From now on a panic is a line in the log that says where it was. Its text stays unsaid: it may repeat what was
/// being read.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(thread = thread.name().unwrap_or("unnamed"), place, "a panic");
    }));
}

/// Does it; a panic ends nothing but this.
pub fn survive<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| Panicked)
}

/// The same for work that waits.
pub async fn survive_async<T>(work: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(work).catch_unwind().await.map_err(|_| Panicked)
}

/// Runs a loop that must not end by a panic: it is begun anew.
pub async fn keep_running<F: Future<Output = ()>>(
    name: &'static str,
    clock: SharedClock,
    begin: impl Fn() -> F,
) {
    let mut restarts = Restarts::default();
    while survive_async(begin()).await == Err(Panicked) {
        let pause = restarts.pause(clock.elapsed());
        tracing::error!(name, ?pause, "it panicked, and is started again");
        if !pause.is_zero() {
            clock.sleep(pause).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::clock::{Clock, ManualClock};

    fn clock() -> ManualClock {
        ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap())
    }

    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn x5_a_loop_that_panics_is_started_again_three_times_a_minute_at_most() {
        let clock = clock();
        let begun = Arc::new(AtomicUsize::new(0));
        let (counted, shared) = (begun.clone(), Arc::new(clock.clone()));
        let running = tokio::spawn(keep_running("a test", shared, move || {
            let counted = counted.clone();
            async move {
                let number = counted.fetch_add(1, Ordering::SeqCst);
                assert!(number >= 9, "on purpose");
            }
        }));
        settle().await;
        let begun_by_now = || begun.load(Ordering::SeqCst);
        assert_eq!(begun_by_now(), 4, "the start, and three more");
        for minute in 1..=10 {
            if running.is_finished() {
                break;
            }
            clock.advance(Duration::from_secs(59));
            settle().await;
            assert!(begun_by_now() <= 4 + 3 * (minute - 1), "{}", begun_by_now());
            clock.advance(Duration::from_secs(1));
            settle().await;
        }
        assert_eq!(begun_by_now(), 10);
        running.await.unwrap();
    }

    #[test]
    fn panics_far_apart_cost_no_pause() {
        let clock = clock();
        let mut restarts = Restarts::default();
        for _ in 0..20 {
            assert_eq!(restarts.pause(clock.elapsed()), Duration::ZERO);
            clock.advance(Duration::from_secs(20));
        }
    }
}
