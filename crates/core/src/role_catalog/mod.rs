//! The accounts and permission sets assigned to a person: listed, cached on disk, searched.

pub mod cache;
mod chained;
pub mod search;
pub mod sync;
mod target;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identity_center::{Account, PortalId, RoleKey};
use crate::role_chain::{Chain, Chains};
pub use cache::{CatalogueFiles, KeptUse, Loaded, Marks, MarksFile, StoredListing};
pub use search::{Hit, Hits, Query};
pub use sync::{Assignments, Difference, Partial, Progress, Source, SyncStopped, Synced, Unfinished, sync};
pub use target::Ambiguity;

/// What one portal assigned, as of the last sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// When the last complete sync ended.
    pub synced_at: Option<Timestamp>,
    /// False while only a part is known.
    pub complete: bool,
    /// Sorted by name (whatever its case), then id.
    pub accounts: Vec<ListedAccount>,
}

/// An account with the permission sets assigned in it, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedAccount {
    #[serde(flatten)]
    pub account: Account,
    pub permission_sets: Vec<String>,
}

/// All portals' listings and what the person made of them. A copy shares the listings, however large they are.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    listings: BTreeMap<PortalId, Known>,
    /// In the order in which they were marked.
    pub favourites: Vec<RoleKey>,
    /// The newest first.
    pub recents: Vec<RoleKey>,
    /// Whose credentials are kept fresh whether or not anybody asks.
    pub kept: Vec<RoleKey>,
    /// For how long nobody used those, as far as it is to be known after a restart.
    pub kept_uses: Vec<KeptUse>,
    /// Roles that are assumed from permission sets, in the order of the settings.
    chains: Chains,
    /// Those whose permission set is known, with their keys.
    chain_keys: Arc<[(RoleKey, Arc<Chain>)]>,
    /// Grows with every change.
    pub revision: u64,
}

/// A listing, and what is asked of it often.
#[derive(Debug, Clone)]
struct Known {
    listing: Arc<Listing>,
    counts: Counts,
    /// The places of the accounts in the listing, sorted by their numbers.
    by_id: Arc<[usize]>,
}

/// Favourites and recents as they were at one time: what a list was sorted by then.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListOrder {
    pub favourites: Vec<RoleKey>,
    pub recents: Vec<RoleKey>,
}

/// How much a portal assigns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub accounts: usize,
    /// Of all accounts together: as many as there are rows.
    pub permission_sets: usize,
}

/// Older recents are forgotten.
const MOST_RECENTS: usize = 50;

impl Listing {
    /// Every role of the listing, in its order.
    pub fn roles(&self, portal: &PortalId) -> impl Iterator<Item = RoleKey> {
        self.accounts.iter().flat_map(move |listed| {
            listed.permission_sets.iter().map(move |permission_set| RoleKey {
                portal: portal.clone(),
                account: listed.account.id.clone(),
                permission_set: permission_set.clone(),
                chain: None,
            })
        })
    }

    pub fn counts(&self) -> Counts {
        Counts {
            accounts: self.accounts.len(),
            permission_sets: self.accounts.iter().map(|it| it.permission_sets.len()).sum(),
        }
    }

    pub(crate) fn sort(&mut self) {
        self.accounts
            .sort_by_cached_key(|it| (it.account.name.to_lowercase(), it.account.id.clone()));
    }
}

impl Catalogue {
    /// Takes what a sync gave, whole or in part.
    pub fn set_listing(&mut self, portal: PortalId, listing: Arc<Listing>) {
        let mut by_id: Vec<_> = (0..listing.accounts.len()).collect();
        by_id.sort_by_key(|place| &listing.accounts[*place].account.id);
        let known = Known {
            counts: listing.counts(),
            by_id: by_id.into(),
            listing,
        };
        self.listings.insert(portal, known);
        self.settle_chains();
        self.revision += 1;
    }

    pub fn listing(&self, portal: &PortalId) -> Option<&Arc<Listing>> {
        self.listings.get(portal).map(|known| &known.listing)
    }

    pub fn listings(&self) -> impl Iterator<Item = (&PortalId, &Arc<Listing>)> {
        self.listings
            .iter()
            .map(|(portal, known)| (portal, &known.listing))
    }

