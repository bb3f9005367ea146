//! `portray console`

use portray_core::agent::protocol::{Operation, Reply};

use super::Invocation;
use crate::arguments::Console;
use crate::failure::Failure;
use crate::surroundings::Surroundings;

pub fn run(invocation: &Invocation, arguments: Console) -> Result<(), Failure> {
    let surroundings = Surroundings::of(&invocation.environment);
    let open_browser = !arguments.print && surroundings == Surroundings::Desktop;
    let reply = invocation.connect()?.ask(&Operation::Console {
        role: arguments.role.target(),
        destination: arguments.destination,
        region: arguments.region,
        duration_seconds: arguments.duration,
        via: arguments.via.map(Into::into),
        open_browser,
    })?;
    match reply {
        Reply::Console { url: Some(url) } => {
            if !arguments.print {
                invocation
                    .printer
                    .note("Open this page in your browser; keep it to yourself:");
            }
            invocation.printer.data(url.expose())
        }
        Reply::Console { url: None } => {
            invocation.printer.note("The console opens in your browser.");
            Ok(())
        }
        Reply::Hello(_)
        | Reply::Credentials(_)
        | Reply::Status(_)
        | Reply::Accounts(_)
        | Reply::Search(_)
        | Reply::SignIn { .. }
        | Reply::Command { .. }
        | Reply::Snapshot(_)
        | Reply::Done
        | Reply::Problem { .. } => Err(Failure::unexpected_answer()),
    }
}
