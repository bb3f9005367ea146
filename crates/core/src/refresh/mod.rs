//! Keeps tokens and role credentials fresh: a pure plan, a runner that asks it, and the two things that are kept.

pub mod credentials;
#[cfg(test)]
mod every_fault;
pub mod flight;
#[cfg(test)]
mod flight_tests;
pub mod life;
pub mod plan;
pub mod retry;
pub mod runner;
#[cfg(test)]
mod schedules;
#[cfg(test)]
mod scripted;
pub mod session;
pub mod standing;
pub mod unfinished;

/// What single flight stands on. A test puts what shuttle has in its place.
mod threads {
    pub use std::sync::Mutex;

    pub use tokio::spawn;
}

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, RwLock, Weak};

use futures_util::future::join_all;
use tokio::sync::{Notify, mpsc};

use crate::clock::SharedClock;
use crate::identity_center::{Failure, IdentityCenter, Meaning, PortalId, Priority, RoleKey};
use crate::token_store::{StoreFailure, TokenStore};
use credentials::{RoleCache, RoleView};
use session::Session;
use session::succession::let_go;
use standing::Standing;
use unfinished::{Begun, Unfinished};

/// Something about a token or a role's credentials is different now; the state itself tells what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Session(PortalId),
    /// The store says that somebody is signed in, after it was not known.
    SignInRead(PortalId),
    Role(RoleKey),
    /// Somebody asked for credentials that only a person can give by signing in.
    SignInWanted(PortalId),
    /// The machine was suspended, or its wall clock was set.
    ClockJumped,
    /// AWS's answers told that the machine's clock is wrong, or right again.
    ClockCorrected,
}

