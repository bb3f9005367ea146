//! Further roles in the catalogue: with the account whose permission set they are assumed from.

use std::sync::Arc;

use super::{Catalogue, ListedAccount};
use crate::identity_center::{AccountId, PortalId, RoleKey};
use crate::role_chain::{Assumed, Chain, Chains};

impl Catalogue {
    /// From now on these are the further roles. Marks of one that is assumed from elsewhere now go with it.
    pub fn set_chains(&mut self, chains: Chains) {
        self.chains = chains;
        self.settle_chains();
        self.revision += 1;
    }

    pub fn chains(&self) -> &Chains {
        &self.chains
    }

    /// The further role of this name, in one of these portals.
    pub fn chain_named(&self, name: &str, is_meant: impl Fn(&PortalId) -> bool) -> Option<&Arc<Chain>> {
        let name = name.to_lowercase();
        let mut chains = self.chains.iter();
        chains.find(|chain| chain.name.to_lowercase() == name && is_meant(&chain.portal))
    }

    /// What a key stands for, where it is a further role as the settings have it.
    pub fn chain(&self, key: &RoleKey) -> Option<&Arc<Chain>> {
        let name = key.chain.as_ref()?;
        let mut chains = self.chains.iter();
        chains.find(|chain| chain.name == *name && chain.portal == key.portal)
    }

    /// The role that is assumed with a key, where it is a further one. Its account's name may be known from any portal.
    pub fn assumed(&self, key: &RoleKey) -> Option<Assumed> {
        let chain = self.chain(key)?;
        let in_own = self.listing(&chain.portal).into_iter();
        let everywhere = in_own.chain(self.listings().map(|(_, listing)| listing));
        let mut accounts = everywhere.flat_map(|listing| &listing.accounts);
        let listed = accounts.find(|listed| listed.account.id == chain.account);
        Some(Assumed {
            role_arn: chain.role.arn.clone(),
            account: chain.account.0.clone(),
            account_name: listed
                .map(|listed| listed.account.name.clone())
                .unwrap_or_default(),
            role_name: chain.role_name.clone(),
        })
    }

    /// The key of a further role; else the permission sets that its account's name could mean. An account that is named by
    /// its id need not be listed: AWS decides.
    pub fn chain_key(&self, chain: &Chain) -> Result<RoleKey, Vec<RoleKey>> {
        let (account, set) = (&chain.source_account, &chain.source_permission_set);
        let found = self.find(account, set, Some(&chain.portal));
        let is_id = AccountId::is_one(account);
        let source = match found.as_slice() {
            [only] => only.clone(),
            [] if is_id => RoleKey {
                portal: chain.portal.clone(),
                account: AccountId(account.clone()),
                permission_set: set.clone(),
                chain: None,
            },
            [] | [_, _, ..] => return Err(found),
        };
        Ok(RoleKey {
            chain: Some(chain.name.clone()),
            ..source
        })
    }

    /// The further roles whose account's name is that of several accounts by now.
    pub fn ambiguous_chains(&self) -> impl Iterator<Item = &Arc<Chain>> {
        let is_ambiguous =
            |chain: &&Arc<Chain>| self.chain_key(chain).is_err_and(|several| several.len() > 1);
        self.chains.iter().filter(is_ambiguous)
    }

    /// Those of one portal.
    pub fn ambiguous_chains_of(&self, portal: &PortalId) -> impl Iterator<Item = &Arc<Chain>> {
        self.ambiguous_chains()
            .filter(move |chain| chain.portal == *portal)
    }

    /// A further role that is gone from the settings, and that a person had marked.
    pub fn marked_chain(&self, name: &str) -> Option<&RoleKey> {
        let marks = self.kept.iter().chain(&self.favourites).chain(&self.recents);
        let mut marks = marks.filter(|key| key.chain.is_some());
        marks.find(|key| key.chain.as_deref() == Some(name))
    }

