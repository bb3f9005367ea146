//! `portray agent`, `portray agent status`, `portray agent stop`

use std::time::Duration;

use portray_core::agent::protocol::{AgentHello, AgentKind, Operation, Reply};
use portray_core::agent::{ClaimError, Client, ClientError, wait_until_gone};
use portray_core::app::contract::{PortalState, PortalView, ProblemCode, ProblemView};
use portray_core::paths::SecretStore;
use serde::Serialize;

use super::secret_store::is_in_use;
use super::{Invocation, headless, status_of};
use crate::agent_start::{self, Questions};
use crate::arguments::{Agent, AgentCommand};
use crate::failure::Failure;
use crate::hung_agent::{self, Ended, Holder};

/// Answers under way get five seconds, the keyring some more.
const STOPPING: Duration = Duration::from_secs(10);

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
    match Client::find(&invocation.paths) {
        Ok(mut client) => return Err(ClaimError::Taken(Some(client.hello()?)).into()),
        Err(error @ ClientError::SocketGone { .. }) => return Err(error.into()),
        // Whatever else is in the way is in the way of a start too, and said there.
        Err(_) => {}
    }
    let agent =
        agent_start::start(&invocation.environment, &invocation.paths, Questions::Allowed)?.hello()?;
    let line = format!("An agent is running (process {}).", agent.pid);
    invocation.printer.note(&line);
    Ok(())
}

fn status(invocation: &Invocation, json: bool) -> Result<(), Failure> {
    let agent = Client::find(&invocation.paths)?.hello()?;
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
    let mut client = match Client::find(&invocation.paths) {
        Err(ClientError::NotRunning) => {
            invocation.printer.note("No agent is running.");
            return Ok(());
        }
        Err(ClientError::SocketGone { pid, .. }) => {
            return stop_by_signal(invocation, Some(pid), "could not be reached", force);
        }
        outcome => outcome?,
    };
    let agent = match client.hello() {
        Err(ClientError::Hung { pid }) => return stop_by_signal(invocation, pid, "did not answer", force),
        outcome => outcome?,
    };
    let what = match agent.kind {
        AgentKind::Tray if !force => return Err(ProblemView::application_is_no_agent(agent.pid).into()),
        AgentKind::Tray => "The Portray application",
        AgentKind::Headless => "The agent",
    };
    // One of another version may not say; it ends all the same.
    let portals = portals_now(&mut client).unwrap_or_default();
    let unsaved = portals.iter().find(|portal| is_unsaved(portal));
    if let (Some(portal), false) = (unsaved, force) {
        return Err(ProblemView::unsaved_sign_in(&portal.name).into());
    }
    let undeleted = portals.iter().find(|portal| is_undeleted(portal));
    if let (Some(portal), false) = (undeleted, force) {
        return Err(ProblemView::undeleted_sign_in(&portal.name).into());
    }
    let how = match end(invocation, &mut client, agent.pid)? {
        None => format!("has stopped{}", what_becomes(&portals, agent.keeps_in())),
        Some(ended) => in_the_end(ended).to_owned(),
    };
    invocation.printer.note(&format!("{what} {how}."));
    Ok(())
}

/// One that answers nobody, or that nobody can ask.
fn stop_by_signal(invocation: &Invocation, pid: Option<u32>, why: &str, force: bool) -> Result<(), Failure> {
    let holder = hung_agent::holder(&invocation.paths, pid)?;
    let what = match holder {
        Holder::Application(pid) if !force => return Err(ProblemView::application_hangs(pid).into()),
        Holder::Application(pid) => format!("The Portray application (process {pid})"),
        Holder::Agent(pid) => format!("The agent (process {pid})"),
    };
    let ended = hung_agent::end(&invocation.paths, holder)?;
    let line = format!("{what} {why}. It {}.", in_the_end(ended));
    invocation.printer.note(&line);
    Ok(())
}

/// Without waiting for a store that hangs. An agent of an older version waits for it.
fn portals_now(client: &mut Client) -> Result<Vec<PortalView>, ClientError> {
    match client.ask(&Operation::StatusNow) {
        Ok(Reply::Status(status)) => Ok(status.portals),
        Ok(_) | Err(_) => Ok(status_of(client)?.portals),
    }
}

fn in_the_end(ended: Ended) -> &'static str {
    match ended {
        Ended::Heeded => "has ended when a signal told it to",
        Ended::Killed => "did not end by itself and was killed; what it had not stored is gone",
    }
}

/// Nobody is signed in, and what is still stored would be used by the next agent.
fn is_undeleted(portal: &PortalView) -> bool {
    let problem = portal.problem.as_ref();
    portal.state == PortalState::SignInNeeded
        && problem.is_some_and(|problem| problem.code == ProblemCode::SecretStore)
}

/// Somebody is signed in, and what AWS gave last is in the agent's memory only.
fn is_unsaved(portal: &PortalView) -> bool {
    let problem = portal.problem.as_ref();
    is_in_use(portal) && problem.is_some_and(|problem| problem.code == ProblemCode::SecretStore)
}

/// What becomes of the sign-ins of an agent that ends, as far as it is known.
fn what_becomes(portals: &[PortalView], kept_in: SecretStore) -> &'static str {
    let mut signed_in = portals.iter().filter(|portal| is_in_use(portal)).peekable();
    if signed_in.peek().is_none() {
        return "";
    }
    match kept_in {
        SecretStore::Memory => "; its sign-ins were in memory only and are gone",
        SecretStore::Keyring | SecretStore::File if signed_in.any(is_unsaved) => {
            "; what it could not keep is gone"
        }
        SecretStore::Keyring => "; sign-ins are kept in the keyring",
        SecretStore::File => "; sign-ins are kept in the encrypted file",
    }
}

/// Ends the agent and waits until it is gone. One that does not do what it is asked is made to; then it is said how.
pub(super) fn end(invocation: &Invocation, client: &mut Client, pid: u32) -> Result<Option<Ended>, Failure> {
    let pid = match client.ask(&Operation::Stop) {
        Ok(_) if wait_until_gone(&invocation.paths, STOPPING)? => return Ok(None),
        Ok(_) => Some(pid),
        Err(ClientError::Hung { pid }) => pid,
        Err(error) => return Err(error.into()),
    };
    let holder = hung_agent::holder(&invocation.paths, pid)?;
    hung_agent::end(&invocation.paths, holder).map(Some)
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
