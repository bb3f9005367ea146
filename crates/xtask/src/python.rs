//! Python tools in an environment of their own under `target/`: checkers that come prebuilt, and boto3 for the tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{step, workspace};

/// Installs `tests/requirements.txt` if that has not been done yet; returns the folder with the programs.
pub fn install() -> Result<PathBuf> {
    let folder = workspace::target()?.join("python");
    let requirements = workspace::root().join("tests/requirements.txt");
    let wanted = fs::read_to_string(&requirements).context("cannot read tests/requirements.txt")?;
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
