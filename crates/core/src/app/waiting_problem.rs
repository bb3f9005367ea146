//! The sentences about what is not there yet, and about sign-ins and sign-outs that did not come to their end.

use crate::app::contract::{ProblemCode, ProblemView};
use crate::identity_center::Trouble;
use crate::refresh::session::leaving::{Farewell, SignOutFailure};
use crate::token_store::StoreFailure;

/// What to do about a bundle that adds nothing. The agent has the variable of the command that started it.
const BUNDLE: &str = "Name a readable file of certificates in PEM form in AWS_CA_BUNDLE, or unset it; then end the agent \
                      (portray agent stop), because it has the variable of when it was started, and try again.";

impl ProblemCode {
    /// Whether it is over as soon as AWS answers, without anybody's doing.
    pub(super) fn ends_when_aws_answers(self) -> bool {
        match self {
            Self::Unreachable => true,
            Self::Failed
            | Self::WrongUse
            | Self::SignInNeeded
            | Self::MfaCodeNeeded
            | Self::NotAssigned
            | Self::BeingListed
            | Self::Denied
            | Self::Revoked
            | Self::ConfirmationNeeded
            | Self::NoAgent
            | Self::SecretStore
            | Self::Cancelled => false,
        }
    }
}

impl ProblemView {
    /// AWS gave nothing, or nothing that can be used. `said` is what came instead, in brackets.
    pub(super) fn as_good_as_unreachable(trouble: Trouble, portal: &str, said: &str) -> Self {
        let (what_happened, what_to_do) = match trouble {
            Trouble::Network => (
                format!("AWS cannot be reached for {portal}{said}."),
                "Check the network; Portray tries again when it is needed.",
            ),
            Trouble::Answer => (
                format!("AWS gave no answer that can be used for {portal}{said}."),
                "It mostly passes by itself. If it stays, see whether a proxy or a network's sign-in page answers \
                 instead, and whether AWS reports trouble in the region.",
            ),
            Trouble::Captive => (
                format!(
                    "This network wants you to sign in to it first; AWS cannot be reached for {portal}{said}."
                ),
                "Open any page in your browser and sign in to the network; nothing is lost, and Portray goes on by itself.",
            ),
            Trouble::Proxy => (
                format!("The proxy does not lead to AWS for {portal}{said}."),
                "Check HTTPS_PROXY and NO_PROXY, or the proxy in the system's settings; the README says which are read.",
            ),
            Trouble::Certificate => (
                format!("AWS cannot be reached safely for {portal}{said}."),
                "Where a company's proxy looks into connections, name its certificate in AWS_CA_BUNDLE; where a network \
                 wants you to sign in first, do that in a browser.",
            ),
            Trouble::Bundle => (
                format!("AWS cannot be reached safely for {portal}{said}."),
                BUNDLE,
            ),
            Trouble::Clock => (
                format!("AWS and this machine do not agree about the time, for {portal}{said}."),
                "Set this machine's clock right, then try again.",
            ),
        };
        Self::new(ProblemCode::Unreachable, what_happened, what_to_do)
    }

    /// A name was given that only the list can explain, and the list is being made.
    pub fn being_listed() -> Self {
        Self::new(
            ProblemCode::BeingListed,
            "The accounts are still being listed for the first time, so this name is not known yet.",
            "Try again in a moment, or name the role by its account's id; “portray accounts” shows how far it is.",
        )
    }

    /// A name was given, and nothing of the list is there that could explain it. `cause` is what stops the list.
    pub fn list_not_there(portal: &str, cause: &Self) -> Self {
        let what_to_do = match cause.code == ProblemCode::SignInNeeded {
            true => cause.what_to_do.clone(),
            false => "Portray goes on with the list by itself: try again in a moment. A role that is named by its account's \
                  id (ACCOUNT_ID/PERMISSION_SET) needs no list."
                .to_owned(),
        };
        Self::new(
            ProblemCode::Unreachable,
            format!(
                "The list of {portal} could not be read yet, so this name is not known. {}",
                cause.what_happened
            ),
            what_to_do,
        )
    }

    /// A name was given that the part of a list which is there does not have. `cause` is what stopped the list.
    pub fn list_not_whole(portal: &str, cause: Option<&Self>) -> Self {
        let because = cause.map(|cause| {
            let why = cause.what_happened.trim_end_matches('.');
            format!(" because of this: {why}")
        });
        let what_to_do = match cause {
            Some(cause) if cause.code == ProblemCode::SignInNeeded => cause.what_to_do.clone(),
            Some(_) => "Portray goes on with the list by itself: try again in a moment. A role that is named by its \
                        account's id needs no list."
                .to_owned(),
            None => "Have it made anew: portray accounts --sync. A role that is named by its account's id needs no list."
                .to_owned(),
        };
        Self::new(
            ProblemCode::Unreachable,
            format!(
                "This name may be in the part of the list of {portal} that is not there: the list is not whole{}.",
                because.unwrap_or_default()
            ),
            what_to_do,
        )
    }

