//! What a role is called, wherever one is told to a person.

use super::Role;

impl Role {
    /// As people name it.
    pub fn in_words(&self, account_name: &str) -> String {
        let account = account_in_words(account_name, &self.account);
        role_in_words(self.chain.as_deref(), account, &self.permission_set)
    }
}

/// An account by its name, where that is known.
pub fn account_in_words<'a>(name: &'a str, id: &'a str) -> &'a str {
    match name {
        "" => id,
        name => name,
    }
}

/// A role as people name it: a further role by its own name, and where it comes from.
pub fn role_in_words(chain: Option<&str>, account: &str, permission_set: &str) -> String {
    match chain {
        None => format!("{account}/{permission_set}"),
        Some(chain) => format!("{chain}, from {account}/{permission_set}"),
    }
}
