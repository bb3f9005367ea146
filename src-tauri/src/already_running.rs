//! A second start: the application that runs already shows its window instead.

use portray_core::agent::client::{Client, ClientError};
use portray_core::agent::protocol::{AgentHello, AgentKind, Operation};
use portray_core::app::contract::{ProblemView, Request};
use portray_core::paths::{Paths, SecretStore};

/// The tray application that runs already, if one does.
pub fn tray_application(paths: &Paths) -> Option<AgentHello> {
    let hello = Client::connect(paths).ok()?.hello().ok()?;
    (hello.kind == AgentKind::Tray).then_some(hello)
}

/// Shows the window of the one that runs; a headless agent that would lose its sign-ins is left alone.
pub fn show(paths: &Paths, running: &AgentHello) -> Result<(), ProblemView> {
    if running.kind == AgentKind::Headless {
        return Err(match running.keeps_in() {
            SecretStore::Memory => ProblemView::agent_in_memory(running.pid),
            kept @ (SecretStore::Keyring | SecretStore::File) => {
                ProblemView::agent_keeps_apart(running.pid, kept)
            }
        });
    }
    let show = Operation::Command {
        request: Request::ShowWindow,
    };
    let shown = Client::connect(paths).and_then(|mut client| client.ask(&show));
    shown.map(|_| ()).map_err(ClientError::into_problem)
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
            secret_store: None,
        };
        let problem = show(&paths, &agent).unwrap_err();
        assert!(problem.what_to_do.contains("portray agent stop"));
    }
}
