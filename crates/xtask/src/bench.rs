//! How fast and how small the programs are.

use std::process::Command;

use anyhow::Result;

use crate::{python, setup, step, ui, workspace};

/// The profile whose programs are measured: a release without its link-time optimisation, which takes long.
const PROFILE: &str = "ci";

/// Builds the programs and measures them; the table goes to the standard output.
pub fn run() -> Result<()> {
    setup::for_testing()?;
    ui::build()?;
    workspace::compile(PROFILE, &["end-to-end"])?;
    let aws = python::install_for_bench()?.join("aws");
    step::run(Command::new(workspace::built_in(PROFILE, "bench")?).arg(aws))
}