    pub fn not_listed_yet(portal: &str) -> Self {
        Self::new(
            ProblemCode::Unreachable,
            format!("The accounts of {portal} could not be listed yet."),
            "Try again: portray accounts --sync",
        )
    }

    /// One JSON document is about one portal.
    pub fn one_portal_a_document() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "One JSON document is about one portal, and there are several.",
            "Say which one is meant: portray accounts --json --portal NAME",
        )
    }

    /// Another sign-in to the same portal was begun, in another way.
    pub fn sign_in_replaced(portal: &str) -> Self {
        Self::new(
            ProblemCode::Cancelled,
            format!("Another sign-in to {portal} was begun, and took the place of this one."),
            "Finish that one; it is good for all commands.",
        )
    }

    /// Whoever waited for somebody else's sign-in does not wait any more.
    pub fn waits_no_longer() -> Self {
        Self::new(
            ProblemCode::Cancelled,
            "This command waits no longer; the sign-in was begun elsewhere and goes on.",
            "See how it ends: portray status",
        )
    }

    /// A sign-out that did not come to its end.
    pub fn sign_out(failure: SignOutFailure) -> Self {
        let (why, farewell, noted) = match failure {
            SignOutFailure::Unread(why) => return Self::store(why),
            SignOutFailure::Unwritable(why) => return Self::not_given_up(why),
            SignOutFailure::NotDeleted { why, farewell, noted } => (why, farewell, noted),
        };
        let what_has_ended = match farewell {
            Farewell::Told => "The session has ended, but",
            Farewell::Untold { .. } => "You are signed out here, but AWS could not be told, and",
        };
        let what_is_left = match noted {
            true => "",
            false => {
                " Nor could that be noted in Portray's state folder, so a restart would sign you in again."
            }
        };
        let what_happened =
            format!("{what_has_ended} the stored token could not be deleted yet: {why}.{what_is_left}");
        Self::new(ProblemCode::SecretStore, what_happened, deleted_later(why, noted))
    }

    /// A new sign-in was wanted, and could not be stored. The one that lives was not ended for it.
    fn not_given_up(why: StoreFailure) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!("You are still signed in as before: a new sign-in could not be stored ({why})."),
            Self::store(why).what_to_do,
        )
    }

    /// What has ended is still stored, and nothing tells the next process so.
    pub fn ended_lives_on(why: StoreFailure) -> Self {
        Self::new(
            ProblemCode::SecretStore,
            format!(
                "The sign-in that has ended could be neither deleted nor noted as such, so a restart would sign you \
                 in again: {why}."
            ),
            deleted_later(why, false),
        )
    }
}

/// What becomes of a sign-in that has ended and is still stored. `noted`: also after a restart.
fn deleted_later(why: StoreFailure, noted: bool) -> &'static str {
    match (why, noted) {
        (StoreFailure::Locked | StoreFailure::Dismissed, true) => {
            "Unlock the keyring: Portray deletes the token then by itself, and does not use it, also after a restart."
        }
        (StoreFailure::Locked | StoreFailure::Dismissed, false) => {
            "Unlock the keyring while Portray runs: it deletes the token then by itself."
        }
        (StoreFailure::Unwritten, true) => {
            "Portray deletes it as soon as the file can be written again, and does not use it, also after a restart."
        }
        (StoreFailure::Unwritten, false) => {
            "Portray deletes it as soon as the file can be written again; let it run until then."
        }
        (
            StoreFailure::Absent
            | StoreFailure::NoKeyring
            | StoreFailure::TooLarge
            | StoreFailure::Corrupt
            | StoreFailure::TimedOut
            | StoreFailure::Failed,
            true,
        ) => {
            "Portray deletes it as soon as the keyring works again, and does not use it, also after a restart."
        }
        (
            StoreFailure::Absent
            | StoreFailure::NoKeyring
            | StoreFailure::TooLarge
            | StoreFailure::Corrupt
            | StoreFailure::TimedOut
            | StoreFailure::Failed,
            false,
        ) => "Portray deletes it as soon as the keyring works again; let it run until then.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r5_what_to_look_at_depends_on_what_went_wrong() {
        for (trouble, what_to_do) in [
            (Trouble::Network, "Check the network"),
            (Trouble::Answer, "whether a proxy"),
            (Trouble::Captive, "sign in to the network"),
            (Trouble::Proxy, "HTTPS_PROXY"),
            (Trouble::Certificate, "AWS_CA_BUNDLE"),
            (Trouble::Bundle, "PEM form in AWS_CA_BUNDLE"),
            (Trouble::Clock, "clock right"),
        ] {
            let problem = ProblemView::as_good_as_unreachable(trouble, "acme", " (HTTP 500: trouble)");
            assert_eq!(problem.code, ProblemCode::Unreachable);
            assert!(
                problem.what_happened.ends_with("acme (HTTP 500: trouble)."),
                "{problem:?}"
            );
            assert!(problem.what_to_do.contains(what_to_do), "{problem:?}");
        }
    }
}
