//! Accounts, permission sets and role credentials.

use crate::identity_center::{Account, AccountId, Failure, IdentityCenter, Priority, RoleCredentials, Token};

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

impl IdentityCenter {
    pub async fn accounts(
        &self,
        token: &Token,
        next: Option<&str>,
        priority: Priority,
    ) -> Result<Page<Account>, Failure> {
        let _ = (token, next, priority);
        todo!()
    }

    /// The names of the permission sets in one account.
    pub async fn permission_sets(
        &self,
        token: &Token,
        account: &AccountId,
        next: Option<&str>,
        priority: Priority,
    ) -> Result<Page<String>, Failure> {
        let _ = (token, account, next, priority);
        todo!()
    }

    pub async fn role_credentials(
        &self,
        token: &Token,
        account: &AccountId,
        permission_set: &str,
        priority: Priority,
    ) -> Result<RoleCredentials, Failure> {
        let _ = (token, account, permission_set, priority);
        todo!()
    }
}
