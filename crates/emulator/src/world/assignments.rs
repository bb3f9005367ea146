//! Who may use which permission set in which account.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::User;

/// A user or a group of the directory, by name.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Principal {
    User(String),
    Group(String),
}

/// One permission set in one account for a user or group.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub struct Assignment {
    #[serde(flatten)]
    pub principal: Principal,
    pub permission_set: String,
    /// Twelve digits.
    pub account: String,
}

impl Assignment {
    pub fn user(name: &str, permission_set: &str, account: &str) -> Self {
        Self::of(Principal::User(name.to_owned()), permission_set, account)
    }

    pub fn group(name: &str, permission_set: &str, account: &str) -> Self {
        Self::of(Principal::Group(name.to_owned()), permission_set, account)
    }

    fn of(principal: Principal, permission_set: &str, account: &str) -> Self {
        Self {
            principal,
            permission_set: permission_set.to_owned(),
            account: account.to_owned(),
        }
    }
}

impl Principal {
    pub(crate) fn covers(&self, user: &User) -> bool {
        match self {
            Self::User(name) => name.eq_ignore_ascii_case(&user.name),
            Self::Group(name) => user.all_groups.contains(name),
        }
    }
}

/// All assignments, by account: with 10,000 accounts a role is still found at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Assignments {
    by_account: BTreeMap<String, BTreeSet<(Principal, String)>>,
}

impl Assignments {
    pub(crate) fn add(&mut self, assignment: &Assignment) {
        let entry = (assignment.principal.clone(), assignment.permission_set.clone());
        self.by_account
            .entry(assignment.account.clone())
            .or_default()
            .insert(entry);
    }

    pub(crate) fn remove(&mut self, assignment: &Assignment) -> bool {
        let entry = (assignment.principal.clone(), assignment.permission_set.clone());
        self.by_account
            .get_mut(&assignment.account)
            .is_some_and(|entries| entries.remove(&entry))
    }

    pub(super) fn accounts_of_set(&self, set: &str) -> Vec<String> {
        let accounts = self.by_account.iter();
        let accounts = accounts.filter(|(_, entries)| entries.iter().any(|(_, known)| known == set));
        accounts.map(|(account, _)| account.clone()).collect()
    }

    pub(super) fn remove_set(&mut self, set: &str) {
        for entries in self.by_account.values_mut() {
            entries.retain(|(_, known)| known != set);
        }
    }

    pub(super) fn remove_account(&mut self, account: &str) {
        self.by_account.remove(account);
    }

    pub(crate) fn of_account(&self, account: &str) -> impl Iterator<Item = (&Principal, &str)> {
        self.by_account
            .get(account)
            .into_iter()
            .flatten()
            .map(|(principal, set)| (principal, set.as_str()))
    }
}
