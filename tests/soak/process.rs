//! What a process has of the machine: memory, open files, threads.

use std::fs;

use anyhow::{Context, Result};
use serde::Serialize;

/// A process at one moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Process {
    /// Resident memory in KiB.
    pub memory: u64,
    pub open_files: usize,
    pub threads: u64,
}

impl Process {
    /// `process` is a number, or `self`.
    pub fn look(process: &str) -> Result<Self> {
        let path = format!("/proc/{process}/status");
        let status = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line.and_then(|line| line.split_whitespace().next());
            number
                .and_then(|number| number.parse().ok())
                .with_context(|| format!("no {name} in {path}"))
        };
        Ok(Self {
            memory: number("VmRSS:")?,
            open_files: fs::read_dir(format!("/proc/{process}/fd"))?.count(),
            threads: number("Threads:")?,
        })
    }

    /// How much more memory than `before`, in per cent.
    pub fn growth_since(&self, before: &Self) -> f64 {
        100.0 * (self.memory as f64 / before.memory as f64 - 1.0)
    }
}
