//! The window's pages: npm packages from the lock file, build, checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::{step, workspace};

/// Builds the pages if their sources are newer than the last build.
pub fn build() -> Result<()> {
    install_packages()?;
    let folder = folder();
    let is_built = match (newest_source(&folder)?, modified(&folder.join("dist/index.html"))) {
        (Some(source), Some(page)) => source <= page,
        _ => false,
    };
    if is_built {
        return Ok(());
    }
    step::run(npm().args(["run", "build"]))
}

/// Types.
pub fn check() -> Result<()> {
    install_packages()?;
    step::run(npm().args(["run", "types"]))
}

/// Unit tests; what became of each is written to `report`, as JSON.
pub fn test(report: &Path) -> Result<()> {
    install_packages()?;
    let file = format!("--outputFile.json={}", report.display());
    step::run(npm().args([
        "run",
        "test",
        "--",
        "--reporter=default",
        "--reporter=json",
        &file,
    ]))
}

/// What is written in the lock file and nothing else; no package runs a script of its own.
fn install_packages() -> Result<()> {
    let lock = modified(&folder().join("package-lock.json"));
    let installed = modified(&folder().join("node_modules/.package-lock.json"));
    if installed.is_some() && installed >= lock {
        return Ok(());
    }
    step::run(npm().args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))
}

fn folder() -> PathBuf {
    workspace::root().join("ui")
}

/// npm, in the window's folder.
pub fn npm() -> Command {
    let mut command = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    command.current_dir(folder());
    command
}

/// When a file of the pages' sources or of their configuration was changed last.
fn newest_source(folder: &Path) -> Result<Option<SystemTime>> {
    let mut newest = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        if name == "dist" || name == "node_modules" {
            continue;
        }
        let changed = if entry.file_type()?.is_dir() {
            newest_source(&entry.path())?
        } else {
            modified(&entry.path())
        };
        newest = newest.max(changed);
    }
    Ok(newest)
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
