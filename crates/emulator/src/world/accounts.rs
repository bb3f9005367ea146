//! An account by its id or its name, as files and requests may say it.

use super::{Account, World};

/// Why no account is meant by a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAccount {
    Unknown,
    /// Several have this name: only the id tells them apart.
    Ambiguous,
}

impl World {
    /// The account with this id, else the one with this name.
    pub(crate) fn account_called(&self, wanted: &str) -> Result<&Account, NoAccount> {
        if let Some(account) = self.account(wanted) {
            return Ok(account);
        }
        let mut named = self.accounts.iter().filter(|account| account.name == wanted);
        match (named.next(), named.next()) {
            (Some(account), None) => Ok(account),
            (Some(_), Some(_)) => Err(NoAccount::Ambiguous),
            (None, _) => Err(NoAccount::Unknown),
        }
    }
}

pub(crate) fn ambiguous(name: &str) -> String {
    format!("{name:?} is the name of several accounts: use the id")
}
