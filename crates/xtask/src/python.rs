//! Python tools in an environment of their own under `target/`: checkers that come prebuilt, and boto3 for the tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{step, workspace};

/// The checkers and the SDK of the tests; returns the folder with the programs.
pub fn install() -> Result<PathBuf> {
    install_into("python", "tests/requirements.txt")
}

/// What the measurements compare with, apart, because its versions and those of the tests exclude each other.
pub fn install_for_bench() -> Result<PathBuf> {
    install_into("python-bench", "tests/bench/requirements.txt")
}

/// Installs what a file lists into a folder below `target`, if that has not been done yet.
fn install_into(folder: &str, requirements: &str) -> Result<PathBuf> {
    let folder = workspace::target()?.join(folder);
    let requirements = workspace::root().join(requirements);
    let wanted = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let installed = folder.join("installed.txt");
    if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
        step::run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let pip = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ];
        step::run(
            Command::new(folder.join("bin/python"))
                .args(pip)
                .arg(&requirements),
        )?;
        fs::write(&installed, wanted)?;
    }
    Ok(folder.join("bin"))
}
