//! What is known of one role: its credentials, who asked for them, and what went wrong last.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::Live;
use crate::identity_center::token::CREATE_TOKEN;
use crate::identity_center::{Failure, Meaning, PortalId, RoleKey};
use crate::refresh::life::Moment;
use crate::refresh::plan::is_hot;
use crate::refresh::{ChainFailure, RefreshFailure, retry};

#[derive(Debug, Default)]
pub(super) struct Entries {
    /// Sorted as they are shown.
    pub(super) by_role: BTreeMap<RoleKey, Entry>,
    /// Grow when a portal's credentials are forgotten: what was asked for before is not kept then.
    pub(super) epochs: Epochs,
}

/// A count for each portal.
#[derive(Debug, Default)]
pub(super) struct Epochs(HashMap<PortalId, u64>);

#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) live: Option<Arc<Live>>,
    /// AWS has given credentials for it since its portal's were last forgotten.
    pub(super) obtained: bool,
    /// The age of the clock at that time.
    pub(super) asked_at: Option<Duration>,
    pub(super) kept: bool,
    /// It was in use when the session ended: the next sign-in fetches it anew.
    pub(super) resumes: bool,
    pub(super) failed: Option<Failed>,
    /// How many flights have landed, whatever they brought.
    pub(super) landed: u64,
}

#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) failure: RefreshFailure,
    pub(super) in_a_row: u32,
    /// It failed before, too, and has not worked in between.
    pub(super) again: bool,
    /// The monotonic time before which the background does not try again.
    pub(super) not_before: Duration,
    /// The monotonic time until which this failure is the answer.
    pub(super) remembered_until: Duration,
}

impl Epochs {
    pub(super) fn of(&self, portal: &PortalId) -> u64 {
        self.0.get(portal).copied().unwrap_or_default()
    }

    pub(super) fn next(&mut self, portal: &PortalId) {
        *self.0.entry(portal.clone()).or_default() += 1;
    }
}

impl Entry {
    pub(super) fn is_unassigned(&self) -> bool {
        matches!(&self.failed, Some(failed) if failed.failure == RefreshFailure::NotAssigned)
    }

    /// Trying again by ourselves would give the same.
    pub(super) fn is_up_to_a_person(&self) -> bool {
        matches!(&self.failed, Some(failed) if is_up_to_a_person(&failed.failure))
    }

    /// That nobody was signed in holds up nothing once somebody is. What was obtained a moment ago would not be better
    /// now, however little of it seems to be left.
    pub(super) fn not_before(&self, is_signed_in: bool, moment: Moment) -> Option<Duration> {
        let failed = self.failed.as_ref();
        let holds = failed.filter(|failed| !(is_signed_in && is_about_the_sign_in(&failed.failure)));
        let after_failure = holds.map(|failed| failed.not_before);
        let still_new = |live: &Arc<Live>| {
            let rest = live.new_until.saturating_sub(moment.age);
            // Once it is over it holds nothing up: the plan looked at the clock before this did.
            (!rest.is_zero()).then(|| moment.elapsed + rest)
        };
        after_failure.max(self.live.as_ref().and_then(still_new))
    }

    pub(super) fn is_forgotten(&self, moment: Moment) -> bool {
        let alive = self
            .live
            .as_ref()
            .is_some_and(|live| !live.life.left(moment).is_zero());
        !(self.kept || alive || self.is_hot(moment))
    }

    pub(super) fn is_hot(&self, moment: Moment) -> bool {
        self.asked_at.is_some_and(|asked| is_hot(asked, moment))
    }

    /// Drops what an earlier sign-in gave.
    pub(super) fn drop_given(&mut self) {
        (self.live, self.failed) = (None, None);
    }

    /// `token_until`: how long the session says by itself why there is no token. Remembered here again, that would last for
    /// longer than it is true.
    pub(super) fn fail(&mut self, failure: RefreshFailure, moment: Moment, token_until: Option<Duration>) {
        if takes_away(&failure) {
            self.live = None;
        }
        let before = self.failed.as_ref();
        let in_a_row = before.map_or(1, |failed| failed.in_a_row + 1);
        let again = before.is_some_and(|failed| !is_about_the_sign_in(&failed.failure));
        let asked = match &failure {
            RefreshFailure::Aws(Failure { retry_after, .. }) => *retry_after,
            RefreshFailure::SignInNeeded
            | RefreshFailure::NotAssigned
            | RefreshFailure::Chain(_)
            | RefreshFailure::Store(_)
            | RefreshFailure::UnknownPortal
            | RefreshFailure::Ending
            | RefreshFailure::Panicked => None,
        };
        let is_about_the_token =
            matches!(&failure, RefreshFailure::Aws(failure) if failure.operation == CREATE_TOKEN);
        let remembered = moment.elapsed + retry::ROLE.remembered(asked);
        self.failed = Some(Failed {
            failure,
            in_a_row,
            again,
            not_before: moment.elapsed + retry::ROLE.jittered(in_a_row, asked),
            remembered_until: token_until.filter(|_| is_about_the_token).unwrap_or(remembered),
        });
    }
}

impl Failed {
    /// None: what AWS refuses is not known to fail until it is asked again. That a code is needed stays true.
    pub(super) fn tried_at_once(self) -> Option<Self> {
        let needs_code = self.failure == RefreshFailure::Chain(ChainFailure::CodeNeeded);
        (needs_code || !is_up_to_a_person(&self.failure)).then_some(Self {
            in_a_row: 0,
            not_before: Duration::ZERO,
            remembered_until: Duration::ZERO,
            ..self
        })
    }

    pub(super) fn is_silence(&self) -> bool {
        matches!(&self.failure, RefreshFailure::Aws(failure) if failure.meaning == Meaning::Unreachable)
    }
}

/// AWS, or the settings, do not let us have it: what is left of it is not served either.
pub(super) fn takes_away(failure: &RefreshFailure) -> bool {
    matches!(
        failure,
        RefreshFailure::NotAssigned
            | RefreshFailure::Chain(ChainFailure::SourceNotAssigned | ChainFailure::Gone)
    )
}

fn is_up_to_a_person(failure: &RefreshFailure) -> bool {
    matches!(failure, RefreshFailure::NotAssigned | RefreshFailure::Chain(_))
}

/// Nobody was signed in, or nobody knew.
pub(super) fn is_about_the_sign_in(failure: &RefreshFailure) -> bool {
    matches!(failure, RefreshFailure::SignInNeeded | RefreshFailure::Store(_))
}
