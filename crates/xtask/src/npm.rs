//! npm: packages from a lock file and nothing else.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::step;

/// Installs what the lock file of this folder names, if that was not done since it changed. No package runs a script of
/// its own.
pub fn install_packages(folder: &Path) -> Result<()> {
    let lock = modified(&folder.join("package-lock.json"));
    let installed = modified(&folder.join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= lock {
        return Ok(());
    }
    step::run(command(folder).args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
}

/// npm, in this folder.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder);
    command
}

/// When a file was changed last, or none if it is not there.
pub fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