/// Why there is no token or no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefreshFailure {
    #[error("a person has to sign in")]
    SignInNeeded,
    #[error("the permission set is not assigned (any more)")]
    NotAssigned,
    #[error(transparent)]
    Chain(#[from] ChainFailure),
    #[error(transparent)]
    Aws(#[from] Failure),
    #[error(transparent)]
    Store(#[from] StoreFailure),
    #[error("there is no such portal")]
    UnknownPortal,
    #[error("the application is ending")]
    Ending,
    #[error("the work ended unexpectedly")]
    Panicked,
}

/// Why there are no credentials of a further role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChainFailure {
    #[error("the settings have no such role (any more)")]
    Gone,
    #[error("the permission set that it is assumed from is not assigned (any more)")]
    SourceNotAssigned,
    #[error("a code of an MFA device is needed")]
    CodeNeeded,
    /// With what AWS said, as in those below.
    #[error("AWS does not take the code")]
    CodeRefused(Option<String>),
    #[error("AWS does not let this permission set assume the role")]
    Denied(Option<String>),
    /// The request is none that AWS takes: a duration, a tag, a region.
    #[error("AWS does not take what is asked for")]
    Refused(Option<String>),
}

impl RefreshFailure {
    /// Whoever asked waits no longer for AWS's answer to this operation.
    pub fn no_answer(operation: &'static str) -> Self {
        Self::Aws(Failure::new(operation, Meaning::Unreachable, "no answer in time"))
    }
}

/// The sessions of all portals and the credentials of all roles. Clones are the same.
#[derive(Clone)]
pub struct Refresh {
    pub(crate) clock: SharedClock,
    store: TokenStore,
    sessions: Arc<RwLock<BTreeMap<PortalId, Arc<Session>>>>,
    /// Those that were let go of: whoever takes the place of one waits until it has stored what it has begun.
    let_go: Arc<Mutex<BTreeMap<PortalId, Weak<Session>>>>,
    /// Of portals that the settings do not have: only the store holds their sign-ins, and nothing is renewed for them.
    left_behind: Arc<RwLock<Vec<Arc<Session>>>>,
    pub roles: RoleCache,
    changes: mpsc::UnboundedSender<Change>,
    unfinished: Unfinished,
    /// Portals whose tokens stand in files of the AWS CLI's too.
    shared: Arc<Mutex<BTreeSet<PortalId>>>,
    /// Asks the runner to look at the plan now.
    pub(crate) look: Arc<Notify>,
}

impl Refresh {
    pub fn new(clock: SharedClock, store: TokenStore, changes: mpsc::UnboundedSender<Change>) -> Self {
        let roles = RoleCache::new(clock.clone(), changes.clone());
        Self {
            clock,
            store,
            sessions: Arc::default(),
            let_go: Arc::default(),
            left_behind: Arc::default(),
            roles,
            changes,
            unfinished: Unfinished::default(),
            shared: Arc::default(),
            look: Arc::default(),
        }
    }

    /// Takes a portal in, or replaces the one with its id.
    pub fn add_portal(&self, center: IdentityCenter) -> Arc<Session> {
        let id = center.portal.id.clone();
        self.let_go_of(&id);
        let session = self.after_the_one_before(center, self.changes.clone());
        self.sessions
            .write()
            .expect("no panic under this lock")
            .insert(id, session.clone());
        session
    }

    fn after_the_one_before(
        &self,
        center: IdentityCenter,
        changes: mpsc::UnboundedSender<Change>,
    ) -> Arc<Session> {
        let gone = self.let_go.lock().expect("no panic under this lock");
        let before = gone.get(&center.portal.id).cloned();
        let session = Session::new(center, self.store.clone(), self.unfinished.clone(), changes);
        Arc::new(session.after(before))
    }

    /// The portals whose sign-ins may be in the store though the settings have them no more. Gives those that were not
    /// among them before.
    pub fn set_left_behind(&self, centers: Vec<IdentityCenter>) -> Vec<Arc<Session>> {
        let mut left_behind = self.left_behind.write().expect("no panic under this lock");
        let mut new = Vec::new();
        let sessions = centers.into_iter().map(|center| {
            let mut known = left_behind.iter();
            if let Some(known) = known.find(|known| known.portal().is_same(&center.portal)) {
                return known.clone();
            }
            // Nobody draws or plans anything of it.
            let (deaf, _) = mpsc::unbounded_channel();
            new.push(self.after_the_one_before(center, deaf));
            new[new.len() - 1].clone()
        });
        *left_behind = sessions.collect();
        new
    }

    /// The same as they are known now.
    pub fn left_behind(&self) -> Vec<Arc<Session>> {
        self.left_behind.read().expect("no panic under this lock").clone()
    }

    /// Those whose store is to be looked after.
    pub fn every_session(&self) -> Vec<Arc<Session>> {
        [self.sessions(), self.left_behind()].concat()
    }

    pub fn remove_portal(&self, portal: &PortalId) {
        self.let_go_of(portal);
        self.roles.forget_portal(portal);
    }

    fn let_go_of(&self, portal: &PortalId) {
        let mut sessions = self.sessions.write().expect("no panic under this lock");
        if let Some(session) = sessions.remove(portal) {
            let mut gone = self.let_go.lock().expect("no panic under this lock");
            gone.insert(portal.clone(), let_go(session));
        }
    }

    pub fn session(&self, portal: &PortalId) -> Option<Arc<Session>> {
        self.sessions
            .read()
            .expect("no panic under this lock")
            .get(portal)
            .cloned()
    }

    pub fn sessions(&self) -> Vec<Arc<Session>> {
        self.sessions
            .read()
            .expect("no panic under this lock")
            .values()
            .cloned()
            .collect()
    }

    /// From now on the tokens of these portals are renewed earlier: other tools see them.
    pub fn share(&self, portals: BTreeSet<PortalId>) {
        let mut shared = self.shared.lock().expect("no panic under this lock");
        if *shared != portals {
            *shared = portals;
            self.look.notify_one();
        }
    }

    pub(crate) fn shares(&self, portal: &PortalId) -> bool {
        let shared = self.shared.lock().expect("no panic under this lock");
        shared.contains(portal)
    }

    /// What is known of all roles' credentials. A kept role that cannot be fetched, because nobody is signed in, has
    /// that as its failure.
    pub fn role_views(&self) -> Vec<RoleView> {
        let sessions = self.sessions().into_iter();
        let standings: BTreeMap<_, _> = sessions
            .map(|session| (session.portal().id.clone(), session.view().standing))
            .collect();
        let mut views = self.roles.views();
        for view in &mut views {
            let standing = standings.get(&view.key.portal);
            if standing.is_some_and(|standing| waits_for_sign_in(view, *standing)) {
                view.failure = Some(RefreshFailure::SignInNeeded);
            }
        }
        views
    }

    /// Forgets what failed, so that everything is tried at once: the network is back, the machine woke up, a
    /// person asked, somebody signed in.
    pub fn try_again(&self) {
        for session in self.sessions() {
            session.forget_failures();
            session.center.reach.doubt();
        }
        self.roles.forget_failures();
        self.look.notify_one();
    }

    /// Something that the end waits for; none where the end has begun.
    pub fn begin(&self) -> Option<Begun> {
        self.unfinished.begin()
    }

    /// Renews no token any more, and ends when every one that AWS has replaced is stored, or the store has refused it once
    /// more.
    pub async fn end(&self) {
        let sessions = self.every_session();
        let unstored = join_all(sessions.iter().map(|session| session.mend_store()));
        tokio::join!(unstored, self.unfinished.end());
    }

    /// Renews every token and all credentials in use, because a person wants it.
    pub fn renew_in_use(&self) {
        for session in self
            .sessions()
            .into_iter()
            .filter(|session| session.is_signed_in())
        {
            let refresh = self.clone();
            tokio::spawn(async move {
                let portal = session.portal().id.clone();
                if let Err(failure) = session.refresh(None, Priority::Interactive).await {
                    tracing::info!(%failure, "the access token was not renewed");
                }
                let in_use = refresh.roles.in_use(&portal).into_iter();
                for key in in_use.filter(|key| !refresh.roles.wants_code(key)) {
                    refresh.roles.renew(&session, &key).await;
                }
            });
        }
    }
}

fn waits_for_sign_in(view: &RoleView, standing: Standing) -> bool {
    let is_untried = view.failure.is_none() && view.expires_at.is_none();
    match standing {
        Standing::SignedOut | Standing::Ended => is_untried,
        Standing::Unknown | Standing::SignedIn => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_center::AccountId;
    use crate::identity_center::tests::Stage;

    #[tokio::test]
    async fn r5_a_kept_role_is_not_called_renewing_while_nobody_is_signed_in() {
        let stage = Stage::acme().await;
        let clock: SharedClock = Arc::new(stage.clock.clone());
        let (changes, _changed) = mpsc::unbounded_channel();
        let refresh = Refresh::new(clock, TokenStore::memory(), changes);
        let session = refresh.add_portal(stage.center.clone());
        let kept = RoleKey {
            portal: session.portal().id.clone(),
            account: AccountId("111122223333".to_owned()),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        };
        refresh.roles.set_kept(&kept, true);
        let failure = || refresh.role_views()[0].failure.clone();
        assert_eq!(failure(), None, "nobody knows yet whether somebody is signed in");
        session.load().await.unwrap();
        assert_eq!(failure(), Some(RefreshFailure::SignInNeeded));
    }
}
