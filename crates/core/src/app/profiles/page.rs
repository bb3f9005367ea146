//! What the window's page of profiles shows of a file and a change of it.

use crate::app::contract::{DifferenceLine, LineSign, ProblemView, ProfilesChange, ProfilesView};
use crate::app::profiles::intent::Proposal;
use crate::app::profiles::words;
use crate::app::view::count;
use crate::aws_config::difference::{self, Part, Sign};
use crate::aws_config::file::{ConfigFile, Files};
use crate::aws_config::{findings, taken_back};
use crate::harmless::harmless;
use crate::paths::Environment;

/// Lines of the difference that are given at once.
const LINES: usize = 500;

/// Roles without a profile, and findings, that are named one by one.
const NAMED: usize = 100;

/// A page that is being made.
pub struct Page<'a> {
    file: &'a ConfigFile,
    files: &'a Files,
    change: ProfilesChange,
    pub notes: Vec<String>,
}

impl<'a> Page<'a> {
    pub fn of(file: &'a ConfigFile, files: &'a Files, change: ProfilesChange) -> Self {
        Self {
            file,
            files,
            change,
            notes: Vec::new(),
        }
    }

    /// `from`: the first line of the difference that is wanted.
    pub fn proposing(mut self, proposal: &Proposal, environment: &Environment, from: u32) -> ProfilesView {
        let (path, before) = (self.file.path(), self.files.config.as_deref());
        let parts = difference::parts(before, &proposal.after);
        let is_change = !parts.is_empty();
        let other_names = self.file.other_names();
        if is_change && other_names > 0 {
            self.notes.push(words::hard_links(path, other_names));
        }
        if self.change == ProfilesChange::Write && environment.text("PORTRAY_HOME").is_some() {
            self.notes.push(words::PORTRAY_HOME.to_owned());
        }
        if proposal.lacks_region {
            self.notes.push(words::NO_REGION_IN_WINDOW.to_owned());
        }
        let of_sign = |wanted| {
            let is_wanted = |part: &&Part| matches!(part, Part::Line { sign, .. } if *sign == wanted);
            count(parts.iter().filter(is_wanted).count())
        };
        let skipped = proposal.skipped.iter().map(words::skipped).collect();
        let more = |more| {
            format!("{more} more roles get no profile; “portray profiles plan --json” names all of them.")
        };
        let mut view = self.empty();
        view.summary = match is_change {
            true => proposal.summary.clone(),
            false => words::nothing_to_change(path),
        };
        view.shown = is_change.then(|| difference::fingerprint(path, before, &proposal.after));
        (view.added, view.removed) = (of_sign(Sign::Added), of_sign(Sign::Removed));
        view.length = count(parts.len());
        view.from = from.min(view.length);
        let wanted = parts.iter().skip(view.from as usize).take(LINES);
        view.lines = wanted.map(line).collect();
        view.skipped = words::first_few(skipped, NAMED, more);
        view
    }

    pub fn refusing(self, problem: ProblemView) -> ProfilesView {
        ProfilesView {
            problem: Some(problem),
            ..self.empty()
        }
    }

    /// What holds of the file whatever is to be done to it.
    fn empty(self) -> ProfilesView {
        let (config, credentials) = (self.files.config.as_deref(), self.files.credentials.as_deref());
        let found = match self.change {
            ProfilesChange::Write => findings(config, credentials),
            ProfilesChange::Undo | ProfilesChange::Remove => Vec::new(),
        };
        let without_ours = taken_back(config);
        let last = self.file.last_change();
        ProfilesView {
            change: self.change,
            path: self.file.path().display().to_string(),
            shown: None,
            summary: String::new(),
            lines: Vec::new(),
            from: 0,
            length: 0,
            added: 0,
            removed: 0,
            notes: self.notes,
            skipped: Vec::new(),
            findings: found.iter().take(NAMED).map(words::finding).collect(),
            backup: self.file.backup().map(|path| path.display().to_string()),
            // What cannot be read of it is told by whoever asks for it.
            can_undo: last.map_or(true, |last| last.is_some_and(|last| !last.is_undone_in(config))),
            can_remove: without_ours.is_ok_and(|left| !difference::parts(config, &left).is_empty()),
            problem: None,
        }
    }
}

fn line(part: &Part) -> DifferenceLine {
    match part {
        Part::Line {
            sign,
            text,
            is_unended,
        } => DifferenceLine {
            sign: match sign {
                Sign::Added => LineSign::Added,
                Sign::Removed => LineSign::Removed,
                Sign::Kept => LineSign::Kept,
            },
            text: harmless(text),
            unended: *is_unended,
        },
        Part::Gap(lines) => DifferenceLine {
            sign: LineSign::Gap,
            text: match lines {
                1 => "1 line stays as it is".to_owned(),
                lines => format!("{lines} lines stay as they are"),
            },
            unended: false,
        },
    }
}
