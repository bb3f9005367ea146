//! `portray credentials`

use std::time::Duration;

use portray_core::agent::ClientError;
use portray_core::agent::protocol::{Asker, CredentialsReply, Operation, PreparedReply, Reply, Target};
use portray_core::app::contract::{ProblemView, Role};
use portray_core::clock::{Clock, SystemClock};
use portray_core::uses::Door;

use super::{Invocation, details};
use crate::agent_start::Questions;
use crate::arguments::{Credentials, Format};
use crate::documents::{COMPETING, CredentialsDocument, ProcessDocument, variables};
use crate::failure::Failure;
use crate::for_tools::{self, PATIENCE};
use crate::picker;
use crate::printer::on_one_harmless_line;
use crate::shells::{Shell, Unquotable, ini};

/// No wait can be shorter than that and be one.
const LEAST: Duration = Duration::from_millis(100);

pub fn run(invocation: &Invocation, arguments: &Credentials) -> Result<(), Failure> {
    let credentials = ask(
        invocation,
        &arguments.role.words(),
        arguments.min_ttl.unwrap_or(0),
        &Asker::through(Door::Credentials),
    )?;
    let printer = invocation.printer;
    let variables = variables(&credentials, arguments.region.as_deref());
    let in_words_of = |shell: Shell| shell.set(&COMPETING, &variables);
    let text = match arguments.format {
        Format::Process => return printer.json(&ProcessDocument::from(&credentials)),
        Format::Json => return printer.json(&CredentialsDocument::from(&credentials)),
        Format::Bash => in_words_of(Shell::Bash),
        Format::Fish => in_words_of(Shell::Fish),
        Format::Powershell => in_words_of(Shell::Powershell),
        Format::Cmd => in_words_of(Shell::Cmd),
        Format::Ini => ini(&variables, "default"),
    };
    printer.exactly(&text.map_err(|Unquotable| ProblemView::unquotable())?)
}

/// Credentials of the role that a person names or chooses, or why there are none.
pub fn ask(
    invocation: &Invocation,
    words: &str,
    min_ttl_seconds: u32,
    asker: &Asker,
) -> Result<CredentialsReply, Failure> {
    let reply = picker::ask(invocation, words, |role| Operation::Credentials {
        role,
        min_ttl_seconds,
        asker: asker.clone(),
    })?;
    let credentials = credentials_in(invocation, reply)?;
    say_which(invocation, words, &credentials.role, &credentials.account_name);
    Ok(credentials)
}

/// Sees that credentials of the role can be had that a person names or chooses, for an endpoint that begins.
pub fn prepare(invocation: &Invocation, words: &str, door: Door) -> Result<PreparedReply, Failure> {
    let reply = picker::ask(invocation, words, |role| Operation::Prepare { role, door })?;
    let Reply::Prepared(prepared) = reply else {
        return Err(Failure::unexpected_answer());
    };
    details::prepared(invocation, &prepared);
    say_which(invocation, words, &prepared.role, &prepared.account_name);
    Ok(prepared)
}

/// Says which role it is, where somebody may have meant another one.
fn say_which(invocation: &Invocation, words: &str, role: &Role, account_name: &str) {
    if !is_named_in_full(words, role, account_name) {
        let note = format!("This is {} ({}).", role.in_words(account_name), role.account);
        invocation.printer.note(&on_one_harmless_line(&note));
    }
}

/// Whether somebody who wrote this knows which role they get. A few letters that hit only one role may have meant
/// another, which is not assigned.
fn is_named_in_full(words: &str, role: &Role, account_name: &str) -> bool {
    let words = words.to_lowercase();
    let has = |name: &str| !name.is_empty() && words.contains(&name.to_lowercase());
    if let Some(chain) = &role.chain {
        return has(chain);
    }
    has(&role.permission_set) && (has(&role.account) || has(account_name))
}

/// Credentials of the role that a tool names, or why there are none; in the time that a tool is given. `waited`: the
/// small program has asked for so long already, and the agent ended before it answered.
pub fn ask_for_tool(
    invocation: &Invocation,
    role: Target,
    waited: Option<Duration>,
) -> Result<CredentialsReply, Failure> {
    let operation = for_tools::operation(role);
    let first = match waited {
        Some(_) => None,
        None => Some(invocation.connect_with(Questions::No)?),
    };
    let clock = SystemClock::new();
    if let Some(mut client) = first {
        client.wait_at_most(Some(PATIENCE))?;
        match client.ask(&operation) {
            // One that crashes, or makes room for another one, answers nobody any more whom it had not heard yet.
            Err(ClientError::Closed) => {}
            answer => return credentials_in(invocation, answer?),
        }
    }
    let mut next = invocation.connect_with(Questions::No)?;
    let left = PATIENCE.saturating_sub(waited.unwrap_or_default() + clock.elapsed());
    next.wait_at_most(Some(left.max(LEAST)))?;
    credentials_in(invocation, next.ask(&operation)?)
}

fn credentials_in(invocation: &Invocation, reply: Reply) -> Result<CredentialsReply, Failure> {
    let credentials = for_tools::credentials_in(reply)?;
    details::credentials(invocation, &credentials);
    Ok(credentials)
}
