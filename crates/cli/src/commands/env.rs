//! `portray env`

use portray_core::app::contract::ProblemView;

use super::{Invocation, credentials};
use crate::arguments::Env;
use crate::documents::{COMPETING, KEYS, variables};
use crate::failure::Failure;
use crate::shells::{Shell, Unquotable};

pub fn run(invocation: &Invocation, arguments: &Env) -> Result<(), Failure> {
    let shell = arguments
        .shell
        .unwrap_or_else(|| Shell::of(&invocation.environment));
    let statements = if arguments.unset {
        shell.set(&KEYS, &[])
    } else {
        let credentials = credentials::ask(invocation, &arguments.words.join(" "), 0)?;
        let variables = variables(&credentials, arguments.region.as_deref());
        shell.set(&COMPETING, &variables)
    };
    let statements = statements.map_err(|Unquotable| ProblemView::unquotable())?;
    invocation.printer.exactly(&statements)
}
