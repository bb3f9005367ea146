//! Keeps the listings current: a sync at the sign-in, at wake-up, when somebody looks, and while credentials are used.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, ProblemView, Request, SyncProgress};
use crate::app::controller::{Controller, answer};
use crate::app::state::AssignmentChange;
use crate::clock::SharedClock;
use crate::identity_center::{Meaning, PortalId, Priority, RoleKey};
use crate::refresh::RefreshFailure;
use crate::refresh::life::until;
use crate::refresh::session::Session;
use crate::role_catalog::{
    self, CatalogueFiles, Difference, Listing, Progress, StoredListing, SyncStopped, Synced, Unfinished,
};

/// While somebody looks or asks for credentials a listing is not older than this.
const CURRENT: Duration = Duration::from_secs(15 * 60);

/// How many changes of assignments are remembered for notices.
const REMEMBERED_CHANGES: usize = 8;

/// A sync that did not come to its end.
#[derive(Debug)]
pub struct Interrupted {
    pub failure: RefreshFailure,
    /// What it had listed.
    pub unfinished: Option<Box<Unfinished>>,
}

struct Job {
    session: Arc<Session>,
    clock: SharedClock,
    known: Listing,
    unfinished: Option<Unfinished>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Controller {
    /// Begins a sync unless one runs or nobody is signed in.
    pub(super) fn sync(&mut self, portal: PortalId, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(&portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        if session.is_unread() {
            return self.sync_once_read(session, reply);
        }
        if !session.is_signed_in() {
            return answer(reply, Err(ProblemView::sign_in_needed(&session.portal().name)));
        }
        answer(reply, Ok(Answer::Done));
        if self.syncs.contains_key(&portal) {
            return;
        }
        let known = self
            .catalogue()
            .listings
            .get(&portal)
            .cloned()
            .unwrap_or_default();
        self.syncs
            .insert(portal.clone(), SyncProgress { done: 0, total: 0 });
        let job = Job {
            session,
            clock: self.clock.clone(),
            known,
            unfinished: self.unfinished.remove(&portal),
            commands: self.commands.clone(),
        };
        tokio::spawn(job.run(portal));
    }

    fn sync_once_read(&self, session: Arc<Session>, reply: Option<Reply<Answer>>) {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let request = Request::Sync {
                portal: session.portal().id.0.clone(),
            };
            match session.load().await {
                Ok(()) => drop(commands.send(Command::Ask { request, reply })),
                Err(failure) => answer(reply, Err(ProblemView::store(failure))),
            }
        });
    }

    pub(super) fn sync_progressed(&mut self, portal: PortalId, progress: Progress) {
        let count = |number| u32::try_from(number).unwrap_or(u32::MAX);
        let shown = SyncProgress {
            done: count(progress.done),
            total: count(progress.total),
        };
        if self.syncs.insert(portal.clone(), shown).is_none() {
            // The portal was removed meanwhile.
            self.syncs.remove(&portal);
            return;
        }
        let Some(partial) = progress.partial else { return };
        self.save_listing(&portal, partial.listing.clone(), Some(partial.unfinished));
        self.set_listing(portal, partial.listing);
    }

    pub(super) fn sync_ended(&mut self, portal: PortalId, outcome: Result<Synced, Interrupted>) {
        if self.syncs.remove(&portal).is_none() {
            return;
        }
        match outcome {
            Ok(Synced { listing, difference }) => {
                self.sync_problems.remove(&portal);
                self.remember_change(&portal, &difference);
                for key in &difference.removed {
                    self.refresh.roles.forget_role(key);
                }
                self.save_listing(&portal, listing.clone(), None);
                self.set_listing(portal, listing);
            }
            Err(Interrupted { failure, unfinished }) => {
                tracing::info!(%failure, "a sync did not come to its end");
                self.unfinished
                    .extend(unfinished.map(|unfinished| (portal.clone(), *unfinished)));
                let name = self
                    .settings
                    .portal(&portal.0)
                    .map_or("the portal", |portal| &portal.name);
                let problem = ProblemView::refresh(&failure, name, None);
                self.sync_problems.insert(portal, problem);
            }
        }
    }

    /// Syncs every listing that is older than `age`.
    pub(super) fn sync_stale(&mut self, age: Duration) {
        let now = self.clock.now();
        let catalogue = self.catalogue();
        let stale = self
            .refresh
            .sessions()
            .into_iter()
            .filter(|session| session.is_signed_in())
            .filter(|session| {
                let synced_at = catalogue
                    .listings
                    .get(&session.portal().id)
                    .and_then(|listing| listing.synced_at);
                synced_at.is_none_or(|at| at > now || until(at, now) >= age)
            });
        for session in stale {
            self.sync(session.portal().id.clone(), None);
        }
    }

