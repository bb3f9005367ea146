//! What must not be cut off when the application ends: a token that AWS has replaced and the store does not know yet.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// More than are ever begun at once.
const MOST: u32 = 1 << 16;

/// Counts what is begun. Clones count together.
#[derive(Debug, Clone)]
pub struct Unfinished(Arc<Semaphore>);

/// Lasts as long as the work does.
#[derive(Debug)]
pub struct Begun(#[expect(dead_code, reason = "dropping it is what it is for")] OwnedSemaphorePermit);

impl Unfinished {
    /// None: the application ends, and begins nothing any more.
    pub fn begin(&self) -> Option<Begun> {
        self.0.clone().try_acquire_owned().ok().map(Begun)
    }

    /// Whether nothing may begin any more.
    pub fn is_ending(&self) -> bool {
        self.begin().is_none()
    }

    /// Lets nothing more begin, and ends when everything has ended that had begun.
    pub async fn end(&self) {
        // It is never closed, so this cannot fail.
        if let Ok(all) = self.0.acquire_many(MOST).await {
            all.forget();
        }
    }
}

impl Default for Unfinished {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST as usize)))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn the_end_waits_for_what_has_begun_and_lets_nothing_more_begin() {
        let unfinished = Unfinished::default();
        let (first, second) = (unfinished.begin(), unfinished.begin());
        let mut end = Box::pin(unfinished.end());
        assert_eq!((&mut end).now_or_never(), None);
        assert!(unfinished.begin().is_none() && unfinished.is_ending());
        drop(first);
        assert_eq!((&mut end).now_or_never(), None);
        drop(second);
        end.await;
        assert!(unfinished.begin().is_none());
    }
}
