//! Settings while Portray runs: changed in the file as it is then, and taken over when a person edits it.

use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::app::App;
use crate::app::command::{Command, Reply, SettingsChange};
use crate::app::contract::{Answer, ProblemView};
use crate::app::controller::{Controller, answer};
use crate::identity_center::PortalId;
use crate::identity_center::deadline::within;
use crate::private_files;
use crate::settings::{About, Fault, Settings, SettingsError};

/// An editor may be in the middle of writing: an edit counts when it still stands after this.
const SETTLED: Duration = Duration::from_secs(1);

/// How long whoever asks for what holds now waits for that.
const PATIENCE: Duration = Duration::from_secs(3);

/// Is dropped when it is known what holds.
pub type Settled = oneshot::Sender<()>;

/// What stands in the file and is not taken over.
#[derive(Debug)]
pub struct Edit {
    /// Else why it cannot be read.
    content: Result<Vec<u8>, String>,
    /// Why not, as the person was told.
    told: Option<ProblemView>,
}

/// What in the settings does not hold, in the order of the file.
#[derive(Debug, Clone, Default)]
pub struct SettingsProblems {
    /// A file that was set aside, or is not taken over.
    pub file: Vec<ProblemView>,
    /// Parts of it that a person has to mend.
    pub parts: Vec<(About, ProblemView)>,
    pub unknown_keys: Vec<ProblemView>,
}

/// What stands in the settings as a portal and is none: a file that cannot be understood may hold any.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MissingPortal {
    pub name: Option<String>,
    pub start_url: Option<String>,
    pub problem: ProblemView,
}

impl MissingPortal {
    /// Whether it can be the portal that somebody calls so.
    pub fn may_be(&self, named: &str) -> bool {
        let names = [&self.name, &self.start_url].into_iter().flatten();
        self.name.is_none()
            || names
                .into_iter()
                .any(|name| name.to_lowercase() == named.to_lowercase())
    }
}

impl SettingsProblems {
    /// What a person has to mend.
    pub fn faults(&self) -> Vec<ProblemView> {
        let parts = self.parts.iter().map(|(_, problem)| problem);
        self.file.iter().chain(parts).cloned().collect()
    }

    /// Why the further role of this name is ignored, where one is written down and does not hold.
    pub fn about_chain(&self, name: &str) -> Option<&ProblemView> {
        let name = name.to_lowercase();
        let is_meant = |about: &About| match about {
            About::Chain(Some(own)) => own.to_lowercase() == name,
            About::Chain(None) | About::Portal { .. } | About::Profiles | About::Other => false,
        };
        let mut parts = self.parts.iter();
        parts
            .find(|(about, _)| is_meant(about))
            .map(|(_, problem)| problem)
    }

    /// What may be the reason for a portal that is missing.
    pub fn missing_portals(&self) -> Vec<MissingPortal> {
        let any = |problem: &ProblemView| MissingPortal {
            name: None,
            start_url: None,
            problem: problem.clone(),
        };
        let named = self.parts.iter().filter_map(|(about, problem)| match about {
            About::Portal { name, start_url } => Some(MissingPortal {
                name: name.clone(),
                start_url: start_url.clone(),
                problem: problem.clone(),
            }),
            About::Chain(_) | About::Profiles | About::Other => None,
        });
        self.file.iter().map(any).chain(named).collect()
    }
}

impl App {
    /// Takes over what a person has just saved, before anything is said of what there is. Where nothing was saved that
    /// is one look at the file.
    pub async fn settings_of_now(&self) {
        let (settled, known) = oneshot::channel();
        if self.send(Command::SettingsToSee(Some(settled))).is_ok() {
            // A disk that hangs, or an editor that writes on and on, does not keep an answer waiting.
            within(&self.clock, PATIENCE, known).await;
        }
    }
}

impl Controller {
    pub(super) fn settings_problem(&self) -> Option<ProblemView> {
        let problems = self.settings_problems.read().expect("no panic under this lock");
        problems.faults().into_iter().next()
    }

