//! Whether the agent that runs keeps sign-ins where this command's environment wants them.

use portray_core::agent::Client;
use portray_core::agent::protocol::{AgentHello, AgentKind};
use portray_core::app::contract::{PortalState, PortalView, ProblemView};
use portray_core::paths::SecretStore;

use super::{Invocation, agent, status_of};
use crate::agent_start;
use crate::failure::Failure;

/// An agent reads `PORTRAY_SECRET_STORE` once, when it starts. Where sign-ins are wanted in memory only, one that has
/// the keyring ends if nobody is signed in there, and the next command starts another; else the person is asked to.
pub fn agree(invocation: &Invocation) -> Result<(), Failure> {
    if invocation.environment.secret_store()? != SecretStore::Memory {
        return Ok(());
    }
    let mut client = agent_start::connect(&invocation.environment, &invocation.paths)?;
    // One that does not introduce itself is of another version: what is asked next says so.
    let Ok(AgentHello {
        kind,
        pid,
        memory_store: false,
        ..
    }) = client.hello()
    else {
        return Ok(());
    };
    if kind == AgentKind::Tray {
        return Err(ProblemView::application_keeps_in_keyring(pid).into());
    }
    if status_of(&mut client)?.portals.iter().any(is_in_use) {
        return Err(ProblemView::agent_keeps_in_keyring(pid).into());
    }
    make_way(invocation, &mut client)
}

fn make_way(invocation: &Invocation, client: &mut Client) -> Result<(), Failure> {
    agent::end(invocation, client)?;
    invocation.printer.note(
        "The agent starts anew, since PORTRAY_SECRET_STORE asks for sign-ins to be kept in memory only.",
    );
    Ok(())
}

/// Whether somebody is signed in there, or about to be.
fn is_in_use(portal: &PortalView) -> bool {
    match portal.state {
        PortalState::SignedIn | PortalState::SigningIn | PortalState::Offline => true,
        PortalState::SignInNeeded | PortalState::Unknown => false,
    }
}
