//! Lists all accounts and their permission sets, page by page, as far as AWS lets us and from where we stopped.

mod round;

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::{Either, OptionFuture, select};
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{ListedAccount, Listing};
use crate::clock::Clock;
use crate::identity_center::roles::Page;
use crate::identity_center::{
    Account, AccountId, Failure, IdentityCenter, Meaning, PortalId, Priority, RoleKey, Token,
};
use round::{Pages, Round};

/// Where pages of assignments come from.
pub trait Assignments: Sync {
    fn accounts(
        &self,
        token: &Token,
        next: Option<&str>,
        priority: Priority,
    ) -> impl Future<Output = Result<Page<Account>, Failure>> + Send;

    fn permission_sets(
        &self,
        token: &Token,
        account: &AccountId,
        next: Option<&str>,
        priority: Priority,
    ) -> impl Future<Output = Result<Page<String>, Failure>> + Send;
}

/// Where a sync asks, as whom, and how urgently.
pub struct Source<'a, A> {
    pub assignments: &'a A,
    pub token: &'a Token,
    pub priority: Priority,
    pub clock: &'a dyn Clock,
    /// Hears why AWS has given nothing for a while, at each further refusal or silence: whoever waits need not wait for
    /// the end.
    pub trouble: &'a (dyn Fn(&Failure) + Sync),
}

/// How far a sync is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How many accounts are listed.
    pub done: usize,
    /// Of how many; grows while the accounts themselves are listed.
    pub total: usize,
    /// What is known by now, to be shown: new where it is known, else as it was. Given often at first, then in steps.
    pub partial: Option<Box<Partial>>,
}

/// What a sync knows half-way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partial {
    pub listing: Arc<Listing>,
    /// To be saved beside the listing: a sync that is interrupted goes on from here.
    pub unfinished: Unfinished,
}

/// The accounts that a sync had listed when it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unfinished {
    pub started_at: Timestamp,
    pub accounts: Vec<ListedAccount>,
}

/// A sync that came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Synced {
    pub listing: Arc<Listing>,
    /// Against the listing before; everything is new where there was none.
    pub difference: Difference,
}

/// What has changed between two listings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    pub added: Vec<RoleKey>,
    pub removed: Vec<RoleKey>,
}

/// A sync that did not come to its end. The listing before it still holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct SyncStopped {
    pub failure: Failure,
    /// To be given to the next sync.
    pub unfinished: Box<Unfinished>,
}

/// How many calls are made at the same time.
const AT_ONCE: usize = 8;

/// How often one call is tried before the sync stops.
const ATTEMPTS: u32 = 8;

/// A sync stops when AWS has answered none of its calls for this long: whoever waits for it is told, and the next one
/// goes on from there.
const STALLED: Duration = Duration::from_secs(60);

/// After how long without an answer it is told why.
const IN_TROUBLE: Duration = Duration::from_secs(3);

/// How long one call may be silent until that is told too: it may hang for much longer.
const SILENT: Duration = Duration::from_secs(5);

/// A sync that meets refusals stops at the next one after this. What it has listed is fresh enough to go on from.
const LONGEST: Duration = Duration::from_secs(30 * 60);

/// The first pause after a refusal and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(20));

/// Lists everything that the source's token is assigned. Goes on from `unfinished` where it is fresh; waits out 429 and
/// network trouble, but not for ever; stops at everything else, with what it had.
pub async fn sync<A: Assignments>(
    source: Source<'_, A>,
    portal: &PortalId,
    known: &Listing,
    unfinished: Option<Unfinished>,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<Synced, SyncStopped> {
    let clock = source.clock;
    let reader = Reader {
        source,
        started: clock.elapsed(),
        answered: AtomicU64::new(0),
    };
    let mut round = Round::new(known, unfinished, clock.now());
    match list(&reader, &mut round, &mut progress).await {
        Ok(()) => {
            let listing = round.finished(clock.now());
            let difference = Difference::between(portal, known, &listing);
            Ok(Synced {
                listing: Arc::new(listing),
                difference,
            })
        }
        Err(failure) => Err(SyncStopped {
            failure,
            unfinished: Box::new(round.unfinished()),
        }),
    }
}

impl Assignments for IdentityCenter {
    fn accounts(
        &self,
        token: &Token,
        next: Option<&str>,
        priority: Priority,
    ) -> impl Future<Output = Result<Page<Account>, Failure>> + Send {
        self.accounts(token, next, priority)
    }

    fn permission_sets(
        &self,
        token: &Token,
        account: &AccountId,
        next: Option<&str>,
        priority: Priority,
    ) -> impl Future<Output = Result<Page<String>, Failure>> + Send {
        self.permission_sets(token, account, next, priority)
    }
}

impl Difference {
    pub fn between(portal: &PortalId, before: &Listing, after: &Listing) -> Self {
        let old: BTreeSet<_> = before.roles(portal).collect();
        let new: BTreeSet<_> = after.roles(portal).collect();
        Self {
            added: new.difference(&old).cloned().collect(),
            removed: old.difference(&new).cloned().collect(),
        }
    }
}

/// One sync's way to the source.
struct Reader<'a, A> {
    source: Source<'a, A>,
    /// On the monotonic clock.
    started: Duration,
    /// When AWS last answered one of the calls: milliseconds after the start.
    answered: AtomicU64,
}

