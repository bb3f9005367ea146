//! The sentences about roles that are assumed from a permission set.

use crate::app::contract::{ProblemCode, ProblemView};
use crate::refresh::ChainFailure;

impl ProblemView {
    /// A further role gave nothing. `role` is its name, with where it is assumed from in brackets.
    pub(super) fn chain(failure: &ChainFailure, role: &str) -> Self {
        let name = role.split(' ').next().unwrap_or(role);
        match failure {
            ChainFailure::Gone => Self::new(
                ProblemCode::WrongUse,
                format!("settings.toml has no [[chain]] named “{name}” (any more), or not in this way."),
                format!("Add it there again; “portray keep {name} --off” forgets it."),
            ),
            ChainFailure::SourceNotAssigned => Self::new(
                ProblemCode::NotAssigned,
                format!("The permission set of {role} is not assigned to you (any more)."),
                "Sync the list (“portray accounts --sync”); an administrator of Identity Center can assign it.",
            ),
            ChainFailure::CodeNeeded => Self::new(
                ProblemCode::MfaCodeNeeded,
                format!("A code of your MFA device is needed for {role}."),
                format!(
                    "Enter it in Portray's window, or use the role in a terminal, which asks for it: portray exec {name} -- true"
                ),
            ),
            ChainFailure::CodeRefused(said) => Self::new(
                ProblemCode::Denied,
                format!(
                    "AWS does not take this code for {role}{}.",
                    in_brackets(said.as_ref())
                ),
                "Wait for the next code: each works once. If none works, AWS does not take this device: it has to be the \
                 calling user's own, and the session of a permission set has none.",
            ),
            ChainFailure::Denied(said) => Self::new(
                ProblemCode::Denied,
                format!(
                    "AWS does not let you assume {role}{}.",
                    in_brackets(said.as_ref())
                ),
                "Ask whoever owns the role: its trust policy has to name your permission set's role. Check external_id in \
                 settings.toml too, and whether the policy wants MFA, tags or another session name; AWS does not say which.",
            ),
            ChainFailure::Refused(said) => Self::new(
                ProblemCode::Failed,
                format!(
                    "AWS does not take what settings.toml asks for {role}{}.",
                    in_brackets(said.as_ref())
                ),
                "Correct its [[chain]] there: duration, session_name, external_id, tags or region.",
            ),
        }
    }

    /// The permission set that a role is assumed from is nowhere listed, and named by the account's name.
    pub fn chain_source_unknown(name: &str, from: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "“{name}” is assumed from {from}, which is not assigned to you, as far as the list says."
            ),
            "Sync the list (“portray accounts --sync”), or correct “from” in settings.toml.",
        )
    }

    /// The account's name that a role is assumed from is that of several accounts.
    pub fn several_chain_sources(name: &str, from: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("“from” of [[chain]] “{name}” in settings.toml, {from}, matches several accounts."),
            "Write the account's id there, in place of its name.",
        )
    }

    /// A launch goes on with the role that it began with.
    pub fn another_chain(name: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "“{name}” is another role by now: settings.toml was changed since this command was started."
            ),
            "Start it again to use the new one, or change its [[chain]] back.",
        )
    }

    /// The same, where the settings are as they were and the account's name is another one's.
    pub fn chain_of_another_account(name: &str, from: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "“{name}” is another role by now: at AWS, “{from}” is in another account since this command was started."
            ),
            "Start it again to use that one. In “from” of its [[chain]], an account's id in place of its name means the \
             same account for good.",
        )
    }

    pub fn no_such_chain(name: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("settings.toml has no [[chain]] named “{name}”, or none that can be used."),
            "“portray status” says what in the settings does not hold.",
        )
    }

    pub fn no_portal_link_of_chain(name: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("The access portal's link opens permission sets only, and “{name}” is assumed from one."),
            "Leave “--via portal” out: the console opens with the role's credentials.",
        )
    }

    pub fn duration_of_chain(name: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "AWS takes no duration for the console of “{name}”, which is assumed from a permission set."
            ),
            "Leave the duration out: the console session lasts as long as the credentials.",
        )
    }

    /// No role that is assumed wants a code.
    pub fn no_code_wanted() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "No code of an MFA device is wanted for this role.",
            "Only a [[chain]] with mfa_serial in settings.toml wants one.",
        )
    }

    /// Six digits are what every device shows.
    pub fn not_a_code() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "This is no code of an MFA device.",
            "It has six digits; the device shows a new one every 30 seconds.",
        )
    }

    /// The person did not give a code.
    pub fn code_not_given() -> Self {
        Self::new(
            ProblemCode::Cancelled,
            "No code was given.",
            "Run it again when the MFA device is at hand.",
        )
    }
}

fn in_brackets(said: Option<&String>) -> String {
    said.map(|said| format!(" ({said})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refresh::RefreshFailure;

    #[test]
    fn every_failure_of_a_chain_says_what_to_do_and_ends_with_a_code_of_its_own() {
        let said = Some("HTTP 403: no".to_owned());
        let rows = [
            (ChainFailure::Gone, 2, "keep release --off"),
            (ChainFailure::SourceNotAssigned, 4, "Sync"),
            (ChainFailure::CodeNeeded, 3, "portray exec release -- true"),
            (ChainFailure::CodeRefused(said.clone()), 4, "next code"),
            (ChainFailure::Denied(said.clone()), 4, "trust policy"),
            (ChainFailure::Refused(said), 1, "[[chain]]"),
        ];
        for (failure, exit, advice) in rows {
            let failure = RefreshFailure::Chain(failure);
            let problem = ProblemView::refresh(&failure, "acme", Some("release (from acme-dev/Deployer)"));
            assert_eq!(problem.code.exit_code(), exit, "{problem:?}");
            assert!(problem.what_to_do.contains(advice), "{problem:?}");
            assert!(problem.what_happened.contains("release"), "{problem:?}");
        }
    }
}
