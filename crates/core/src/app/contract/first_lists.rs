//! Whether a portal's first list is there yet, and whether it is worth waiting for.

use super::{PortalView, ProblemView};

impl PortalView {
    /// Its list is being made for the first time: until then names are not known.
    pub fn is_listed_first(&self) -> bool {
        self.sync.running.is_some() && self.sync.synced_at.is_none()
    }

    /// The same, and it is worth waiting for that: AWS answers.
    pub fn is_soon_listed_first(&self) -> bool {
        self.is_listed_first() && self.sync.trouble.is_none()
    }

    /// Why its list is not there, or not whole.
    pub fn list_problem(&self) -> Option<&ProblemView> {
        self.sync.trouble.as_ref().or(self.problem.as_ref())
    }
}
