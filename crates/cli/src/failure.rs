//! Why a command ends with another exit code than 0.

use std::io;

use portray_core::agent::protocol::AgentKind;
use portray_core::agent::targets::Refusal;
use portray_core::agent::{ClaimError, ClientError, EngineError};
use portray_core::app::contract::{ProblemCode, ProblemView};
use portray_core::paths::EnvironmentError;
use portray_core::settings::SettingsError;

/// What happened, what to do, and the targets that could have been meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    pub problem: ProblemView,
    pub candidates: Vec<String>,
}

impl Failure {
    pub fn new(code: ProblemCode, what_happened: impl Into<String>, what_to_do: impl Into<String>) -> Self {
        ProblemView::new(code, what_happened, what_to_do).into()
    }

    /// An answer that this program does not expect: the agent is of another version.
    pub fn unexpected_answer() -> Self {
        ClientError::Garbled.into()
    }

    /// Standard output is closed, or what it leads to is full.
    pub fn no_stdout(error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("The output could not be written: {error}."),
            "Look at the program that reads it.",
        )
    }

    /// Something of the system did not work as it always does.
    pub fn system(doing: &str, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("{doing} failed: {error}."),
            "Look at the system's limits and try again.",
        )
    }
}

impl From<ProblemView> for Failure {
    fn from(problem: ProblemView) -> Self {
        Self {
            problem,
            candidates: Vec::new(),
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem { problem, candidates } => Self { problem, candidates },
            ClientError::NotRunning
            | ClientError::NotOurs
            | ClientError::TimedOut
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
            problem: refusal.problem,
            candidates: refusal.candidates,
        }
    }
}

impl From<EnvironmentError> for Failure {
    fn from(error: EnvironmentError) -> Self {
        let (code, what_to_do) = match &error {
            EnvironmentError::SecretStore(_) | EnvironmentError::SecretStoreFile => (
                ProblemCode::SecretStore,
                "Unset it for the keyring, or set PORTRAY_SECRET_STORE=memory to keep sign-ins in memory only.",
            ),
            EnvironmentError::Endpoint(_) => (
                ProblemCode::WrongUse,
                "Correct it, or unset it to use AWS itself.",
            ),
            EnvironmentError::NoHome => (
                ProblemCode::WrongUse,
                "For instance: export PORTRAY_HOME=/var/lib/portray",
            ),
        };
        Self::new(code, sentence(&error), what_to_do)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Environment(error) => error.into(),
            EngineError::Settings(error) => error.into(),
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        let what_to_do = match &error {
            SettingsError::Unreadable { .. } | SettingsError::Unwritable { .. } => {
                "See that the file is yours."
            }
            SettingsError::Damaged { .. } => "Mend the file, then try again.",
            SettingsError::GuardsNotKept { .. } => {
                "Take the [[guard]] rules out, if you can do without them."
            }
            SettingsError::DuplicateName(_) => "Give one of them another name.",
        };
        Self::new(ProblemCode::Failed, sentence(&error), what_to_do)
    }
}

impl From<ClaimError> for Failure {
    fn from(error: ClaimError) -> Self {
        match &error {
            ClaimError::Taken(Some(agent)) => {
                let (who, what_to_do) = match agent.kind {
                    AgentKind::Tray => (
                        "The Portray application",
                        "It serves the command line too: nothing to do.",
                    ),
                    AgentKind::Headless => ("An agent", "To end it: portray agent stop"),
                };
                let what_happened = format!("{who} is running already (process {}).", agent.pid);
                Self::new(ProblemCode::Failed, what_happened, what_to_do)
            }
            ClaimError::Taken(None) => Self::new(
                ProblemCode::Failed,
                "An agent is running already, but does not answer yet.",
                "Try again in a moment.",
            ),
            ClaimError::Folder(_) => Self::new(
                ProblemCode::NoAgent,
                sentence(&error),
                "Remove it, or set XDG_RUNTIME_DIR to a folder of your own with mode 0700.",
            ),
            ClaimError::Socket { .. } | ClaimError::Lock { .. } => Self::new(
                ProblemCode::NoAgent,
                sentence(&error),
                "Look at what stands there; a path longer than about 100 bytes is too long for a socket.",
            ),
        }
    }
}

/// An error's text as a sentence.
fn sentence(error: &impl std::fmt::Display) -> String {
    let text = error.to_string();
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    // A name is not ours to capitalise.
    if text.starts_with("PORTRAY_") || text.starts_with('/') {
        return format!("{text}.");
    }
    format!("{first}{}.", letters.as_str())
}
