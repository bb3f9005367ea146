//! The sentences about credentials that cannot live as long as somebody asks.

use std::time::Duration;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::problem::in_words;

/// No administrator can give a permission set more.
const LONGEST_SESSION: Duration = Duration::from_secs(12 * 3600);

impl ProblemView {
    /// The credentials of a permission set cannot live as long as somebody asks: these have so many minutes. `role` is
    /// `ACCOUNT/PERMISSION_SET`.
    pub fn too_short(role: &str, minutes: u64, asked: Duration) -> Self {
        let what_to_do = match asked > LONGEST_SESSION {
            true => "Ask for a shorter time: AWS gives no permission set more than 12 hours.",
            false => {
                "Ask for a shorter time, or have an administrator of Identity Center raise the permission set's session \
                 duration; AWS takes 12 hours at most."
            }
        };
        Self::new(
            ProblemCode::Failed,
            format!(
                "The credentials of {role} have only {} left, and AWS gives no longer ones.",
                in_words(minutes)
            ),
            what_to_do,
        )
    }

    /// The credentials of a further role cannot live as long as somebody asks.
    pub fn too_short_chain(name: &str, minutes: u64) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "The credentials of {name} have only {} left, and AWS gives no longer ones.",
                in_words(minutes)
            ),
            "Ask for a shorter time, or raise “duration” of its [[chain]] in settings.toml where there is one: AWS ends a \
             role that is assumed from a role after one hour at most.",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_done_for_a_longer_life_is_told_as_far_as_aws_goes() {
        let told = |hours: u64| {
            let asked = Duration::from_secs(hours * 3600);
            ProblemView::too_short("acme-dev/ReadOnly", 59, asked)
        };
        for hours in [2, 12] {
            assert!(
                told(hours)
                    .what_to_do
                    .contains("raise the permission set's session duration")
            );
        }
        assert!(
            told(13)
                .what_to_do
                .contains("no permission set more than 12 hours")
        );
        assert!(!told(13).what_to_do.contains("raise"));
        assert!(
            told(2).what_happened.contains("have only 59 minutes left"),
            "{:?}",
            told(2)
        );
        let chain = ProblemView::too_short_chain("release", 19);
        assert!(
            chain.what_to_do.contains("“duration” of its [[chain]]"),
            "{chain:?}"
        );
        assert!(chain.what_to_do.contains("one hour at most"), "{chain:?}");
    }
}
