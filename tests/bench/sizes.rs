//! How large the programs are on disk.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use harness::{Program, Programs};

use crate::figure::Figure;

pub fn measure() -> Result<Vec<Figure>> {
    let programs = Programs::beside_this_executable()?;
    let all = [
        Program::Portray,
        Program::PortrayCli,
        Program::PortrayApp,
        Program::Emulator,
    ];
    let figures = all.iter().map(|program| {
        let (whole, stripped) = sizes(&programs.path(*program)?)?;
        let value = format!("{} ({} without symbols)", megabytes(whole), megabytes(stripped));
        Ok(Figure::new(format!("size of `{}`", program.name()), value))
    });
    figures.collect()
}

/// Bytes of a program, as it was built and without its symbols.
fn sizes(program: &Path) -> Result<(u64, u64)> {
    let folder = tempfile::tempdir()?;
    let stripped = folder.path().join("stripped");
    let mut strip = Command::new("strip");
    strip.arg("-o").arg(&stripped).arg(program);
    ensure!(
        strip.status().context("cannot start strip")?.success(),
        "strip failed"
    );
    Ok((fs::metadata(program)?.len(), fs::metadata(&stripped)?.len()))
}

fn megabytes(bytes: u64) -> String {
    let tenths = bytes / 100_000;
    format!("{}.{} MB", tenths / 10, tenths % 10)
}
