//! Understands a target as a command line names it: account and permission set, or words that hit one role.

use std::collections::BTreeMap;

use nucleo_matcher::{Config, Matcher};

use super::search::{Row, Words};
use super::{Catalogue, ListedAccount};
use crate::identity_center::{AccountId, PortalId, RoleKey};

/// How many roles an ambiguous target names at most.
const MOST_CANDIDATES: usize = 100;

/// A target that is not one role.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{} roles match", candidates.len())]
pub struct Ambiguity {
    /// What it may have meant, the likeliest first, at most 100; none where nothing matches.
    pub candidates: Vec<RoleKey>,
}

impl Catalogue {
    /// Roles of this account (id or name) and permission set: in one portal or in all of them. Names are taken as
    /// they are written; in another case only if that finds nothing.
    pub fn find(&self, account: &str, permission_set: &str, portal: Option<&PortalId>) -> Vec<RoleKey> {
        let exactly = self.find_by(portal, |listed, set| {
            is_account(listed, account, str::eq) && set == permission_set
        });
        if !exactly.is_empty() {
            return exactly;
        }
        self.find_by(portal, |listed, set| {
            is_account(listed, account, same_in_any_case) && same_in_any_case(set, permission_set)
        })
    }

    /// `ACCOUNT/PERMISSION_SET` (by id or name) or free words, with `PORTAL:` in front or without. Words must hit
    /// exactly one role, or name exactly one in full.
    pub fn resolve(
        &self,
        target: &str,
        portal_names: &BTreeMap<PortalId, String>,
    ) -> Result<RoleKey, Ambiguity> {
        let (portal, target) = split_portal(target, portal_names);
        // An account's name may have a slash in it, a permission set's may not.
        if let Some((account, permission_set)) = target.rsplit_once('/') {
            let mut found = self.find(account.trim(), permission_set.trim(), portal);
            found.sort_by_key(|role| portal_names.get(&role.portal));
            return one_of(found);
        }
        if target.trim().is_empty() {
            return Err(Ambiguity::default());
        }
        let words = Words::of(target);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut rows = self.matching_rows(&words, portal, portal_names, &self.marks(), &mut matcher);
        rows.sort_unstable_by_key(|row| row.rank);
        let in_full = rows.iter().filter(|row| names_in_full(row, &words, portal_names));
        let in_full: Vec<_> = in_full.map(Row::key).collect();
        if let [only] = in_full.as_slice() {
            return Ok(only.clone());
        }
        one_of(rows.iter().map(Row::key).collect())
    }

    /// Accounts with this name, or this id, that a list which is being made has come to, and whose permission sets it
    /// has not. A name is taken as it is written; in another case only if that finds nothing.
    pub fn accounts_to_list(&self, portal: &PortalId, named: &str) -> Vec<&AccountId> {
        let accounts = self.listing(portal).map(|listing| listing.accounts.as_slice());
        let found = |same: fn(&str, &str) -> bool| -> Vec<_> {
            let accounts = accounts.into_iter().flatten();
            let accounts = accounts.filter(|it| it.permission_sets.is_empty() && is_account(it, named, same));
            accounts.map(|it| &it.account.id).collect()
        };
        let exactly = found(str::eq);
        if exactly.is_empty() {
            return found(same_in_any_case);
        }
        exactly
    }

    /// Accounts of a portal that a list which is being made has come to, and whose permission sets it has not. Every word
    /// must match the account, or the portal's name.
    pub fn accounts_begun(&self, text: &str, portal: &PortalId, portal_name: &str) -> Vec<&ListedAccount> {
        let words = Words::of(text);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let mut is_hit = |listed: &&ListedAccount| {
            words.0.iter().all(|word| {
                let of_account = word.account(listed, &mut matcher);
                of_account
                    .or_else(|| word.beside(portal_name, &mut matcher))
                    .is_some()
            })
        };
        let listing = self.listing(portal);
        let accounts = listing
            .map(|listing| listing.accounts.as_slice())
            .unwrap_or_default();
        let begun = accounts.iter().filter(|it| it.permission_sets.is_empty());
        begun.filter(|it| is_hit(it)).collect()
    }

    fn find_by(
        &self,
        portal: Option<&PortalId>,
        wanted: impl Fn(&ListedAccount, &str) -> bool,
    ) -> Vec<RoleKey> {
        let listings = self
            .listings()
            .filter(|(id, _)| portal.is_none_or(|portal| portal == *id));
        let mut found = Vec::new();
        for (id, listing) in listings {
            for listed in &listing.accounts {
                let sets = listed.permission_sets.iter().filter(|set| wanted(listed, set));
                found.extend(sets.map(|set| RoleKey {
                    portal: id.clone(),
                    account: listed.account.id.clone(),
                    permission_set: set.clone(),
                    chain: None,
                }));
            }
        }
        found
    }
}

/// A colon that follows no portal's name belongs to the target.
fn split_portal<'a, 'b>(
    target: &'a str,
    portal_names: &'b BTreeMap<PortalId, String>,
) -> (Option<&'b PortalId>, &'a str) {
    let named = target.split_once(':').and_then(|(name, rest)| {
        let name = name.trim();
        let mut portals = portal_names.iter();
        let exactly = portals.find(|(_, it)| *it == name);
        let mut portals = portal_names.iter();
        let (id, _) = exactly.or_else(|| portals.find(|(_, it)| same_in_any_case(it, name)))?;
        Some((Some(id), rest))
    });
    named.unwrap_or((None, target))
}

