//! The sentences about signing in and out: what failed, what is not needed, and what AWS could not be told.

use jiff::Zoned;

use crate::app::command_problem::for_a_shell;
use crate::app::contract::{ProblemCode, ProblemView};
use crate::identity_center::{Failure, Meaning, Trouble};
use crate::refresh::RefreshFailure;

impl ProblemView {
    /// AWS had replaced the token in the store, and its successor was lost with the process that had it.
    pub fn lost_renewal(portal: &str) -> Self {
        Self {
            what_happened: format!(
                "Portray ended before the renewed sign-in to {portal} could be stored, and AWS does not take the one before it."
            ),
            ..Self::sign_in_needed(portal)
        }
    }

    /// A sign-in has ended without one: nobody tries it again.
    pub fn sign_in_failed(failure: &Failure, portal: &str) -> Self {
        let problem = Self::aws(failure, portal);
        let again = format!("sign in again: portray login {}", for_a_shell(portal));
        let said = failure.detail.as_deref().map(|said| format!(" ({said})"));
        let said = said.unwrap_or_default();
        match failure.meaning {
            Meaning::TokenRefused | Meaning::GrantRefused => Self::new(
                ProblemCode::SignInNeeded,
                format!("AWS does not take what the sign-in to {portal} brought{said}."),
                format!("Nothing is signed in; {again}"),
            ),
            Meaning::RegistrationRefused => Self::new(
                ProblemCode::SignInNeeded,
                format!("AWS does not know this application any more, in the sign-in to {portal}{said}."),
                format!("Portray registers anew when you {again}"),
            ),
            Meaning::Throttled => Self {
                what_to_do: format!("The sign-in has ended; wait a minute, then {again}"),
                ..problem
            },
            Meaning::Unreachable => Self {
                what_to_do: format!("{}, then {again}", look_at(failure.trouble)),
                ..problem
            },
            Meaning::NotAssigned
            | Meaning::DeniedByPerson
            | Meaning::TimedOut
            | Meaning::AdministratorNeeded
            | Meaning::RoleDenied
            | Meaning::KeysRefused
            | Meaning::Invalid => problem,
        }
    }

    /// Somebody wants to sign in who is signed in already, with a token that has run out and is not renewed.
    pub fn still_signed_in(failure: &RefreshFailure, portal: &str) -> Self {
        let problem = Self::refresh(failure, portal, None);
        let what_to_do = match problem.code.ends_when_aws_answers() {
            true => "No new sign-in is needed: Portray goes on by itself as soon as AWS answers.".to_owned(),
            false => format!(
                "{} To end this session and begin another: portray login --force {}",
                problem.what_to_do,
                for_a_shell(portal)
            ),
        };
        Self {
            code: problem.code,
            what_happened: format!(
                "You are still signed in to {portal}, but the access token has run out. {}",
                problem.what_happened
            ),
            what_to_do,
        }
    }

    /// Nobody waits for the words about a sign-out that AWS knows nothing of.
    pub(super) fn aws_not_told(words: String) -> Self {
        Self::new(
            ProblemCode::Unreachable,
            words,
            "Nothing is left to do here. To end it there at once, sign out in the access portal.",
        )
    }
}

/// AWS could not be told of a sign-out. `ends_at`: when the session there ends by itself.
pub(super) fn signed_out_here(portal: &str, ends_at: Option<&Zoned>) -> String {
    let until = match ends_at {
        Some(end) => format!("ends by itself at {}", end.strftime("%H:%M on %-d %B")),
        None => "ends by itself when its time is over (8 hours after the sign-in, unless an administrator \
                 chose otherwise)"
            .to_owned(),
    };
    format!(
        "Signed out of {portal} here, and the tokens are deleted, but AWS could not be told: the session there {until}."
    )
}

