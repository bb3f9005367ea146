//! Waits until nothing is left to do at a moment: a runtime of one thread parks only then.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::task::{Poll, Waker};

use tokio::runtime::{Builder, Runtime};

thread_local! {
    /// How often there was nothing left to do.
    static PARKED: Cell<u64> = const { Cell::new(0) };
    /// Whoever waits for the next time.
    static WAITING: RefCell<Option<Waker>> = const { RefCell::new(None) };
}

/// A runtime in which [`settle`] works. It has no clock but that of the schedule.
pub fn runtime() -> Runtime {
    Builder::new_current_thread()
        .on_thread_park(|| {
            PARKED.set(PARKED.get() + 1);
            if let Some(waiting) = WAITING.take() {
                waiting.wake();
            }
        })
        .build()
        .expect("a runtime of this thread")
}

/// Ends when every task waits for something else than its turn.
pub async fn settle() {
    let parked = PARKED.get();
    poll_fn(|context| match PARKED.get() > parked {
        true => Poll::Ready(()),
        false => {
            WAITING.set(Some(context.waker().clone()));
            Poll::Pending
        }
    })
    .await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn nothing_is_left_to_do_however_many_turns_that_takes() {
        runtime().block_on(async {
            let done = Arc::new(AtomicU32::new(0));
            for turns in [0, 1, 1_000] {
                let done = done.clone();
                tokio::spawn(async move {
                    for _ in 0..turns {
                        tokio::task::yield_now().await;
                    }
                    tokio::spawn(async move { done.fetch_add(1, Ordering::Relaxed) });
                });
            }
            settle().await;
            assert_eq!(done.load(Ordering::Relaxed), 3);
            settle().await;
        });
    }
}
