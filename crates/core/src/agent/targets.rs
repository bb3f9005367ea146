//! Which portal and which role a person or a profile means. Pure.

mod portals;

use std::sync::Arc;

use crate::agent::protocol::{Reply, Target, UnclearChain};
use crate::app::contract::ProblemView;
use crate::app::state::NamedPortal;
use crate::identity_center::{AccountId, PortalId, RoleKey};
use crate::refresh::standing::Standing;
use crate::role_catalog::{Ambiguity, Catalogue};
use crate::role_chain::Chain;
pub use portals::{Named, portal, portal_or_why};
use portals::{matching, no_such_portal};

/// How many candidates an answer names.
const CANDIDATES: usize = 20;

/// Why there is no answer; for a target that names too much, what it could mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub problem: ProblemView,
    pub candidates: Vec<String>,
}

impl Refusal {
    /// The same, with what may have caused it in place of the advice.
    pub fn because_of(mut self, cause: &ProblemView) -> Self {
        self.problem.what_to_do = format!("{} {}", cause.what_happened, cause.what_to_do);
        self
    }
}

impl From<ProblemView> for Refusal {
    fn from(problem: ProblemView) -> Self {
        Self {
            problem,
            candidates: Vec::new(),
        }
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self::Problem {
            problem: refusal.problem,
            candidates: refusal.candidates,
        }
    }
}

impl From<&Chain> for UnclearChain {
    fn from(chain: &Chain) -> Self {
        Self {
            name: chain.name.clone(),
            account: chain.source_account.clone(),
            permission_set: chain.source_permission_set.clone(),
        }
    }
}

/// What targets are looked up in.
pub struct Known<'a> {
    pub portals: &'a [NamedPortal],
    pub catalogue: &'a Catalogue,
}