/// What a person can look at before the next sign-in.
fn look_at(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Network => "Check the network",
        Trouble::Answer => {
            "It mostly passes by itself: wait a minute, see whether a proxy answers instead and whether AWS reports \
             trouble in the region"
        }
        Trouble::Captive => "Open any page in your browser and sign in to the network",
        Trouble::Proxy => {
            "Check HTTPS_PROXY and NO_PROXY, or the proxy in the system's settings (the README says which are read)"
        }
        Trouble::Certificate => {
            "Where a company's proxy looks into connections, name its certificate in AWS_CA_BUNDLE; where a network \
             wants you to sign in first, do that in a browser"
        }
        Trouble::Bundle => {
            "Name a readable file of certificates in PEM form in AWS_CA_BUNDLE, or unset it, and end the agent (portray \
             agent stop), because it has the variable of when it was started"
        }
        Trouble::Clock => "Set this machine's clock right",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [Meaning; 12] = [
        Meaning::TokenRefused,
        Meaning::GrantRefused,
        Meaning::RegistrationRefused,
        Meaning::NotAssigned,
        Meaning::DeniedByPerson,
        Meaning::TimedOut,
        Meaning::AdministratorNeeded,
        Meaning::Throttled,
        Meaning::Unreachable,
        Meaning::RoleDenied,
        Meaning::KeysRefused,
        Meaning::Invalid,
    ];

    #[test]
    fn r5_what_ended_a_sign_in_is_never_said_to_be_tried_again() {
        let troubles = [
            Trouble::Network,
            Trouble::Answer,
            Trouble::Captive,
            Trouble::Proxy,
            Trouble::Certificate,
            Trouble::Bundle,
            Trouble::Clock,
        ];
        for (meaning, trouble) in EVERY.iter().flat_map(|meaning| troubles.map(|it| (*meaning, it))) {
            let failure = Failure::new("CreateToken", meaning, "HTTP 400: why").with_trouble(trouble);
            let problem = ProblemView::sign_in_failed(&failure, "acme");
            for untrue in ["tries again", "goes on", "Nothing is lost"] {
                assert!(
                    !problem.what_to_do.contains(untrue),
                    "{meaning:?} {trouble:?}: {problem:?}"
                );
            }
            let passes = matches!(meaning, Meaning::Throttled | Meaning::Unreachable);
            assert!(
                !passes || problem.what_to_do.contains("portray login acme"),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn r5_a_code_that_is_refused_is_told_as_that() {
        let failure = Failure::new("CreateToken", Meaning::GrantRefused, "HTTP 400: invalid_grant");
        let problem = ProblemView::sign_in_failed(&failure, "acme");
        assert!(problem.what_happened.contains("does not take"), "{problem:?}");
        assert!(problem.what_happened.contains("invalid_grant"), "{problem:?}");
    }

    #[test]
    fn r5_who_is_signed_in_is_told_so_though_the_token_has_run_out() {
        let problem = |meaning| {
            let failure = RefreshFailure::Aws(Failure::new("CreateToken", meaning, "no answer in time"));
            ProblemView::still_signed_in(&failure, "acme")
        };
        let away = problem(Meaning::Unreachable);
        assert_eq!(away.code, ProblemCode::Unreachable);
        assert!(away.what_happened.contains("still signed in to acme"), "{away:?}");
        assert!(away.what_happened.contains("no answer in time"), "{away:?}");
        assert!(away.what_to_do.contains("No new sign-in is needed"), "{away:?}");
        assert!(problem(Meaning::Invalid).what_to_do.contains("--force acme"));
    }

    #[test]
    fn r8_how_long_a_session_lives_of_whose_end_aws_was_not_told_is_said() {
        let end = "2026-03-02T17:40:00[UTC]".parse().unwrap();
        let known = signed_out_here("acme", Some(&end));
        assert!(known.contains("at 17:40 on 2 March"), "{known}");
        assert!(signed_out_here("acme", None).contains("8 hours after the sign-in"));
    }
}
