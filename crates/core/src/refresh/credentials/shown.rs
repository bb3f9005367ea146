//! Roles and what is known of their credentials, as the application shows them.

use std::time::Duration;

use jiff::Timestamp;

use super::RoleCache;
use crate::identity_center::RoleKey;
use crate::refresh::{ChainFailure, RefreshFailure};

/// How long a role that gave nothing is shown after somebody asked for it.
const SHOWN: Duration = Duration::from_secs(15 * 60);

/// A role as the application shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleView {
    pub key: RoleKey,
    pub expires_at: Option<Timestamp>,
    pub kept: bool,
    pub renewing: bool,
    pub failure: Option<RefreshFailure>,
    /// Not for the first time in a row.
    pub failed_again: bool,
}

impl RoleCache {
    /// Every role that has credentials or is kept, and what could not be renewed lately, in a stable order. A request
    /// that AWS never granted is nobody's role: whoever asked was told.
    pub fn views(&self) -> Vec<RoleView> {
        let moment = self.moment();
        let entries = self.entries();
        let shown = entries.by_role.iter().filter_map(|(key, entry)| {
            let live = entry
                .live
                .as_ref()
                .filter(|live| !live.life.left(moment).is_zero());
            let failure = entry.failed.as_ref().map(|failed| failed.failure.clone());
            let asked_lately = entry
                .asked_at
                .is_some_and(|asked| moment.age.saturating_sub(asked) < SHOWN);
            let waits_for_code = failure == Some(RefreshFailure::Chain(ChainFailure::CodeNeeded));
            let lost = failure.is_some() && (entry.obtained || waits_for_code) && asked_lately;
            let worth_showing = live.is_some() || entry.kept || lost;
            worth_showing.then(|| RoleView {
                key: key.clone(),
                expires_at: live.map(|live| live.life.ends_at(moment)),
                kept: entry.kept,
                renewing: self.is_under_way(&entries.epochs, key),
                failure,
                failed_again: entry.failed.as_ref().is_some_and(|failed| failed.again),
            })
        });
        shown.collect()
    }
}
