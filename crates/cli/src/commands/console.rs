//! `portray console`

use portray_core::agent::protocol::{Operation, Reply};

use super::Invocation;
use crate::arguments::Console;
use crate::failure::Failure;
use crate::picker;
use crate::surroundings::Surroundings;

pub fn run(invocation: &Invocation, arguments: &Console) -> Result<(), Failure> {
    let surroundings = Surroundings::of(&invocation.environment);
    // Whoever names a browser of this machine wants to see it, wherever they sit.
    let open_browser =
        !arguments.print && (surroundings == Surroundings::Desktop || arguments.browser.is_some());
    let words = arguments.words.join(" ");
    let reply = picker::ask(invocation, &words, |role| Operation::Console {
        role,
        destination: arguments.destination.clone(),
        region: arguments.region.clone(),
        duration_seconds: arguments.duration,
        via: arguments.via.map(Into::into),
        open_browser,
        browser: arguments.browser.clone(),
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
        | Reply::Prepared(_)
        | Reply::Revoked { .. }
        | Reply::Uses(_)
        | Reply::Status(_)
        | Reply::Accounts(_)
        | Reply::Search(_)
        | Reply::SignIn { .. }
        | Reply::Command { .. }
        | Reply::Snapshot(_)
        | Reply::Kept { .. }
        | Reply::Done
        | Reply::Problem { .. } => Err(Failure::unexpected_answer()),
    }
}
