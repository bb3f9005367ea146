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
    in_root(Command::new("cargo"), subcommand)
}

/// `cargo test`. Who starts it in the background of a script, or by nohup, has it and all that it starts ignore Ctrl-C
/// and the end of the terminal; the tests send these signals to programs that must not.
pub fn cargo_test() -> Command {
    if !cfg!(target_os = "linux") {
        return cargo("test");
    }
    let mut heeding = Command::new("env");
    heeding.args(["--default-signal=HUP,INT,QUIT", "cargo"]);
    in_root(heeding, "test")
}

fn in_root(mut command: Command, subcommand: &str) -> Command {
    command.arg(subcommand).current_dir(root());
    // What the outer cargo told this program of its package: build scripts that look at it would run once more.
    let told = std::env::vars_os().map(|(name, _)| name);
    for name in told.filter(|name| is_about_a_package(&name.to_string_lossy())) {
        command.env_remove(name);
    }
    command
}

fn is_about_a_package(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

/// Builds the programs, with all that this takes.
pub fn build_programs() -> Result<()> {
    setup::for_building()?;
    ui::build()?;
    compile_programs()
}

/// Builds the programs in the development profile.
pub fn compile_programs() -> Result<()> {
    compile("dev")
}

/// Builds the programs in a profile, and on Linux the tour and the measurements with them: the same selection every
/// time, since another one gives dependencies other features, and builds hundreds of them once more.
pub fn compile(profile: &str) -> Result<()> {
    let tour = cfg!(target_os = "linux").then_some(&"end-to-end");
    let packages = PROGRAMS
        .iter()
        .chain(tour)
        .flat_map(|package| ["--package", package]);
    step::run(
        cargo("build")
            .args(["--locked", "--profile", profile])
            .args(packages)
            .arg("--bins"),
    )
}
