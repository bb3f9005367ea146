//! What is known of roles and does not hold any more: failures, and roles that are gone.

use super::RoleCache;
use super::entry::{Failed, takes_away};
use crate::identity_center::{PortalId, RoleKey};

impl RoleCache {
    /// A role that the listing no longer has, and what is assumed from it.
    pub fn forget_role(&self, key: &RoleKey) {
        self.entries()
            .by_role
            .retain(|known, _| known != key && known.source() != *key);
        self.changed(key);
    }

    /// Everything that failed is tried at once. It has failed until that works.
    pub fn forget_failures(&self) {
        for entry in self.entries().by_role.values_mut() {
            entry.failed = entry.failed.take().and_then(Failed::tried_at_once);
        }
    }

    /// A portal answers again: what it gave no answer for is tried at once.
    pub fn forget_silence(&self, portal: &PortalId) {
        let mut entries = self.entries();
        for (_, entry) in entries
            .by_role
            .iter_mut()
            .filter(|(key, _)| key.portal == *portal)
        {
            entry.failed = entry.failed.take().and_then(|failed| match failed.is_silence() {
                true => failed.tried_at_once(),
                false => Some(failed),
            });
        }
    }

    /// A person had the list made anew, and it has these roles: that AWS refused them a moment ago is no answer any more.
    pub fn forget_refusals(&self, portal: &PortalId, is_listed: impl Fn(&RoleKey) -> bool) {
        let mut entries = self.entries();
        let of_portal = entries
            .by_role
            .iter_mut()
            .filter(|(key, _)| key.portal == *portal);
        for (key, entry) in of_portal {
            if entry
                .failed
                .as_ref()
                .is_some_and(|failed| takes_away(&failed.failure))
                && is_listed(&key.source())
            {
                entry.failed = None;
            }
        }
    }
}
