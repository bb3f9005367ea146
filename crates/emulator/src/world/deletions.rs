//! What is taken away: assignments, permission sets, accounts, and the IAM roles of permission sets with them.

use std::collections::BTreeMap;

use super::{Assignment, World};

/// How many IAM roles of a permission set were deleted so far, by account. One that is made again is another role, with another
/// identifier: what the one before it handed out stays refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct DeletedRoles {
    /// By account and permission set.
    of_sets: BTreeMap<(String, String), u32>,
}

impl DeletedRoles {
    /// Of the role that Identity Center makes for a permission set in an account.
    pub(crate) fn of_set(&self, account: &str, permission_set: &str) -> u32 {
        let count = self.of_sets.get(&(account.to_owned(), permission_set.to_owned()));
        count.copied().unwrap_or_default()
    }

    fn delete_set(&mut self, account: &str, permission_set: &str) {
        let key = (account.to_owned(), permission_set.to_owned());
        *self.of_sets.entry(key).or_default() += 1;
    }
}

impl World {
    /// Deletes a permission set with its assignments and IAM roles; false if there is none.
    pub fn delete_permission_set(&mut self, name: &str) -> bool {
        let is_known = self.permission_set(name).is_some();
        if is_known {
            for account in self.assignments.accounts_of_set(name) {
                self.deleted_roles.delete_set(&account, name);
            }
            self.deleted_sets.insert(name.to_owned());
            self.assignments.remove_set(name);
        }
        is_known
    }

    /// Takes an account out of the organization: its assignments end. It lives on by itself, with the IAM roles in it and
    /// what they handed out. False if there is none.
    pub fn remove_account(&mut self, id: &str) -> bool {
        self.assignments.remove_account(id);
        self.account(id).is_some()
    }

    /// Takes an assignment back; false if there was none. With the last one of a permission set in an account goes the
    /// IAM role there.
    pub fn unassign(&mut self, assignment: &Assignment) -> bool {
        let assignment = self.as_known(assignment);
        let (account, set) = (&assignment.account, &assignment.permission_set);
        let is_removed = self.assignments.remove(&assignment);
        if is_removed && !self.has_role_for(account, set) {
            self.deleted_roles.delete_set(account, set);
        }
        is_removed
    }

    /// Whether Identity Center has made an IAM role for the permission set in the account: while it is assigned there.
    pub(crate) fn has_role_for(&self, account: &str, permission_set: &str) -> bool {
        let mut assigned = self.assignments.of_account(account);
        assigned.any(|(_, set)| set == permission_set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deleted_permission_set_and_a_removed_account_leave_no_assignment() {
        let mut acme = World::acme();
        let ben = acme.user("ben").unwrap().clone();
        assert!(acme.delete_permission_set("ReadOnly") && !acme.delete_permission_set("ReadOnly"));
        assert!(!acme.is_assigned(&ben, "111122223333", "ReadOnly"));
        assert!(acme.remove_account("111122223333") && !acme.has_access(&ben, "111122223333"));
        assert!(!acme.remove_account("000000000000"));
        let empty = "[[account]]\nid = \"000000000009\"\nname = \"empty\"\nemail = \"empty@acme.example\"\n";
        acme.amend(empty).unwrap();
        assert!(
            acme.remove_account("000000000009"),
            "nothing is assigned there, but it is there"
        );
    }

    #[test]
    fn a_role_goes_with_the_last_assignment_and_counts_once_for_each_time() {
        let mut acme = World::acme();
        let (account, set) = ("111122223333", "ReadOnly");
        let own = Assignment::user("noor", set, account);
        acme.assign(&own).unwrap();
        assert!(
            acme.unassign(&own) && acme.has_role_for(account, set),
            "a group has it too"
        );
        assert_eq!(acme.deleted_roles.of_set(account, set), 0);
        acme.delete_permission_set(set);
        assert_eq!(acme.deleted_roles.of_set(account, set), 1);
        assert_eq!(
            acme.deleted_roles.of_set("000000000000", set),
            0,
            "it had none there"
        );
        acme.amend("[[permission_set]]\nname = \"ReadOnly\"\n").unwrap();
        acme.assign(&own).unwrap();
        assert!(acme.unassign(&own) && !acme.unassign(&own) && !acme.has_role_for(account, set));
        assert_eq!(acme.deleted_roles.of_set(account, set), 2);
    }
}
