//! What the window sees of the profiles in `~/.aws/config`, and may order about them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ProblemView;

/// What a person orders about the profiles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ProfilesOrder {
    /// What would become of the file. Changes nothing.
    Show {
        change: ProfilesChange,
        /// The first line of the difference that is wanted; at most 500 are given.
        from: u32,
    },
    /// Makes the change that was shown, by what told it from others, and no other one.
    Make { change: ProfilesChange, shown: String },
}

/// What can be done to the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProfilesChange {
    /// Profiles for all roles that are assigned now.
    Write,
    /// Takes back what was done last from the window.
    Undo,
    /// Takes all of Portray's profiles out.
    Remove,
}

/// A change of the file, as it would be made now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProfilesView {
    pub change: ProfilesChange,
    pub path: String,
    /// Tells this change from every other one. Absent where there is nothing to change, or it cannot be done.
    pub shown: Option<String>,
    /// In one sentence.
    pub summary: String,
    /// A part of the difference.
    pub lines: Vec<DifferenceLine>,
    /// Where in the difference that part begins.
    pub from: u32,
    /// How many lines the difference has.
    pub length: u32,
    pub added: u32,
    pub removed: u32,
    /// What else has to be known about it.
    pub notes: Vec<String>,
    /// Roles that get no profile, and why.
    pub skipped: Vec<String>,
    /// What in AWS's files not every tool reads in the same way.
    pub findings: Vec<FileFinding>,
    /// Where the file is kept as it was before Portray wrote to it.
    pub backup: Option<String>,
    /// Something was changed from the window that can be taken back.
    pub can_undo: bool,
    /// There are profiles of Portray's in the file.
    pub can_remove: bool,
    /// Why this change cannot be made, or was not made as it was shown before.
    pub problem: Option<ProblemView>,
}

/// A line of the difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct DifferenceLine {
    pub sign: LineSign,
    pub text: String,
    /// It is the last line of the file, and not ended.
    pub unended: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum LineSign {
    Added,
    Removed,
    /// It stands beside a change.
    Kept,
    /// No line: says how many stay as they are and are not shown.
    Gap,
}

/// Something in a file of AWS's that not every tool reads in the same way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct FileFinding {
    /// The file's name and the line.
    pub place: String,
    pub what: String,
    pub advice: String,
}
