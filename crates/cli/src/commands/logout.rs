//! `portray logout`

use portray_core::agent::protocol::Operation;

use super::Invocation;
use crate::arguments::Logout;
use crate::failure::Failure;

pub fn run(invocation: &Invocation, arguments: Logout) -> Result<(), Failure> {
    invocation.connect()?.ask(&Operation::Logout {
        portal: arguments.portal,
        all: arguments.all,
    })?;
    invocation
        .printer
        .note("Signed out. Credentials that tools already have stay good until they expire.");
    Ok(())
}
