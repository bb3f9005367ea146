//! Every sentence about a failure that a person reads: what happened, what to do.

use std::path::Path;

use crate::app::command_problem::for_a_shell;
use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::shell::ShellError;
use crate::console::destinations::DestinationError;
use crate::identity_center::portal::PortalError;
use crate::identity_center::{Failure, Meaning, Trouble};
use crate::refresh::RefreshFailure;
use crate::settings::{Fault, SetAside, SettingsError};

impl ProblemView {
    pub(in crate::app) fn new(
        code: ProblemCode,
        what_happened: impl Into<String>,
        what_to_do: impl Into<String>,
    ) -> Self {
        Self {
            code,
            what_happened: what_happened.into(),
            what_to_do: what_to_do.into(),
        }
    }

    pub fn unknown_portal() -> Self {
        let what_to_do = "See the portals with “portray portal list”, or add one.";
        Self::new(ProblemCode::WrongUse, "There is no such portal.", what_to_do)
    }

    pub fn cancelled() -> Self {
        Self::new(
            ProblemCode::Cancelled,
            "The sign-in was cancelled.",
            "Sign in again when you are ready.",
        )
    }

    pub fn stopping() -> Self {
        Self::new(ProblemCode::NoAgent, "Portray is ending.", "Start it again.")
    }

    pub fn sign_in_needed(portal: &str) -> Self {
        Self::new(
            ProblemCode::SignInNeeded,
            format!("You are not signed in to {portal}."),
            format!(
                "Sign in, for instance with “portray login {}”.",
                for_a_shell(portal)
            ),
        )
    }

    /// A token, or credentials, could not be had. `role` is `ACCOUNT/PERMISSION_SET` where it is about one.
    pub fn refresh(failure: &RefreshFailure, portal: &str, role: Option<&str>) -> Self {
        match failure {
            RefreshFailure::SignInNeeded => Self::sign_in_needed(portal),
            RefreshFailure::NotAssigned => Self::new(
                ProblemCode::NotAssigned,
                format!(
                    "{} is not assigned to you (any more).",
                    role.unwrap_or("This permission set")
                ),
                "Sync the list (“portray accounts --sync”); an administrator of Identity Center can assign it.",
            ),
            RefreshFailure::Chain(failure) => Self::chain(failure, role.unwrap_or("this role")),
            RefreshFailure::Aws(failure) => Self::aws(failure, portal),
            RefreshFailure::Store(failure) => Self::store(*failure),
            RefreshFailure::UnknownPortal => Self::unknown_portal(),
            RefreshFailure::Ending => Self::stopping(),
            RefreshFailure::Panicked => Self::new(
                ProblemCode::Failed,
                "Portray made a mistake while it fetched credentials.",
                "Try again; if it stays, the log says more.",
            ),
        }
    }

    /// A sync did not come to its end. What it had listed is kept.
    pub fn sync(failure: &RefreshFailure, portal: &str) -> Self {
        if let Some(said) = list_refused(failure) {
            return Self::new(
                ProblemCode::Denied,
                format!("AWS refuses to list the accounts of {portal}{said}."),
                "What is listed stays. If it stays so, sign in again, or ask an administrator of Identity Center.",
            );
        }
        let problem = Self::refresh(failure, portal, None);
        match problem.code.ends_when_aws_answers() {
            true => Self {
                what_to_do: "What is listed stays, and the next sync goes on from there.".to_owned(),
                ..problem
            },
            false => problem,
        }
    }

    /// The same of a sync that has not ended over it.
    pub fn sync_under_way(failure: &RefreshFailure, portal: &str) -> Self {
        let problem = Self::sync(failure, portal);
        match problem.code.ends_when_aws_answers() {
            true => Self {
                what_to_do: "What is listed stays, and the sync goes on by itself.".to_owned(),
                ..problem
            },
            false => problem,
        }
    }

