//! How fast and how small the programs are.

use std::process::Command;

use anyhow::Result;

use crate::{setup, step, ui, workspace};

/// The profile whose programs are measured: a release without its link-time optimisation, which takes long.
const PROFILE: &str = "ci";

/// Builds the programs and measures them; the table goes to the standard output.
pub fn run() -> Result<()> {
    setup::for_testing()?;
    ui::build()?;
    workspace::compile(PROFILE)?;
    let mut bench = Command::new(workspace::built_in(PROFILE, "bench")?);
    bench.args(aws_cli());
    step::run(&mut bench)
}

/// The AWS CLI of this machine, if it is of version 2: only that one hands out credentials.
fn aws_cli() -> Option<String> {
    let found = step::output(Command::new("sh").args(["-c", "command -v aws"])).ok()?;
    let program = found.trim().to_owned();
    let version = step::output(Command::new(&program).arg("--version")).ok()?;
    version.starts_with("aws-cli/2").then_some(program)
}
