//! `portray credentials`

use std::time::Duration;

use portray_core::agent::ClientError;
use portray_core::agent::protocol::{CredentialsReply, Operation, Reply, Target};
use portray_core::app::contract::ProblemView;
use portray_core::clock::{Clock, SystemClock};

use super::{Invocation, details};
use crate::arguments::Credentials;
use crate::failure::Failure;
use crate::picker;
use crate::shells::{self, CredentialsDocument, Format, ProcessDocument, Unquotable, variables};

/// No wait can be shorter than that and be one.
const LEAST: Duration = Duration::from_millis(100);

pub fn run(invocation: &Invocation, arguments: &Credentials) -> Result<(), Failure> {
    let credentials = ask(
        invocation,
        &arguments.role.words(),
        arguments.min_ttl.unwrap_or(0),
    )?;
    let printer = invocation.printer;
    let variables = variables(&credentials, arguments.region.as_deref());
    let text = match arguments.format {
        Format::Process => return printer.json(&ProcessDocument::from(&credentials)),
        Format::Json => return printer.json(&CredentialsDocument::from(&credentials)),
        Format::Bash => shells::posix(&variables),
        Format::Fish => shells::fish(&variables),
        Format::Powershell => shells::powershell(&variables),
        Format::Cmd => shells::cmd(&variables),
        Format::Ini => shells::ini(&variables, "default"),
    };
    printer.exactly(&text.map_err(|Unquotable| ProblemView::unquotable())?)
}

/// Credentials of the role that a person names or chooses, or why there are none.
pub fn ask(invocation: &Invocation, words: &str, min_ttl_seconds: u32) -> Result<CredentialsReply, Failure> {
    let reply = picker::ask(invocation, words, |role| Operation::Credentials {
        role,
        min_ttl_seconds,
    })?;
    credentials_in(invocation, reply)
}

/// Credentials of the role that a tool names, or why there are none. It waits no longer than `patience`.
pub fn ask_for_tool(
    invocation: &Invocation,
    role: Target,
    patience: Duration,
) -> Result<CredentialsReply, Failure> {
    let operation = Operation::Credentials {
        role,
        min_ttl_seconds: 0,
    };
    let mut client = invocation.connect()?;
    let clock = SystemClock::new();
    client.wait_at_most(Some(patience))?;
    let reply = match client.ask(&operation) {
        // One that crashes, or makes room for another one, answers nobody any more whom it had not heard yet.
        Err(ClientError::Closed) => {
            let mut next = invocation.connect()?;
            let left = patience.saturating_sub(clock.elapsed());
            next.wait_at_most(Some(left.max(LEAST)))?;
            next.ask(&operation)
        }
        answer => answer,
    };
    credentials_in(invocation, reply?)
}

fn credentials_in(invocation: &Invocation, reply: Reply) -> Result<CredentialsReply, Failure> {
    let Reply::Credentials(credentials) = reply else {
        return Err(Failure::unexpected_answer());
    };
    details::credentials(invocation, &credentials);
    Ok(credentials)
}
