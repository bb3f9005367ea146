//! What `portray profiles` says: the difference, and what a person has to know about it.

use std::path::{Path, PathBuf};

use portray_core::app::problem::sentence;
use portray_core::app::profiles::words;
use portray_core::app::profiles_problem::advice_about;
use portray_core::aws_config::edit::Content;
use portray_core::aws_config::file::{ConfigFile, Files};
use portray_core::aws_config::findings::Finding;
use portray_core::aws_config::profiles::{Change, Profile, Skipped};
use portray_core::aws_config::{Plan, difference, findings};
use serde::Serialize;

use super::super::Invocation;
use crate::failure::Failure;

/// Skipped roles and findings that are named one by one.
const NAMED: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Planned,
    Written,
    TakenBack,
}

pub struct Report {
    path: PathBuf,
    doing: Doing,
    diff: String,
    profiles: Vec<Profile>,
    removed: Vec<String>,
    skipped: Vec<Skipped>,
    findings: Vec<Finding>,
    other_names: u64,
    backup: Option<PathBuf>,
}

#[derive(Serialize)]
struct Document<'a> {
    path: &'a Path,
    changed: bool,
    diff: &'a str,
    profiles: Vec<ProfileLine<'a>>,
    removed: &'a [String],
    skipped: Vec<SkippedLine<'a>>,
    findings: Vec<FindingLine>,
    hard_links: u64,
    backup: Option<&'a Path>,
}

#[derive(Serialize)]
struct ProfileLine<'a> {
    name: &'a str,
    portal: &'a str,
    account: &'a str,
    account_name: &'a str,
    permission_set: &'a str,
    /// A further role that is assumed from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    chain: Option<&'a str>,
    change: &'static str,
}

#[derive(Serialize)]
struct SkippedLine<'a> {
    portal: &'a str,
    account: &'a str,
    account_name: &'a str,
    permission_set: &'a str,
    reason: String,
}

#[derive(Serialize)]
struct FindingLine {
    file: &'static str,
    line: usize,
    what: String,
    advice: &'static str,
}

impl Report {
    pub fn of(file: &ConfigFile, before: &Files, after: &Content) -> Self {
        let config = before.config.as_deref();
        Self {
            path: file.path().to_owned(),
            doing: Doing::Planned,
            diff: difference::unified(file.path(), config, after),
            profiles: Vec::new(),
            removed: Vec::new(),
            skipped: Vec::new(),
            findings: findings(config, before.credentials.as_deref()),
            other_names: 0,
            backup: None,
        }
    }

    pub fn with_plan(mut self, plan: &Plan) -> Self {
        self.profiles.clone_from(&plan.profiles);
        self.removed.clone_from(&plan.removed);
        self.skipped.clone_from(&plan.skipped);
        self
    }

    /// How many names the file had beside its own.
    pub fn with_other_names(self, other_names: u64) -> Self {
        Self { other_names, ..self }
    }

    pub fn written(self, backup: Option<PathBuf>) -> Self {
        Self {
            doing: Doing::Written,
            backup,
            ..self
        }
    }

    pub fn taken_back(self, backup: Option<PathBuf>) -> Self {
        Self {
            doing: Doing::TakenBack,
            backup,
            findings: Vec::new(),
            ..self
        }
    }

    pub fn print(&self, invocation: &Invocation, json: bool) -> Result<(), Failure> {
        let printer = invocation.printer;
        if json {
            printer.json(&self.document())?;
        } else if !self.diff.is_empty() {
            printer.difference(&self.diff, invocation.environment.text("NO_COLOR").is_none())?;
        }
        for note in self.notes() {
            printer.note(&note);
        }
        if self.doing != Doing::TakenBack && invocation.environment.text("PORTRAY_HOME").is_some() {
            printer.note(words::PORTRAY_HOME);
        }
        Ok(())
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![self.summary()];
        if self.other_names > 0 && !self.diff.is_empty() {
            notes.push(words::hard_links(&self.path, self.other_names));
        }
        if let Some(backup) = &self.backup {
            notes.push(format!(
                "As it was before Portray, the file is kept in {}.",
                backup.display()
            ));
        }
        let skipped = self.skipped.iter().map(words::skipped).collect();
        let found = self.findings.iter().map(words::finding);
        let found = found.map(|finding| format!("{}: {} {}", finding.place, finding.what, finding.advice));
        notes.extend(named(skipped, "roles get no profile"));
        notes.extend(named(
            found.collect(),
            "places are not read by all tools in the same way",
        ));
        notes
    }

    fn summary(&self) -> String {
        if self.diff.is_empty() {
            return words::nothing_to_change(&self.path);
        }
        let counts = words::counts(&self.profiles, &self.removed);
        match self.doing {
            Doing::Written => words::written(&self.path, &counts),
            Doing::TakenBack => words::taken_back(&self.path),
            Doing::Planned => {
                let planned = words::planned(&self.path, &counts);
                format!("{planned} “portray profiles apply” writes this.")
            }
        }
    }

    fn document(&self) -> Document<'_> {
        let profiles = self.profiles.iter().map(|profile| ProfileLine {
            name: &profile.name,
            portal: &profile.portal,
            account: &profile.role.account_id,
            account_name: &profile.role.account_name,
            permission_set: &profile.role.permission_set,
            chain: profile.role.chain.as_deref(),
            change: match profile.change {
                Change::New => "new",
                Change::Changed => "changed",
                Change::Same => "same",
            },
        });
        let skipped = self.skipped.iter().map(|skipped| SkippedLine {
            portal: &skipped.portal,
            account: &skipped.role.account_id,
            account_name: &skipped.role.account_name,
            permission_set: &skipped.role.permission_set,
            reason: skipped.reason.to_string(),
        });
        let findings = self.findings.iter().map(|finding| FindingLine {
            file: words::file_name(finding.file),
            line: finding.line,
            what: sentence(&finding.trouble),
            advice: advice_about(&finding.trouble),
        });
        Document {
            path: &self.path,
            changed: !self.diff.is_empty(),
            diff: &self.diff,
            profiles: profiles.collect(),
            removed: &self.removed,
            skipped: skipped.collect(),
            findings: findings.collect(),
            hard_links: self.other_names,
            backup: self.backup.as_deref(),
        }
    }
}

/// The first few, and how many more there are.
fn named(notes: Vec<String>, what: &str) -> Vec<String> {
    words::first_few(notes, NAMED, |more| {
        format!("{more} more {what}; --json names all of them.")
    })
}
