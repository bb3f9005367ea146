//! The credentials of roles: one shared map that tools are answered from, one call to AWS however many wait.

mod entry;
mod obtain;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;

use self::entry::{Entries, Entry, Failed, is_about_the_sign_in};
use self::obtain::obtain;
use crate::clock::SharedClock;
use crate::identity_center::{PortalId, Priority, RoleCredentials, RoleKey};
use crate::refresh::flight::{Flights, Panicked};
use crate::refresh::life::{Life, Moment, after};
use crate::refresh::plan::{RoleFacts, role_lead, serve_floor};
use crate::refresh::session::Session;
use crate::refresh::{Change, RefreshFailure};

/// How long a tool that could be served at once waits for something better.
const PATIENCE: Duration = Duration::from_millis(600);

/// How long a role that gave nothing is shown after somebody asked for it.
const SHOWN: Duration = Duration::from_secs(15 * 60);

/// Live credentials by role. Clones are the same.
#[derive(Debug, Clone)]
pub struct RoleCache {
    clock: SharedClock,
    entries: Arc<Mutex<Entries>>,
    flights: Flights<RoleKey, Result<Arc<Live>, RefreshFailure>>,
    changes: mpsc::UnboundedSender<Change>,
}

/// Credentials with their life.
#[derive(Debug)]
pub struct Live {
    pub credentials: RoleCredentials,
    pub life: Life,
    /// How long before their end they are renewed.
    lead: Duration,
}

/// A role as the application shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleView {
    pub key: RoleKey,
    pub expires_at: Option<Timestamp>,
    pub kept: bool,
    pub renewing: bool,
    pub failure: Option<RefreshFailure>,
}

impl RoleCache {
    pub fn new(clock: SharedClock, changes: mpsc::UnboundedSender<Change>) -> Self {
        Self {
            clock,
            entries: Arc::default(),
            flights: Flights::default(),
            changes,
        }
    }

    /// Credentials for a tool: from memory while they are fresh, else from AWS. What is about to run out is handed
    /// out only where AWS does not give anything newer in time, and never in its last minute.
    pub async fn credentials(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        min_ttl: Duration,
    ) -> Result<RoleCredentials, RefreshFailure> {
        let moment = self.moment();
        let (live, remembered) = self.note_asked(key, moment);
        if let Some(live) = &live
            && live.life.left(moment) >= min_ttl.max(live.lead)
        {
            return Ok(live.credentials.clone());
        }
        let holds = |failure: &RefreshFailure| !(is_about_the_sign_in(failure) && session.is_signed_in());
        if let Some(failure) = remembered.filter(holds) {
            return self.old_or(live.as_ref(), min_ttl, failure);
        }
        let landing = self.fetch(session, key, Priority::Interactive);
        let Some(old) = live.filter(|live| self.servable(live, min_ttl)) else {
            return flown(landing.await).map(|live| live.credentials.clone());
        };
        tokio::select! {
            answer = landing => match flown(answer) {
                Ok(live) => Ok(live.credentials.clone()),
                Err(failure) => self.old_or(Some(&old), min_ttl, failure),
            },
            () = self.clock.sleep(PATIENCE) => Ok(old.credentials.clone()),
        }
    }

    /// Renews in the background, for the runner. It is under way when this returns, whoever waits for its end.
    pub fn renew(&self, session: &Arc<Session>, key: &RoleKey) -> impl Future<Output = ()> + use<> {
        let landing = self.fetch(session, key, Priority::Background);
        async move {
            // The outcome stands in the entry.
            let _ = landing.await;
        }
    }

    pub fn set_kept(&self, key: &RoleKey, kept: bool) {
        self.entries().by_role.entry(key.clone()).or_default().kept = kept;
        self.changed(key);
    }

    /// Drops the credentials of a portal, for instance because a person signed out.
    pub fn forget_portal(&self, portal: &PortalId) {
        let mut entries = self.entries();
        *entries.epochs.entry(portal.clone()).or_default() += 1;
        entries.by_role.retain(|key, entry| {
            if key.portal != *portal {
                return true;
            }
            entry.drop_given();
            entry.asked_at = None;
            (entry.obtained, entry.resumes) = (false, false);
            entry.kept
        });
    }

