//! Where things are in this repository, and cargo itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{setup, step, ui};

/// The programs that make up the product, and the emulator.
const PROGRAMS: [&str; 3] = ["portray-app", "portray-cli", "identity-center-emulator"];

/// The root of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap_or(Path::new("."))
}

/// Cargo's target folder: this program was built into `target/PROFILE/`.
pub fn target() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    let target = executable
        .ancestors()
        .nth(2)
        .context("xtask was built by cargo")?;
    Ok(target.to_path_buf())
}

/// The path of a program built in the development profile.
pub fn built(program: &str) -> Result<PathBuf> {
    built_in("debug", program)
}

/// The path of a program in the folder of a profile.
pub fn built_in(folder: &str, program: &str) -> Result<PathBuf> {
    Ok(target()?
        .join(folder)
        .join(program)
        .with_extension(std::env::consts::EXE_EXTENSION))
}

/// Cargo with a subcommand, in the root of the repository.
pub fn cargo(subcommand: &str) -> Command {
    let mut command = Command::new("cargo");
    command.arg(subcommand).current_dir(root());
    command
}

/// Builds the programs, with all that this takes.
pub fn build_programs() -> Result<()> {
    setup::for_building()?;
    ui::build()?;
    compile_programs(&[])
}

/// Builds the programs and the packages named, in the development profile.
pub fn compile_programs(more: &[&str]) -> Result<()> {
    compile("dev", more)
}

/// Builds the programs and the packages named, in a profile.
pub fn compile(profile: &str, more: &[&str]) -> Result<()> {
    let packages = PROGRAMS
        .iter()
        .chain(more)
        .flat_map(|package| ["--package", package]);
    step::run(
        cargo("build")
            .args(["--locked", "--profile", profile])
            .args(packages)
            .arg("--bins"),
    )
}
