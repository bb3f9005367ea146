//! What became of each test of a run, and of each promise that the tests show.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::{step, ui, workspace};

const PASSED: &str = "ok";
const FAILED: &str = "FAILED";

/// The outcome of a run.
#[derive(Default)]
pub struct Results {
    /// Function name or title of a test, without its modules, and what became of it.
    tests: BTreeMap<String, String>,
    /// What failed as a whole.
    failures: Vec<String>,
}

impl Results {
    /// Remembers how a part of the run ended.
    pub fn note(&mut self, what: &str, outcome: Result<()>) {
        if let Err(error) = outcome {
            println!("\n{what}: {error:#}");
            self.failures.push(what.to_owned());
        }
    }

    /// Runs the tests of the window's pages.
    pub fn add_window_tests(&mut self) -> Result<()> {
        let report = workspace::target()?.join("window-tests.json");
        let _ = fs::remove_file(&report);
        let outcome = ui::test(&report);
        self.note("the tests of the window's pages", outcome);
        let text = fs::read_to_string(&report).context("vitest wrote no report")?;
        for (title, outcome) in window_tests(&serde_json::from_str(&text)?) {
            self.add(title, outcome);
        }
        Ok(())
    }

    /// Runs `command`, which is `cargo test`, showing its output as it comes.
    pub fn add_cargo_tests(&mut self, command: &mut Command) -> Result<()> {
        println!("$ {}", step::shown(command));
        let mut child = command
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let stdout = child.stdout.take().context("asked for a moment ago")?;
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            if let Some((name, outcome)) = test_line(&line) {
                self.add(name, outcome);
            }
        }
        let status = child.wait()?;
        if !status.success() {
            self.failures.push(format!("cargo test ({status})"));
        }
        Ok(())
    }

    /// Writes `target/quality.md`: the list of promises with what became of their tests.
    pub fn write_quality(&self) -> Result<()> {
        let promises = fs::read_to_string(workspace::root().join("docs/quality.md"))?;
        let path = workspace::target()?.join("quality.md");
        fs::write(&path, self.annotate(&promises))?;
        println!("\nThe promises and their tests of this run: {}", path.display());
        Ok(())
    }

    /// An error if anything has failed.
    pub fn into_outcome(self) -> Result<()> {
        let failed = self.tests.iter().filter(|(_, outcome)| *outcome == FAILED);
        let failed: Vec<&str> = failed.map(|(name, _)| name.as_str()).collect();
        ensure!(
            self.failures.is_empty() && failed.is_empty(),
            "failed: {}; failed tests: {}",
            self.failures.join(", "),
            failed.join(", ")
        );
        println!("Everything passed.");
        Ok(())
    }

    /// Two tests of one name count as one, which failed if either has.
    fn add(&mut self, name: String, outcome: String) {
        let known = self.tests.entry(name).or_insert_with(|| outcome.clone());
        if outcome == FAILED {
            *known = outcome;
        }
    }

    /// Writes the outcome behind the name of each test, which stands between backquotes in a row of a table.
    fn annotate(&self, promises: &str) -> String {
        let mut annotated = String::new();
        for line in promises.lines() {
            let is_row = line.starts_with('|');
            for (number, piece) in line.split('`').enumerate() {
                match self.tests.get(piece) {
                    _ if number % 2 == 0 => annotated.push_str(piece),
                    _ if !is_row => annotated.push_str(&format!("`{piece}`")),
                    Some(outcome) => annotated.push_str(&format!("`{piece}` {outcome}")),
                    None => annotated.push_str(&format!("`{piece}` not run")),
                }
            }
            annotated.push('\n');
        }
        annotated
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

/// The titles in the report that vitest writes in Jest's form, and their outcomes in libtest's words.
fn window_tests(report: &Value) -> Vec<(String, String)> {
    let files = report["testResults"].as_array().into_iter().flatten();
    let tests = files.flat_map(|file| file["assertionResults"].as_array().into_iter().flatten());
    let told = tests.filter_map(|test| {
        let outcome = match test["status"].as_str()? {
            "passed" => PASSED,
            "failed" => FAILED,
            _ => "ignored",
        };
        Some((test["title"].as_str()?.to_owned(), outcome.to_owned()))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

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

    #[test]
    fn the_report_of_vitest_is_understood() {
        let report = json!({ "testResults": [
            { "assertionResults": [{ "title": "i2 shows text", "status": "passed" }] },
            { "assertionResults": [
                { "title": "w1 loads nothing", "status": "failed" },
                { "title": "later", "status": "skipped" },
            ] },
        ] });
        let expected = [
            ("i2 shows text", PASSED),
            ("w1 loads nothing", FAILED),
            ("later", "ignored"),
        ];
        let expected = expected.map(|(title, outcome)| (title.to_owned(), outcome.to_owned()));
        assert_eq!(window_tests(&report), expected);
    }

    #[test]
    fn every_test_of_a_promise_says_what_became_of_it() {
        let mut results = Results::default();
        for (name, outcome) in [("r1_a", PASSED), ("r1_b", FAILED), ("r1_b", PASSED)] {
            results.add(name.to_owned(), outcome.to_owned());
        }
        let page =
            "Made by `cargo`.\n| R1 | Fresh. | `r1_a`, `r1_b`, `r1_c` |\n| R2 | One. | no test yet |\n";
        let annotated = "Made by `cargo`.\n| R1 | Fresh. | `r1_a` ok, `r1_b` FAILED, `r1_c` not run |\n\
                         | R2 | One. | no test yet |\n";
        assert_eq!(results.annotate(page), annotated);
        assert!(results.into_outcome().is_err());
    }
}