impl Known<'_> {
    pub fn role(&self, target: &Target) -> Result<RoleKey, Refusal> {
        match target {
            Target::Role {
                portal,
                portal_region,
                account,
                permission_set,
            } => {
                let portals = matching(self.portals, portal.as_deref(), portal_region.as_deref());
                match portals.as_slice() {
                    [] => Err(self.no_portal_there(portal.as_deref(), portal_region.as_deref())),
                    // What only one of them lists decides, but not before all of them have been listed.
                    several @ [_, _, ..] if portal.is_some() && !self.are_listed(several) => {
                        Err(several_portals(several))
                    }
                    portals => self.named(portals, account, permission_set),
                }
            }
            Target::Chain { portal, chain } => {
                let portals = matching(self.portals, portal.as_deref(), None);
                let named = self.chain_in(&portals, chain);
                let unknown = || match portals.as_slice() {
                    [] => self.no_portal_there(portal.as_deref(), None),
                    _ => ProblemView::no_such_chain(chain).into(),
                };
                named.unwrap_or_else(|| Err(unknown()))
            }
            Target::Words { words } => self.words(words.trim()),
        }
    }

    /// The further role that is named so, with `PORTAL:` in front or without.
    pub fn chain_named(&self, words: &str) -> Option<Result<RoleKey, Refusal>> {
        let (portals, rest) = self.split_portal(words.trim());
        self.chain_in(&portals, rest.trim())
    }

    /// The further role of this name that is kept fresh, wherever it is assumed from by now: whoever wants it to be kept
    /// no longer need not have its settings in order.
    pub fn kept_chain(&self, target: &Target) -> Option<&RoleKey> {
        let (portals, name) = match target {
            Target::Role { .. } => return None,
            Target::Chain { portal, chain } => {
                (matching(self.portals, portal.as_deref(), None), chain.as_str())
            }
            Target::Words { words } => self.split_portal(words.trim()),
        };
        let name = name.trim().to_lowercase();
        let mut kept = self.catalogue.kept.iter();
        kept.find(|key| {
            let is_meant = portals.iter().any(|portal| portal.id == key.portal.0);
            is_meant && key.chain.as_ref().is_some_and(|own| own.to_lowercase() == name)
        })
    }

    fn chain_in(&self, portals: &[&NamedPortal], name: &str) -> Option<Result<RoleKey, Refusal>> {
        let is_meant = |id: &PortalId| portals.iter().any(|portal| portal.id == id.0);
        let Some(chain) = self.catalogue.chain_named(name, is_meant) else {
            // It is gone from the settings; whoever keeps it still may want to stop that.
            let marked = self
                .catalogue
                .marked_chain(name)
                .filter(|key| is_meant(&key.portal));
            return marked.cloned().map(Ok);
        };
        Some(
            self.catalogue
                .chain_key(chain)
                .map_err(|several| match several.as_slice() {
                    [] => {
                        let portal = portals.iter().find(|portal| portal.id == chain.portal.0);
                        let not_whole = portal.and_then(|portal| self.not_whole(portal));
                        let unknown = || ProblemView::chain_source_unknown(&chain.name, &chain.from()).into();
                        not_whole.unwrap_or_else(unknown)
                    }
                    several => among(
                        ProblemView::several_chain_sources(&chain.name, &chain.from()),
                        self.labels(several),
                    ),
                }),
        )
    }

    fn no_portal_there(&self, named: Option<&str>, region: Option<&str>) -> Refusal {
        match (matching(self.portals, named, None).as_slice(), region) {
            ([portal, ..], Some(region)) => {
                ProblemView::portal_elsewhere(&portal.name, &portal.region, region).into()
            }
            ([], _) | (_, None) => no_such_portal(self.portals, named),
        }
    }

    fn words(&self, words: &str) -> Result<RoleKey, Refusal> {
        if let Some(named) = self.chain_named(words) {
            return named;
        }
        let names = self
            .portals
            .iter()
            .map(|portal| (PortalId(portal.id.clone()), portal.name.clone()))
            .collect();
        let Ambiguity { candidates } = match self.catalogue.resolve(words, &names) {
            Ok(role) => return Ok(role),
            Err(ambiguity) => ambiguity,
        };
        if !candidates.is_empty() {
            return Err(self.several(&candidates));
        }
        if let Some(named) = self.unknown_portal(words) {
            return Err(no_such_portal(self.portals, Some(named)));
        }
        let (portals, rest) = self.split_portal(words);
        match rest.rsplit_once('/') {
            Some((account, set)) => self.unlisted(&portals, account.trim(), set.trim()),
            None => Err(self.nothing(&portals)),
        }
    }

    /// What stands in the place of a portal's name, before `:ACCOUNT/PERMISSION_SET`, and names none.
    fn unknown_portal<'w>(&self, words: &'w str) -> Option<&'w str> {
        let (named, rest) = words.split_once(':')?;
        let named = named.trim();
        let is_unknown = matching(self.portals, Some(named), None).is_empty();
        (is_unknown && rest.contains('/') && !named.contains('/')).then_some(named)
    }

    fn split_portal<'w>(&self, words: &'w str) -> (Vec<&NamedPortal>, &'w str) {
        let named = words.split_once(':').and_then(|(name, rest)| {
            let portals = matching(self.portals, Some(name.trim()), None);
            (!portals.is_empty()).then_some((portals, rest))
        });
        named.unwrap_or_else(|| (self.portals.iter().collect(), words))
    }

    fn named(
        &self,
        portals: &[&NamedPortal],
        account: &str,
        permission_set: &str,
    ) -> Result<RoleKey, Refusal> {
        let found = portals.iter().flat_map(|portal| {
            let id = PortalId(portal.id.clone());
            self.catalogue.find(account, permission_set, Some(&id))
        });
        match found.collect::<Vec<_>>().as_slice() {
            [role] => Ok(role.clone()),
            [] => self.unlisted(portals, account, permission_set),
            several @ [_, _, ..] => Err(self.several(several)),
        }
    }

    /// The listing may be older than the assignment, or not be there yet: where the account's id is given, or its
    /// name is listed and what is assigned in it is not, AWS decides.
    fn unlisted(
        &self,
        portals: &[&NamedPortal],
        account: &str,
        permission_set: &str,
    ) -> Result<RoleKey, Refusal> {
        if permission_set.is_empty() {
            return Err(self.nothing(portals));
        }
        let key = |portal: &PortalId, account: &AccountId| RoleKey {
            portal: portal.clone(),
            account: account.clone(),
            permission_set: permission_set.to_owned(),
            chain: None,
        };
        let ids = portals.iter().map(|portal| PortalId(portal.id.clone()));
        let begun = ids.clone().flat_map(|id| {
            let accounts = self.catalogue.accounts_to_list(&id, account);
            accounts.into_iter().map(move |account| key(&id, account))
        });
        match (begun.collect::<Vec<_>>().as_slice(), portals) {
            ([role], _) => Ok(role.clone()),
            ([], [portal]) if AccountId::is_one(account) => {
                Ok(key(&PortalId(portal.id.clone()), &AccountId(account.to_owned())))
            }
            ([], _) => Err(self.nothing(portals)),
            (several @ [_, _, ..], _) => Err(self.several(several)),
        }
    }

    fn nothing(&self, portals: &[&NamedPortal]) -> Refusal {
        if portals.is_empty() {
            return no_such_portal(self.portals, None);
        }
        if let Some(refusal) = portals.iter().find_map(|portal| self.not_whole(portal)) {
            return refusal;
        }
        ProblemView::no_such_role().into()
    }

    fn are_listed(&self, portals: &[&NamedPortal]) -> bool {
        portals.iter().all(|portal| {
            let listing = self.catalogue.listing(&PortalId(portal.id.clone()));
            listing.is_some_and(|listing| listing.synced_at.is_some())
        })
    }

    /// Why what a portal's list does not have may be there all the same.
    fn not_whole(&self, portal: &NamedPortal) -> Option<Refusal> {
        let listing = self.catalogue.listing(&PortalId(portal.id.clone()));
        let is_synced = self.are_listed(&[portal]);
        if is_synced && listing.is_some_and(|listing| listing.complete) {
            return None;
        }
        match portal.standing {
            Standing::SignedIn => {
                let is_anything_there = listing.is_some_and(|listing| !listing.accounts.is_empty());
                let problem = match &portal.list_problem {
                    Some(cause) if !is_anything_there => ProblemView::list_not_there(&portal.name, cause),
                    cause => ProblemView::list_not_whole(&portal.name, cause.as_ref()),
                };
                Some(problem.into())
            }
            _ if is_synced => None,
            Standing::SignedOut | Standing::Ended => Some(sign_in_first(&portal.name)),
            Standing::Unknown => {
                let problem = portal.store_failure.map(ProblemView::store);
                Some(problem.map_or_else(|| sign_in_first(&portal.name), Refusal::from))
            }
        }
    }

    fn several(&self, roles: &[RoleKey]) -> Refusal {
        among(ProblemView::several_roles(), self.labels(roles))
    }

    fn labels(&self, roles: &[RoleKey]) -> Vec<String> {
        let roles = roles.iter().take(CANDIDATES);
        roles.map(|role| self.label(role)).collect()
    }

    /// A role as it can be given as a target, with the account's name behind.
    fn label(&self, role: &RoleKey) -> String {
        let portal = self.portals.iter().find(|portal| portal.id == role.portal.0);
        let prefix = match (self.portals, portal) {
            ([_], _) | (_, None) => String::new(),
            (_, Some(portal)) => format!("{}:", portal.name),
        };
        let name = account_name(self.catalogue, role);
        if let Some(chain) = &role.chain {
            return format!("{prefix}{chain}  (from {name}/{})", role.permission_set);
        }
        format!("{prefix}{}/{}  ({name})", role.account, role.permission_set)
    }
}

/// What in the settings does not hold any more, by the lists of accounts.
pub fn ambiguous_chains(catalogue: &Catalogue) -> Vec<ProblemView> {
    let told = |chain: &Arc<Chain>| ProblemView::several_chain_sources(&chain.name, &chain.from());
    catalogue.ambiguous_chains().map(told).collect()
}

/// An account's name, as far as the listing knows it.
pub fn account_name<'a>(catalogue: &'a Catalogue, key: &RoleKey) -> &'a str {
    catalogue.account(key).map_or("", |listed| &listed.account.name)
}

/// A start URL stands for several portals; their names tell them apart.
fn several_portals(portals: &[&NamedPortal]) -> Refusal {
    let mut names: Vec<_> = portals.iter().map(|portal| portal.name.clone()).collect();
    names.sort();
    among(ProblemView::several_portals(), names)
}

fn sign_in_first(portal: &str) -> Refusal {
    ProblemView::accounts_unknown(portal).into()
}

fn among(problem: ProblemView, candidates: Vec<String>) -> Refusal {
    Refusal { problem, candidates }
}

#[cfg(test)]
mod tests;
