//! One portal's sign-in: its token, refreshed by one owner, stored before it is used.
//!
//! What changes the store takes turns, and looks first whether it is still about the sign-in that it began with.

mod attempts;
pub mod leaving;
mod refusal;
mod storing;
pub(in crate::refresh) mod succession;

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};

use crate::clock::SharedClock;
use crate::identity_center::{Failure, IdentityCenter, Meaning, Portal, Priority, Token};
use crate::refresh::flight::{Flights, Panicked};
use crate::refresh::life::{Life, Moment};
use crate::refresh::plan::TokenFacts;
use crate::refresh::standing::{SessionView, SignedIn, Standing, Status, WhyEnded};
use crate::refresh::unfinished::{Begun, Unfinished};
use crate::refresh::{Change, RefreshFailure};
use crate::token_store::{SignIn, StoreFailure, TokenStore};
use leaving::Farewell;
use succession::Succession;

/// The session of one portal. All refreshes of its token pass through here, one at a time.
pub struct Session {
    pub center: IdentityCenter,
    store: TokenStore,
    clock: SharedClock,
    status: Arc<Mutex<Status>>,
    /// Grows with every sign-in and every end of one.
    epoch: AtomicU64,
    /// Held while the store is changed.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Held while the store is read; how often that has ended.
    reading: tokio::sync::Mutex<()>,
    reads: AtomicU64,
    /// Each gives a token that is new, or says why there is none.
    flights: Flights<(), Result<Token, RefreshFailure>>,
    unfinished: Unfinished,
    changes: mpsc::UnboundedSender<Change>,
    succession: Succession,
    /// Whoever signs out ends the session with what a refresh brings that was under way: nobody else gets it.
    latecomer: Mutex<Option<oneshot::Sender<Token>>>,
    /// What AWS knew of the last sign-out, and the epoch that began with it.
    last_farewell: Mutex<Option<(u64, Farewell)>>,
}

impl Session {
    pub fn new(
        center: IdentityCenter,
        store: TokenStore,
        unfinished: Unfinished,
        changes: mpsc::UnboundedSender<Change>,
    ) -> Self {
        let clock = center.clock.clone();
        Self {
            center,
            store,
            clock,
            status: Arc::default(),
            epoch: AtomicU64::new(0),
            turn: Arc::default(),
            reading: tokio::sync::Mutex::default(),
            reads: AtomicU64::new(0),
            flights: Flights::default(),
            unfinished,
            changes,
            succession: Succession::default(),
            latecomer: Mutex::default(),
            last_farewell: Mutex::default(),
        }
    }

    pub fn portal(&self) -> &Portal {
        &self.center.portal
    }

    /// Reads the store, unless it is known already who is signed in. Whoever comes while it is being read is told what
    /// came of that: a keyring's question that a person turns down is not put once more for everybody who waited for it.
    pub async fn load(&self) -> Result<(), StoreFailure> {
        if !self.is_unread() {
            return Ok(());
        }
        let before = self.reads.load(Ordering::SeqCst);
        let _reading = self.reading.lock().await;
        match *self.status() {
            Status::SignedIn(_) | Status::SignedOut { .. } => return Ok(()),
            Status::Unreadable(failure) if self.reads.load(Ordering::SeqCst) != before => {
                return Err(failure);
            }
            Status::Unreadable(_) | Status::NotRead => {}
        }
        let read = self.read().await;
        self.reads.fetch_add(1, Ordering::SeqCst);
        read
    }

    async fn read(&self) -> Result<(), StoreFailure> {
        self.wait_for_the_one_before().await;
        self.tell_what_was_left().await;
        let read = self.store.sign_in(self.portal()).await;
        let status = match &read {
            Ok(Some(sign_in)) => {
                let (issued, expires) = (sign_in.token.issued_at, sign_in.token.expires_at);
                let life = Life::continues(self.moment(), issued, expires);
                Status::SignedIn(Box::new(SignedIn::new(sign_in.clone(), life)))
            }
            Ok(None) => Status::SignedOut { ended: None },
            Err(failure) => Status::Unreadable(*failure),
        };
        let mut current = self.status();
        // A sign-in that ended meanwhile knows better than the store did.
        let is_news = matches!(*current, Status::NotRead | Status::Unreadable(_));
        if is_news {
            *current = status;
        }
        drop(current);
        self.changed();
        if is_news && self.is_signed_in() {
            let _ = self.changes.send(Change::SignInRead(self.portal().id.clone()));
        }
        read.map(drop)
    }

