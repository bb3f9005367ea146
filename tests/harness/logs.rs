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

/// How many starts of one program a failure tells about, the last ones.
const STARTS: usize = 2;

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
        files.sort_by_key(|file| start_number(file));
        last_of_each_program(files)
            .iter()
            .fold(String::new(), |mut told, file| {
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

/// `00-xvfb.stderr` is of the first program started.
fn start_number(file: &Path) -> u32 {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split('-')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(u32::MAX)
}

/// A command that was asked a hundred times would hide everything else.
fn last_of_each_program(files: Vec<PathBuf>) -> Vec<PathBuf> {
    let program = |file: &Path| {
        let name = file
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        name.split_once('-')
            .map(|(_, program)| program.to_owned())
            .unwrap_or(name)
    };
    let names: Vec<String> = files.iter().map(|file| program(file)).collect();
    let is_late = |index: usize| {
        names[index + 1..]
            .iter()
            .filter(|name| **name == names[index])
            .count()
            < STARTS
    };
    files
        .into_iter()
        .enumerate()
        .filter(|(index, _)| is_late(*index))
        .map(|(_, file)| file)
        .collect()
}
