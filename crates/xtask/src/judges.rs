//! The AWS CLI of Debian 13, which knows PKCE, unpacked into a folder and put before the emulator.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{packages, setup, step, ui, workspace};

const RELEASE: &str = "trixie";

/// debootstrap follows no virtual packages: `python3-cryptography` asks for the second by one.
const WANTED: &str = "awscli,python3-cffi-backend";

/// Unpacks what is missing and runs the tests that are left out of every other run.
pub fn run() -> Result<()> {
    ensure!(
        step::is_installed("dpkg-deb"),
        "the judges take Debian's packages"
    );
    setup::for_testing()?;
    setup::install(&packages::JUDGES)?;
    ui::build()?;
    unpack(&workspace::target()?.join("debian-13"))?;
    // The same selections as in `cargo xtask test`, so that nothing is built a second time.
    step::run(workspace::cargo("build").args(["--workspace", "--all-targets", "--locked"]))?;
    let tests = ["--workspace", "--locked", "--test", "stories", "--"];
    let chosen = ["--ignored", "debian_13s_aws_cli"];
    step::run(workspace::cargo_test().args(tests).args(chosen))
}

/// The packages are downloaded by debootstrap, which checks their signatures, and unpacked without being installed:
/// the program runs with the Python and the libraries beside it.
fn unpack(folder: &Path) -> Result<()> {
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(());
    }
    let root = setup::root_prefix().context(
        "debootstrap must run as root: please run `cargo xtask judges` as root once, or with sudo at hand",
    )?;
    let downloads = folder.with_extension("packages");
    let mut words = root.iter().copied().chain(["debootstrap"]);
    let mut debootstrap = Command::new(words.next().unwrap_or("debootstrap"));
    debootstrap
        .args(words)
        .args(["--variant=minbase", "--download-only"])
        .arg(format!("--include={WANTED}"))
        .arg(RELEASE)
        .arg(&downloads);
    step::run(&mut debootstrap)?;
    println!("Unpacking into {}", folder.display());
    for package in packages_in(&downloads.join("var/cache/apt/archives"))? {
        let mut extract = Command::new("dpkg-deb");
        extract.arg("--extract").arg(package).arg(folder);
        ensure!(step::succeeds(&mut extract), "failed: {}", step::shown(&extract));
    }
    Ok(fs::write(complete, "")?)
}

fn packages_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut packages = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "deb") {
            packages.push(path);
        }
    }
    ensure!(!packages.is_empty(), "debootstrap has brought no packages");
    packages.sort();
    Ok(packages)
}