    /// Every 15 minutes, but only while a window is open or credentials were asked for.
    pub(super) fn sync_in_use(&mut self) {
        let asked = |session: &Arc<Session>| self.refresh.roles.asked_within(&session.portal().id, CURRENT);
        if self.is_watched() || self.refresh.sessions().iter().any(asked) {
            self.sync_stale(CURRENT);
        }
    }

    /// Whoever signs in next may be somebody else. Favourites stay for when the same person comes back.
    pub(super) fn drop_listing(&mut self, portal: &PortalId) {
        self.syncs.remove(portal);
        self.unfinished.remove(portal);
        self.sync_problems.remove(portal);
        self.set_listing(portal.clone(), Listing::default());
        let (files, portal) = (CatalogueFiles::of(&self.paths), portal.clone());
        self.write(move || files.forget(&portal));
    }

    pub(super) fn forget_listing(&mut self, portal: &PortalId) {
        self.drop_listing(portal);
        self.change_catalogue(|catalogue| catalogue.forget_portal(portal));
    }

    fn set_listing(&mut self, portal: PortalId, listing: Listing) {
        let mut catalogue = (*self.catalogue()).clone();
        catalogue.set_listing(portal, listing);
        self.set_catalogue(Arc::new(catalogue));
    }

    fn save_listing(&self, portal: &PortalId, listing: Listing, unfinished: Option<Unfinished>) {
        let (files, portal) = (CatalogueFiles::of(&self.paths), portal.clone());
        self.write(move || files.save_listing(&portal, StoredListing { listing, unfinished }));
    }

    /// The first listing of a portal is no change.
    fn remember_change(&mut self, portal: &PortalId, difference: &Difference) {
        let catalogue = self.catalogue();
        let first = catalogue
            .listings
            .get(portal)
            .is_none_or(|listing| listing.synced_at.is_none());
        if first || (difference.added.is_empty() && difference.removed.is_empty()) {
            return;
        }
        let name = |key: &RoleKey| {
            let account = catalogue
                .account(key)
                .map_or(key.account.0.as_str(), |listed| &listed.account.name);
            format!("{account} / {}", key.permission_set)
        };
        self.assignment_changes.push(AssignmentChange {
            portal: portal.0.clone(),
            at: self.clock.now(),
            added: difference.added.iter().map(name).collect(),
            removed: difference.removed.iter().map(name).collect(),
        });
        let surplus = self.assignment_changes.len().saturating_sub(REMEMBERED_CHANGES);
        self.assignment_changes.drain(..surplus);
    }
}

impl Job {
    async fn run(self, portal: PortalId) {
        let outcome = self.list(&portal).await;
        let _ = self.commands.send(Command::SyncEnded { portal, outcome });
    }

    /// Goes on with a newer token where AWS refuses one.
    async fn list(&self, portal: &PortalId) -> Result<Synced, Interrupted> {
        let mut unfinished = self.unfinished.clone();
        let mut token = self.session.token().await;
        let mut attempt = 1;
        loop {
            let current = match token {
                Ok(token) => token,
                Err(failure) => {
                    let unfinished = unfinished.map(Box::new);
                    return Err(Interrupted { failure, unfinished });
                }
            };
            let stopped = match self.round(portal, &current, unfinished).await {
                Ok(synced) => return Ok(synced),
                Err(stopped) if stopped.failure.meaning != Meaning::TokenRefused => {
                    return Err(Interrupted::from(stopped));
                }
                Err(stopped) => stopped,
            };
            unfinished = Some(*stopped.unfinished);
            token = self.session.instead_of(&current, attempt, stopped.failure).await;
            attempt += 1;
        }
    }

    async fn round(
        &self,
        portal: &PortalId,
        token: &crate::identity_center::Token,
        unfinished: Option<Unfinished>,
    ) -> Result<Synced, SyncStopped> {
        let report = |progress| {
            let _ = self.commands.send(Command::SyncProgressed {
                portal: portal.clone(),
                progress,
            });
        };
        let (center, background) = (&self.session.center, Priority::Background);
        role_catalog::sync(
            center,
            token,
            background,
            &self.clock,
            portal,
            &self.known,
            unfinished,
            report,
        )
        .await
    }
}

impl From<SyncStopped> for Interrupted {
    fn from(SyncStopped { failure, unfinished }: SyncStopped) -> Self {
        Self {
            failure: RefreshFailure::Aws(failure),
            unfinished: Some(unfinished),
        }
    }
}
