//! `portray-cli`: the access portal on the command line, all of it. People and tools start it as `portray`, which answers
//! tools by itself and gives way to this program for everything else.

mod agent_start;
mod arguments;
mod browser;
mod commands;
mod doctor;
mod hung_agent;
mod inherited;
mod log;
mod mfa_code;
mod no_proxy;
mod patience;
mod picker;
mod shell;
mod shells;
mod surroundings;
mod usage;

use std::alloc::System;
use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use portray_cli::{documents, failure, for_tools, printer, signals};
use portray_core::paths::{Environment, Paths};
use zeroizing_alloc::ZeroAlloc;

use crate::arguments::Arguments;
use crate::commands::{Inside, Invocation};
use crate::failure::Failure;
use crate::printer::Printer;

/// Memory is wiped when it is given back: libraries copy what they send and receive, and wipe nothing.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let arguments = match Arguments::try_parse_from(&words) {
        Ok(arguments) => arguments,
        Err(error) => return usage::answer(Printer::new(false), &words, &error),
    };
    let environment = Environment::of_process();
    log::start(&environment, arguments.verbose, arguments.is_agent());
    let printer = Printer::new(arguments.verbose);
    let command = match commands::inside_container(&environment, printer, arguments.command) {
        Inside::Done(outcome) => return outcome.unwrap_or_else(|failure| printer.failure(&failure)),
        Inside::Not(command) => command,
    };
    let outcome = Paths::of(&environment).map_err(Failure::from).and_then(|paths| {
        let invocation = Invocation {
            environment,
            paths,
            printer,
        };
        commands::run(&invocation, command)
    });
    outcome.unwrap_or_else(|failure| printer.failure(&failure))
}
