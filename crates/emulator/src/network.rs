//! Trouble below HTTP, for all callers at once: nobody listens, or the TLS port shows a chain that nobody knows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::watch;

/// A handle that the state and every listener share.
#[derive(Clone)]
pub(crate) struct Network {
    unknown_ca: Arc<AtomicBool>,
    refusals: Arc<watch::Sender<Duration>>,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            unknown_ca: Arc::default(),
            refusals: Arc::new(watch::Sender::new(Duration::ZERO)),
        }
    }
}

impl Network {
    pub(crate) fn set_unknown_ca(&self, is_unknown: bool) {
        self.unknown_ca.store(is_unknown, Ordering::SeqCst);
    }

    pub(crate) fn is_unknown_ca(&self) -> bool {
        self.unknown_ca.load(Ordering::SeqCst)
    }

    /// All connections end, and for that long nobody listens.
    pub(crate) fn refuse(&self, duration: Duration) {
        self.refusals.send_replace(duration);
    }

    pub(crate) fn refusals(&self) -> watch::Receiver<Duration> {
        self.refusals.subscribe()
    }
}
