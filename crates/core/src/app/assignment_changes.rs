//! What a sync found to be gained or lost, as far as it is told to the person.

use crate::app::controller::Controller;
use crate::app::state::{AssignmentChange, ChangedRole, ChangedRoles};
use crate::identity_center::{PortalId, RoleKey};
use crate::role_catalog::{Difference, Listing};

/// How many roles that were gained, or lost, are told by name.
const NAMED: usize = 2;

impl Controller {
    /// The first list of a sign-in is no change: it may be somebody else's.
    pub(super) fn remember_change(
        &mut self,
        portal: &PortalId,
        difference: &Difference,
        named_in: [&Listing; 2],
    ) {
        let session = self.refresh.session(portal);
        let signed_in_at = session.and_then(|session| session.view().signed_in_at);
        let [_, before] = named_in;
        let is_of_this_sign_in = before.synced_at.is_some() && before.synced_at >= signed_in_at;
        if !is_of_this_sign_in || (difference.added.is_empty() && difference.removed.is_empty()) {
            return;
        }
        let told = |keys: &[RoleKey]| ChangedRoles {
            named: keys.iter().take(NAMED).map(|key| told(key, named_in)).collect(),
            all: keys.len(),
        };
        let change = AssignmentChange {
            portal: portal.0.clone(),
            at: self.clock.now(),
            added: told(&difference.added),
            removed: told(&difference.removed),
        };
        self.forget_change(portal);
        self.assignment_changes.push(change);
    }

    pub(super) fn forget_change(&mut self, portal: &PortalId) {
        self.assignment_changes.retain(|change| change.portal != portal.0);
    }
}

/// A role with its account's name, which is gone from the newer listing where nothing of the account is assigned any
/// more.
fn told(key: &RoleKey, named_in: [&Listing; 2]) -> ChangedRole {
    let mut accounts = named_in.iter().flat_map(|listing| &listing.accounts);
    let listed = accounts.find(|listed| listed.account.id == key.account);
    ChangedRole {
        account_name: listed
            .map_or(&key.account.0, |listed| &listed.account.name)
            .clone(),
        permission_set: key.permission_set.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity_center::{Account, AccountId};
    use crate::role_catalog::ListedAccount;

    #[test]
    fn an_account_that_went_is_told_by_its_name() {
        let key = |account: &str| RoleKey {
            portal: PortalId("p".to_owned()),
            account: AccountId(account.to_owned()),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        };
        let listing = |id: &str, name: &str| Listing {
            accounts: vec![ListedAccount {
                account: Account {
                    id: AccountId(id.to_owned()),
                    name: name.to_owned(),
                    email: String::new(),
                },
                permission_sets: vec!["ReadOnly".to_owned()],
            }],
            ..Listing::default()
        };
        let (now, before) = (
            listing("111122223333", "acme-dev"),
            listing("999911112222", "acme-audit"),
        );
        let told = |account: &str| told(&key(account), [&now, &before]).account_name;
        assert_eq!(told("111122223333"), "acme-dev");
        assert_eq!(told("999911112222"), "acme-audit");
        assert_eq!(told("444455556666"), "444455556666");
    }
}
