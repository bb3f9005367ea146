//! A person signs out: AWS is told, and what is stored is deleted, at once or as soon as the store works again.

use std::sync::{Arc, MutexGuard};

use jiff::Timestamp;
use tokio::sync::oneshot;

use super::Session;
use crate::identity_center::deadline::within;
use crate::identity_center::token::FAREWELL;
use crate::identity_center::{Failure, Meaning, Priority, Token};
use crate::refresh::RefreshFailure;
use crate::refresh::life::Life;
use crate::refresh::standing::{SignedIn, Status};
use crate::token_store::StoreFailure;

/// What AWS knows of a sign-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// It has ended the session, or there was none.
    Told,
    /// It could not be told: the session there lives on, though nobody holds its tokens any more.
    Untold {
        /// When it ends at the latest, where that is known.
        session_ends_at: Option<Timestamp>,
    },
}

/// Why a sign-out is not whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignOutFailure {
    /// The store does not say who is signed in. Nothing has changed, but what nobody understands is deleted.
    #[error(transparent)]
    Unread(StoreFailure),
    /// The store takes no sign-in, so that there would be none after the end of this one. Nothing has changed.
    #[error(transparent)]
    Unwritable(StoreFailure),
    /// Nobody is signed in any more, but the stored sign-in is deleted only when the store works again.
    #[error("the stored token could not be deleted yet: {why}")]
    NotDeleted {
        why: StoreFailure,
        farewell: Farewell,
        /// Whether that is noted for the process after this one; else that one would find it and use it.
        noted: bool,
    },
}

impl Session {
    /// Ends the session because a person wants it. AWS is told, but it does not depend on that.
    pub async fn sign_out(&self) -> Result<Farewell, SignOutFailure> {
        let _unfinished = self.unfinished.begin();
        let known = self.load().await;
        // What could not be read is not empty: it may be a token that lives.
        if let Err(failure) = known
            && !failure.is_mended_by_deleting()
        {
            return Err(SignOutFailure::Unread(failure));
        }
        let late = self.expect_latecomer();
        let before = self.farewell_of(self.epoch());
        let (epoch, status) = self.leave(&mut self.status(), true);
        // Before anybody learns of it: the end of this process changes nothing any more.
        self.store.note_leaving().await;
        self.changed();
        let farewell = async {
            match status {
                Status::SignedIn(signed_in) => self.tell_and_note(&signed_in, late).await,
                Status::SignedOut { .. } => before,
                Status::NotRead | Status::Unreadable(_) => Farewell::Told,
            }
        };
        let (forgotten, farewell) = tokio::join!(self.forget(epoch), farewell);
        *self.last_farewell() = Some((epoch, farewell));
        if let Err(why) = forgotten {
            return Err(self.not_deleted(why, farewell));
        }
        known.map(|()| farewell).map_err(SignOutFailure::Unread)
    }

    /// Makes room for a new sign-in: the browser would join a session that lives, and the new sign-in inherit its end.
    /// Where AWS cannot be told, this one stays until the new one is adopted; and where that could not be stored.
    pub async fn make_room(self: &Arc<Self>) -> Result<Farewell, SignOutFailure> {
        let _unfinished = self.unfinished.begin();
        self.try_store().await.map_err(SignOutFailure::Unwritable)?;
        let epoch = self.epoch();
        let telling = async {
            match self.token(Priority::Interactive).await {
                Ok(token) => over_if_refused(self.center.sign_out(&token).await),
                // It is over.
                Err(RefreshFailure::SignInNeeded) => Ok(()),
                Err(RefreshFailure::Aws(failure)) => Err(failure),
                Err(failure) => Err(unreachable(&failure.to_string())),
            }
        };
        let ends_at = self.view().session_ends_at;
        let farewell = farewell(within(&self.clock, FAREWELL, telling).await, ends_at);
        if matches!(farewell, Farewell::Untold { .. }) {
            return Ok(farewell);
        }
        let epoch = {
            let mut status = self.status();
            // Whoever ended it meanwhile deletes it.
            if self.epoch() != epoch {
                return Ok(farewell);
            }
            self.leave(&mut status, false).0
        };
        self.changed();
        match self.forget(epoch).await {
            Ok(()) => Ok(farewell),
            Err(why) => Err(self.not_deleted(why, farewell)),
        }
    }

    /// From now on nobody is signed in, and what is stored of whoever was is to be deleted. Gives who that was.
    fn leave(&self, status: &mut Status, untold: bool) -> (u64, Status) {
        if let Status::SignedIn(signed_in) = status {
            let signed_in_at = signed_in.sign_in.signed_in_at;
            self.store.leave(self.portal(), signed_in_at, untold);
        }
        let was = std::mem::replace(status, Status::SignedOut { ended: None });
        (self.next_epoch(), was)
    }

    fn not_deleted(&self, why: StoreFailure, farewell: Farewell) -> SignOutFailure {
        self.changed();
        SignOutFailure::NotDeleted {
            why,
            farewell,
            noted: self.store.lives_on(self.portal()).is_none(),
        }
    }

    /// A process before this one has ended a sign-in that it could neither delete nor tell AWS of.
    pub(super) async fn tell_what_was_left(&self) {
        // A store that does not answer says so to whoever reads it.
        let Ok(Some(sign_in)) = self.store.untold(self.portal()).await else {
            return;
        };
        let (issued, expires) = (sign_in.token.issued_at, sign_in.token.expires_at);
        let signed_in = SignedIn::new(sign_in, Life::continues(self.moment(), issued, expires));
        let epoch = self.epoch();
        let farewell = self.take_leave(&signed_in, None).await;
        *self.last_farewell() = Some((epoch, farewell));
    }

