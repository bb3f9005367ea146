//! Where the built programs are.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// A program that this repository builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The command line, `portray`: the small program, which needs the full one beside it.
    Portray,
    /// The full program of the command line, `portray-cli`.
    PortrayCli,
    /// The tray application, `portray-app`.
    PortrayApp,
    /// The local Identity Center, `identity-center-emulator`.
    Emulator,
}

impl Program {
    /// The file's name without an extension.
    pub fn name(self) -> &'static str {
        match self {
            Program::Portray => "portray",
            Program::PortrayCli => "portray-cli",
            Program::PortrayApp => "portray-app",
            Program::Emulator => "identity-center-emulator",
        }
    }
}

/// The folder that holds the programs built together with the running test or tour.
#[derive(Clone, Debug)]
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Finds the profile's folder (`target/debug`, say) from the path of the running executable.
    pub fn beside_this_executable() -> Result<Programs> {
        let executable = std::env::current_exe().context("cannot tell where this executable is")?;
        let mut folder = executable.parent().context("an executable lies in a folder")?;
        if folder.ends_with("deps") {
            folder = folder.parent().context("target/*/deps has a parent")?;
        }
        Ok(Programs {
            folder: folder.to_path_buf(),
        })
    }

    /// The path of `program`, or an error that says how to build it.
    pub fn path(&self, program: Program) -> Result<PathBuf> {
        if program == Program::Portray {
            // It is nothing without the other one.
            self.path(Program::PortrayCli)?;
        }
        let path = self
            .folder
            .join(program.name())
            .with_extension(std::env::consts::EXE_EXTENSION);
        if !path.is_file() {
            bail!(
                "{} is not built: run `cargo xtask build`, or `cargo xtask test`",
                path.display()
            );
        }
        Ok(path)
    }

    /// The Python with the packages of `tests/requirements.txt`, which lies beside the profile's folder.
    pub fn python(&self) -> Result<PathBuf> {
        let python = self.folder.with_file_name("python").join("bin/python");
        if !python.is_file() {
            bail!("{} is not there: run `cargo xtask setup`", python.display());
        }
        Ok(python)
    }

    /// A program of `tests/bench/peers.txt`.
    pub fn peer(&self, name: &str) -> Result<PathBuf> {
        let program = self.folder.with_file_name("peers").join("bin").join(name);
        if !program.is_file() {
            bail!("{} is not there: run `cargo xtask bench`", program.display());
        }
        Ok(program)
    }

    /// A program of the benchmark's own, beside it.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The path of an example of this package, or an error that says how to build it.
    pub fn example(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join("examples").join(name);
        if !path.is_file() {
            bail!(
                "{} is not built: run `cargo xtask test`, or `cargo build --package end-to-end --examples`",
                path.display()
            );
        }
        Ok(path)
    }

    /// The folder for what xtask unpacks, which lies beside the profile's folder.
    pub fn unpacked(&self, name: &str) -> PathBuf {
        self.folder.with_file_name(name)
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}
