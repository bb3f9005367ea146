//! `portray agent`, `portray agent status`, `portray agent stop`

use std::time::Duration;

use portray_core::agent::protocol::{AgentHello, AgentKind, Operation};
use portray_core::agent::{ClaimError, Client, ClientError, wait_until_gone};
use portray_core::app::contract::{PortalView, ProblemCode, ProblemView};
use portray_core::paths::SecretStore;
use serde::Serialize;

use super::secret_store::is_in_use;
use super::{Invocation, headless, status_of};
use crate::agent_start;
use crate::arguments::{Agent, AgentCommand};
use crate::failure::Failure;

/// Answers under way get three seconds, the keyring some more.
const STOPPING: Duration = Duration::from_secs(15);

#[derive(Serialize)]
struct AgentDocument<'a> {
    pid: u32,
    version: &'a str,
    kind: AgentKind,
}

pub fn run(invocation: &Invocation, arguments: &Agent) -> Result<(), Failure> {
    match arguments.command {
        Some(AgentCommand::Status(json)) => status(invocation, json.json),
        Some(AgentCommand::Stop { force }) => stop(invocation, force),
        None if arguments.foreground => headless::run(invocation, arguments.detached),
        None => start(invocation),
    }
}

fn start(invocation: &Invocation) -> Result<(), Failure> {
    if let Ok(mut client) = Client::connect(&invocation.paths) {
        return Err(ClaimError::Taken(client.hello().ok()).into());
    }
    let agent = agent_start::start(&invocation.environment, &invocation.paths)?.hello()?;
    let line = format!("An agent is running (process {}).", agent.pid);
    invocation.printer.note(&line);
    Ok(())
}

fn status(invocation: &Invocation, json: bool) -> Result<(), Failure> {
    let agent = Client::connect(&invocation.paths)?.hello()?;
    if json {
        return invocation.printer.json(&AgentDocument {
            pid: agent.pid,
            version: &agent.version,
            kind: agent.kind,
        });
    }
    invocation.printer.data(&in_words(&agent))
}

fn stop(invocation: &Invocation, force: bool) -> Result<(), Failure> {
    let mut client = match Client::connect(&invocation.paths) {
        Err(ClientError::NotRunning) => {
            invocation.printer.note("No agent is running.");
            return Ok(());
        }
        outcome => outcome?,
    };
    let agent = client.hello()?;
    let what = match agent.kind {
        AgentKind::Tray if !force => return Err(ProblemView::application_is_no_agent(agent.pid).into()),
        AgentKind::Tray => "The Portray application",
        AgentKind::Headless => "The agent",
    };
    // One of another version may not say; it ends all the same.
    let portals = status_of(&mut client).map_or_else(|_| Vec::new(), |status| status.portals);
    end(invocation, &mut client)?;
    let sign_ins = what_becomes(&portals, agent.keeps_in());
    invocation.printer.note(&format!("{what} has stopped{sign_ins}."));
    Ok(())
}

/// What becomes of the sign-ins of an agent that ends, as far as it is known.
fn what_becomes(portals: &[PortalView], kept_in: SecretStore) -> &'static str {
    let mut signed_in = portals.iter().filter(|portal| is_in_use(portal)).peekable();
    if signed_in.peek().is_none() {
        return "";
    }
    let is_unsaved = |portal: &PortalView| {
        let problem = portal.problem.as_ref();
        problem.is_some_and(|problem| problem.code == ProblemCode::SecretStore)
    };
    match kept_in {
        SecretStore::Memory => "; its sign-ins were in memory only and are gone",
        SecretStore::Keyring | SecretStore::File if signed_in.any(is_unsaved) => {
            "; what it could not keep is gone"
        }
        SecretStore::Keyring => "; sign-ins are kept in the keyring",
        SecretStore::File => "; sign-ins are kept in the encrypted file",
    }
}

/// Ends the agent and waits until it is gone.
pub(super) fn end(invocation: &Invocation, client: &mut Client) -> Result<(), Failure> {
    client.ask(&Operation::Stop)?;
    match wait_until_gone(&invocation.paths, STOPPING)? {
        true => Ok(()),
        false => Err(ProblemView::agent_does_not_end().into()),
    }
}

fn in_words(agent: &AgentHello) -> String {
    let kind = match agent.kind {
        AgentKind::Tray => "The Portray application",
        AgentKind::Headless => "An agent without a window",
    };
    format!(
        "{kind} is running: version {}, process {}.",
        agent.version, agent.pid
    )
}