    /// Drops the credentials of a portal because somebody has signed in anew. What was obtained before and is in use
    /// is fetched again; a person who signed out has made that be forgotten.
    pub fn resume_portal(&self, portal: &PortalId) {
        let moment = self.moment();
        let mut entries = self.entries();
        *entries.epochs.entry(portal.clone()).or_default() += 1;
        entries.by_role.retain(|key, entry| {
            if key.portal != *portal {
                return true;
            }
            entry.drop_given();
            entry.resumes = entry.obtained && entry.is_hot(moment);
            entry.kept || entry.resumes
        });
    }

    /// A role that the listing no longer has.
    pub fn forget_role(&self, key: &RoleKey) {
        self.entries().by_role.remove(key);
        self.changed(key);
    }

    /// Everything that failed is tried at once. It has failed until that works.
    pub fn forget_failures(&self) {
        for entry in self.entries().by_role.values_mut() {
            entry.failed = entry.failed.take().and_then(Failed::tried_at_once);
        }
    }

    /// A portal answers again: what it gave no answer for is tried at once.
    pub fn forget_silence(&self, portal: &PortalId) {
        let mut entries = self.entries();
        for (_, entry) in entries
            .by_role
            .iter_mut()
            .filter(|(key, _)| key.portal == *portal)
        {
            entry.failed = entry.failed.take().and_then(|failed| match failed.is_silence() {
                true => failed.tried_at_once(),
                false => Some(failed),
            });
        }
    }

    /// Drops what nobody can be served from and nobody has asked for lately.
    pub fn prune(&self) {
        let moment = self.moment();
        let mut entries = self.entries();
        entries
            .by_role
            .retain(|key, entry| !entry.is_forgotten(moment) || self.flights.is_under_way(key));
    }

    pub fn is_renewing(&self, key: &RoleKey) -> bool {
        self.flights.is_under_way(key)
    }

    /// How many of a portal's roles are asked for at AWS now.
    pub fn under_way(&self, portal: &PortalId) -> usize {
        self.flights.count(|key| key.portal == *portal)
    }

    /// What the plan has to know of the roles that may be due within `soon`. Of hundreds most are good for longer, and
    /// the plan is asked whenever one of them was renewed.
    pub fn facts(&self, soon: Duration, obtainable: impl Fn(&PortalId) -> bool) -> Vec<RoleFacts> {
        let moment = self.moment();
        let entries = self.entries();
        let is_good = |entry: &Entry| {
            let live = entry.live.as_ref();
            live.is_some_and(|live| live.life.left(moment) > live.lead.saturating_add(soon))
        };
        let asked = entries.by_role.iter().filter(|(_, entry)| !is_good(entry));
        let facts = asked.map(|(key, entry)| RoleFacts {
            key: key.clone(),
            life: entry.live.as_ref().map(|live| live.life),
            asked_at: entry.asked_at,
            wanted: entry.kept || (entry.resumes && entry.is_hot(moment)),
            not_before: entry.not_before(obtainable(&key.portal)),
            obtainable: obtainable(&key.portal) && !entry.is_unavailable(),
        });
        facts.collect()
    }

    /// Every role that has credentials or is kept, and what could not be renewed lately, in a stable order. A request
    /// that AWS never granted is nobody's role: whoever asked was told.
    pub fn views(&self) -> Vec<RoleView> {
        let moment = self.moment();
        let entries = self.entries();
        let shown = entries.by_role.iter().filter_map(|(key, entry)| {
            let live = entry
                .live
                .as_ref()
                .filter(|live| !live.life.left(moment).is_zero());
            let failure = entry.failed.as_ref().map(|failed| failed.failure.clone());
            let asked_lately = entry
                .asked_at
                .is_some_and(|asked| after(asked, SHOWN) > moment.now);
            let lost = failure.is_some() && entry.obtained && asked_lately;
            let worth_showing = live.is_some() || entry.kept || lost;
            worth_showing.then(|| RoleView {
                key: key.clone(),
                expires_at: live.map(|live| live.life.expires_at),
                kept: entry.kept,
                renewing: self.flights.is_under_way(key),
                failure,
            })
        });
        shown.collect()
    }

