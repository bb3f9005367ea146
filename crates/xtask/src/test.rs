//! Every test, with the programs that the tests start built beforehand and once.

use anyhow::Result;

use crate::{results, setup, step, ui, workspace};

/// Runs the tests of the window and of the workspace; `arguments` go to the latter.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::for_testing()?;
    ui::build()?;
    ui::test()?;
    // The same selection as in the next command, so that no dependency is built a second time with other features.
    step::run(workspace::cargo("build").args(["--workspace", "--all-targets", "--locked"]))?;
    let mut command = workspace::cargo("test");
    command
        .args(["--workspace", "--locked", "--no-fail-fast", "--"])
        .args(arguments);
    let results = results::run_and_collect(&mut command)?;
    results.write_quality()?;
    results.into_outcome()
}