    /// `unusable` are the portals that were understood, and yet cannot be.
    pub(super) fn tell_what_does_not_hold(&self, unusable: Vec<Fault>) {
        let path = self.paths.settings();
        let told = |fault: &Fault| ProblemView::settings_fault(&path, fault);
        let aside = self
            .settings
            .set_aside
            .iter()
            .map(ProblemView::settings_set_aside);
        let mut faults = [self.settings.faults.clone(), unusable].concat();
        faults.sort_by_key(|fault| fault.line);
        let problems = SettingsProblems {
            file: aside.collect(),
            parts: faults
                .iter()
                .map(|fault| (fault.about.clone(), told(fault)))
                .collect(),
            unknown_keys: self.settings.unknown_keys.iter().map(told).collect(),
        };
        for problem in problems.faults().iter().chain(&problems.unknown_keys) {
            tracing::warn!("{}", problem.what_happened);
        }
        *self.settings_problems.write().expect("no panic under this lock") = problems;
    }

    /// Makes a change in the file and takes over what it says then. Answers after that.
    pub(super) fn change_settings(
        &self,
        reply: Option<Reply<Answer>>,
        change: impl FnOnce(&mut Settings) -> Result<Answer, ProblemView> + Send + 'static,
    ) {
        self.change_settings_then(change, |outcome| Command::SettingsChanged { outcome, reply });
    }

    /// Makes a change in the file; the loop goes on with what it came to.
    pub(super) fn change_settings_then(
        &self,
        change: impl FnOnce(&mut Settings) -> Result<Answer, ProblemView> + Send + 'static,
        next: impl FnOnce(SettingsChange) -> Command + Send + 'static,
    ) {
        let (settings, path, commands) = (
            self.settings.clone(),
            self.paths.settings(),
            self.commands.clone(),
        );
        let known = self.known.clone();
        self.write(move || {
            let changed = settings.change(&path, |settings| {
                known.give_ids(&mut settings.portals);
                change(settings)
            });
            let outcome = changed.map(|(settings, done)| (Box::new(settings), done));
            let _ = commands.send(next(outcome));
            Ok(())
        });
    }

    pub(super) fn settings_changed(&mut self, outcome: SettingsChange, reply: Option<Reply<Answer>>) {
        match (outcome, reply) {
            (Ok((settings, done)), reply) => {
                self.take_over(*settings);
                answer(reply, done);
            }
            (Err(error), None) => self.problem = Some(ProblemView::settings(&error)),
            (Err(error), reply) => answer(reply, Err(ProblemView::settings(&error))),
        }
    }

    /// Reads the file behind everything that is being written. `settled` hears when it is known what holds: whoever
    /// waits for that gives it, others `None`.
    pub(super) fn look_at_settings(&self, settled: Option<Settled>) {
        let (path, commands) = (self.paths.settings(), self.commands.clone());
        self.write(move || {
            let seen = private_files::read(&path);
            let _ = commands.send(Command::SettingsSeen { seen, settled });
            Ok(())
        });
    }

    pub(super) fn settings_seen(&mut self, seen: io::Result<Option<Vec<u8>>>, settled: Option<Settled>) {
        let content = match seen {
            Ok(Some(content)) if self.settings.is_from(&content) => return self.forget_edit(),
            Ok(Some(content)) => Ok(content),
            // Moved away, or between two steps of an editor: what is known goes on.
            Ok(None) => return,
            Err(error) => Err(error.to_string()),
        };
        match &self.edit {
            Some(edit) if edit.content == content => {
                if edit.told.is_none() {
                    self.take_over_edit(content);
                }
            }
            Some(_) | None => {
                self.forget_edit();
                let told = None;
                self.edit = Some(Edit { content, told });
                self.look_at_settings_again(settled);
            }
        }
    }

    fn look_at_settings_again(&self, settled: Option<Settled>) {
        let (clock, commands) = (self.clock.clone(), self.commands.clone());
        tokio::spawn(async move {
            clock.sleep(SETTLED).await;
            let _ = commands.send(Command::SettingsToSee(settled));
        });
    }

    fn take_over_edit(&mut self, content: Result<Vec<u8>, String>) {
        let path = self.paths.settings();
        let settings = match &content {
            Ok(content) => Settings::parse(content, &path),
            Err(error) => Err(SettingsError::Unreadable {
                path,
                error: io::Error::other(error.clone()),
            }),
        };
        match settings {
            Ok(settings) => {
                tracing::info!("settings.toml was edited");
                self.take_over(settings);
            }
            Err(error) => {
                tracing::warn!(%error, "the settings go on as they were");
                let problem = ProblemView::settings(&error);
                self.problem = Some(problem.clone());
                self.file_problems(|file| file.insert(0, problem.clone()));
                let told = Some(problem);
                self.edit = Some(Edit { content, told });
            }
        }
    }