    /// What AWS or the network answered.
    pub fn aws(failure: &Failure, portal: &str) -> Self {
        let said = failure
            .detail
            .as_deref()
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        let operation = failure.operation;
        match failure.meaning {
            Meaning::TokenRefused | Meaning::GrantRefused | Meaning::RegistrationRefused => {
                Self::sign_in_needed(portal)
            }
            Meaning::NotAssigned => Self::refresh(&RefreshFailure::NotAssigned, portal, None),
            Meaning::DeniedByPerson => Self::new(
                ProblemCode::Denied,
                format!("The sign-in to {portal} was denied in the browser."),
                "Sign in again, and allow Portray there; if it was not you who denied it, ask your administrator.",
            ),
            Meaning::TimedOut => Self::new(
                ProblemCode::SignInNeeded,
                format!("Nobody finished the sign-in to {portal} in time."),
                "Sign in again; the page in the browser waits ten minutes.",
            ),
            Meaning::AdministratorNeeded => Self::new(
                ProblemCode::Failed,
                format!("Identity Center of {portal} refuses to work{said}."),
                "Show this to an administrator: trying again does not help.",
            ),
            Meaning::Throttled => Self::new(
                ProblemCode::Unreachable,
                format!("AWS asks Portray to slow down ({operation})."),
                "Nothing is lost; Portray tries again by itself.",
            ),
            Meaning::Unreachable => Self::as_good_as_unreachable(failure.trouble, portal, &said),
            Meaning::RoleDenied => Self::new(
                ProblemCode::Denied,
                format!("AWS denies {operation}{said}."),
                "Have the trust policy of the role looked at.",
            ),
            Meaning::KeysRefused => Self::as_good_as_unreachable(Trouble::Clock, portal, &said),
            Meaning::Invalid => Self::new(
                ProblemCode::Failed,
                format!("Identity Center refuses {operation} for {portal}{said}."),
                "Check the start URL and the region of the portal.",
            ),
        }
    }

    pub fn settings(error: &SettingsError) -> Self {
        let what_to_do = match error {
            SettingsError::Unreadable { .. } => "Make the file readable for you; nothing in it was changed.",
            SettingsError::Damaged { .. } => "Mend the file; until then the settings from before hold.",
            SettingsError::Unwritable { error, .. } if is_disk_full(error) => {
                "Make room on the disk, then try again."
            }
            SettingsError::Unwritable { .. } => "Make the folder writable for you, then try again.",
            SettingsError::GuardsNotKept { .. } => {
                "Remove the [[guard]] rules, or use a version that keeps them."
            }
        };
        let code = match error {
            SettingsError::Unreadable { .. } | SettingsError::Unwritable { .. } => ProblemCode::Failed,
            SettingsError::Damaged { .. } | SettingsError::GuardsNotKept { .. } => ProblemCode::WrongUse,
        };
        Self::new(code, sentence(error), what_to_do)
    }

    /// A part of the settings that does not hold.
    pub fn settings_fault(path: &Path, fault: &Fault) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("settings.toml, line {}: {}.", fault.line, fault.what),
            format!("Correct it in {}; everything else there holds.", path.display()),
        )
    }

    pub fn settings_set_aside(aside: &SetAside) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("The settings could not be understood ({}).", aside.reason),
            format!(
                "They were moved to {}; mend them there and move them back, or begin anew.",
                aside.path.display()
            ),
        )
    }

    /// A name was asked for that another portal has.
    pub fn name_taken(name: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("Another portal is named “{name}” already, or the same in capital and small letters."),
            "Choose another name, or leave it out: then one is made from the start URL.",
        )
    }

    pub fn portal(error: &PortalError) -> Self {
        let what_to_do = match error {
            PortalError::NotHttps | PortalError::NotAStartUrl(_) => {
                "Copy it from your company's access portal; it looks like https://acme.awsapps.com/start."
            }
            PortalError::RegionNeeded => {
                "Give the region where IAM Identity Center is set up, for instance with --region eu-west-1."
            }
            PortalError::NotARegion(_) => "Region names look like eu-west-1.",
            PortalError::OtherPartition { .. } => {
                "Check the start URL, and give the region where IAM Identity Center is set up."
            }
            PortalError::OtherRegion { .. } => {
                "Leave the region out, or check the start URL: its host names the region of this portal."
            }
            PortalError::NotAName(_) => {
                "A name has 1 to 60 characters, no colon, no slash, no line break, and no “-” in front."
            }
            PortalError::EndpointNotAllowed(_) => "Change the portal's endpoints in settings.toml.",
        };
        Self::new(ProblemCode::WrongUse, sentence(error), what_to_do)
    }

    /// A company's own address did not lead to an access portal.
    pub fn own_address(failure: &Failure, address: &str) -> Self {
        let code = match failure.meaning {
            Meaning::Unreachable | Meaning::Throttled => ProblemCode::Unreachable,
            Meaning::TokenRefused
            | Meaning::GrantRefused
            | Meaning::RegistrationRefused
            | Meaning::NotAssigned
            | Meaning::DeniedByPerson
            | Meaning::TimedOut
            | Meaning::AdministratorNeeded
            | Meaning::RoleDenied
            | Meaning::KeysRefused
            | Meaning::Invalid => ProblemCode::WrongUse,
        };
        let said = failure
            .detail
            .as_deref()
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        Self::new(
            code,
            format!("{address} does not lead to an access portal{said}."),
            "Use the start URL that AWS shows, for instance https://acme.awsapps.com/start.",
        )
    }

    pub fn destination(error: &DestinationError) -> Self {
        let what_to_do = match error {
            DestinationError::UnknownService(_) | DestinationError::ForeignHost(_) => {
                "Name a service (s3, ec2, lambda …) or a page of the AWS console."
            }
            DestinationError::ForeignRegion(_) => {
                "Name a region of the portal's partition, or none: then it is the portal's own."
            }
            DestinationError::RegionOfPage(_) => "Leave the region out, or change it in the address.",
        };
        Self::new(ProblemCode::WrongUse, sentence(error), what_to_do)
    }

    pub fn session_duration() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "A console session lasts between 15 minutes and 12 hours.",
            "Ask for a duration between 15m and 12h, or for none: then it lasts as long as the credentials.",
        )
    }

    pub fn duration_of_portal_link() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "The access portal's link has no duration: the permission set decides.",
            "Leave the duration out, or use “--via federation”.",
        )
    }

    pub fn browser(error: &ShellError) -> Self {
        Self::new(
            ProblemCode::Failed,
            sentence(error),
            "Set a default browser, or open the address yourself: “portray login --no-browser” and “portray console --print” say it.",
        )
    }

    /// A file of ours could not be written.
    pub fn file(error: &std::io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("Portray cannot keep its list on disk: {error}."),
            "See whether the disk is full or the folder is not yours; nothing else is lost.",
        )
    }

    pub fn loopback(error: &std::io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("No port of this machine could be opened for the browser: {error}."),
            "See whether something forbids listening on 127.0.0.1.",
        )
    }
}

