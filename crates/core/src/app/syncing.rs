//! Keeps the listings current: a sync at the sign-in, at wake-up, when somebody looks, and while credentials are used.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, ProblemView, Request, SyncProgress};
use crate::app::controller::{Controller, answer};
use crate::app::failed_syncs::FailedSyncs;
use crate::app::view::count;
use crate::clock::SharedClock;
use crate::identity_center::{Meaning, PortalId, Priority, RoleKey, Token};
use crate::refresh::RefreshFailure;
use crate::refresh::life::until;
use crate::refresh::session::Session;
use crate::role_catalog::{self, Catalogue, Listing, Progress, Source, SyncStopped, Synced, Unfinished};
use crate::supervised::survive_async;

/// While somebody looks or asks for credentials a listing is not older than this.
const CURRENT: Duration = Duration::from_secs(15 * 60);

/// The syncs of all portals: at most one a portal, only of the sign-in of now, and none longer than the application.
#[derive(Default)]
pub struct Syncs {
    running: BTreeMap<PortalId, Running>,
    begun: u64,
    /// What the last syncs gave that came to their end: what is shown may have parts of a later one.
    complete: BTreeMap<PortalId, Arc<Listing>>,
    /// What syncs had listed that did not come to their end.
    unfinished: BTreeMap<PortalId, Unfinished>,
    failed: FailedSyncs,
}

pub(super) struct Running {
    number: u64,
    /// The listing before it.
    known: Arc<Listing>,
    progress: SyncProgress,
    /// Whether AWS has answered a call of it: from then on there may be news that it does not see.
    is_answered: bool,
    /// Whether a person wants to know what has come since: then another one follows.
    again: bool,
    /// A person wants it, and sees what it gives.
    is_asked_for: bool,
    /// Why AWS has answered none of its calls for a while.
    pub(super) trouble: Option<ProblemView>,
    task: AbortHandle,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A sync that did not come to its end.
#[derive(Debug)]
pub struct Interrupted {
    pub failure: RefreshFailure,
    /// What it had listed.
    pub unfinished: Option<Box<Unfinished>>,
}

struct Job {
    portal: PortalId,
    /// What it reports counts only while it is the one that runs.
    number: u64,
    session: Arc<Session>,
    /// Who wants it.
    waiting: Priority,
    clock: SharedClock,
    known: Arc<Listing>,
    unfinished: Option<Unfinished>,
    commands: mpsc::UnboundedSender<Command>,
}

impl Syncs {
    /// Goes on where the program before had come to.
    pub fn new(unfinished: impl IntoIterator<Item = (PortalId, Unfinished)>, catalogue: &Catalogue) -> Self {
        let listings = catalogue.listings();
        let complete = listings.filter(|(_, listing)| listing.synced_at.is_some());
        Self {
            unfinished: unfinished.into_iter().collect(),
            complete: complete
                .map(|(portal, listing)| (portal.clone(), listing.clone()))
                .collect(),
            ..Self::default()
        }
    }

    pub fn progress(&self, portal: &PortalId) -> Option<SyncProgress> {
        self.running.get(portal).map(|running| running.progress)
    }

    /// What went wrong with a portal's last sync.
    pub fn problem(&self, portal: &PortalId, worked_at: Option<Duration>) -> Option<&ProblemView> {
        self.failed.problem(portal, worked_at)
    }

    /// Why the one that runs gets no answer.
    pub fn trouble(&self, portal: &PortalId) -> Option<&ProblemView> {
        self.running.get(portal)?.trouble.as_ref()
    }

    /// Ends the one that runs, and forgets what it had. What it has sent already is not heard any more.
    pub fn stop(&mut self, portal: &PortalId) {
        self.running.remove(portal);
        self.unfinished.remove(portal);
        self.complete.remove(portal);
        self.failed.forget(portal);
    }

    pub(super) fn of_number(&mut self, portal: &PortalId, number: u64) -> Option<&mut Running> {
        let running = self.running.get_mut(portal);
        running.filter(|running| running.number == number)
    }

    /// The next ones need not wait: the network is back, or the machine woke up.
    pub fn try_again(&mut self) {
        self.failed.try_again();
    }
}

impl Controller {
    /// Begins a sync unless one runs or nobody is signed in.
    pub(super) fn sync(&mut self, portal: PortalId) {
        self.begin_sync(portal, Priority::Background, None);
    }

