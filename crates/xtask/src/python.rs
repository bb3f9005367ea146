//! Python tools in an environment of their own under `target/`: checkers that come prebuilt, and boto3 for the tests.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::{step, workspace};

/// Installs `tests/requirements.txt` if that has not been done yet; returns the folder with the programs.
pub fn install() -> Result<PathBuf> {
    install_into("python", "tests/requirements.txt")
}

/// The same with what the benchmark measures beside Portray.
pub fn install_peers() -> Result<PathBuf> {
    install_into("peers", "tests/bench/peers.txt")
}

fn install_into(folder: &str, requirements: &str) -> Result<PathBuf> {
    let folder = workspace::target()?.join(folder);
    let path = workspace::root().join(requirements);
    let wanted = fs::read_to_string(&path).with_context(|| format!("cannot read {requirements}"))?;
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
        step::run(Command::new(folder.join("bin/python")).args(pip).arg(&path))?;
        fs::write(&installed, wanted)?;
    }
    Ok(folder.join("bin"))
}