fn one_of(found: Vec<RoleKey>) -> Result<RoleKey, Ambiguity> {
    match <[RoleKey; 1]>::try_from(found) {
        Ok([only]) => Ok(only),
        Err(mut candidates) => {
            candidates.truncate(MOST_CANDIDATES);
            Err(Ambiguity { candidates })
        }
    }
}

/// Whether every word is a whole name or id of the row.
fn names_in_full(row: &Row<'_>, words: &Words, portal_names: &BTreeMap<PortalId, String>) -> bool {
    let portal = portal_names.get(row.portal);
    words.0.iter().all(|word| {
        is_account(row.listed, &word.text, same_in_any_case)
            || same_in_any_case(row.chain.unwrap_or(row.permission_set), &word.text)
            || portal.is_some_and(|name| same_in_any_case(name, &word.text))
    })
}

fn is_account(listed: &ListedAccount, text: &str, same: impl Fn(&str, &str) -> bool) -> bool {
    listed.account.id.0 == text || same(&listed.account.name, text)
}

fn same_in_any_case(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Listing;
    use super::super::tests::{catalogue, listed, portal, role};
    use super::*;

    fn resolve(target: &str) -> Result<RoleKey, Vec<RoleKey>> {
        let names = BTreeMap::from([
            (portal("p-acme"), "acme".to_owned()),
            (portal("p-other"), "contoso".to_owned()),
        ]);
        let resolved = catalogue().resolve(target, &names);
        resolved.map_err(|ambiguity| ambiguity.candidates)
    }

    #[test]
    fn account_and_permission_set_by_id_or_name() {
        let expected = Ok(role("p-acme", "111122223333", "ReadOnly"));
        for target in [
            "111122223333/ReadOnly",
            "acme-dev/ReadOnly",
            "ACME-dev/readonly",
            "acme:acme-dev/ReadOnly",
            "Acme: 111122223333/ReadOnly",
        ] {
            assert_eq!(resolve(target), expected, "{target}");
        }
    }

    #[test]
    fn a_name_in_two_portals_needs_the_portal() {
        let both = vec![
            role("p-acme", "333344445555", "Administrator"),
            role("p-other", "444455556666", "Administrator"),
        ];
        assert_eq!(resolve("sandbox/Administrator"), Err(both));
        let only = Ok(role("p-other", "444455556666", "Administrator"));
        assert_eq!(resolve("contoso:sandbox/Administrator"), only);
    }

    #[test]
    fn free_words_must_hit_exactly_one_role() {
        assert_eq!(
            resolve("prod read"),
            Ok(role("p-acme", "222233334444", "ReadOnly"))
        );
        assert_eq!(resolve("bill"), Ok(role("p-other", "444455556666", "Billing")));
        let two = resolve("read").unwrap_err();
        assert_eq!(two.len(), 2);
        assert_eq!(
            resolve("contoso: admin"),
            Ok(role("p-other", "444455556666", "Administrator"))
        );
    }

    #[test]
    fn s2_an_account_whose_permission_sets_are_not_listed_yet_is_found_by_its_own_words() {
        let mut catalogue = catalogue();
        let accounts = vec![
            listed("111122223333", "acme-dev", &["ReadOnly"]),
            listed("222233334444", "acme-prod", &[]),
        ];
        let half = Listing {
            accounts,
            ..Listing::default()
        };
        catalogue.set_listing(portal("p-acme"), Arc::new(half));
        let found = |words| {
            let begun = catalogue.accounts_begun(words, &portal("p-acme"), "contoso");
            begun
                .iter()
                .map(|it| it.account.name.as_str())
                .collect::<Vec<_>>()
        };
        for words in [
            "acme",
            "PROD",
            "2222-3333-4444",
            "prod@example",
            "contoso prod",
            "prod acme",
        ] {
            assert_eq!(found(words), ["acme-prod"], "{words}");
        }
        for words in ["dev", "prod readonly", "prod nothing"] {
            assert!(found(words).is_empty(), "{words}");
        }
    }

    #[test]
    fn what_does_not_exist_has_no_candidates() {
        for target in [
            "acme-dev/PowerUser",
            "nobody/ReadOnly",
            "xyzzy",
            "",
            "  ",
            "contoso:",
            "/",
        ] {
            assert_eq!(resolve(target), Err(Vec::new()), "{target}");
        }
    }

    #[test]
    fn an_exact_name_goes_before_one_that_contains_it() {
        let mut catalogue = catalogue();
        let mut longer = catalogue.listing(&portal("p-acme")).unwrap().as_ref().clone();
        longer.accounts[1].account.name = "acme-dev-2".to_owned();
        catalogue.set_listing(portal("p-acme"), longer.into());
        let resolved = catalogue.resolve("acme-dev readonly", &BTreeMap::new());
        assert_eq!(resolved, Ok(role("p-acme", "111122223333", "ReadOnly")));
    }
}
