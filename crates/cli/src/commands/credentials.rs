//! `portray credentials`

use std::time::Duration;

use portray_core::agent::protocol::{CredentialsReply, Operation, Reply, Target};
use portray_core::app::contract::ProblemView;

use super::{Invocation, details};
use crate::arguments::{Credentials, Format};
use crate::documents::{COMPETING, CredentialsDocument, ProcessDocument, variables};
use crate::failure::Failure;
use crate::picker;
use crate::printer::on_one_harmless_line;
use crate::shells::{Shell, Unquotable, ini};

pub fn run(invocation: &Invocation, arguments: &Credentials) -> Result<(), Failure> {
    let credentials = ask(
        invocation,
        &arguments.role.words(),
        arguments.min_ttl.unwrap_or(0),
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
pub fn ask(invocation: &Invocation, words: &str, min_ttl_seconds: u32) -> Result<CredentialsReply, Failure> {
    let reply = picker::ask(invocation, words, |role| Operation::Credentials {
        role,
        min_ttl_seconds,
    })?;
    let credentials = credentials_in(invocation, reply)?;
    if !is_named_in_full(words, &credentials) {
        let (account, id) = (&credentials.account_name, &credentials.role.account);
        let note = format!("This is {account}/{} ({id}).", credentials.role.permission_set);
        invocation.printer.note(&on_one_harmless_line(&note));
    }
    Ok(credentials)
}

/// Whether somebody who wrote this knows which role they get. A few letters that hit only one role may have meant
/// another, which is not assigned.
fn is_named_in_full(words: &str, credentials: &CredentialsReply) -> bool {
    let words = words.to_lowercase();
    let has = |name: &str| !name.is_empty() && words.contains(&name.to_lowercase());
    let CredentialsReply {
        role, account_name, ..
    } = credentials;
    has(&role.permission_set) && (has(&role.account) || has(account_name))
}

/// Credentials of the role that a tool names, or why there are none. It waits no longer than `patience`.
pub fn ask_for_tool(
    invocation: &Invocation,
    role: Target,
    patience: Duration,
) -> Result<CredentialsReply, Failure> {
    let mut client = invocation.connect()?;
    client.wait_at_most(Some(patience))?;
    let reply = client.ask(&Operation::Credentials {
        role,
        min_ttl_seconds: 0,
    })?;
    credentials_in(invocation, reply)
}

fn credentials_in(invocation: &Invocation, reply: Reply) -> Result<CredentialsReply, Failure> {
    let Reply::Credentials(credentials) = reply else {
        return Err(Failure::unexpected_answer());
    };
    details::credentials(invocation, &credentials);
    Ok(credentials)
}
