//! What one sync has learned so far, and how it turns pages.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::{Partial, Progress, Unfinished};
use crate::identity_center::{Account, AccountId};
use crate::role_catalog::{ListedAccount, Listing};

/// What an older unfinished sync has listed is listed again.
const RESUMABLE: SignedDuration = SignedDuration::from_hours(1);

/// How many pages in a row may bring nothing new.
pub(super) const IDLE_PAGES: usize = 20;

/// What one sync has learned.
pub(super) struct Round<'a> {
    known: &'a Listing,
    started_at: Timestamp,
    /// What an earlier sync had listed, until its accounts are seen again.
    earlier: BTreeMap<AccountId, ListedAccount>,
    pub(super) assigned: BTreeMap<AccountId, Account>,
    /// All pages of accounts were seen.
    pub(super) all_assigned: bool,
    /// A list ended though AWS had a token for one more page.
    pub(super) cut: bool,
    pub(super) done: BTreeMap<AccountId, Vec<String>>,
    /// How many accounts were listed when the listing was last worth showing.
    shown: usize,
}

/// Into how many steps the partial listings divide a sync, once they are not given more often.
const STEPS: usize = 20;

/// Follows page tokens until there is none, one comes again, or page after page brings nothing new.
#[derive(Default)]
pub(super) struct Pages {
    started: bool,
    next: Option<String>,
    seen: BTreeSet<String>,
    idle: usize,
    /// It ended though there was a token for one more page.
    pub(super) cut: bool,
}

impl Pages {
    /// The token of the page to fetch (none for the first); `None` at the end.
    pub(super) fn next(&mut self) -> Option<Option<String>> {
        if !self.started {
            self.started = true;
            return Some(None);
        }
        self.next.take().map(Some)
    }

    pub(super) fn turn(&mut self, next: Option<String>, something_new: bool) {
        self.idle = if something_new { 0 } else { self.idle + 1 };
        let next = next.filter(|token| !token.is_empty());
        let is_more = next.is_some();
        self.next = next
            .filter(|_| self.idle < IDLE_PAGES)
            .filter(|token| self.seen.insert(token.clone()));
        self.cut = is_more && self.next.is_none();
    }
}

impl<'a> Round<'a> {
    pub(super) fn new(known: &'a Listing, unfinished: Option<Unfinished>, now: Timestamp) -> Self {
        let fresh = unfinished.filter(|it| {
            let age = now.duration_since(it.started_at);
            !age.is_negative() && age <= RESUMABLE
        });
        let started_at = fresh.as_ref().map_or(now, |it| it.started_at);
        let accounts = fresh.map(|it| it.accounts).unwrap_or_default();
        Self {
            known,
            started_at,
            earlier: accounts
                .into_iter()
                .map(|it| (it.account.id.clone(), it))
                .collect(),
            assigned: BTreeMap::new(),
            all_assigned: false,
            cut: false,
            done: BTreeMap::new(),
            shown: 0,
        }
    }

    /// Gives the account's number where its permission sets are to be listed.
    pub(super) fn assign(&mut self, account: Account) -> Option<AccountId> {
        let id = account.id.clone();
        if let Some(earlier) = self.earlier.remove(&id) {
            self.done.insert(id.clone(), earlier.permission_sets);
        }
        let is_new = self.assigned.insert(id.clone(), account).is_none();
        (is_new && !self.done.contains_key(&id)).then_some(id)
    }

    /// A third more than was shown last, so that the first roles show at once; but not less often than every
    /// twentieth of all.
    pub(super) fn is_worth_showing(&mut self) -> bool {
        let step = (self.shown / 3).min(self.assigned.len() / STEPS).max(1);
        let is_worth_showing = self.done.len() >= self.shown + step;
        if is_worth_showing {
            self.shown = self.done.len();
        }
        is_worth_showing
    }

    pub(super) fn progress(&self, with_partial: bool) -> Progress {
        let partial = with_partial.then(|| {
            Box::new(Partial {
                listing: Arc::new(self.merged()),
                unfinished: self.unfinished(),
            })
        });
        Progress {
            done: self.done.len(),
            total: self.assigned.len(),
            partial,
        }
    }

    /// The permission sets of an account. Of a list that was cut nothing is known to be gone.
    pub(super) fn take(&mut self, account: AccountId, mut sets: BTreeSet<String>, cut: bool) {
        if cut {
            self.cut = true;
            let known = self.known.accounts.iter().filter(|it| it.account.id == account);
            sets.extend(known.flat_map(|it| it.permission_sets.iter().cloned()));
        }
        self.done.insert(account, sets.into_iter().collect());
    }

    /// New where it is known, else as it was.
    fn merged(&self) -> Listing {
        let known = self.known.accounts.iter().map(|it| (&it.account.id, it));
        let known: BTreeMap<_, _> = known.collect();
        let assigned = self.assigned.values().map(|account| {
            let sets = self.done.get(&account.id);
            let sets = sets.or_else(|| known.get(&account.id).map(|it| &it.permission_sets));
            ListedAccount {
                account: account.clone(),
                permission_sets: sets.cloned().unwrap_or_default(),
            }
        });
        let unseen = self
            .known
            .accounts
            .iter()
            .filter(|it| !self.all_assigned && !self.assigned.contains_key(&it.account.id));
        let mut listing = Listing {
            synced_at: self.known.synced_at,
            complete: self.known.complete,
            accounts: assigned.chain(unseen.cloned()).collect(),
        };
        listing.sort();
        listing
    }

    pub(super) fn unfinished(&self) -> Unfinished {
        let accounts = self.done.iter().filter_map(|(id, sets)| {
            Some(ListedAccount {
                account: self.assigned.get(id)?.clone(),
                permission_sets: sets.clone(),
            })
        });
        Unfinished {
            started_at: self.started_at,
            accounts: accounts.chain(self.earlier.values().cloned()).collect(),
        }
    }

    /// An account in which nothing is assigned is none to the person.
    pub(super) fn finished(self, now: Timestamp) -> Listing {
        let Self {
            known,
            assigned,
            mut done,
            cut,
            ..
        } = self;
        let unseen = known.accounts.iter();
        let unseen = unseen.filter(|it| cut && !assigned.contains_key(&it.account.id));
        let unseen: Vec<_> = unseen.cloned().collect();
        let accounts = assigned.into_iter().filter_map(|(id, account)| {
            let permission_sets = done.remove(&id).filter(|sets| !sets.is_empty())?;
            Some(ListedAccount {
                account,
                permission_sets,
            })
        });
        let mut listing = Listing {
            synced_at: Some(now),
            complete: !cut,
            accounts: accounts.chain(unseen).collect(),
        };
        listing.sort();
        listing
    }
}
