//! A token that AWS has renewed is stored: before it is used, or as soon as the store works again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;

use super::Session;
use crate::identity_center::Token;
use crate::identity_center::deadline::within;
use crate::refresh::life::{Life, until};
use crate::refresh::standing::Status;
use crate::refresh::unfinished::Begun;
use crate::refresh::{RefreshFailure, retry};
use crate::token_store::{SignIn, StoreFailure};

/// How long whoever waits for a new token waits until it is stored.
const STORED_FIRST: Duration = Duration::from_secs(1);

/// A save under way, and what is held until it is known what came of it.
type Saving = JoinHandle<(Result<(), StoreFailure>, Held)>;

type Held = (OwnedMutexGuard<()>, Arc<Begun>);

impl Session {
    /// Stored first, used then; but whoever waits for it does not wait for a store that hangs.
    pub(super) async fn refreshed(
        self: &Arc<Self>,
        epoch: u64,
        before: SignIn,
        token: Token,
        unfinished: &Arc<Begun>,
    ) -> Result<Token, RefreshFailure> {
        // Somebody signed out, or in again, meanwhile: this is about a sign-in that is gone. Whoever deletes it may have
        // the turn, and wait for this.
        if self.epoch() != epoch {
            self.came_too_late(token);
            return self.current();
        }
        let turn = self.turn.clone().lock_owned().await;
        if self.epoch() != epoch {
            self.came_too_late(token);
            return self.current();
        }
        let life = Life::continues(self.moment(), token.issued_at, token.expires_at);
        let previous = until(before.token.issued_at, before.token.expires_at);
        // AWS shortens a token only because the portal session ends with it.
        let tolerance = Duration::from_secs(30);
        let shortened = life.length + tolerance < previous;
        let lengthened = life.length > previous + tolerance;
        let sign_in = SignIn {
            token: token.clone(),
            ..before
        };
        let mut saving = self.begin_saving(sign_in.clone(), turn, unfinished.clone());
        let (saved, turn) = match within(&self.clock, STORED_FIRST, &mut saving).await {
            Some(saved) => saved.map_or((Err(StoreFailure::Failed), None), |(saved, turn)| {
                (saved, Some(turn))
            }),
            None => (Err(self.store.late()), None),
        };
        if let Err(failure) = &saved {
            tracing::warn!(%failure, "the new token is kept in memory only");
        }
        let is_late = turn.is_none();
        let written = sign_in.clone();
        let mut status = self.status();
        let Status::SignedIn(signed_in) = &mut *status else {
            return Err(RefreshFailure::SignInNeeded);
        };
        let is_near_its_end = shortened || (signed_in.session_ends_at.is_some() && !lengthened);
        signed_in.session_ends_at = is_near_its_end.then_some(token.expires_at);
        signed_in.sign_in = sign_in;
        signed_in.life = life;
        signed_in.unsaved = saved.err();
        signed_in.failing = None;
        signed_in.quiet_until = self.clock.elapsed() + retry::token(life.length).first;
        drop(status);
        if is_late {
            self.clone().saved_late(saving, written);
        }
        Ok(token)
    }

    /// Goes on though nobody waits for it any more.
    fn begin_saving(
        self: &Arc<Self>,
        sign_in: SignIn,
        turn: OwnedMutexGuard<()>,
        unfinished: Arc<Begun>,
    ) -> Saving {
        let session = self.clone();
        tokio::spawn(async move {
            // Renewed by the clock: whoever has turned down the keyring's question is not asked again by this.
            let saved = match session.store.is_open_to_the_clock().await {
                true => session.store.save_renewed(session.portal(), &sign_in).await,
                false => Err(StoreFailure::Dismissed),
            };
            (saved, (turn, unfinished))
        })
    }

    fn saved_late(self: Arc<Self>, saving: Saving, written: SignIn) {
        tokio::spawn(async move {
            // Where it panicked, it stays as it is: it is tried again.
            let Ok((saved, held)) = saving.await else {
                return;
            };
            self.is_saved(&written, saved);
            drop(held);
        });
    }

