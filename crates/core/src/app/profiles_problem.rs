//! The sentences about profiles in `~/.aws/config`.

use std::io;
use std::path::Path;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::problem::{is_disk_full, sentence};
use crate::aws_config::edit::Unclear;
use crate::aws_config::file::FileError;
use crate::aws_config::findings::Trouble;
use crate::aws_config::names::TemplateError;

impl ProblemView {
    /// The file was not read or not written.
    pub fn aws_config(error: &FileError) -> Self {
        let (code, what_to_do) = match error {
            FileError::Unreadable { .. } => (
                ProblemCode::Failed,
                "Make the file readable for you; nothing in it was changed.",
            ),
            FileError::NoRegularFile { .. } => (
                ProblemCode::WrongUse,
                "Move away what stands there, or correct AWS_CONFIG_FILE or AWS_SHARED_CREDENTIALS_FILE if that leads there.",
            ),
            FileError::Unclear { unclear, .. } => (ProblemCode::Failed, advice_for(unclear)),
            FileError::Unwritable { error, .. } if is_disk_full(error) => (
                ProblemCode::Failed,
                "Make room on the disk, then try again; nothing in the file was changed.",
            ),
            FileError::Unwritable { .. } => (
                ProblemCode::Failed,
                "Make file and folder writable for you, or put these lines there by hand; nothing was changed.",
            ),
            FileError::Unconfirmed { .. } => (
                ProblemCode::Failed,
                "Look at the disk; “portray profiles plan” says whether anything is missing.",
            ),
            FileError::Busy { .. } => (ProblemCode::Failed, "Try again when that one is done."),
            FileError::Changing { .. } => (
                ProblemCode::Failed,
                "See which program writes there all the time, then try again; nothing of ours was written.",
            ),
            FileError::NoLock { .. } | FileError::NoBackup { .. } => (
                ProblemCode::Failed,
                "Make Portray's own folder writable for you, then try again; nothing was changed.",
            ),
        };
        Self::new(code, sentence(error), what_to_do)
    }

    /// What the window has shown is not what would be written now.
    pub fn stale_profiles(path: &dyn std::fmt::Display) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "{path}, or what belongs into it, has changed since the difference was shown: nothing was written."
            ),
            "Look at the difference as it is now; the button makes this one.",
        )
    }

    /// The window has changed nothing, or that was taken back.
    pub fn nothing_to_undo(path: &Path) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("There is no change of {} to undo.", path.display()),
            "What “portray profiles apply” has written, Remove and “portray profiles remove” take out.",
        )
    }

    /// Undoing would lose what somebody else has written.
    pub fn undo_overtaken(path: &dyn std::fmt::Display) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "Portray's lines in {path} are not what was written from here: undoing would lose what has changed since."
            ),
            "Look at what Remove would take out instead; nothing was changed.",
        )
    }

    /// What was done last cannot be read.
    pub fn last_change_unread(error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("What was written last cannot be undone: {error}."),
            "Look at what Remove would take out instead; nothing was changed.",
        )
    }

    /// Names of profiles cannot be made in this way.
    pub fn profile_template(error: &TemplateError) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            sentence(error),
            "Use {account}, {account_id}, {permission_set}, {portal}, letters, digits and . _ / @ + -",
        )
    }

    /// What a profile's `output` or `region` would be.
    pub fn profile_value(key: &str, value: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("“{value}” cannot be the {key} of a profile."),
            "Correct it in the [profiles] of settings.toml, or in the option.",
        )
    }

    /// The path of this program cannot stand in the file.
    pub fn unquotable_program(path: &dyn std::fmt::Display) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("No shell and every SDK alike would find {path} in a profile."),
            "Put portray into a folder whose path has no quotes, no $, no % and no line break.",
        )
    }

    /// This program does not know where it is.
    pub fn unknown_program(error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("Portray cannot tell where its own program is: {error}."),
            "Put the folder of portray into PATH, then try again.",
        )
    }
}

fn advice_for(unclear: &Unclear) -> &'static str {
    match unclear {
        Unclear::Utf16 | Unclear::ByteOrderMark => {
            "Save it as UTF-8 without a byte order mark: not every tool reads it as it is. Nothing was changed."
        }
        Unclear::NotUtf8(_) | Unclear::Nul(_) | Unclear::CarriageReturn(_) => {
            "Correct that line, which not every tool reads in the same way; nothing was changed."
        }
        Unclear::ChangedMarker(_) | Unclear::UnbalancedMarkers(_) => {
            "Restore both marker lines, or delete them and what Portray wrote between them; nothing was changed."
        }
        Unclear::IndentedSection(_) => "Take away what stands in front of its bracket; nothing was changed.",
        Unclear::SettingOfNone(_) => {
            "Put it into the profile that it is for, or delete it; nothing was changed."
        }
        Unclear::IndentedBehind(_) => {
            "Make it a comment at the margin, give it a value, or delete it; nothing was changed."
        }
    }
}

/// What a person can do about something in a file of AWS's.
pub fn advice_about(trouble: &Trouble) -> &'static str {
    match trouble {
        Trouble::NotUtf8 | Trouble::ByteOrderMark => "Save it as UTF-8 without a byte order mark.",
        Trouble::Colon(_) => "Write “=” for the colon.",
        Trouble::InlineComment => "Put the comment into a line of its own.",
        Trouble::SectionTwice { .. } => "Make one section of both.",
        Trouble::KeyTwice { .. } => "Remove one of them.",
        Trouble::NameNotForAll(_) => "Use ASCII letters, digits and . _ / % @ : + - without quotes.",
        Trouble::CapitalKey(_) => "Write it in small letters.",
        Trouble::Indented => "Begin the line at the margin.",
        Trouble::NoEqualsForRust => "Make it “key = value”, without “#” or “;” in the key.",
        Trouble::EndsWithin | Trouble::OddSpace | Trouble::OddSpaceInFront => {
            "Write blanks for all white space in the line: an editor can show what is there (“cat -A” does)."
        }
        Trouble::NoEquals => "Make it “key = value”, or a comment.",
        Trouble::UnclearHeader => "End the line with the bracket.",
        Trouble::EmptyHeader => "Name the section, or remove it.",
        Trouble::NoSection => "Move it below a header, for instance [default].",
        Trouble::DefaultTwice => "Make one section of both: [default].",
        Trouble::NotTwoWords(_) => {
            "Write [profile NAME] with a name of ASCII letters, digits and . _ / % @ : + -"
        }
        Trouble::NotAProfile(_) => "Write [profile NAME], if it is to be one.",
        Trouble::DefaultForAll => "Write [default], if it is to be a profile.",
        Trouble::InBothFiles(_) => "Keep it in one of the files.",
        Trouble::SessionAndOwn(_) => "Leave it to the [sso-session …].",
        Trouble::TwoWays => "Keep one of both.",
    }
}