    async fn tell_and_note(&self, signed_in: &SignedIn, late: Option<oneshot::Receiver<Token>>) -> Farewell {
        let farewell = self.take_leave(signed_in, late).await;
        if farewell == Farewell::Told {
            self.store.note_told(self.portal()).await;
        }
        farewell
    }

    async fn take_leave(&self, signed_in: &SignedIn, late: Option<oneshot::Receiver<Token>>) -> Farewell {
        let telling = self.tell_aws(signed_in, late);
        let told = within(&self.clock, FAREWELL, telling).await;
        // What comes later is nobody's.
        self.latecomer().take();
        farewell(told, signed_in.session_ends_at)
    }

    /// Ends the session; with a newer token, which nobody else gets, where AWS refuses this one because it has run out.
    async fn tell_aws(
        &self,
        signed_in: &SignedIn,
        late: Option<oneshot::Receiver<Token>>,
    ) -> Result<(), Failure> {
        let sign_in = &signed_in.sign_in;
        let refused = match self.center.sign_out(&sign_in.token).await {
            Err(failure) if failure.meaning == Meaning::TokenRefused => failure,
            told => return told,
        };
        // The refresh that was under way may have spent the refresh token.
        self.end_of_refresh().await;
        let brought = late.and_then(|mut late| late.try_recv().ok());
        let newer = match brought {
            Some(brought) => Ok(brought),
            // A token that has run out is refused too, and says nothing about its session.
            None if sign_in.token.refresh_token.is_none() && self.is_usable(signed_in) => return Ok(()),
            None if sign_in.token.refresh_token.is_none() => return Err(refused),
            None => self.center.refresh(&sign_in.registration, &sign_in.token).await,
        };
        match newer {
            // That AWS does not know what it gave a moment ago says nothing of the session.
            Ok(newer) => self.center.sign_out(&newer).await,
            // Nothing is renewed any more in a session that is over.
            Err(failure) if failure.meaning == Meaning::GrantRefused => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// What AWS knows of the sign-out with which this epoch began: whoever signs out once more ends no session that the
    /// first time could not end.
    fn farewell_of(&self, epoch: u64) -> Farewell {
        let last = *self.last_farewell();
        let (_, farewell) = last
            .filter(|(then, _)| *then == epoch)
            .unwrap_or((epoch, Farewell::Told));
        match farewell {
            // By now it has ended by itself.
            Farewell::Untold {
                session_ends_at: Some(end),
            } if end <= self.clock.now() => Farewell::Told,
            Farewell::Told | Farewell::Untold { .. } => farewell,
        }
    }

    fn last_farewell(&self) -> MutexGuard<'_, Option<(u64, Farewell)>> {
        self.last_farewell.lock().expect("no panic under this lock")
    }

    /// From now on, what a refresh brings too late is for whoever signs out.
    fn expect_latecomer(&self) -> Option<oneshot::Receiver<Token>> {
        if !self.is_signed_in() {
            return None;
        }
        let (latecomer, late) = oneshot::channel();
        *self.latecomer() = Some(latecomer);
        Some(late)
    }

    /// A refresh has brought a token of a sign-in that is gone.
    pub(super) fn came_too_late(&self, token: Token) {
        if let Some(latecomer) = self.latecomer().take() {
            // Whoever signed out may have left.
            let _ = latecomer.send(token);
        }
    }

    fn latecomer(&self) -> MutexGuard<'_, Option<oneshot::Sender<Token>>> {
        self.latecomer.lock().expect("no panic under this lock")
    }

    /// Stores what could not be stored when it was refreshed, and deletes what could not be deleted when it ended.
    /// Whoever has turned down the keyring's question is not asked again by this.
    pub async fn mend_store(&self) {
        if !self.store.is_open_to_the_clock().await {
            return;
        }
        if let Err(failure) = self.save_again().await {
            tracing::debug!(%failure, "the newest token is in memory only");
        }
        self.forget_again().await;
    }

    async fn forget_again(&self) {
        let _unfinished = self.unfinished.begin();
        let _turn = self.turn.lock().await;
        if !matches!(*self.status(), Status::SignedOut { .. }) {
            return;
        }
        if let Err(failure) = self.store.forget_again(self.portal()).await {
            tracing::debug!(%failure, "a sign-in that has ended is still in the store");
        }
    }

    /// Deletes the stored sign-in, unless another one has come meanwhile.
    pub(super) async fn forget(&self, epoch: u64) -> Result<(), StoreFailure> {
        let _turn = self.turn.lock().await;
        if self.epoch() != epoch {
            return Ok(());
        }
        self.store.forget_sign_in(self.portal()).await
    }
}

/// What AWS knows by the end of the time that it is given.
fn farewell(told: Option<Result<(), Failure>>, session_ends_at: Option<Timestamp>) -> Farewell {
    match told.unwrap_or_else(|| Err(unreachable("no answer in time"))) {
        Ok(()) => Farewell::Told,
        Err(failure) => {
            tracing::warn!(%failure, "AWS was not told of the sign-out");
            Farewell::Untold { session_ends_at }
        }
    }
}

fn unreachable(why: &str) -> Failure {
    Failure::new("Logout", Meaning::Unreachable, why)
}

/// A token that has just been renewed is refused only where its session is over.
fn over_if_refused(told: Result<(), Failure>) -> Result<(), Failure> {
    match told {
        Err(failure) if failure.meaning == Meaning::TokenRefused => Ok(()),
        told => told,
    }
}

#[cfg(test)]
#[path = "leaving_tests.rs"]
mod tests;
