//! What the window and the command line see of programs that get credentials, and may order about them.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::ProblemView;
use crate::consumers::{Launch, RevokedProgram};
use crate::uses::Use;

/// What a person orders about those who are handed credentials: a program, or one launch of `exec` or `serve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum ConsumerOrder {
    /// Those of the newest 200 uses with a higher number than this one, at most 100.
    List {
        #[ts(type = "number")]
        after: u64,
    },
    /// It gets nothing any more.
    Revoke { consumer: String },
    /// A program may get credentials again, and those that it waits for.
    Allow { consumer: String },
    /// The answer to a question of the snapshot.
    Answer {
        #[ts(type = "number")]
        question: u64,
        allow: bool,
    },
}

/// Who was handed credentials, and who is served now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UsesView {
    /// The oldest first.
    pub uses: Vec<Use>,
    /// The endpoints that are running.
    pub launches: Vec<Launch>,
    /// The programs that get nothing.
    pub revoked: Vec<RevokedProgram>,
    /// Why earlier uses are not here.
    pub problem: Option<ProblemView>,
}