/// Turns the pages of accounts and lists the permission sets of those that are known, both at the same time: the first
/// roles are there long before the last page.
async fn list<A: Assignments>(
    reader: &Reader<'_, A>,
    round: &mut Round<'_>,
    progress: &mut (impl FnMut(Progress) + Send),
) -> Result<(), Failure> {
    let turn = |next: Option<String>| Box::pin(async move { reader.accounts(next.as_deref()).await });
    let list = |account: AccountId| async move {
        let (sets, cut) = reader.all_permission_sets(&account).await?;
        Ok::<_, Failure>((account, sets, cut))
    };
    let mut pages = Pages::default();
    let mut page = pages.next().map(turn);
    let mut waiting = VecDeque::new();
    let mut listings = FuturesUnordered::new();
    let mut first = true;
    loop {
        while listings.len() + usize::from(page.is_some()) < AT_ONCE
            && let Some(account) = waiting.pop_front()
        {
            listings.push(list(account));
        }
        tokio::select! {
            Some(turned) = OptionFuture::from(page.as_mut()) => {
                let turned = turned?;
                let before = round.assigned.len();
                waiting.extend(turned.items.into_iter().filter_map(|account| round.assign(account)));
                pages.turn(turned.next, round.assigned.len() > before);
                page = pages.next().map(turn);
                round.all_assigned = page.is_none();
                round.cut |= pages.cut;
                progress(round.progress(std::mem::take(&mut first)));
            }
            Some(listed) = listings.next() => {
                let (account, sets, cut) = listed?;
                round.take(account, sets, cut);
                let is_worth_showing = round.is_worth_showing();
                progress(round.progress(is_worth_showing));
            }
            else => return Ok(()),
        }
    }
}

impl<A: Assignments> Reader<'_, A> {
    async fn accounts(&self, next: Option<&str>) -> Result<Page<Account>, Failure> {
        let Source {
            assignments,
            token,
            priority,
            ..
        } = self.source;
        self.patiently(|| assignments.accounts(token, next, priority))
            .await
    }

    /// Empty where the account is not assigned any more. With it, whether there may be more.
    async fn all_permission_sets(&self, account: &AccountId) -> Result<(BTreeSet<String>, bool), Failure> {
        let Source {
            assignments,
            token,
            priority,
            ..
        } = self.source;
        let mut sets = BTreeSet::new();
        let mut pages = Pages::default();
        while let Some(next) = pages.next() {
            let call = || assignments.permission_sets(token, account, next.as_deref(), priority);
            let page = match self.patiently(call).await {
                Ok(page) => page,
                Err(failure) if failure.meaning == Meaning::NotAssigned => {
                    return Ok((BTreeSet::new(), false));
                }
                Err(failure) => return Err(failure),
            };
            let before = sets.len();
            sets.extend(page.items);
            pages.turn(page.next, sets.len() > before);
        }
        Ok((sets, pages.cut))
    }

    /// Waits out what passes by itself.
    async fn patiently<T, F>(&self, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut attempt = 1;
        loop {
            let failure = match self.heard(call()).await {
                Ok(answer) => {
                    self.answered.store(millis(self.elapsed()), Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            if !passes(failure.meaning) || attempt >= ATTEMPTS || self.is_hopeless() {
                return Err(failure);
            }
            // One call that took too long says little: the next one may be answered.
            if attempt > 1 && self.unanswered() >= millis(IN_TROUBLE) {
                (self.source.trouble)(&failure);
            }
            self.source.clock.sleep(pause(attempt, &failure)).await;
            attempt += 1;
        }
    }

    /// What a call gives. While it hangs, and AWS answers none of the others, that is told long before it ends.
    async fn heard<T>(&self, call: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
        let hangs = self.source.clock.sleep(SILENT);
        let call = match select(Box::pin(call), hangs).await {
            Either::Left((answer, _)) => return answer,
            Either::Right(((), call)) => call,
        };
        if self.unanswered() >= millis(SILENT) {
            let silence = format!("no answer for {} seconds", SILENT.as_secs());
            (self.source.trouble)(&Failure::new("listing", Meaning::Unreachable, &silence));
        }
        call.await
    }

    fn is_hopeless(&self) -> bool {
        self.unanswered() >= millis(STALLED) || self.elapsed() >= LONGEST
    }

    /// For how many milliseconds AWS has answered none of the calls.
    fn unanswered(&self) -> u64 {
        millis(self.elapsed()).saturating_sub(self.answered.load(Ordering::Relaxed))
    }

    /// Since the sync began.
    fn elapsed(&self) -> Duration {
        self.source.clock.elapsed().saturating_sub(self.started)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn passes(meaning: Meaning) -> bool {
    match meaning {
        Meaning::Throttled | Meaning::Unreachable => true,
        Meaning::TokenRefused
        | Meaning::GrantRefused
        | Meaning::RegistrationRefused
        | Meaning::NotAssigned
        | Meaning::DeniedByPerson
        | Meaning::TimedOut
        | Meaning::AdministratorNeeded
        | Meaning::RoleDenied
        | Meaning::KeysRefused
        | Meaning::Invalid => false,
    }
}

/// Doubles from 1 s to 20 s, of which a random half is waited; never less than AWS asked for (up to a minute).
fn pause(attempt: u32, failure: &Failure) -> Duration {
    let (shortest, longest) = PAUSES;
    let whole = shortest.saturating_mul(1 << attempt.min(10)).min(longest);
    // Without random numbers everybody waits for the longer time.
    let random = getrandom::u32().unwrap_or(u32::MAX);
    let jittered = whole / 2 + (whole / 2).mul_f64(f64::from(random) / f64::from(u32::MAX));
    let asked = failure.retry_after.unwrap_or_default();
    jittered.max(asked.min(Duration::from_secs(60)))
}

#[cfg(test)]
mod pauses;
#[cfg(test)]
mod silence;
#[cfg(test)]
mod tests;
