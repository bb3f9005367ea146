//! The credentials of roles: one shared map that tools are answered from, one call to AWS however many wait.

#[cfg(test)]
mod at_once;
mod chained;
#[cfg(test)]
mod chained_tests;
mod entry;
mod forgetting;
mod live;
mod obtain;
mod shown;
#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::mpsc;

use self::chained::Known;
use self::entry::{Entries, Entry, Epochs, is_about_the_sign_in, takes_away};
pub use self::live::Live;
pub use self::shown::RoleView;
use crate::clock::SharedClock;
use crate::identity_center::{PortalId, Priority, RoleCredentials, RoleKey};
use crate::refresh::flight::{Flights, Panicked};
use crate::refresh::life::{Life, Moment};
use crate::refresh::plan::{RoleFacts, role_lead, serve_floor};
use crate::refresh::session::Session;
use crate::refresh::{Change, RefreshFailure, retry};

/// How long a tool that could be served at once waits for something better.
const PATIENCE: Duration = Duration::from_millis(600);

/// Live credentials by role. Clones are the same.
#[derive(Debug, Clone)]
pub struct RoleCache {
    clock: SharedClock,
    entries: Arc<Mutex<Entries>>,
    /// By role and epoch: what was asked for with an earlier sign-in is no answer to anybody who asks now.
    flights: Flights<(RoleKey, u64), Result<Arc<Live>, RefreshFailure>>,
    changes: mpsc::UnboundedSender<Change>,
    further: Known,
}

/// What is known of a role when somebody asks for its credentials.
struct Found {
    live: Option<Arc<Live>>,
    /// A failure that is the answer for another moment.
    failure: Option<RefreshFailure>,
    /// How many flights have landed.
    landed: u64,
}

