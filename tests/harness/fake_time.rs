//! The wall clock of built programs, moved by libfaketime while their monotonic clock goes on: what suspend does.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::desktop::Desktop;

/// The one for programs with threads: in the other they share what it reads from the file without a lock, and one look
/// at the clock in twenty thousand shows the real time.
const LIBRARIES: [&str; 3] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
];

/// The offset that programs started with it see.
pub struct FakeTime {
    file: PathBuf,
}

impl FakeTime {
    /// A clock that shows the real time until it is moved.
    pub fn on(desktop: &Desktop) -> Result<FakeTime> {
        let fake = FakeTime {
            file: desktop.folder().join("time"),
        };
        fake.set_seconds_ahead(0)?;
        Ok(fake)
    }

    /// Makes `command`, and what it starts, live by this clock.
    pub fn apply<'command>(&self, command: &'command mut Command) -> Result<&'command mut Command> {
        Ok(command.envs(self.variables()?))
    }

    /// What makes a program live by this clock.
    pub fn variables(&self) -> Result<[(&'static str, String); 5]> {
        let library = LIBRARIES.iter().find(|path| Path::new(path).is_file());
        let library = library.context("libfaketime is not installed: run `cargo xtask setup`")?;
        let one = || "1".to_owned();
        Ok([
            ("LD_PRELOAD", (*library).to_owned()),
            (
                "FAKETIME_TIMESTAMP_FILE",
                self.file.to_string_lossy().into_owned(),
            ),
            ("FAKETIME_NO_CACHE", one()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", one()),
            // The name that older versions know.
            ("DONT_FAKE_MONOTONIC", one()),
        ])
    }

    /// Sets the clock ahead of the real time (or back, below zero).
    pub fn set_seconds_ahead(&self, seconds: i64) -> Result<()> {
        let fresh = self.file.with_extension("new");
        fs::write(&fresh, format!("{seconds:+}\n"))?;
        // Renamed, so that nobody reads half a number.
        fs::rename(&fresh, &self.file).context("cannot set the time")
    }
}