    /// The further roles that are assumed from an account, in the order of the settings.
    pub(super) fn chains_from<'a>(
        &'a self,
        portal: &'a PortalId,
        listed: &'a ListedAccount,
    ) -> impl Iterator<Item = (&'a RoleKey, &'a Arc<Chain>)> {
        let of_account = self
            .chain_keys
            .iter()
            .filter(move |(key, _)| key.portal == *portal && key.account == listed.account.id);
        of_account
            .filter(|(key, _)| listed.permission_sets.contains(&key.permission_set))
            .map(|(key, chain)| (key, chain))
    }

    /// The further roles that an account's permission sets lead to.
    pub fn chains_of(&self, portal: &PortalId, account: &AccountId) -> Vec<&Arc<Chain>> {
        let of_account = self.chain_keys.iter();
        let of_account = of_account.filter(|(key, _)| key.portal == *portal && key.account == *account);
        of_account.map(|(_, chain)| chain).collect()
    }

    /// Looks up where they are assumed from: in the listings as they are now.
    pub(super) fn settle_chains(&mut self) {
        let keyed = self.chains.iter();
        let keyed = keyed.filter_map(|chain| Some((self.chain_key(chain).ok()?, chain.clone())));
        self.chain_keys = keyed.collect();
        let keys = self.chain_keys.clone();
        for list in [&mut self.favourites, &mut self.recents, &mut self.kept] {
            for mark in list.iter_mut().filter(|mark| mark.chain.is_some()) {
                let mut keys = keys.iter().map(|(key, _)| key);
                let moved = keys.find(|key| key.portal == mark.portal && key.chain == mark.chain);
                if let Some(moved) = moved {
                    *mark = moved.clone();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{catalogue, portal, role};
    use super::super::{Catalogue, Query};
    use super::*;
    use crate::identity_center::Portal;
    use crate::role_chain::chains;
    use crate::settings::Settings;

    fn with(text: &str) -> Catalogue {
        let settings = Settings::parse(text.as_bytes(), std::path::Path::new("settings.toml")).unwrap();
        let mut portals = Settings::default();
        let mut portal =
            Portal::from_settings(portals.add_portal("acme", "acme", "eu-west-1"), None).unwrap();
        portal.id = PortalId("p-acme".to_owned());
        let (chains, faults) = chains(&settings.chains, &[portal]);
        assert_eq!(faults, []);
        let mut catalogue = catalogue();
        catalogue.set_chains(chains);
        catalogue
    }

    fn chain(name: &str, from: &str) -> String {
        format!(
            "[[chain]]\nname = \"{name}\"\nfrom = \"{from}\"\nrole_arn = \"arn:aws:iam::666677778888:role/Releaser\"\n"
        )
    }

    fn found(catalogue: &Catalogue, text: &str) -> Vec<String> {
        let query = Query {
            text,
            limit: 10,
            ..Query::default()
        };
        let hits = catalogue.search(&query, &std::collections::BTreeMap::new());
        let name = |key: &RoleKey| {
            key.chain
                .clone()
                .unwrap_or_else(|| format!("{}/{}", key.account, key.permission_set))
        };
        hits.rows.iter().map(|row| name(&row.key)).collect()
    }

    #[test]
    fn a_further_role_stands_below_the_account_that_it_is_assumed_from() {
        let catalogue = with(&chain("deploy", "acme-dev/ReadOnly"));
        let rows = found(&catalogue, "acme-dev");
        assert_eq!(
            rows,
            ["111122223333/Administrator", "111122223333/ReadOnly", "deploy"]
        );
        for text in ["deploy", "depl", "dev depl", "releaser"] {
            assert_eq!(found(&catalogue, text), ["deploy"], "{text}");
        }
        let names = std::collections::BTreeMap::new();
        let key = RoleKey {
            chain: Some("deploy".to_owned()),
            ..role("p-acme", "111122223333", "ReadOnly")
        };
        assert_eq!(catalogue.resolve("depl", &names), Ok(key.clone()));
        assert!(catalogue.lists(&key));
        let plain = catalogue.resolve("acme-dev readonly", &names);
        assert_eq!(
            plain,
            Ok(key.source()),
            "what names the permission set means that one"
        );
    }

    #[test]
    fn a6_what_is_assumed_is_told_with_the_account_that_it_is_in() {
        let own = chain("own", "acme-dev/ReadOnly").replace("666677778888", "222233334444");
        let catalogue = with(&[own, chain("foreign", "acme-dev/ReadOnly")].concat());
        let assumed = |name: &str| {
            let chain = catalogue.chain_named(name, |_| true).unwrap();
            let assumed = catalogue.assumed(&catalogue.chain_key(chain).unwrap()).unwrap();
            [assumed.account, assumed.account_name, assumed.role_name]
        };
        assert_eq!(assumed("own"), ["222233334444", "acme-prod", "Releaser"]);
        assert_eq!(assumed("foreign"), ["666677778888", "", "Releaser"]);
        assert_eq!(
            catalogue.assumed(&role("p-acme", "111122223333", "ReadOnly")),
            None
        );
    }

    #[test]
    fn what_is_not_assigned_offers_no_further_role_and_an_id_needs_no_list() {
        let catalogue = with(&chain("deploy", "acme-dev/PowerUser"));
        assert_eq!(found(&catalogue, "deploy"), Vec::<String>::new());
        assert_eq!(catalogue.chain_key(&catalogue.chains()[0]), Err(Vec::new()));
        let catalogue = with(&chain("deploy", "999900001111/PowerUser"));
        let key = catalogue.chain_key(&catalogue.chains()[0]).unwrap();
        assert_eq!(key.source(), role("p-acme", "999900001111", "PowerUser"));
        assert!(!catalogue.lists(&key));
    }

    #[test]
    fn a_mark_goes_with_a_role_that_is_assumed_from_elsewhere_now() {
        let mut catalogue = with(&chain("deploy", "acme-dev/ReadOnly"));
        let key = catalogue.chain_key(&catalogue.chains()[0].clone()).unwrap();
        catalogue.set_kept(&key, true);
        catalogue.set_chains(with(&chain("deploy", "acme-prod/ReadOnly")).chains().clone());
        assert_eq!(catalogue.kept[0].account.0, "222233334444");
        catalogue.set_chains(Chains::default());
        assert_eq!(catalogue.marked_chain("deploy"), Some(&catalogue.kept[0]));
        assert_eq!(
            catalogue.chain_named("deploy", |id| *id == portal("p-acme")),
            None
        );
    }
}
