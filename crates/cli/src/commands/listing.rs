//! Waits while accounts are being listed, and shows how far that is.

use portray_core::agent::protocol::{Operation, Reply};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{PortalView, ProblemCode};

use super::{Invocation, status_of};
use crate::failure::Failure;
use crate::patience::Wait;
use crate::printer::Printer;

/// Asks about a role. While a first list is made that may have its name, and AWS answers, waits for that and asks once
/// more. What changes nothing is asked again too where the agent was gone before it answered.
pub fn ask(
    invocation: &Invocation,
    client: &mut Client,
    operation: &Operation,
) -> Result<Reply, ClientError> {
    let asked = match ask_patiently(invocation, client, operation) {
        Err(ClientError::Closed | ClientError::Broken(_)) if operation.may_be_repeated() => {
            let next = invocation.connect();
            *client = next.map_err(
                |Failure {
                     problem, candidates, ..
                 }| ClientError::Problem { problem, candidates },
            )?;
            ask_patiently(invocation, client, operation)
        }
        asked => asked,
    };
    match asked {
        Err(ClientError::Problem { problem, .. }) if problem.code == ProblemCode::BeingListed => {
            wait(invocation, PortalView::is_soon_listed_first)?;
            ask_patiently(invocation, &mut invocation.reconnect()?, operation)
        }
        outcome => outcome,
    }
}

/// Says what is waited for where that takes long.
fn ask_patiently(
    invocation: &Invocation,
    client: &mut Client,
    operation: &Operation,
) -> Result<Reply, ClientError> {
    let _wait = Wait::begin(invocation.printer, "Waiting for AWS …");
    client.ask(operation)
}

/// Ends when no portal is awaited any more, with all portals as they are then. A large organization takes its time:
/// the agent ends a sync that AWS does not answer.
pub fn wait(
    invocation: &Invocation,
    is_awaited: impl Fn(&PortalView) -> bool,
) -> Result<Vec<PortalView>, ClientError> {
    let mut changes = None;
    let mut shown = Shown::on(invocation.printer);
    loop {
        // What a stream sends may be older than what was asked for before it; the status is not. A connection of its
        // own each time, because the agent closes one that is silent for long.
        let portals = status_of(&mut invocation.reconnect()?)?.portals;
        let Some(awaited) = portals.iter().find(|portal| is_awaited(portal)) else {
            return Ok(portals);
        };
        if changes.is_none() {
            changes = Some(invocation.reconnect()?.stream(&Operation::Subscribe)?);
        }
        shown.portal(awaited);
        if let Some(changes) = &mut changes {
            changes.next().ok_or(ClientError::Closed)??;
        }
    }
}

/// What is said meanwhile; on a terminal it is gone with the wait.
struct Shown {
    printer: Printer,
    anything: bool,
    noted: Option<Wait>,
    is_trouble_said: bool,
}

impl Shown {
    fn on(printer: Printer) -> Self {
        Self {
            printer,
            anything: false,
            noted: None,
            is_trouble_said: false,
        }
    }

    /// Elsewhere than on a terminal it is said once what is waited for, at once to those who want to know more.
    fn portal(&mut self, portal: &PortalView) {
        if !self.anything {
            let words = format!("Waiting until the accounts of {} are listed …", portal.name);
            self.anything = true;
            match self.printer.is_verbose() {
                true => self.printer.note(&words),
                false => self.noted = Some(Wait::noted(self.printer, words)),
            }
        }
        if let Some(trouble) = portal.sync.trouble.as_ref().filter(|_| !self.is_trouble_said) {
            self.is_trouble_said = true;
            self.printer.progress("");
            let words = format!("{} Portray goes on trying.", trouble.what_happened);
            self.printer.note(&words);
        }
        let so_far = match portal.sync.running {
            Some(running) if running.total > 0 => format!(": {} of {}", running.done, running.total),
            Some(_) | None => String::new(),
        };
        self.printer
            .progress(&format!("Listing the accounts of {}{so_far} …", portal.name));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        drop(self.noted.take());
        if self.anything {
            self.printer.progress("");
        }
    }
}
