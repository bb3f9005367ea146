//! What the programs of one desktop wrote, kept in files and told when something fails.

use std::fmt::Write as _;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::Result;

/// How much of the end of each log a failure shows.
const TAIL_LINES: usize = 30;

/// The folder with the output of all programs of one desktop. Clones share it.
#[derive(Clone, Debug)]
pub struct Logs {
    folder: Arc<Path>,
    started: Arc<AtomicU32>,
}

impl Logs {
    pub(crate) fn in_folder(folder: &Path) -> Logs {
        Logs {
            folder: folder.into(),
            started: Arc::default(),
        }
    }

    /// Where the logs are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Files for the output and the errors of one more start of `program`.
    pub(crate) fn for_start_of(&self, program: &str) -> (PathBuf, PathBuf) {
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let path = |stream| self.folder.join(format!("{number:02}-{program}.{stream}"));
        (path("stdout"), path("stderr"))
    }

    /// The last lines of everything that was written, program by program in the order of their starts.
    pub fn tail(&self) -> String {
        let mut files: Vec<PathBuf> = std::fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        files.sort();
        files.iter().fold(String::new(), |mut told, file| {
            let text = String::from_utf8_lossy(&std::fs::read(file).unwrap_or_default()).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            if !lines.is_empty() {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
                let _ = writeln!(told, "--- {name}\n{}", last.join("\n"));
            }
            told
        })
    }

    /// [`crate::wait_until`], whose failure ends with what the programs wrote.
    pub async fn wait_until<T, Answer>(
        &self,
        what: &str,
        within: Duration,
        condition: impl FnMut() -> Answer,
    ) -> Result<T>
    where
        Answer: Future<Output = Result<Option<T>>>,
    {
        self.explain(crate::wait_until(what, within, condition).await)
    }

    /// Adds what the programs wrote to a failure.
    pub fn explain<T>(&self, result: Result<T>) -> Result<T> {
        result.map_err(|error| anyhow::anyhow!("{error:#}\nWhat the programs wrote:\n{}", self.tail()))
    }
}