    /// What was told of it is no longer true.
    fn forget_edit(&mut self) {
        let Some(told) = self.edit.take().and_then(|edit| edit.told) else {
            return;
        };
        self.file_problems(|file| file.retain(|problem| *problem != told));
        if self.problem.as_ref() == Some(&told) {
            self.problem = None;
        }
    }

    fn file_problems(&self, change: impl FnOnce(&mut Vec<ProblemView>)) {
        let mut problems = self.settings_problems.write().expect("no panic under this lock");
        change(&mut problems.file);
    }

    /// From now on these hold: portals that are new come, portals that are gone go.
    fn take_over(&mut self, mut settings: Settings) {
        self.forget_edit();
        self.known.give_ids(&mut settings.portals);
        let before = std::mem::replace(&mut self.settings, settings);
        for portal in before.portals {
            if self.settings.portal(&portal.id).is_none() {
                let gone = PortalId(portal.id);
                self.let_go(&gone);
                self.end_launches(&gone);
            }
        }
        self.set_confirm(self.settings.confirm.programs.clone());
        self.take_in_portals();
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::identity_center::Portal;
    use crate::role_chain::chains;

    #[test]
    fn why_a_further_role_is_ignored_is_found_by_its_name() {
        let chain = |name: &str| {
            format!(
                "[[chain]]\nname = \"{name}\"\nfrom = \"a/b\"\nrole_arn = \"arn:aws:iam::666677778888:role/R\"\n"
            )
        };
        let text = [chain("release"), "[[chain]]\nname = \"half\"\n".to_owned()].concat();
        let path = Path::new("settings.toml");
        let settings = Settings::parse(text.as_bytes(), path).unwrap();
        let mut two = Settings::default();
        let portals = ["acme", "other"].map(|name| {
            let portal = two.add_portal(name, name, "eu-west-1");
            Portal::from_settings(portal, None).unwrap()
        });
        let (_, faults) = chains(&settings.chains, &portals);
        let problems = problems(path, &[settings.faults, faults].concat());
        let why = |name: &str| {
            let problem = problems.about_chain(name);
            problem
                .map(|problem| problem.what_happened.clone())
                .unwrap_or_default()
        };
        assert!(
            why("release").contains("there are several portals"),
            "{problems:?}"
        );
        assert!(why("RELEASE").contains("there are several portals"));
        assert!(why("half").contains("half"), "{problems:?}");
        assert_eq!(problems.about_chain("rel"), None);
        assert_eq!(problems.about_chain("acme-dev/ReadOnly"), None);
        assert!(problems.missing_portals().is_empty(), "{problems:?}");
    }

    fn problems(path: &Path, faults: &[Fault]) -> SettingsProblems {
        let told = |fault: &Fault| (fault.about.clone(), ProblemView::settings_fault(path, fault));
        SettingsProblems {
            parts: faults.iter().map(told).collect(),
            ..SettingsProblems::default()
        }
    }

    #[test]
    fn what_is_said_of_a_portal_that_is_missing_is_about_that_portal() {
        let chain = "[[chain]]\nname = \"x\"\n";
        let named = "[[portal]]\nname = \"half\"\nstart_url = \"https://half.awsapps.com/start\"\n";
        let path = Path::new("settings.toml");
        let read = |text: &str| {
            let settings = Settings::parse(text.as_bytes(), path).unwrap();
            problems(path, &settings.faults).missing_portals()
        };
        assert!(read(chain).is_empty());
        let missing = read(&format!("{chain}[console]\nvia = \"zz\"\n{named}"));
        let [half] = missing.as_slice() else {
            panic!("{missing:?}")
        };
        assert!(half.problem.what_happened.contains("line 5"), "{half:?}");
        for (named, may_be) in [
            ("half", true),
            ("HALF", true),
            ("https://half.awsapps.com/start", true),
            ("hal", false),
            ("x", false),
        ] {
            assert_eq!(half.may_be(named), may_be, "{named}");
        }
        let nameless = read("[[portal]]\nstart_url = \"https://half.awsapps.com/start\"\n");
        assert!(nameless[0].may_be("anything"), "{nameless:?}");
    }
}
