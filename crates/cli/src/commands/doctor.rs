//! `portray doctor`

use std::io;
use std::process::ExitCode;

use portray_core::app::contract::ProblemView;

use super::Invocation;
use crate::arguments::Doctor;
use crate::doctor::{self, Verdict};
use crate::failure::Failure;

/// 0 where nothing has failed, else 1.
pub fn run(invocation: &Invocation, arguments: &Doctor) -> Result<ExitCode, Failure> {
    let mut examination = doctor::examine(invocation);
    match arguments.json {
        true => invocation.printer.json(&examination)?,
        false => invocation
            .printer
            .data(doctor::in_words(&examination.checks).trim_end())?,
    }
    if let Some(file) = &arguments.report {
        let written = doctor::write_report(invocation, &mut examination, file);
        written.map_err(|error| not_written(&error))?;
        invocation
            .printer
            .note("The report is written. Read it before you post it.");
    }
    let failed = examination
        .checks
        .iter()
        .any(|check| check.verdict == Verdict::Failed);
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn not_written(error: &io::Error) -> Failure {
    match error.kind() == io::ErrorKind::AlreadyExists {
        true => ProblemView::report_exists().into(),
        false => Failure::system("Writing the report", error),
    }
}