    /// Takes a portal out of sight; what was made of its roles stays.
    pub fn hide_portal(&mut self, portal: &PortalId) {
        self.listings.remove(portal);
        self.settle_chains();
        self.revision += 1;
    }

    /// Forgets a portal and everything that was made of its roles.
    pub fn forget_portal(&mut self, portal: &PortalId) {
        for list in [&mut self.favourites, &mut self.recents, &mut self.kept] {
            list.retain(|key| key.portal != *portal);
        }
        self.kept_uses.retain(|used| used.role.portal != *portal);
        self.hide_portal(portal);
    }

    /// Takes one role out of the listing: AWS said that it is not assigned any more. Favourites and the like
    /// stay: the role may come back.
    pub fn remove(&mut self, key: &RoleKey) {
        let Some(listing) = self.listing(&key.portal) else {
            return;
        };
        let mut listing = Listing::clone(listing);
        for listed in &mut listing.accounts {
            if listed.account.id == key.account {
                listed.permission_sets.retain(|name| *name != key.permission_set);
            }
        }
        listing.accounts.retain(|it| !it.permission_sets.is_empty());
        self.set_listing(key.portal.clone(), Arc::new(listing));
    }

    /// Counted when the listing was set.
    pub fn counts(&self, portal: &PortalId) -> Counts {
        self.listings
            .get(portal)
            .map(|known| known.counts)
            .unwrap_or_default()
    }

    /// Whether a listing has this role, or the permission set that it is assumed from.
    pub fn lists(&self, key: &RoleKey) -> bool {
        let is_known = key.chain.is_none() || self.chain_keys.iter().any(|(known, _)| known == key);
        let listed = self.account(key);
        is_known && listed.is_some_and(|it| it.permission_sets.contains(&key.permission_set))
    }

    /// The account of a role, as far as it is listed.
    pub fn account(&self, key: &RoleKey) -> Option<&ListedAccount> {
        let Known { listing, by_id, .. } = self.listings.get(&key.portal)?;
        let id = |place: &usize| &listing.accounts[*place].account.id;
        let place = by_id.binary_search_by_key(&&key.account, id).ok()?;
        Some(&listing.accounts[by_id[place]])
    }

    /// What lists are sorted by now.
    pub fn order(&self) -> ListOrder {
        ListOrder {
            favourites: self.favourites.clone(),
            recents: self.recents.clone(),
        }
    }

    pub fn mark_recent(&mut self, key: &RoleKey) {
        self.recents.retain(|it| it != key);
        self.recents.insert(0, key.clone());
        self.recents.truncate(MOST_RECENTS);
        self.revision += 1;
    }

    pub fn set_favourite(&mut self, key: &RoleKey, on: bool) {
        set_marked(&mut self.favourites, key, on);
        self.revision += 1;
    }

    pub fn set_kept(&mut self, key: &RoleKey, on: bool) {
        set_marked(&mut self.kept, key, on);
        if !on {
            self.kept_uses.retain(|used| used.role != *key);
        }
        self.revision += 1;
    }

    /// For how long nobody has used a kept role. Nothing that is shown, so nothing has changed.
    pub fn note_kept_use(&mut self, noted: KeptUse) {
        self.kept_uses.retain(|used| used.role != noted.role);
        if self.kept.contains(&noted.role) {
            self.kept_uses.push(noted);
        }
    }

    pub fn kept_use(&self, key: &RoleKey) -> Option<&KeptUse> {
        self.kept_uses.iter().find(|used| used.role == *key)
    }
}

