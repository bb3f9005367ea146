//! A session takes the place of another one of its portal, whose last refresh may still be under way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::Session;
use crate::refresh::RefreshFailure;

/// What stands between two sessions that share one place in the store.
#[derive(Debug, Default)]
pub(super) struct Succession {
    before: Option<Weak<Session>>,
    /// Another one has this one's place, or nobody does.
    retired: AtomicBool,
}

impl Session {
    /// The same, reading the store only when everything is stored that `before` has begun.
    #[must_use]
    pub fn after(mut self, before: Option<Weak<Session>>) -> Self {
        self.succession.before = before;
        self
    }

    /// Lets no refresh begin any more: its refresh token belongs to another session from now on. Ends when what was
    /// under way is stored.
    pub async fn retire(&self) {
        self.succession.retired.store(true, Ordering::SeqCst);
        self.wait_for_the_one_before().await;
        // What became of it stands in the store.
        self.end_of_refresh().await;
        self.mend_store().await;
    }

    /// Ends when no refresh is under way.
    pub(super) async fn end_of_refresh(&self) {
        // Joins the one that is; begins one that does nothing where there is none.
        let nothing = async { Err(RefreshFailure::UnknownPortal) };
        let _ = self.flights.join(&(), || nothing).await;
    }

    pub(super) fn is_retired(&self) -> bool {
        self.succession.retired.load(Ordering::SeqCst)
    }

    pub(super) async fn wait_for_the_one_before(&self) {
        let before = self.succession.before.as_ref().and_then(Weak::upgrade);
        if let Some(before) = before {
            Box::pin(before.retire()).await;
        }
    }
}

/// Where the sessions are that were let go of and may still be storing a token.
pub(in crate::refresh) fn let_go(session: Arc<Session>) -> Weak<Session> {
    let retired = Arc::downgrade(&session);
    session.succession.retired.store(true, Ordering::SeqCst);
    tokio::spawn(async move { session.retire().await });
    retired
}