    /// The same because a person wants it, who wants to see what there is now: what a sync that runs has listed may be
    /// older. All who ask meanwhile share the one that follows it.
    pub(super) fn sync_asked_for(&mut self, portal: PortalId, reply: Option<Reply<Answer>>) {
        if let Some(running) = self.syncs.running.get_mut(&portal) {
            running.again |= running.is_answered;
            running.is_asked_for |= !running.is_answered;
        }
        self.begin_sync(portal, Priority::Interactive, reply);
    }

    /// The same because somebody asks for a name that the rest of a list may have.
    pub(super) fn name_sought(&mut self, portal: PortalId) {
        let session = self.refresh.session(&portal);
        let is_signed_in = session.is_some_and(|session| session.is_signed_in());
        let is_too_soon = self
            .syncs
            .failed
            .is_too_soon_to_ask(&portal, self.clock.elapsed());
        if is_signed_in && !is_too_soon {
            self.sync(portal);
        }
    }

    fn begin_sync(&mut self, portal: PortalId, waiting: Priority, reply: Option<Reply<Answer>>) {
        let Some(session) = self.refresh.session(&portal) else {
            return answer(reply, Err(ProblemView::unknown_portal()));
        };
        if session.is_unread() {
            let request = Request::Sync { portal: portal.0 };
            return self.once_read(session, reply, |reply| Some(Command::Ask { request, reply }));
        }
        if !session.is_signed_in() {
            let (name, view) = (&session.portal().name, session.view());
            let problem = ProblemView::signed_out(name, &view, &*self.clock, &self.zone);
            return answer(reply, Err(problem));
        }
        answer(reply, Ok(Answer::Done));
        if self.syncs.running.contains_key(&portal) {
            return;
        }
        self.syncs.begun += 1;
        let known = self.syncs.complete.get(&portal).cloned();
        let known = known.or_else(|| self.catalogue().listing(&portal).cloned());
        let job = Job {
            portal: portal.clone(),
            number: self.syncs.begun,
            session,
            waiting,
            clock: self.clock.clone(),
            known: known.unwrap_or_default(),
            unfinished: self.syncs.unfinished.remove(&portal),
            commands: self.commands.clone(),
        };
        let running = Running {
            number: job.number,
            known: job.known.clone(),
            progress: SyncProgress { done: 0, total: 0 },
            is_answered: false,
            again: false,
            is_asked_for: waiting == Priority::Interactive,
            trouble: None,
            task: tokio::spawn(job.run()).abort_handle(),
        };
        self.syncs.running.insert(portal, running);
    }

    pub(super) fn sync_progressed(&mut self, portal: PortalId, number: u64, progress: Progress) {
        let Some(running) = self.syncs.of_number(&portal, number) else {
            return;
        };
        running.trouble = None;
        running.is_answered = true;
        let before = running.progress;
        running.progress = SyncProgress {
            done: count(progress.done),
            total: count(progress.total),
        };
        // One more account's permission sets, not a page of accounts of which an earlier sync knew them.
        let is_more = before.total == running.progress.total && before.done < running.progress.done;
        let known = running.known.clone();
        if is_more {
            self.syncs.failed.forget(&portal);
        }
        let Some(partial) = progress.partial else { return };
        // What the next complete list is compared with stays on the disk until that one has come.
        let saved = if known.synced_at.is_some() {
            known
        } else {
            partial.listing.clone()
        };
        self.save_listing(&portal, saved, Some(partial.unfinished));
        self.set_listing(portal, partial.listing);
    }

    pub(super) fn sync_ended(&mut self, portal: PortalId, number: u64, outcome: Result<Synced, Interrupted>) {
        let Some(running) = self.syncs.of_number(&portal, number) else {
            return;
        };
        let (known, again) = (running.known.clone(), running.again);
        let is_asked_for = running.is_asked_for;
        self.syncs.running.remove(&portal);
        match outcome {
            Ok(Synced { listing, difference }) => {
                self.syncs.failed.forget(&portal);
                self.remember_change(&portal, &difference, [&listing, &known]);
                for key in &difference.removed {
                    self.refresh.roles.forget_role(key);
                }
                let catalogue = self.catalogue();
                let is_back = |key: &&RoleKey| difference.added.contains(&key.source());
                for key in catalogue.kept.iter().filter(is_back) {
                    // It was kept when it, or what it is assumed from, was taken away.
                    self.refresh.roles.set_kept(key, true);
                }
                self.refresh.look.notify_one();
                self.syncs.complete.insert(portal.clone(), listing.clone());
                self.save_listing(&portal, listing.clone(), None);
                self.set_listing(portal.clone(), listing);
                if is_asked_for {
                    // Only then: else a role that AWS lists and refuses would be asked for on and on.
                    let catalogue = self.catalogue();
                    let refusals = &self.refresh.roles;
                    refusals.forget_refusals(&portal, |key| catalogue.lists(key));
                }
                if again {
                    self.sync_asked_for(portal, None);
                }
            }
            Err(Interrupted { failure, unfinished }) => {
                tracing::info!(%failure, "a sync did not come to its end");
                let unfinished = unfinished.map(|unfinished| (portal.clone(), *unfinished));
                self.syncs.unfinished.extend(unfinished);
                let problem = ProblemView::sync(&failure, self.name_of(&portal));
                self.syncs.failed.failed(portal, problem, self.clock.elapsed());
            }
        }
    }

