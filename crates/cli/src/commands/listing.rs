//! Waits while accounts are being listed, and shows how far that is.

use std::time::Duration;

use portray_core::agent::protocol::{Operation, Reply};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{PortalView, ProblemCode, SyncProgress};
use portray_core::clock::{Clock, SystemClock};

use super::{Invocation, status_of};
use crate::failure::Failure;
use crate::patience::Wait;
use crate::printer::Printer;

/// How often it is said how far a list is where nothing can be drawn over.
const BETWEEN_COUNTS: Duration = Duration::from_secs(5);

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
    clock: SystemClock,
    counts: Counts,
}

/// When it was last said how far a list is, and how far that was.
#[derive(Default)]
struct Counts {
    said_at: Duration,
    done: u32,
}

impl Counts {
    /// What is to be said now, where it is time and there is more than before.
    fn said(&mut self, now: Duration, portal: &str, running: Option<SyncProgress>) -> Option<String> {
        let SyncProgress { done, total } = running?;
        if now < self.said_at + BETWEEN_COUNTS || done <= self.done {
            return None;
        }
        (self.said_at, self.done) = (now, done);
        Some(format!("Listing the accounts of {portal}: {done} of {total} …"))
    }
}

impl Shown {
    fn on(printer: Printer) -> Self {
        Self {
            printer,
            anything: false,
            noted: None,
            is_trouble_said: false,
            clock: SystemClock::new(),
            counts: Counts::default(),
        }
    }

    /// Elsewhere than on a terminal it is said once what is waited for, at once to those who want to know more, and every
    /// few seconds how far that is.
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
        if !self.printer.is_watched() {
            let now = self.clock.elapsed();
            let counted = self.counts.said(now, &portal.name, portal.sync.running);
            if let Some(words) = counted {
                self.printer.note(&words);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s2_how_far_a_long_list_is_is_said_every_five_seconds_where_there_is_more() {
        let mut counts = Counts::default();
        let mut said = |seconds, done| {
            let running = SyncProgress { done, total: 3000 };
            counts.said(Duration::from_secs(seconds), "acme", Some(running))
        };
        let words = |done| Some(format!("Listing the accounts of acme: {done} of 3000 …"));
        assert_eq!(
            said(4, 90),
            None,
            "whoever has waited for so short does not wonder yet"
        );
        assert_eq!(said(5, 100), words(100));
        assert_eq!(said(9, 180), None);
        assert_eq!(said(10, 200), words(200));
        assert_eq!(said(15, 200), None, "nothing has come");
        assert_eq!(said(16, 201), words(201));
        assert_eq!(said(30, 0), None);
        assert_eq!(counts.said(Duration::from_secs(60), "acme", None), None);
    }
}
