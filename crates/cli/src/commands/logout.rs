//! `portray logout`

use portray_core::agent::protocol::{Operation, Reply};
use portray_core::app::contract::Answer;

use super::Invocation;
use crate::arguments::Logout;
use crate::failure::Failure;

pub fn run(invocation: &Invocation, arguments: Logout) -> Result<(), Failure> {
    let reply = invocation.connect()?.ask(&Operation::Logout {
        portal: arguments.portal,
        all: arguments.all,
    })?;
    let printer = invocation.printer;
    // AWS could not be told; then that is what there is to say.
    if let Reply::Command {
        outcome: Answer::Said { words },
    } = reply
    {
        printer.note(&words);
    } else {
        printer.note("Signed out.");
    }
    printer.note("Credentials that tools already have stay good until they expire.");
    Ok(())
}