/// What AWS says to it, where it refuses a whole list: that is about no permission set.
fn list_refused(failure: &RefreshFailure) -> Option<String> {
    match failure {
        RefreshFailure::NotAssigned => Some(String::new()),
        RefreshFailure::Aws(failure) if failure.meaning == Meaning::NotAssigned => {
            let said = failure.detail.as_deref().map(|said| format!(" ({said})"));
            Some(said.unwrap_or_default())
        }
        RefreshFailure::Aws(_)
        | RefreshFailure::SignInNeeded
        | RefreshFailure::Chain(_)
        | RefreshFailure::Store(_)
        | RefreshFailure::UnknownPortal
        | RefreshFailure::Ending
        | RefreshFailure::Panicked => None,
    }
}

pub(in crate::app) fn is_disk_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded)
}

/// So many minutes as people say them.
pub(in crate::app) fn in_words(minutes: u64) -> String {
    let (hours, rest) = (minutes / 60, minutes % 60);
    match (minutes, rest) {
        (1, _) => "1 minute".to_owned(),
        (..=120, _) => format!("{minutes} minutes"),
        (_, 0) => format!("{hours} hours"),
        (_, 1) => format!("{hours} hours and 1 minute"),
        (_, _) => format!("{hours} hours and {rest} minutes"),
    }
}

impl ProblemCode {
    /// The command line's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::WrongUse => 2,
            Self::SignInNeeded | Self::MfaCodeNeeded => 3,
            Self::NotAssigned | Self::Denied | Self::Revoked => 4,
            Self::Unreachable | Self::BeingListed => 5,
            Self::NoAgent => 6,
            Self::SecretStore => 7,
            Self::ConfirmationNeeded => 8,
            Self::Cancelled => 130,
        }
    }
}

/// An error's text with a capital letter in front and a full stop behind. A path or a variable keeps its spelling.
pub fn sentence(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    let text = text.trim_end_matches('.');
    let first_word = text.split(' ').next().unwrap_or_default();
    let mut letters = text.chars();
    match letters.next() {
        Some(first)
            if first_word
                .chars()
                .all(|letter| letter.is_alphabetic() || letter == '-') =>
        {
            format!("{}{}.", first.to_uppercase(), letters.as_str())
        }
        Some(_) | None => format!("{text}."),
    }
}

#[cfg(test)]
mod tests;