    /// Whether AWS last said that the role is not assigned.
    pub fn is_refused(&self, key: &RoleKey) -> bool {
        self.entries().by_role.get(key).is_some_and(Entry::is_unavailable)
    }

    /// The roles of a portal that hold credentials or are kept.
    pub fn in_use(&self, portal: &PortalId) -> Vec<RoleKey> {
        let entries = self.entries();
        let of_portal = entries.by_role.iter().filter(|(key, _)| key.portal == *portal);
        of_portal
            .filter(|(_, entry)| entry.kept || entry.live.is_some())
            .map(|(key, _)| key.clone())
            .collect()
    }

    /// Whether anybody asked for credentials of this portal within `time`.
    pub fn asked_within(&self, portal: &PortalId, time: Duration) -> bool {
        let now = self.clock.now();
        self.entries().by_role.iter().any(|(key, entry)| {
            key.portal == *portal && entry.asked_at.is_some_and(|asked| after(asked, time) > now)
        })
    }

    fn note_asked(&self, key: &RoleKey, moment: Moment) -> (Option<Arc<Live>>, Option<RefreshFailure>) {
        let mut entries = self.entries();
        let entry = entries.by_role.entry(key.clone()).or_default();
        entry.asked_at = Some(moment.now);
        let failed = entry
            .failed
            .as_ref()
            .filter(|failed| moment.elapsed < failed.remembered_until);
        (entry.live.clone(), failed.map(|failed| failed.failure.clone()))
    }

    fn fetch(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        priority: Priority,
    ) -> impl Future<Output = Result<Result<Arc<Live>, RefreshFailure>, Panicked>> + use<> {
        let (cache, session, role) = (self.clone(), session.clone(), key.clone());
        let epoch = self.entries().epoch(&key.portal);
        let landing = self.flights.join(key, || async move {
            let answer = obtain(&session, &role, priority).await;
            cache.landed(&role, epoch, answer)
        });
        self.changed(key);
        landing
    }

    fn landed(
        &self,
        key: &RoleKey,
        epoch: u64,
        answer: Result<RoleCredentials, RefreshFailure>,
    ) -> Result<Arc<Live>, RefreshFailure> {
        let moment = self.moment();
        let mut entries = self.entries();
        if entries.epoch(&key.portal) != epoch {
            return Err(RefreshFailure::SignInNeeded);
        }
        let entry = entries.by_role.entry(key.clone()).or_default();
        let outcome = match answer {
            Ok(credentials) => {
                let life = Life::begins(moment, credentials.expires_at);
                let lead = role_lead(&life, key);
                let live = Arc::new(Live {
                    credentials,
                    life,
                    lead,
                });
                entry.live = Some(live.clone());
                (entry.obtained, entry.resumes) = (true, false);
                entry.failed = None;
                Ok(live)
            }
            Err(failure) => {
                entry.fail(failure.clone(), moment);
                Err(failure)
            }
        };
        drop(entries);
        if matches!(outcome, Err(RefreshFailure::SignInNeeded)) {
            let _ = self.changes.send(Change::SignInWanted(key.portal.clone()));
        }
        self.changed(key);
        outcome
    }

    /// Whether these may still be handed out at all.
    fn servable(&self, live: &Live, min_ttl: Duration) -> bool {
        live.life.left(self.moment()) > min_ttl.max(serve_floor(&live.life))
    }

    /// What is left of the old credentials. A role that was taken away is not served from memory.
    fn old_or(
        &self,
        live: Option<&Arc<Live>>,
        min_ttl: Duration,
        failure: RefreshFailure,
    ) -> Result<RoleCredentials, RefreshFailure> {
        let live = live.filter(|live| failure != RefreshFailure::NotAssigned && self.servable(live, min_ttl));
        live.map(|live| live.credentials.clone()).ok_or(failure)
    }

    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().expect("no panic under this lock")
    }

    fn moment(&self) -> Moment {
        Moment::of(&*self.clock)
    }

    fn changed(&self, key: &RoleKey) {
        let _ = self.changes.send(Change::Role(key.clone()));
    }
}

fn flown(landing: Result<Result<Arc<Live>, RefreshFailure>, Panicked>) -> Result<Arc<Live>, RefreshFailure> {
    landing.unwrap_or_else(|Panicked| Err(RefreshFailure::Panicked))
}
