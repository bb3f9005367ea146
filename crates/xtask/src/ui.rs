//! The window's pages: npm packages from the lock file, build, checks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use anyhow::Result;

use crate::{npm, step, workspace};

/// Builds the pages if their sources are newer than the last build.
pub fn build() -> Result<()> {
    npm::install_packages(&folder())?;
    let folder = folder();
    let is_built = match (
        newest_source(&folder)?,
        npm::modified(&folder.join("dist/index.html")),
    ) {
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
    npm::install_packages(&folder())?;
    step::run(npm().args(["run", "types"]))
}

/// Unit tests; what became of each is written to `report`, as JSON.
pub fn test(report: &Path) -> Result<()> {
    npm::install_packages(&folder())?;
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

fn folder() -> PathBuf {
    workspace::root().join("ui")
}

/// npm, in the window's folder.
fn npm() -> Command {
    npm::command(&folder())
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
            npm::modified(&entry.path())
        };
        newest = newest.max(changed);
    }
    Ok(newest)
}