    /// Syncs every listing that is older than `age`.
    pub(super) fn sync_stale(&mut self, age: Duration) {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let catalogue = self.catalogue();
        let is_stale = |portal: &PortalId| {
            let listing = catalogue.listing(portal);
            let synced_at = listing.and_then(|listing| listing.synced_at);
            synced_at.is_none_or(|at| at > now || until(at, now) >= age)
        };
        for session in self.refresh.sessions() {
            let portal = &session.portal().id;
            if session.is_signed_in() && is_stale(portal) && !self.syncs.failed.is_too_soon(portal, elapsed) {
                self.sync(portal.clone());
            }
        }
    }

    /// Every 15 minutes, but only while a window is open or credentials were asked for.
    pub(super) fn sync_in_use(&mut self) {
        let sessions = self.refresh.sessions();
        let asked = |session: &Arc<Session>| self.refresh.roles.asked_within(&session.portal().id, CURRENT);
        if self.is_watched() || sessions.iter().any(asked) {
            self.sync_stale(CURRENT);
        }
    }

    /// A list that was never there to its end goes on by itself, whether or not anybody looks.
    pub(super) fn list_to_the_end(&mut self) {
        self.sync_stale(Duration::MAX);
    }

    /// Whoever is signed in next may be somebody else: what was fetched with a sign-in goes with it, that is the sync
    /// that runs, its role credentials, what the launches that run may get, and what was allowed and denied.
    pub(super) fn leave_sign_in(&mut self, portal: &PortalId) {
        self.end_stay(portal);
        self.syncs.stop(portal);
        self.forget_change(portal);
        self.refresh.roles.forget_portal(portal);
    }

    /// The same for a sign-in that took the place of one that ended: what was in use resumes.
    pub(super) fn replace_sign_in(&mut self, portal: &PortalId) {
        self.syncs.stop(portal);
        self.forget_change(portal);
        self.refresh.roles.resume_portal(portal);
    }
}

impl Job {
    async fn run(self) {
        let outcome = survive_async(Box::pin(self.list())).await;
        let outcome = outcome.unwrap_or_else(|panicked| Err(panicked.into()));
        let _ = self.commands.send(Command::SyncEnded {
            portal: self.portal,
            number: self.number,
            outcome,
        });
    }

    /// Goes on with a newer token where AWS refuses one.
    async fn list(&self) -> Result<Synced, Interrupted> {
        let mut unfinished = self.unfinished.clone();
        let mut token = self.session.token(self.waiting).await;
        let mut attempt = 1;
        loop {
            let current = match token {
                Ok(token) => token,
                Err(failure) => {
                    let unfinished = unfinished.map(Box::new);
                    return Err(Interrupted { failure, unfinished });
                }
            };
            let stopped = match self.round(&current, unfinished).await {
                Ok(synced) => return Ok(synced),
                Err(stopped) if stopped.failure.meaning != Meaning::TokenRefused => {
                    return Err(Interrupted::from(stopped));
                }
                Err(stopped) => stopped,
            };
            unfinished = Some(*stopped.unfinished);
            let newer = self
                .session
                .instead_of(&current, attempt, stopped.failure, self.waiting);
            token = newer.await;
            attempt += 1;
        }
    }

    async fn round(&self, token: &Token, unfinished: Option<Unfinished>) -> Result<Synced, SyncStopped> {
        let report = |progress| {
            let _ = self.commands.send(Command::SyncProgressed {
                portal: self.portal.clone(),
                number: self.number,
                progress,
            });
        };
        let source = Source {
            assignments: &self.session.center,
            token,
            priority: Priority::Background,
            clock: self.clock.as_ref(),
            trouble: &|failure| {
                let _ = self.commands.send(Command::SyncInTrouble {
                    portal: self.portal.clone(),
                    number: self.number,
                    failure: failure.clone(),
                });
            },
        };
        role_catalog::sync(source, &self.portal, &self.known, unfinished, report).await
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