/// Keeps the place of what is marked already.
fn set_marked(marked: &mut Vec<RoleKey>, key: &RoleKey, on: bool) {
    let there = marked.contains(key);
    match (on, there) {
        (true, false) => marked.push(key.clone()),
        (false, true) => marked.retain(|it| it != key),
        (true, true) | (false, false) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_center::AccountId;

    pub(super) fn portal(id: &str) -> PortalId {
        PortalId(id.to_owned())
    }

    pub(super) fn role(portal: &str, account: &str, permission_set: &str) -> RoleKey {
        RoleKey {
            portal: PortalId(portal.to_owned()),
            account: AccountId(account.to_owned()),
            permission_set: permission_set.to_owned(),
            chain: None,
        }
    }

    pub(super) fn listed(id: &str, name: &str, permission_sets: &[&str]) -> ListedAccount {
        ListedAccount {
            account: Account {
                id: AccountId(id.to_owned()),
                name: name.to_owned(),
                email: format!("{name}@example.com"),
            },
            permission_sets: permission_sets.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    /// Two portals; `sandbox` is in both.
    pub(super) fn catalogue() -> Catalogue {
        let mut catalogue = Catalogue::default();
        let acme = [
            listed("111122223333", "acme-dev", &["Administrator", "ReadOnly"]),
            listed("222233334444", "acme-prod", &["Administrator", "ReadOnly"]),
            listed("333344445555", "sandbox", &["Administrator"]),
        ];
        let other = [listed("444455556666", "sandbox", &["Administrator", "Billing"])];
        for (id, accounts) in [("p-acme", acme.to_vec()), ("p-other", other.to_vec())] {
            let listing = Listing {
                synced_at: None,
                complete: true,
                accounts,
            };
            catalogue.set_listing(portal(id), Arc::new(listing));
        }
        catalogue
    }

    #[test]
    fn marks_keep_their_order_and_grow_the_revision() {
        let mut catalogue = Catalogue::default();
        let (a, b) = (role("p", "1", "A"), role("p", "1", "B"));
        catalogue.set_favourite(&b, true);
        catalogue.set_favourite(&a, true);
        catalogue.set_favourite(&b, true);
        assert_eq!(catalogue.favourites, [b.clone(), a.clone()]);
        catalogue.set_favourite(&b, false);
        assert_eq!(catalogue.favourites, std::slice::from_ref(&a));
        catalogue.set_kept(&a, true);
        assert_eq!(catalogue.kept, std::slice::from_ref(&a));
        catalogue.mark_recent(&a);
        catalogue.mark_recent(&b);
        catalogue.mark_recent(&a);
        assert_eq!(catalogue.recents, [a, b]);
        assert_eq!(catalogue.revision, 8);
    }

    #[test]
    fn recents_do_not_grow_for_ever() {
        let mut catalogue = Catalogue::default();
        for number in 0..200 {
            catalogue.mark_recent(&role("p", &number.to_string(), "A"));
        }
        assert_eq!(catalogue.recents.len(), MOST_RECENTS);
        assert_eq!(catalogue.recents[0].account.0, "199");
    }

    #[test]
    fn r8_a_role_that_is_gone_leaves_the_listing_and_nothing_else_does() {
        let mut catalogue = catalogue();
        catalogue.remove(&role("p-acme", "333344445555", "Administrator"));
        catalogue.remove(&role("p-acme", "111122223333", "ReadOnly"));
        let counts = Counts {
            accounts: 2,
            permission_sets: 3,
        };
        assert_eq!(catalogue.counts(&portal("p-acme")), counts);
        assert!(!catalogue.lists(&role("p-acme", "333344445555", "Administrator")));
        assert!(catalogue.lists(&role("p-other", "444455556666", "Administrator")));
    }

    #[test]
    fn a_copy_of_the_catalogue_shares_the_listings_until_one_changes() {
        let catalogue = catalogue();
        let mut copy = catalogue.clone();
        copy.mark_recent(&role("p-acme", "111122223333", "ReadOnly"));
        copy.remove(&role("p-other", "444455556666", "Billing"));
        let shared = |id| {
            let (one, other) = (catalogue.listing(&portal(id)), copy.listing(&portal(id)));
            Arc::ptr_eq(one.unwrap(), other.unwrap())
        };
        assert!(shared("p-acme") && !shared("p-other"));
        assert_eq!(catalogue.counts(&portal("p-other")).permission_sets, 2);
        assert_eq!(copy.counts(&portal("p-other")).permission_sets, 1);
    }

    #[test]
    fn a_forgotten_portal_leaves_nothing_behind() {
        let mut catalogue = catalogue();
        let (gone, stays) = (
            role("p-acme", "111122223333", "ReadOnly"),
            role("p-other", "444455556666", "Billing"),
        );
        for key in [&gone, &stays] {
            catalogue.set_favourite(key, true);
            catalogue.set_kept(key, true);
            catalogue.mark_recent(key);
        }
        catalogue.forget_portal(&portal("p-acme"));
        assert_eq!(catalogue.counts(&portal("p-acme")), Counts::default());
        for list in [&catalogue.favourites, &catalogue.kept, &catalogue.recents] {
            assert_eq!(*list, std::slice::from_ref(&stays));
        }
    }
}
