//! A second start: the application that runs already shows its window instead.

use portray_core::agent::claim::ClaimError;
use portray_core::agent::client::{Client, ClientError};
use portray_core::agent::protocol::{AgentHello, AgentKind, Operation};
use portray_core::app::contract::{ProblemCode, ProblemView, Request};
use portray_core::paths::Paths;

/// The tray application that runs already, if one does.
pub fn tray_application(paths: &Paths) -> Option<AgentHello> {
    let hello = Client::connect(paths).ok()?.hello().ok()?;
    (hello.kind == AgentKind::Tray).then_some(hello)
}

/// Shows the window of the one that runs; a headless agent that would lose its sign-ins is left alone.
pub fn show(paths: &Paths, running: &AgentHello) -> Result<(), ProblemView> {
    if running.kind == AgentKind::Headless {
        return Err(ProblemView::new(
            ProblemCode::Failed,
            format!(
                "`portray agent` (process {}) keeps sign-ins in its memory only.",
                running.pid
            ),
            "Run `portray agent stop` and start Portray again; you will have to sign in anew.",
        ));
    }
    let show = Operation::Command {
        request: Request::ShowWindow,
    };
    let shown = Client::connect(paths).and_then(|mut client| client.ask(&show));
    shown.map(|_| ()).map_err(ClientError::into_problem)
}

/// Why this process cannot be the one.
pub fn not_claimed(error: &ClaimError) -> ProblemView {
    let what_to_do = match error {
        ClaimError::Taken(_) => "It does not answer. Wait a moment, or end it, then start Portray again.",
        ClaimError::Folder(_) => "Remove that folder, or set XDG_RUNTIME_DIR to a folder of your own.",
        ClaimError::Socket { .. } | ClaimError::Lock { .. } => {
            "See that the folder exists and can be written to, then start Portray again."
        }
    };
    ProblemView::new(
        ProblemCode::NoAgent,
        format!("Portray cannot start: {error}."),
        what_to_do,
    )
}

#[cfg(test)]
mod tests {
    use portray_core::paths::Environment;

    use super::*;

    #[test]
    fn w6_a_headless_agent_with_a_memory_store_is_not_ended_unasked() {
        let home = tempfile::tempdir().unwrap();
        let paths = Paths::of(&Environment::of(&[(
            "PORTRAY_HOME",
            home.path().to_str().unwrap(),
        )]))
        .unwrap();
        let agent = AgentHello {
            version: "0.1.0".to_owned(),
            pid: 7,
            kind: AgentKind::Headless,
            memory_store: true,
        };
        let problem = show(&paths, &agent).unwrap_err();
        assert!(problem.what_to_do.contains("portray agent stop"));
    }
}
