//! Waits while accounts are being listed, and shows how far that is.

use portray_core::agent::protocol::{Operation, Reply};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{PortalView, ProblemCode};

use super::{Invocation, status_of};
use crate::patience::Wait;
use crate::printer::Printer;

/// Asks about a role. While a first list is made that may have its name, and AWS answers, waits for that and asks once
/// more.
pub fn ask(
    invocation: &Invocation,
    client: &mut Client,
    operation: &Operation,
) -> Result<Reply, ClientError> {
    match ask_patiently(invocation, client, operation) {
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
}

impl Shown {
    fn on(printer: Printer) -> Self {
        Self {
            printer,
            anything: false,
        }
    }

    /// Elsewhere than on a terminal it is said once what is waited for.
    fn portal(&mut self, portal: &PortalView) {
        if !self.anything && !self.printer.is_watched() {
            let note = format!("Waiting until the accounts of {} are listed …", portal.name);
            self.printer.note(&note);
        }
        let so_far = match portal.sync.running {
            Some(running) if running.total > 0 => format!(": {} of {}", running.done, running.total),
            Some(_) | None => String::new(),
        };
        self.printer
            .progress(&format!("Listing the accounts of {}{so_far} …", portal.name));
        self.anything = true;
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if self.anything {
            self.printer.progress("");
        }
    }
}