    /// Takes over a new sign-in: stored first, used then. On failure nothing is kept.
    pub async fn adopt(&self, sign_in: SignIn) -> Result<(), StoreFailure> {
        let _unfinished = self.unfinished.begin();
        let _turn = self.turn.lock().await;
        self.next_epoch();
        self.store.save_sign_in(self.portal(), &sign_in).await?;
        let token = &sign_in.token;
        let life = Life::continues(self.moment(), token.issued_at, token.expires_at);
        *self.status() = Status::SignedIn(Box::new(SignedIn::new(sign_in, life)));
        self.changed();
        Ok(())
    }

    /// A token that AWS should accept: refreshed first where it has nearly run out, and the old one to its end where
    /// AWS gives nothing newer. `waiting`: who wants it.
    pub async fn token(self: &Arc<Self>, waiting: Priority) -> Result<Token, RefreshFailure> {
        self.load().await?;
        let (token, usable) = {
            let status = self.status();
            let Status::SignedIn(signed_in) = &*status else {
                return Err(RefreshFailure::SignInNeeded);
            };
            (signed_in.sign_in.token.clone(), self.is_usable(signed_in))
        };
        if usable {
            return Ok(token);
        }
        match self.refresh(Some(&token), waiting).await {
            Err(RefreshFailure::Aws(_)) if self.is_alive(&token) => Ok(token),
            answer => answer,
        }
    }

    /// A new token, because it is due, or because `instead_of` has nearly run out or was refused by AWS. Never that
    /// one itself.
    pub async fn refresh(
        self: &Arc<Self>,
        instead_of: Option<&Token>,
        waiting: Priority,
    ) -> Result<Token, RefreshFailure> {
        let old = instead_of.cloned().map_or_else(|| self.current(), Ok)?;
        if let Some(answer) = self.without_asking(instead_of, waiting) {
            return answer;
        }
        self.take_off(old, waiting).await
    }

    /// Joins the refresh that is under way, or begins one unless another one has brought something else than `old`
    /// since that was looked at.
    async fn take_off(self: &Arc<Self>, old: Token, waiting: Priority) -> Result<Token, RefreshFailure> {
        let session = self.clone();
        let landing = self.flights.join(&(), || async move {
            if let Some(answer) = session.without_asking(Some(&old), waiting) {
                return answer;
            }
            let begun = session.clock.elapsed();
            let refreshed = AssertUnwindSafe(session.clone().refresh_now(begun)).catch_unwind();
            refreshed.await.unwrap_or_else(|_| {
                // Else it would be due again at once, and panic again.
                let unexpected = Failure::new("CreateToken", Meaning::Invalid, "it ended unexpectedly");
                session.later(&unexpected, begun);
                Err(RefreshFailure::Panicked)
            })
        });
        landing
            .await
            .unwrap_or_else(|Panicked| Err(RefreshFailure::Panicked))
    }

    pub fn is_signed_in(&self) -> bool {
        matches!(*self.status(), Status::SignedIn(_))
    }

    /// Nobody knows yet who is signed in.
    pub fn is_unread(&self) -> bool {
        matches!(*self.status(), Status::NotRead | Status::Unreadable(_))
    }

    /// That is so because a person has turned down the keyring's question, which reading would put again.
    pub async fn is_turned_down(&self) -> bool {
        self.is_unread() && !self.store.is_open_to_the_clock().await
    }

    pub fn is_renewing(&self) -> bool {
        self.flights.is_under_way(&())
    }

    pub fn facts(&self) -> Option<TokenFacts> {
        let status = self.status();
        let Status::SignedIn(signed_in) = &*status else {
            return None;
        };
        Some(TokenFacts {
            portal: self.portal().id.clone(),
            life: signed_in.life,
            renewable: signed_in.sign_in.token.refresh_token.is_some(),
            ends_with_session: signed_in.session_ends_at == Some(signed_in.sign_in.token.expires_at),
            not_before: Some(signed_in.not_before()),
            shared: false,
        })
    }

    pub fn view(&self) -> SessionView {
        let mut view = self.status().view(self.is_renewing());
        if view.standing == Standing::SignedOut {
            view.store_failure = self.store.lives_on(self.portal());
        }
        view.silent = self.center.reach.silence();
        view
    }

