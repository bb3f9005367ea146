//! How fast and how small the programs are.

use std::process::Command;

use anyhow::Result;

use crate::{python, setup, step, ui, workspace};

/// The profile whose programs are measured: a release without its link-time optimisation, which takes long.
const PROFILE: &str = "ci";

/// Builds the programs, moves their clock once, and measures them; the table goes to the standard output. The arguments
/// go to what measures.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::for_testing()?;
    python::install_peers()?;
    ui::build()?;
    workspace::compile(PROFILE)?;
    if arguments.is_empty() {
        step::run(&mut Command::new(workspace::built_in(PROFILE, "hours")?))?;
    }
    step::run(Command::new(workspace::built_in(PROFILE, "bench")?).args(arguments))
}
