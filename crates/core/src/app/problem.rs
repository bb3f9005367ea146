//! Every sentence about a failure that a person reads: what happened, what to do.

use crate::app::contract::{ProblemCode, ProblemView};

impl ProblemView {
    pub fn new(code: ProblemCode, what_happened: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        Self {
            code,
            what_happened: what_happened.into(),
            what_to_do: what_to_do.into(),
        }
    }
}

impl ProblemCode {
    /// The command line's exit code.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::WrongUse => 2,
            Self::SignInNeeded => 3,
            Self::NotAssigned => 4,
            Self::Unreachable => 5,
            Self::NoAgent => 6,
            Self::SecretStore => 7,
            Self::Cancelled => 130,
        }
    }
}