    /// Stores what could not be stored when it was refreshed, if there is such a thing.
    pub async fn save_again(&self) -> Result<(), StoreFailure> {
        let _unfinished = self.unfinished.begin();
        let _turn = self.turn.lock().await;
        let unsaved = match &*self.status() {
            Status::SignedIn(signed_in) if signed_in.unsaved.is_some() => signed_in.sign_in.clone(),
            Status::SignedIn(_) | Status::NotRead | Status::Unreadable(_) | Status::SignedOut { .. } => {
                return Ok(());
            }
        };
        let saved = self.store.save_renewed(self.portal(), &unsaved).await;
        self.is_saved(&unsaved, saved);
        saved
    }

    /// Whether the store would take a sign-in now: the one that lives, which it has, is written once more. A full disk
    /// shows in nothing less.
    pub(super) async fn try_store(&self) -> Result<(), StoreFailure> {
        // Whoever cannot read it learns that when its token is needed.
        let _ = self.load().await;
        let _turn = self.turn.lock().await;
        let there = match &*self.status() {
            Status::SignedIn(signed_in) => signed_in.sign_in.clone(),
            Status::NotRead | Status::Unreadable(_) | Status::SignedOut { .. } => return Ok(()),
        };
        self.store.save_renewed(self.portal(), &there).await?;
        self.is_saved(&there, Ok(()));
        Ok(())
    }

    fn is_saved(&self, sign_in: &SignIn, saved: Result<(), StoreFailure>) {
        if let Status::SignedIn(signed_in) = &mut *self.status()
            && signed_in.sign_in == *sign_in
        {
            signed_in.unsaved = saved.err();
        }
        self.changed();
    }
}

#[cfg(test)]
mod tests {
    use identity_center_emulator::World;
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::Clock;
    use crate::identity_center::Priority;
    use crate::identity_center::tests::Stage;
    use crate::refresh::unfinished::Unfinished;
    use crate::token_store::TokenStore;
    use crate::token_store::strict_store::StrictStore;

    #[tokio::test]
    async fn k1_who_needs_a_renewed_token_waits_a_second_for_a_keyring_that_hangs_and_it_is_stored_at_last() {
        let stage = Stage::of(World::acme()).await;
        let keyring = StrictStore::with_limit(64 * 1024);
        let store = TokenStore::over_strict(&keyring, Arc::new(stage.clock.clone()));
        let (registration, token) = stage.signed_in().await;
        let sign_in = SignIn {
            token,
            registration,
            signed_in_at: stage.clock.now(),
        };
        let (changes, _changed) = mpsc::unbounded_channel();
        let unfinished = Unfinished::default();
        let session = Session::new(stage.center.clone(), store.clone(), unfinished.clone(), changes);
        let session = Arc::new(session);
        session.adopt(sign_in.clone()).await.unwrap();
        keyring.hang(true);
        let asking = session.clone();
        let asking = tokio::spawn(async move { asking.refresh(None, Priority::Interactive).await });
        keyring.wait_for_hanging_aside(1).await;
        assert!(!asking.is_finished(), "stored first");
        stage.clock.advance(STORED_FIRST);
        let renewed = asking.await.unwrap().unwrap();
        assert_ne!(renewed, sign_in.token);
        assert_eq!(session.view().store_failure, Some(StoreFailure::TimedOut));
        // It is still being written, and the end waits for that.
        let ending = tokio::spawn(async move { unfinished.end().await });
        tokio::task::yield_now().await;
        assert!(!ending.is_finished());
        keyring.hang(false);
        ending.await.unwrap();
        assert_eq!(session.view().store_failure, None);
        let stored = TokenStore::over_strict(&keyring, Arc::new(stage.clock.clone()));
        let stored = stored.sign_in(session.portal()).await.unwrap().unwrap();
        assert_eq!(stored.token.refresh_token, renewed.refresh_token);
    }
}
