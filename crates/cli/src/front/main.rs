//! `portray`: answers AWS's tools by itself, because they start it again and again and wait for it. It is small and
//! asks the agent, no more; for everything else the full program takes its place.

mod full_program;

use std::alloc::System;
use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use portray_cli::failure::Failure;
use portray_cli::for_tools::{self, PATIENCE, Wanted};
use portray_cli::printer::Printer;
use portray_core::agent::{Client, ClientError};
use portray_core::clock::{Clock, SystemClock};
use portray_core::paths::{Environment, Paths};
use portray_core::supervised::log_panics;
use zeroizing_alloc::ZeroAlloc;

/// Memory is wiped when it is given back, as in the full program.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

/// Why the full program has to do it.
enum HandOver {
    /// Nothing was asked: no tool's request in its plain form, no agent that can be reached, or somebody who wants logs.
    Whole,
    /// The agent that was asked ended before it answered, after so long.
    SecondTry(Duration),
}

fn main() -> ExitCode {
    log_panics();
    let words: Vec<OsString> = std::env::args_os().collect();
    let printer = Printer::new(false);
    let outcome = match answer(printer, words.get(1..).unwrap_or_default()) {
        Ok(outcome) => outcome.map(|()| ExitCode::SUCCESS),
        Err(HandOver::Whole) => full_program::take_over(&words, None),
        Err(HandOver::SecondTry(waited)) => full_program::take_over(&words, Some(waited)),
    };
    outcome.unwrap_or_else(|failure| printer.failure(&failure))
}

/// Says nothing before it is sure that nothing has to be handed over.
fn answer(printer: Printer, words: &[OsString]) -> Result<Result<(), Failure>, HandOver> {
    let wanted = Wanted::in_plain_words(words).ok_or(HandOver::Whole)?;
    let environment = Environment::of_process();
    if environment.is_set("RUST_LOG") {
        return Err(HandOver::Whole);
    }
    let role = match wanted {
        Wanted::Role(role) => role,
        Wanted::AtSocket(socket) => {
            let client = Client::of_a_launch(&socket).map_err(|_| HandOver::Whole)?;
            return Ok(for_tools::of_a_launch(printer, client));
        }
    };
    let paths = Paths::of(&environment).map_err(|_| HandOver::Whole)?;
    let mut agent = Client::connect(&paths).map_err(|_| HandOver::Whole)?;
    agent.wait_at_most(Some(PATIENCE)).map_err(|_| HandOver::Whole)?;
    let clock = SystemClock::new();
    let credentials = match agent.ask(&for_tools::operation(role)) {
        Err(ClientError::Closed) => return Err(HandOver::SecondTry(clock.elapsed())),
        answer => answer.map_err(Failure::from).and_then(for_tools::credentials_in),
    };
    Ok(credentials.and_then(|credentials| for_tools::print(printer, &credentials)))
}
