//! What was looked at, and how it is.

use portray_core::app::contract::ProblemView;
use serde::Serialize;

use super::masking::Mask;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Ok,
    /// Worth knowing; nothing has to be done.
    Note,
    Failed,
}

/// One thing that was looked at. Its texts name nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub check: &'static str,
    pub verdict: Verdict,
    pub what: String,
    pub what_to_do: Option<String>,
}

impl Check {
    pub fn ok(check: &'static str, what: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Verdict::Ok,
            what: what.into(),
            what_to_do: None,
        }
    }

    pub fn note(check: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Note,
            what_to_do: Some(what_to_do.into()),
            ..Self::ok(check, what)
        }
    }

    pub fn failed(check: &'static str, what: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Failed,
            ..Self::note(check, what, what_to_do)
        }
    }

    /// A problem in words that may name anything.
    pub fn problem(check: &'static str, problem: &ProblemView, mask: &mut Mask) -> Self {
        Self::failed(
            check,
            mask.text(&problem.what_happened),
            mask.text(&problem.what_to_do),
        )
    }
}
