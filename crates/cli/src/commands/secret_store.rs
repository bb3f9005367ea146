//! Whether the agent that runs keeps sign-ins where this command's environment wants them.

use portray_core::agent::protocol::AgentKind;
use portray_core::app::contract::{PortalState, PortalView, ProblemView};
use portray_core::paths::SecretStore;

use super::{Invocation, agent, status_of};
use crate::agent_start::{self, Questions};
use crate::failure::Failure;

/// An agent reads `PORTRAY_SECRET_STORE` once, when it starts. Where sign-ins are wanted elsewhere than in the keyring,
/// an agent that keeps them in another place ends if nobody is signed in there, and the next command starts another;
/// else the person is asked to.
pub fn agree(invocation: &Invocation) -> Result<(), Failure> {
    let wanted = invocation.environment.secret_store()?;
    let there = match wanted {
        SecretStore::Keyring => return Ok(()),
        SecretStore::Memory => "in memory only",
        SecretStore::File => "in an encrypted file",
    };
    let mut client = agent_start::connect(&invocation.environment, &invocation.paths, Questions::Allowed)?;
    // One that does not introduce itself is of another version: what is asked next says so.
    let Ok(agent) = client.hello() else {
        return Ok(());
    };
    let kept = agent.keeps_in();
    if kept == wanted {
        return Ok(());
    }
    if agent.kind == AgentKind::Tray {
        return Err(ProblemView::application_keeps_elsewhere(agent.pid, kept, wanted).into());
    }
    if status_of(&mut client)?.portals.iter().any(is_in_use) {
        return Err(ProblemView::agent_keeps_elsewhere(agent.pid, kept, wanted).into());
    }
    agent::end(invocation, &mut client, agent.pid)?;
    invocation.printer.note(&format!(
        "The agent starts anew, since PORTRAY_SECRET_STORE asks for sign-ins to be kept {there}."
    ));
    Ok(())
}

/// Whether somebody is signed in there, or about to be.
pub fn is_in_use(portal: &PortalView) -> bool {
    match portal.state {
        PortalState::SignedIn | PortalState::SigningIn | PortalState::Offline => true,
        PortalState::SignInNeeded | PortalState::Unknown => false,
    }
}
