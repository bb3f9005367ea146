//! Why a command ends with another exit code than 0.

use std::io;

use portray_core::agent::targets::Refusal;
use portray_core::agent::{ClaimError, ClientError, EngineError};
use portray_core::app::contract::ProblemView;
use portray_core::aws_config::file::FileError;
use portray_core::paths::EnvironmentError;
use portray_core::settings::SettingsError;

/// What happened, what to do, and the targets that could have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub problem: ProblemView,
    pub candidates: Vec<String>,
    /// Whoever read the output has had enough of it, as `head` has: nobody needs to be told.
    pub reader_left: bool,
}

/// What a shell says of a program that ended because its reader had left (SIGPIPE).
pub const READER_LEFT: u8 = 141;

impl Failure {
    /// An answer that this program does not expect: the agent is of another version.
    pub fn unexpected_answer() -> Self {
        ClientError::Garbled.into()
    }

    /// Standard output is closed, or what it leads to is full.
    pub fn no_stdout(error: &io::Error) -> Self {
        ProblemView::no_stdout(error).into()
    }

    /// Writing to standard output did not work.
    pub fn unwritten(error: &io::Error) -> Self {
        Self {
            reader_left: error.kind() == io::ErrorKind::BrokenPipe,
            ..Self::no_stdout(error)
        }
    }

    /// Something of the system did not work as it always does.
    pub fn system(doing: &str, error: &io::Error) -> Self {
        ProblemView::system(doing, error).into()
    }
}

impl From<ProblemView> for Failure {
    fn from(problem: ProblemView) -> Self {
        Self {
            problem,
            candidates: Vec::new(),
            reader_left: false,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem { problem, candidates } => Self {
                candidates,
                ..Self::from(problem)
            },
            ClientError::NotRunning
            | ClientError::SocketGone { .. }
            | ClientError::NotOurs
            | ClientError::Folder { .. }
            | ClientError::OutOfReach { .. }
            | ClientError::TimedOut
            | ClientError::Hung { .. }
            | ClientError::Closed
            | ClientError::Broken(_)
            | ClientError::OtherVersion(_)
            | ClientError::Garbled => error.into_problem().into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self {
            candidates: refusal.candidates,
            ..Self::from(refusal.problem)
        }
    }
}

impl From<EnvironmentError> for Failure {
    fn from(error: EnvironmentError) -> Self {
        ProblemView::environment(&error).into()
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        error.into_problem().into()
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        ProblemView::settings(&error).into()
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        ProblemView::aws_config(&error).into()
    }
}

impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        error.into_problem().into()
    }
}