impl RoleCache {
    pub fn new(clock: SharedClock, changes: mpsc::UnboundedSender<Change>) -> Self {
        Self {
            clock,
            entries: Arc::default(),
            flights: Flights::default(),
            changes,
            further: Known::default(),
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
        let Found {
            live,
            failure,
            landed,
        } = self.note_asked(key, moment);
        if let Some(live) = &live
            && (live.life.left(moment) >= min_ttl.max(live.lead)
                || (moment.age < live.new_until && self.servable(live, Duration::ZERO)))
        {
            return Ok(live.told(moment));
        }
        let holds = |failure: &RefreshFailure| !(is_about_the_sign_in(failure) && session.is_signed_in());
        if let Some(failure) = failure.filter(holds) {
            return self.old_or(live.as_ref(), min_ttl, failure);
        }
        let mut landing = self.fetch(session, key, Priority::Interactive, landed);
        if live.as_ref().is_some_and(|old| self.servable(old, min_ttl)) {
            tokio::select! {
                answer = &mut landing => return match flown(answer) {
                    Ok(newer) => Ok(newer.told(self.moment())),
                    Err(failure) => self.old_or(live.as_ref(), min_ttl, failure),
                },
                () = self.clock.sleep(PATIENCE) => {}
            }
        }
        // The machine may have slept meanwhile, and the old ones have run out.
        match live.filter(|old| self.servable(old, min_ttl)) {
            Some(old) => Ok(old.told(self.moment())),
            None => match flown(landing.await) {
                Ok(newer) => Ok(newer.told(self.moment())),
                Err(failure) => Err(failure.for_who_gave_no_code()),
            },
        }
    }

    /// Renews in the background, for the runner. It is under way when this returns, whoever waits for its end.
    pub fn renew(&self, session: &Arc<Session>, key: &RoleKey) -> impl Future<Output = ()> + use<> {
        let landed = self.entries().by_role.get(key).map_or(0, |entry| entry.landed);
        let landing = self.fetch(session, key, Priority::Background, landed);
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
        entries.epochs.next(portal);
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
        entries.epochs.next(portal);
        entries.by_role.retain(|key, entry| {
            if key.portal != *portal {
                return true;
            }
            entry.drop_given();
            entry.resumes = entry.obtained && entry.is_hot(moment);
            entry.kept || entry.resumes
        });
    }

    /// Drops what nobody can be served from and nobody has asked for lately.
    pub fn prune(&self) {
        let moment = self.moment();
        let mut entries = self.entries();
        let Entries { by_role, epochs, .. } = &mut *entries;
        by_role.retain(|key, entry| !entry.is_forgotten(moment) || self.is_under_way(epochs, key));
    }

    pub fn is_renewing(&self, key: &RoleKey) -> bool {
        self.is_under_way(&self.entries().epochs, key)
    }

    fn is_under_way(&self, epochs: &Epochs, key: &RoleKey) -> bool {
        self.flights.is_under_way(&(key.clone(), epochs.of(&key.portal)))
    }

    /// How many of a portal's roles are asked for at AWS now.
    pub fn under_way(&self, portal: &PortalId) -> usize {
        self.flights.count(|(key, _)| key.portal == *portal)
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
            not_before: entry.not_before(obtainable(&key.portal), moment),
            obtainable: obtainable(&key.portal) && !entry.is_up_to_a_person(),
        });
        facts.collect()
    }

    /// Whether AWS last said that the role is not assigned.
    pub fn is_refused(&self, key: &RoleKey) -> bool {
        self.entries().by_role.get(key).is_some_and(Entry::is_unassigned)
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

    /// The age of the clock when a tool last asked for this role.
    pub fn asked_at(&self, key: &RoleKey) -> Option<Duration> {
        self.entries().by_role.get(key)?.asked_at
    }

    /// Whether anybody asked for credentials of this portal within `time`.
    pub fn asked_within(&self, portal: &PortalId, time: Duration) -> bool {
        let age = self.clock.age();
        self.entries().by_role.iter().any(|(key, entry)| {
            let is_lately = |asked| age.saturating_sub(asked) < time;
            key.portal == *portal && entry.asked_at.is_some_and(is_lately)
        })
    }

    fn note_asked(&self, key: &RoleKey, moment: Moment) -> Found {
        let mut entries = self.entries();
        let entry = entries.by_role.entry(key.clone()).or_default();
        entry.asked_at = Some(moment.age);
        let failed = entry
            .failed
            .as_ref()
            .filter(|failed| moment.elapsed < failed.remembered_until);
        Found {
            live: entry.live.clone(),
            failure: failed.map(|failed| failed.failure.clone()),
            landed: entry.landed,
        }
    }

    /// Joins the flight for a role or starts it. `landed`: how many had landed when it was found to be needed.
    fn fetch(
        &self,
        session: &Arc<Session>,
        key: &RoleKey,
        priority: Priority,
        landed: u64,
    ) -> impl Future<Output = Landing> + Unpin + use<> {
        let (cache, session, role) = (self.clone(), session.clone(), key.clone());
        let epoch = self.entries().epochs.of(&key.portal);
        let flight = (key.clone(), epoch);
        let landing = self.flights.join(&flight, || async move {
            if let Some(outcome) = cache.landed_since(&role, landed) {
                return outcome;
            }
            // A panic is a failure like any other: remembered, so that a loop of clients is no loop of panics.
            let obtained = AssertUnwindSafe(cache.obtained(&session, &role, priority)).catch_unwind();
            let answer = obtained.await.unwrap_or(Err(RefreshFailure::Panicked));
            cache.landed(&role, epoch, answer, session.answer_until())
        });
        self.changed(key);
        landing
    }

    /// What another flight brought after that many, between the look at the entry and the take-off of this one.
    fn landed_since(&self, key: &RoleKey, landed: u64) -> Option<Result<Arc<Live>, RefreshFailure>> {
        let entries = self.entries();
        let entry = entries.by_role.get(key).filter(|entry| entry.landed > landed)?;
        match &entry.failed {
            Some(failed) => Some(Err(failed.failure.clone())),
            None => entry.live.clone().map(Ok),
        }
    }

    fn landed(
        &self,
        key: &RoleKey,
        epoch: u64,
        answer: Result<RoleCredentials, RefreshFailure>,
        token_until: Option<Duration>,
    ) -> Result<Arc<Live>, RefreshFailure> {
        let moment = self.moment();
        let mut entries = self.entries();
        if entries.epochs.of(&key.portal) != epoch {
            return Err(RefreshFailure::SignInNeeded);
        }
        let entry = entries.by_role.entry(key.clone()).or_default();
        entry.landed += 1;
        let outcome = match answer {
            Ok(credentials) => {
                let life = Life::begins(moment, credentials.expires_at);
                let (lead, new_until) = (role_lead(&life, key), moment.age + retry::REMEMBERED);
                let live = Arc::new(Live {
                    credentials,
                    life,
                    lead,
                    new_until,
                });
                entry.live = Some(live.clone());
                (entry.obtained, entry.resumes) = (true, false);
                entry.failed = None;
                Ok(live)
            }
            Err(failure) => {
                entry.fail(failure.clone(), moment, token_until);
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
        let live = live.filter(|live| !takes_away(&failure) && self.servable(live, min_ttl));
        live.map(|live| live.told(self.moment()))
            .ok_or_else(|| failure.for_who_gave_no_code())
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

/// What a flight brought, unless it crashed.
type Landing = Result<Result<Arc<Live>, RefreshFailure>, Panicked>;

fn flown(landing: Landing) -> Result<Arc<Live>, RefreshFailure> {
    landing.unwrap_or_else(|Panicked| Err(RefreshFailure::Panicked))
}
