//! What a person has decided and could not be written: it holds until the end, and is written again until it is there.

use std::collections::BTreeMap;

use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, ProblemView};
use crate::app::controller::{Controller, answer};
use crate::consumers::ConsumersFile;
use crate::role_catalog::CatalogueFiles;

/// A file of decisions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decisions {
    /// Programs and launches that were revoked.
    Revocations,
    /// Favourites, recents and kept roles.
    Marks,
}

/// Those that are not on the disk as they are here, and why.
pub type Unsaved = BTreeMap<Decisions, ProblemView>;

impl Controller {
    pub(super) fn save_revocations(&self) {
        let (file, revoked, commands) = (
            ConsumersFile::of(&self.paths),
            self.records.consumers.revocations(),
            self.commands.clone(),
        );
        self.write(move || {
            let saved = file.save(revoked);
            let outcome = saved.map_err(|error| ProblemView::revocations_not_written(file.path(), &error));
            let decisions = Decisions::Revocations;
            let _ = commands.send(Command::Saved { decisions, outcome });
            Ok(())
        });
    }

    pub(super) fn save_marks(&self) {
        let (files, catalogue, commands) = (
            CatalogueFiles::of(&self.paths),
            self.catalogue(),
            self.commands.clone(),
        );
        self.write(move || {
            let saved = files.save_marks(&catalogue);
            let outcome = saved.map_err(|error| ProblemView::marks_not_written(&files.roles(), &error));
            let decisions = Decisions::Marks;
            let _ = commands.send(Command::Saved { decisions, outcome });
            Ok(())
        });
    }

    pub(super) fn saved(&mut self, decisions: Decisions, outcome: Result<(), ProblemView>) {
        match outcome {
            Ok(()) => self.unsaved.remove(&decisions),
            Err(problem) => self.unsaved.insert(decisions, problem),
        };
    }

    /// Answers when everything that was to be written by now is written, or says that it is not.
    pub(super) fn answer_when_saved(&self, decisions: Decisions, reply: Option<Reply<Answer>>, done: Answer) {
        let commands = self.commands.clone();
        self.write(move || {
            let _ = commands.send(Command::AnswerSaved {
                decisions,
                reply,
                done,
            });
            Ok(())
        });
    }

    pub(super) fn answer_saved(&self, decisions: Decisions, reply: Option<Reply<Answer>>, done: Answer) {
        let problem = self.unsaved.get(&decisions).cloned();
        answer(reply, problem.map_or(Ok(done), Err));
    }

    /// Stays until it is written: dismissing it would not bring anything to the disk.
    pub(super) fn unsaved_problem(&self) -> Option<ProblemView> {
        self.unsaved.values().next().cloned()
    }

    pub(super) fn save_again(&self) {
        for decisions in self.unsaved.keys() {
            match decisions {
                Decisions::Revocations => self.save_revocations(),
                Decisions::Marks => self.save_marks(),
            }
        }
    }
}
