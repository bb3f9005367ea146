//! `portray env`

use portray_core::agent::protocol::Asker;
use portray_core::uses::Door;

use super::{Invocation, credentials};
use crate::arguments::Env;
use crate::documents::{COMPETING, GIVEN, variables};
use crate::failure::Failure;

pub fn run(invocation: &Invocation, arguments: &Env) -> Result<(), Failure> {
    let shell = invocation.shell(arguments.shell);
    if arguments.unset {
        return invocation.statements(shell, &GIVEN, &[], &[]);
    }
    let asker = Asker::through(Door::Env);
    let credentials = credentials::ask(invocation, &arguments.words.join(" "), 0, &asker)?;
    let variables = variables(&credentials, arguments.region.as_deref());
    invocation.statements(shell, &COMPETING, &variables, &[])
}
