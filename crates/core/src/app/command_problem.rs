//! The sentences about commands: what they are called with, and what they print.

use std::fmt::Display;
use std::io;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::problem::sentence;

/// What commands are called with, and what they print.
impl ProblemView {
    pub fn no_portal_yet() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "No portal has been added yet.",
            "Add yours: portray portal add https://YOUR-COMPANY.awsapps.com/start --region REGION",
        )
    }

    pub fn no_such_portal(named: Option<&str>) -> Self {
        let what_happened = named.map_or_else(
            || "No portal matches.".to_owned(),
            |named| format!("There is no portal “{named}”."),
        );
        let what_to_do = "Name one of those that were added (“portray portal list”).";
        Self::new(ProblemCode::WrongUse, what_happened, what_to_do)
    }

    /// A portal was named with a region that is not its own.
    pub fn portal_elsewhere(name: &str, region: &str, asked: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("The portal “{name}” is in {region}, not in {asked}."),
            "Correct the region, or leave it out.",
        )
    }

    pub fn several_portals() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "There are several portals.",
            "Say which one is meant.",
        )
    }

    pub fn no_such_role() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "No account and permission set match this target.",
            "List them with “portray accounts”; a new assignment shows after “portray accounts --sync”.",
        )
    }

    pub fn several_roles() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "The target matches several roles.",
            "Write more of the name, or PORTAL:ACCOUNT/PERMISSION_SET.",
        )
    }

    /// Nobody said which role is meant, and nobody can be asked.
    pub fn no_target() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "No role is named, and without a terminal nobody can choose one.",
            "Name it as ACCOUNT/PERMISSION_SET; “portray accounts” lists them.",
        )
    }

    /// The person left the list of roles.
    pub fn nothing_chosen() -> Self {
        Self::new(
            ProblemCode::Cancelled,
            "No role was chosen.",
            "Run it again, or name the role as ACCOUNT/PERMISSION_SET.",
        )
    }

    /// Nobody has signed in, so nothing is known of the portal.
    pub fn accounts_unknown(portal: &str) -> Self {
        Self::new(
            ProblemCode::SignInNeeded,
            format!("You are not signed in to {portal}, so its accounts are not known."),
            format!("Sign in: portray login {}", for_a_shell(portal)),
        )
    }

    pub fn sign_in_ended() -> Self {
        Self::new(
            ProblemCode::Cancelled,
            "The sign-in ended before it was done.",
            "Sign in again: portray login",
        )
    }

    /// The arguments are not what the command takes; `help` is the command that tells more.
    pub fn usage(what_is_wrong: &dyn Display, help: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            sentence(what_is_wrong),
            format!("See: {help}"),
        )
    }

    pub fn no_command() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "There is no command to run.",
            "Write it after two dashes: portray exec TARGET -- COMMAND",
        )
    }

    pub fn command_not_started(command: &dyn Display, error: &io::Error) -> Self {
        let what_to_do = if error.kind() == io::ErrorKind::NotFound {
            "Check the command's name; words of the shell (aliases, |, &&) need: -- sh -c '…'"
        } else if error.kind() == io::ErrorKind::PermissionDenied {
            "Name a program: this is a folder, or a file that you may not run."
        } else {
            "Name a program that runs on this machine."
        };
        Self::new(
            ProblemCode::WrongUse,
            format!("“{command}” could not be started: {error}."),
            what_to_do,
        )
    }

    pub fn file_not_made(path: &dyn Display, error: &io::Error) -> Self {
        let what_to_do = if error.kind() == io::ErrorKind::AlreadyExists {
            "Name another file, or remove this one: nothing is written over it."
        } else {
            "Name a file in a folder of yours that is there."
        };
        let what_happened = format!("{path} could not be made: {error}.");
        Self::new(ProblemCode::WrongUse, what_happened, what_to_do)
    }

    pub fn unquotable() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "A value holds characters that this format cannot carry.",
            "Use another format, or another region.",
        )
    }

    /// Standard output is closed, or what it leads to is full.
    pub fn no_stdout(error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("The output could not be written: {error}."),
            "Look at the program that reads it.",
        )
    }
}

/// A word as it is typed in a shell.
pub fn for_a_shell(word: &str) -> String {
    let is_plain =
        |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.' | '@' | '+');
    match word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}
