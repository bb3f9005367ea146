//! `portray credentials`

use portray_core::agent::Client;
use portray_core::agent::protocol::{CredentialsReply, Operation, Reply, Target};
use portray_core::app::contract::ProblemCode;

use super::Invocation;
use crate::arguments::Credentials;
use crate::failure::Failure;
use crate::shells::{self, CredentialsDocument, Format, ProcessDocument, Unquotable, variables};

pub fn run(invocation: &Invocation, arguments: &Credentials) -> Result<(), Failure> {
    let mut client = invocation.connect()?;
    let credentials = ask(
        &mut client,
        arguments.role.target(),
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
    printer.exactly(&text.map_err(unquotable)?)
}

/// Credentials of a role, or why there are none.
pub fn ask(client: &mut Client, role: Target, min_ttl_seconds: u32) -> Result<CredentialsReply, Failure> {
    let operation = Operation::Credentials {
        role,
        min_ttl_seconds,
    };
    let Reply::Credentials(credentials) = client.ask(&operation)? else {
        return Err(Failure::unexpected_answer());
    };
    Ok(credentials)
}

fn unquotable(Unquotable: Unquotable) -> Failure {
    Failure::new(
        ProblemCode::WrongUse,
        "A value holds characters that this format cannot carry.",
        "Use another format, or another region.",
    )
}
