//! Syncs that get no answer, or did not come to their end: what went wrong, and when the next one may begin.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::app::App;
use crate::app::command::Command;
use crate::app::contract::ProblemView;
use crate::app::controller::Controller;
use crate::identity_center::{Failure, PortalId};
use crate::refresh::RefreshFailure;

/// The first pause before the next sync begins by itself, and the longest: they double.
const PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(5 * 60));

/// Whoever asks for a name that may be in the rest of a list begins the next sync not earlier than this.
const BETWEEN_ASKED: Duration = Duration::from_secs(5);

/// The last failures of all portals. All times are on the monotonic clock.
#[derive(Default)]
pub struct FailedSyncs(BTreeMap<PortalId, Failed>);

struct Failed {
    problem: ProblemView,
    ended_at: Duration,
    pause: Duration,
}

impl FailedSyncs {
    /// What went wrong with a portal's last sync. That AWS gave no answer is over with the first call that works, of
    /// whatever kind: `worked_at` says when the last one did.
    pub fn problem(&self, portal: &PortalId, worked_at: Option<Duration>) -> Option<&ProblemView> {
        let failed = self.0.get(portal)?;
        let is_over = failed.problem.code.ends_when_aws_answers()
            && worked_at.is_some_and(|worked_at| worked_at > failed.ended_at);
        (!is_over).then_some(&failed.problem)
    }

    pub fn failed(&mut self, portal: PortalId, problem: ProblemView, elapsed: Duration) {
        let (shortest, longest) = PAUSES;
        let before = self.0.get(&portal).map(|failed| failed.pause);
        let pause = before.map_or(shortest, |before| (before * 2).clamp(shortest, longest));
        let failed = Failed {
            problem,
            ended_at: elapsed,
            pause,
        };
        self.0.insert(portal, failed);
    }

    /// AWS answers again, or somebody else is signed in.
    pub fn forget(&mut self, portal: &PortalId) {
        self.0.remove(portal);
    }

    /// Whether the next one is not to begin by itself yet.
    pub fn is_too_soon(&self, portal: &PortalId, elapsed: Duration) -> bool {
        self.is_within(portal, elapsed, |failed| failed.pause)
    }

    /// Whether not even somebody who asks for a name begins the next one yet.
    pub fn is_too_soon_to_ask(&self, portal: &PortalId, elapsed: Duration) -> bool {
        self.is_within(portal, elapsed, |_| BETWEEN_ASKED)
    }

    fn is_within(&self, portal: &PortalId, elapsed: Duration, pause: impl Fn(&Failed) -> Duration) -> bool {
        let failed = self.0.get(portal);
        failed.is_some_and(|failed| elapsed < failed.ended_at + pause(failed))
    }

    /// The next ones need not wait: the network is back, or the machine woke up.
    pub fn try_again(&mut self) {
        for failed in self.0.values_mut() {
            failed.pause = Duration::ZERO;
        }
    }
}

impl App {
    /// Somebody asks for a name that may be in a part of the list that is not there: it goes on, but not at once
    /// after an attempt that failed. A snapshot that is asked for after this knows of it.
    pub fn list_on(&self, portal: PortalId) -> Result<(), ProblemView> {
        self.send(Command::NameSought(portal))
    }
}

impl Controller {
    /// AWS has answered none of the calls of the sync that runs for a while, which goes on.
    pub(super) fn sync_in_trouble(&mut self, portal: &PortalId, number: u64, failure: Failure) {
        let problem = ProblemView::sync_under_way(&RefreshFailure::Aws(failure), self.name_of(portal));
        if let Some(running) = self.syncs.of_number(portal, number) {
            running.trouble = Some(problem);
        }
    }

    pub(super) fn name_of(&self, portal: &PortalId) -> &str {
        let portal = self.settings.portal(&portal.0);
        portal.map_or("the portal", |portal| &portal.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::contract::ProblemCode;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn s2_the_pauses_of_a_list_that_goes_on_by_itself_grow_from_half_a_minute_to_five() {
        let portal = PortalId("p1".to_owned());
        let mut syncs = FailedSyncs::default();
        let mut now = 100 * SECOND;
        assert!(!syncs.is_too_soon(&portal, now), "none has failed");
        for pause in [30, 60, 120, 240, 300, 300] {
            syncs.failed(portal.clone(), ProblemView::not_listed_yet("acme"), now);
            assert!(syncs.is_too_soon_to_ask(&portal, now + 4 * SECOND));
            assert!(!syncs.is_too_soon_to_ask(&portal, now + 5 * SECOND));
            assert!(syncs.is_too_soon(&portal, now + (pause - 1) * SECOND), "{pause}");
            now += pause * SECOND;
            assert!(!syncs.is_too_soon(&portal, now), "{pause}");
        }
        syncs.failed(portal.clone(), ProblemView::not_listed_yet("acme"), now);
        syncs.try_again();
        assert!(!syncs.is_too_soon(&portal, now));
        syncs.failed(portal.clone(), ProblemView::not_listed_yet("acme"), now);
        assert!(syncs.is_too_soon(&portal, now + 29 * SECOND));
        assert!(!syncs.is_too_soon(&portal, now + 30 * SECOND));
        syncs.forget(&portal);
        assert_eq!(syncs.problem(&portal, None), None);
    }

    #[test]
    fn s2_that_aws_gave_no_answer_is_over_with_the_first_call_that_works() {
        let portal = PortalId("p1".to_owned());
        let mut syncs = FailedSyncs::default();
        let away = ProblemView {
            code: ProblemCode::Unreachable,
            ..ProblemView::not_listed_yet("acme")
        };
        syncs.failed(portal.clone(), away.clone(), 100 * SECOND);
        for before in [None, Some(99 * SECOND), Some(100 * SECOND)] {
            assert_eq!(syncs.problem(&portal, before), Some(&away), "{before:?}");
        }
        assert_eq!(syncs.problem(&portal, Some(101 * SECOND)), None);
        assert!(syncs.is_too_soon(&portal, 101 * SECOND), "its pauses stay");
        let refused = ProblemView {
            code: ProblemCode::Failed,
            ..away
        };
        syncs.failed(portal.clone(), refused.clone(), 100 * SECOND);
        assert_eq!(syncs.problem(&portal, Some(101 * SECOND)), Some(&refused));
    }
}
