//! What became of each test of a run, and of each promise that the tests show.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};

use crate::{step, workspace};

/// The outcome of `cargo test`.
pub struct Results {
    /// Function name of a test, without its modules, and what libtest said about it.
    tests: BTreeMap<String, String>,
    status: ExitStatus,
}

/// Runs `command`, showing its output as it comes.
pub fn run_and_collect(command: &mut Command) -> Result<Results> {
    println!("$ {}", step::shown(command));
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start cargo")?;
    let stdout = child.stdout.take().context("asked for a moment ago")?;
    let mut tests = BTreeMap::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        println!("{line}");
        if let Some((name, outcome)) = test_line(&line) {
            tests.insert(name, outcome);
        }
    }
    Ok(Results {
        tests,
        status: child.wait()?,
    })
}

impl Results {
    /// Writes `target/quality.md`: the list of promises with what became of their tests.
    pub fn write_quality(&self) -> Result<()> {
        let promises = fs::read_to_string(workspace::root().join("docs/quality.md"))?;
        let path = workspace::target()?.join("quality.md");
        fs::write(&path, self.annotate(&promises))?;
        println!("\nThe promises and their tests of this run: {}", path.display());
        Ok(())
    }

    /// An error if a test has failed.
    pub fn into_outcome(self) -> Result<()> {
        let failed: Vec<&str> = self
            .tests
            .iter()
            .filter(|(_, outcome)| *outcome == "FAILED")
            .map(|(name, _)| name.as_str())
            .collect();
        ensure!(
            self.status.success(),
            "cargo test failed ({}); failed tests: {}",
            self.status,
            failed.join(", ")
        );
        Ok(())
    }

    fn annotate(&self, promises: &str) -> String {
        // Names of tests stand between backquotes: every second piece is one.
        let pieces = promises
            .split('`')
            .enumerate()
            .map(|(number, piece)| match self.tests.get(piece) {
                Some(outcome) if number % 2 == 1 => format!("`{piece}` {outcome}"),
                _ if number % 2 == 1 => format!("`{piece}`"),
                _ => piece.to_owned(),
            });
        pieces.collect()
    }
}

/// Takes apart `test module::name ... ok`.
fn test_line(line: &str) -> Option<(String, String)> {
    let (path, outcome) = line.strip_prefix("test ")?.split_once(" ... ")?;
    let name = path.rsplit("::").next()?.trim_end_matches(" - should panic");
    Some((
        name.to_owned(),
        outcome.split(',').next().unwrap_or(outcome).to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libtest_lines_are_understood() {
        let expected = ("r1_renews_early".to_owned(), "ok".to_owned());
        assert_eq!(
            test_line("test refresh::plan::tests::r1_renews_early ... ok"),
            Some(expected)
        );
        assert_eq!(
            test_line("test x ... ignored, needs a display").unwrap().1,
            "ignored"
        );
        assert_eq!(test_line("test result: ok. 4 passed; 0 failed"), None);
    }
}
