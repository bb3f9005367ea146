//! Every test, with the programs that the tests start built beforehand and once.

use anyhow::Result;

use crate::results::Results;
use crate::{demo, setup, step, ui, workspace};

/// Runs the tests of the window and of the workspace, and the tour; `arguments` go to the second, and with them the
/// others are left out. All of it runs, also after some of it has failed.
pub fn run(arguments: &[String]) -> Result<()> {
    setup::for_testing()?;
    ui::build()?;
    let is_whole = arguments.is_empty();
    let mut results = Results::default();
    if is_whole {
        results.add_window_tests()?;
    }
    // The same selection as in the next command, so that no dependency is built a second time with other features. The
    // tour plays with what is built here, too.
    step::run(workspace::cargo("build").args(["--workspace", "--all-targets", "--locked"]))?;
    let mut command = workspace::cargo_test();
    command
        .args(["--workspace", "--locked", "--no-fail-fast", "--"])
        .args(arguments);
    results.add_cargo_tests(&mut command)?;
    if is_whole {
        results.note("the tour", demo::tour());
    }
    results.write_quality()?;
    results.into_outcome()
}
