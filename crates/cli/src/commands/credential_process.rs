//! `portray credential-process`: answers an AWS tool. Exactly one JSON document on stdout, or nothing.

use std::path::Path;
use std::time::Duration;

use portray_core::agent::Client;
use portray_core::agent::protocol::Target;

use super::{Invocation, credentials};
use crate::arguments::CredentialProcess;
use crate::failure::Failure;
use crate::for_tools;
use crate::printer::Printer;

pub fn run(invocation: &Invocation, arguments: CredentialProcess) -> Result<(), Failure> {
    let waited = arguments.waited.map(Duration::from_millis);
    let credentials = credentials::ask_for_tool(invocation, arguments.into(), waited)?;
    for_tools::print(invocation.printer, &credentials)
}

/// The same inside of a container, from the socket of a launch outside.
pub fn of_a_launch(printer: Printer, socket: &Path) -> Result<(), Failure> {
    for_tools::of_a_launch(printer, Client::of_a_launch(socket)?)
}

impl From<CredentialProcess> for Target {
    fn from(arguments: CredentialProcess) -> Self {
        match arguments.chain {
            Some(chain) => Self::Chain {
                portal: arguments.portal,
                chain,
            },
            // The grammar has one of the two.
            None => Self::Role {
                portal: arguments.portal,
                portal_region: arguments.region,
                account: arguments.account.unwrap_or_default(),
                permission_set: arguments.permission_set.unwrap_or_default(),
            },
        }
    }
}