    /// `begun`: the monotonic time of now.
    async fn refresh_now(self: Arc<Self>, begun: Duration) -> Result<Token, RefreshFailure> {
        // Once AWS has replaced the refresh token, the process must live until the new one is stored.
        let unfinished = Arc::new(self.unfinished.begin().ok_or(RefreshFailure::Ending)?);
        if self.is_retired() {
            return Err(RefreshFailure::UnknownPortal);
        }
        let epoch = self.epoch();
        let sign_in = match &*self.status() {
            Status::SignedIn(signed_in) => signed_in.sign_in.clone(),
            Status::NotRead | Status::Unreadable(_) | Status::SignedOut { .. } => {
                return Err(RefreshFailure::SignInNeeded);
            }
        };
        if sign_in.token.refresh_token.is_none() {
            self.ended_by_aws(epoch, WhyEnded::ItsTime).await;
            return Err(RefreshFailure::SignInNeeded);
        }
        self.changed();
        let answer = self.exchanged(epoch, sign_in, begun, &unfinished).await;
        self.changed();
        answer
    }

    /// One call for a newer token; a second one only with the token of another process.
    async fn exchanged(
        self: &Arc<Self>,
        epoch: u64,
        sign_in: SignIn,
        begun: Duration,
        unfinished: &Arc<Begun>,
    ) -> Result<Token, RefreshFailure> {
        let outcome = self.center.refresh(&sign_in.registration, &sign_in.token).await;
        let failure = match outcome {
            Ok(token) => return self.refreshed(epoch, sign_in, token, unfinished).await,
            Err(failure) => failure,
        };
        if failure.meaning != Meaning::GrantRefused {
            return self.not_refreshed(epoch, &sign_in, failure, begun).await;
        }
        let Some(theirs) = self.stored_by_another(epoch, &sign_in).await else {
            return self.not_refreshed(epoch, &sign_in, failure, begun).await;
        };
        if self.should_be_good(&theirs.token) {
            return Ok(theirs.token);
        }
        match self.center.refresh(&theirs.registration, &theirs.token).await {
            Ok(token) => self.refreshed(epoch, theirs, token, unfinished).await,
            Err(failure) => self.not_refreshed(epoch, &theirs, failure, begun).await,
        }
    }

    fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    fn next_epoch(&self) -> u64 {
        self.epoch.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// The token as it is, however old.
    pub fn current(&self) -> Result<Token, RefreshFailure> {
        match &*self.status() {
            Status::SignedIn(signed_in) => Ok(signed_in.sign_in.token.clone()),
            Status::NotRead | Status::Unreadable(_) | Status::SignedOut { .. } => {
                Err(RefreshFailure::SignInNeeded)
            }
        }
    }

    async fn not_refreshed(
        &self,
        epoch: u64,
        sign_in: &SignIn,
        failure: Failure,
        begun: Duration,
    ) -> Result<Token, RefreshFailure> {
        if self.epoch() != epoch {
            return self.current();
        }
        match failure.meaning {
            Meaning::GrantRefused | Meaning::RegistrationRefused => {
                let flow = sign_in.registration.flow;
                if failure.meaning == Meaning::RegistrationRefused
                    && let Err(failure) = self.store.forget_registration(self.portal(), flow).await
                {
                    tracing::warn!(%failure, "a dead registration stays in the store");
                }
                let why = match failure.meaning == Meaning::RegistrationRefused {
                    true => WhyEnded::Registration,
                    false => WhyEnded::NotRenewed,
                };
                self.ended_by_aws(epoch, why).await;
                Err(RefreshFailure::SignInNeeded)
            }
            Meaning::TokenRefused
            | Meaning::DeniedByPerson
            | Meaning::TimedOut
            | Meaning::NotAssigned
            | Meaning::AdministratorNeeded
            | Meaning::Throttled
            | Meaning::Unreachable
            | Meaning::RoleDenied
            | Meaning::KeysRefused
            | Meaning::Invalid => {
                self.later(&failure, begun);
                Err(RefreshFailure::Aws(failure))
            }
        }
    }

    /// Whether this is the token of the sign-in, and has any life left.
    fn is_alive(&self, token: &Token) -> bool {
        let status = self.status();
        matches!(&*status, Status::SignedIn(signed_in)
            if signed_in.sign_in.token.access_token == token.access_token
                && !signed_in.life.left(self.moment()).is_zero())
    }

    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().expect("no panic under this lock")
    }

    fn moment(&self) -> Moment {
        Moment::of(&*self.clock)
    }

    fn changed(&self) {
        // Nobody listens any more only while the application ends.
        let _ = self.changes.send(Change::Session(self.portal().id.clone()));
    }
}
