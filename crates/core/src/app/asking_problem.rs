//! The sentences about programs that ask for credentials: revoked, waiting for a person, written down or not.

use std::io;
use std::path::Path;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::problem::is_disk_full;
use crate::app::verdicts::Verdict;

/// Why a program is handed nothing.
impl ProblemView {
    pub fn launch_revoked() -> Self {
        Self::new(
            ProblemCode::Revoked,
            "Somebody has revoked this launch in Portray: it gets no credentials any more.",
            "Start the command again if that was a mistake. Credentials that were handed out stay valid until they expire.",
        )
    }

    pub fn program_revoked(program: &str) -> Self {
        Self::new(
            ProblemCode::Revoked,
            format!("{program} has been revoked in Portray: it gets no credentials."),
            "Allow it again in Portray's window, or with “portray uses --allow”; “portray uses” lists what is revoked.",
        )
    }

    /// `consumer` is the program's id; empty where it is not known.
    pub fn confirmation_needed(program: &str, role: &str, consumer: &str) -> Self {
        let on_the_command_line = match consumer {
            "" => String::new(),
            consumer => format!(" (or “portray uses --allow {consumer}”)"),
        };
        Self::new(
            ProblemCode::ConfirmationNeeded,
            format!("{program} waits for your confirmation to use {role}."),
            format!("Answer Portray's notification{on_the_command_line}, then run it again."),
        )
    }

    pub fn program_denied(program: &str) -> Self {
        Self::new(
            ProblemCode::Denied,
            format!("You have denied {program} the credentials of this role."),
            "Wait ten minutes, then run it again: Portray asks anew.",
        )
    }

    /// Nobody knows whether somebody was revoked.
    pub fn revocations_unknown() -> Self {
        Self::new(
            ProblemCode::Failed,
            "Portray cannot read which programs you have revoked, so it hands out no credentials.",
            "“portray status” names the file; make it readable for you.",
        )
    }
}

/// What is kept of them.
impl ProblemView {
    pub fn revocations_unread(path: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "{} cannot be read ({error}), so no credentials are handed out.",
                path.display()
            ),
            "It says which programs you have revoked. Make it readable for you; Portray looks again by itself.",
        )
    }

    pub fn revocations_set_aside(aside: &Path) -> Self {
        Self::new(
            ProblemCode::Failed,
            "Which programs you have revoked could not be understood.",
            format!(
                "That was moved to {}; revoke again what is to be revoked.",
                aside.display()
            ),
        )
    }

    pub fn revocations_not_written(path: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "What you have revoked or allowed holds now, but is lost when Portray ends: {} cannot be written: {error}.",
                path.display()
            ),
            written_again(error),
        )
    }

    /// Favourites, recents and kept roles.
    pub fn marks_not_written(path: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "Which roles you keep and like holds now, but is lost when Portray ends: {} cannot be written: {error}.",
                path.display()
            ),
            written_again(error),
        )
    }

    pub fn uses_unread(path: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("Earlier uses cannot be read: {}: {error}.", path.display()),
            "Make the file readable for you; Portray looks again by itself, and goes on writing new ones down.",
        )
    }

    pub fn uses_not_written(path: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "Which programs use credentials cannot be written down in {}: {error}.",
                path.display()
            ),
            match is_disk_full(error) {
                true => "Make room on the disk; Portray tries again by itself.",
                false => "Make the file and its folder writable for you; Portray tries again by itself.",
            },
        )
    }

    /// Neither an id nor a path that leads anywhere.
    pub fn unknown_consumer(consumer: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("There is no launch and no program “{consumer}”."),
            "Take an id from the first column of “portray uses”, or the whole path of a program that is there or was \
             used.",
        )
    }

    /// Nobody is told of as this file, so that to decide about it would change nothing.
    pub fn is_a_script(path: &str, interpreter: Option<&Path>, verdict: Verdict) -> Self {
        let order = match verdict {
            Verdict::Revoked => "revoke",
            Verdict::Allowed => "allow",
        };
        let (happened, what) = match interpreter {
            Some(interpreter) => {
                let interpreter = interpreter.display();
                let happened = format!(
                    "{path} is a script that {interpreter} runs, and programs are told apart by what runs."
                );
                (happened, interpreter.to_string())
            }
            None => {
                let happened = format!(
                    "{path} is no program that runs by itself, and programs are told apart by what runs."
                );
                (happened, "the program that runs it".to_owned())
            }
        };
        let to_do = match interpreter {
            Some(_) => format!(
                "Nothing was changed: {order} the program in which the script ends up, with all that it runs: an id from \
                 the first column of “portray uses”. It is {what}, unless the script hands over to another one (as \
                 pyenv's do)."
            ),
            None => format!(
                "Nothing was changed: {order} a program by an id from the first column of “portray uses”. If this is a \
                 script, it is {what}, with all that it runs."
            ),
        };
        Self::new(ProblemCode::WrongUse, happened, to_do)
    }

    pub fn launch_does_not_wait(launch: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("The launch {launch} is not revoked, and nothing of it waits for your confirmation."),
            "Where a program of it is revoked, allow that: “portray uses” lists it with its id.",
        )
    }

    pub fn launch_is_over() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "A launch that was revoked cannot be allowed again.",
            "Start the command again: that is another launch.",
        )
    }
}

fn written_again(error: &io::Error) -> &'static str {
    match is_disk_full(error) {
        true => "Make room on the disk; Portray writes it again by itself.",
        false => "Make the file and its folder writable for you; Portray writes it again by itself.",
    }
}
