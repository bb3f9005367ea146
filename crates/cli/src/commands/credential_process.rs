//! `portray credential-process`: answers an AWS tool. Exactly one JSON document on stdout, or nothing.

use std::path::Path;
use std::time::Duration;

use portray_core::agent::Client;
use portray_core::agent::protocol::{CredentialsReply, Target};

use super::{Invocation, credentials};
use crate::arguments::CredentialProcess;
use crate::documents::ProcessDocument;
use crate::failure::Failure;
use crate::printer::Printer;

/// SDKs wait for about 20 s at least; an answer that something is wrong comes before.
const PATIENCE: Duration = Duration::from_millis(9500);

pub fn run(invocation: &Invocation, arguments: CredentialProcess) -> Result<(), Failure> {
    let target = match arguments.chain {
        Some(chain) => Target::Chain {
            portal: arguments.portal,
            chain,
        },
        // The grammar has one of the two.
        None => Target::Role {
            portal: arguments.portal,
            portal_region: arguments.region,
            account: arguments.account.unwrap_or_default(),
            permission_set: arguments.permission_set.unwrap_or_default(),
        },
    };
    let credentials = credentials::ask_for_tool(invocation, target, PATIENCE)?;
    print(invocation.printer, &credentials)
}

/// The same inside of a container, from the socket of a launch outside.
pub fn of_a_launch(printer: Printer, socket: &Path) -> Result<(), Failure> {
    let credentials = Client::of_a_launch(socket)?.credentials_of_its_role(PATIENCE)?;
    print(printer, &credentials)
}

fn print(printer: Printer, credentials: &CredentialsReply) -> Result<(), Failure> {
    let printed = printer.json(&ProcessDocument::from(credentials));
    // A tool that left before it had its answer is a failure in words.
    printed.map_err(|failure| Failure {
        reader_left: false,
        ..failure
    })
}
