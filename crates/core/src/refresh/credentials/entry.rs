//! What is known of one role: its credentials, who asked for them, and what went wrong last.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::Live;
use crate::identity_center::{Failure, Meaning, PortalId, RoleKey};
use crate::refresh::life::{Moment, after};
use crate::refresh::plan::HOT;
use crate::refresh::{RefreshFailure, retry};

#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Sorted as they are shown.
    pub(super) by_role: BTreeMap<RoleKey, Entry>,
    /// Grows when a portal's credentials are forgotten: what was asked for before is not kept then.
    pub(super) epochs: HashMap<PortalId, u64>,
}

#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) live: Option<Arc<Live>>,
    /// AWS has given credentials for it since its portal's were last forgotten.
    pub(super) obtained: bool,
    pub(super) asked_at: Option<Timestamp>,
    pub(super) kept: bool,
    /// It was in use when the session ended: the next sign-in fetches it anew.
    pub(super) resumes: bool,
    pub(super) failed: Option<Failed>,
}

#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) failure: RefreshFailure,
    pub(super) in_a_row: u32,
    pub(super) not_before: Timestamp,
    /// The monotonic time until which this failure is the answer.
    pub(super) remembered_until: Duration,
}

impl Entries {
    pub(super) fn epoch(&self, portal: &PortalId) -> u64 {
        self.epochs.get(portal).copied().unwrap_or_default()
    }
}

impl Entry {
    pub(super) fn is_unavailable(&self) -> bool {
        matches!(&self.failed, Some(failed) if failed.failure == RefreshFailure::NotAssigned)
    }

    /// That nobody was signed in holds up nothing once somebody is.
    pub(super) fn not_before(&self, is_signed_in: bool) -> Option<Timestamp> {
        let failed = self.failed.as_ref();
        let holds = failed.filter(|failed| !(is_signed_in && is_about_the_sign_in(&failed.failure)));
        holds.map(|failed| failed.not_before)
    }

    pub(super) fn is_forgotten(&self, moment: Moment) -> bool {
        let alive = self
            .live
            .as_ref()
            .is_some_and(|live| !live.life.left(moment).is_zero());
        !(self.kept || alive || self.is_hot(moment))
    }

    pub(super) fn is_hot(&self, moment: Moment) -> bool {
        self.asked_at.is_some_and(|asked| after(asked, HOT) > moment.now)
    }

    /// Drops what an earlier sign-in gave.
    pub(super) fn drop_given(&mut self) {
        (self.live, self.failed) = (None, None);
    }

    pub(super) fn fail(&mut self, failure: RefreshFailure, moment: Moment) {
        if failure == RefreshFailure::NotAssigned {
            self.live = None;
        }
        let in_a_row = self.failed.as_ref().map_or(1, |failed| failed.in_a_row + 1);
        let asked = match &failure {
            RefreshFailure::Aws(Failure { retry_after, .. }) => *retry_after,
            RefreshFailure::SignInNeeded
            | RefreshFailure::NotAssigned
            | RefreshFailure::Store(_)
            | RefreshFailure::UnknownPortal
            | RefreshFailure::Ending
            | RefreshFailure::Panicked => None,
        };
        self.failed = Some(Failed {
            failure,
            in_a_row,
            not_before: after(moment.now, retry::ROLE.jittered(in_a_row, asked)),
            remembered_until: moment.elapsed + retry::REMEMBERED,
        });
    }
}

impl Failed {
    /// None: what AWS refuses is not known to fail until it is asked again.
    pub(super) fn tried_at_once(self) -> Option<Self> {
        (self.failure != RefreshFailure::NotAssigned).then_some(Self {
            in_a_row: 0,
            not_before: Timestamp::MIN,
            remembered_until: Duration::ZERO,
            ..self
        })
    }

    pub(super) fn is_silence(&self) -> bool {
        matches!(&self.failure, RefreshFailure::Aws(failure) if failure.meaning == Meaning::Unreachable)
    }
}

/// Nobody was signed in, or nobody knew.
pub(super) fn is_about_the_sign_in(failure: &RefreshFailure) -> bool {
    matches!(failure, RefreshFailure::SignInNeeded | RefreshFailure::Store(_))
}
