//! What a person decides about a launch or a program: it is revoked, or allowed again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, ProblemView, account_in_words, role_in_words};
use crate::app::controller::Controller;
use crate::consumers::Question;
use crate::paths::Environment;
use crate::programs::interpreter::{Named, named};
use crate::uses::{Use, consumer_of};

/// What a person decides about a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Revoked,
    Allowed,
}

/// What revoking does not do.
const STAY_VALID: &str = "What it holds stays valid at AWS until it expires.";

impl Controller {
    pub(super) fn revoke_launch(&self, launch: &str) -> String {
        self.records.consumers.revoke_launch(launch);
        self.save_revocations();
        format!("The launch {launch} gets no credentials any more. {STAY_VALID}")
    }

    /// Says yes to what the programs of a launch wait for: its id stands beside what they were refused.
    pub(super) fn allow_launch(&self, launch: &str) -> Result<String, ProblemView> {
        let consumers = &self.records.consumers;
        if consumers.is_launch_revoked(launch) {
            return Err(ProblemView::launch_is_over());
        }
        let uses = self.records.uses.since(0).uses;
        let of_launch: Vec<&Use> = uses
            .iter()
            .filter(|used| used.launch.as_deref() == Some(launch))
            .collect();
        let questions = consumers.questions();
        let waiting: Vec<&Question> = questions
            .iter()
            .filter(|question| of_launch.iter().any(|used| is_about(question, used)))
            .collect();
        if waiting.is_empty() {
            return Err(ProblemView::launch_does_not_wait(launch));
        }
        for question in &waiting {
            consumers.answer(question.id, true);
        }
        Ok(allowed_in_launch(&waiting))
    }

    /// Decides about a program by its id or path. A path that nobody knows of has to lead to a file: one with a slip in
    /// it would stop nobody. One that is known stays meant, whatever it leads to now.
    pub(super) fn decide(&mut self, verdict: Verdict, consumer: String, reply: Option<Reply<Answer>>) {
        let known = self.known_executable(&consumer);
        let path = PathBuf::from(&consumer);
        if !path.is_absolute() {
            match known {
                Some(executable) => self.decided(verdict, &[executable], reply),
                None => self.done(reply, Err(ProblemView::unknown_consumer(&consumer))),
            }
            return;
        }
        let find = async move {
            let look = move || named(&path, &Environment::of_process());
            let found = tokio::task::spawn_blocking(look).await.ok().flatten();
            meant(verdict, &consumer, known, found)
        };
        self.spawn_then(reply, find, move |executables, reply| {
            Some(Command::Decided {
                verdict,
                executables,
                reply,
            })
        });
    }

    pub(super) fn decided(&mut self, verdict: Verdict, executables: &[String], reply: Option<Reply<Answer>>) {
        let mut is_changed = false;
        let mut answered = BTreeSet::new();
        for executable in executables {
            is_changed |= match verdict {
                Verdict::Revoked => {
                    self.records.consumers.revoke_program(executable);
                    true
                }
                Verdict::Allowed => {
                    answered.extend(self.answer_waiting(executable));
                    self.records.consumers.allow_program(executable)
                }
            };
        }
        if is_changed {
            self.save_revocations();
        }
        let programs = executables.join(" and ");
        let words = match verdict {
            Verdict::Revoked => {
                format!("{programs} gets no credentials until you allow it again. {STAY_VALID}")
            }
            Verdict::Allowed => allowed(&programs, is_changed, &answered),
        };
        self.done(reply, Ok(words));
    }

    /// Says yes to what the program waits for: these roles.
    fn answer_waiting(&self, executable: &str) -> Vec<String> {
        let consumers = &self.records.consumers;
        let questions = consumers.questions().into_iter();
        let waiting = questions.filter(|question| executable_of(question) == Some(executable));
        waiting
            .map(|question| {
                consumers.answer(question.id, true);
                role_of(&question)
            })
            .collect()
    }

    pub(super) fn is_launch(&self, consumer: &str) -> bool {
        let consumers = &self.records.consumers;
        let is_known = |used: &Use| used.launch.as_deref() == Some(consumer);
        consumers.is_launch_revoked(consumer)
            || consumers.launches().iter().any(|launch| launch.id == consumer)
            || self.records.uses.since(0).uses.iter().any(is_known)
    }

    /// The path of a program that was seen, is revoked or waits.
    fn known_executable(&self, consumer: &str) -> Option<String> {
        let consumers = &self.records.consumers;
        let used = self
            .records
            .uses
            .since(0)
            .uses
            .into_iter()
            .filter_map(|used| used.program);
        let waiting = consumers
            .questions()
            .into_iter()
            .filter_map(|question| question.program);
        let revoked = consumers.programs().into_iter().map(|program| program.executable);
        let mut known = used
            .chain(waiting)
            .filter_map(|program| program.executable)
            .chain(revoked);
        known.find(|executable| executable == consumer || consumer_of(executable) == consumer)
    }
}

/// A yes is for roles; only what was revoked may have credentials again.
fn allowed(programs: &str, was_revoked: bool, roles: &BTreeSet<String>) -> String {
    let roles = roles.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
    match (was_revoked, roles.as_str()) {
        (true, "") => format!("{programs} may get credentials again."),
        (true, roles) => format!("{programs} may get credentials again, and is allowed {roles}."),
        (false, "") => format!("{programs} was not revoked, and waits for nothing: nothing was changed."),
        (false, roles) => format!("{programs} may get the credentials of {roles}."),
    }
}

/// Which roles each of the programs may have.
fn allowed_in_launch(waiting: &[&Question]) -> String {
    let mut roles: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for question in waiting {
        let program = executable_of(question).unwrap_or_default();
        roles.entry(program).or_default().insert(role_of(question));
    }
    let words: Vec<_> = roles
        .iter()
        .map(|(program, roles)| allowed(program, false, roles))
        .collect();
    words.join(" ")
}

fn role_of(question: &Question) -> String {
    let account = account_in_words(&question.account_name, &question.account);
    role_in_words(question.chain.as_deref(), account, &question.permission_set)
}

fn executable_of(question: &Question) -> Option<&str> {
    let program = question.program.as_ref();
    program.and_then(|program| program.executable.as_deref())
}

/// Whether a program that was refused is the one that waits, for the same role.
fn is_about(question: &Question, used: &Use) -> bool {
    let program = used.program.as_ref();
    let executable = program.and_then(|program| program.executable.as_deref());
    executable.is_some()
        && executable_of(question) == executable
        && question.portal == used.portal
        && question.account == used.account
        && question.permission_set == used.permission_set
        && question.chain == used.chain
}

/// The programs that a path means, as the system tells of them. What was seen under that very path is meant too: it may
/// run on while something else has its place. A script is never seen: to revoke it would stop nobody.
fn meant(
    verdict: Verdict,
    path: &str,
    known: Option<String>,
    found: Option<Named>,
) -> Result<Vec<String>, ProblemView> {
    let itself = match (found, verdict) {
        (Some(Named::Program(file)), _) => Some(in_text(&file)),
        (Some(Named::Script { .. }), Verdict::Allowed) if known.is_some() => None,
        (Some(Named::Script { interpreter }), _) => {
            return Err(ProblemView::is_a_script(path, interpreter.as_deref(), verdict));
        }
        (None, _) => None,
    };
    let mut meant: Vec<String> = itself.into_iter().chain(known).collect();
    meant.dedup();
    match meant.is_empty() {
        true => Err(ProblemView::unknown_consumer(path)),
        false => Ok(meant),
    }
}

fn in_text(file: &Path) -> String {
    file.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a6_what_was_allowed_is_said_and_no_more() {
        let roles = |roles: &[&str]| roles.iter().map(|role| (*role).to_owned()).collect();
        for (was_revoked, answered, expected) in [
            (true, roles(&[]), "aws may get credentials again."),
            (
                true,
                roles(&["a/b"]),
                "aws may get credentials again, and is allowed a/b.",
            ),
            (
                false,
                roles(&["a/b", "c/d"]),
                "aws may get the credentials of a/b and c/d.",
            ),
            (
                false,
                roles(&[]),
                "aws was not revoked, and waits for nothing: nothing was changed.",
            ),
        ] {
            assert_eq!(allowed("aws", was_revoked, &answered), expected);
        }
    }

    #[test]
    fn a6_a_launch_that_is_allowed_says_which_roles_each_of_its_programs_may_have() {
        let question = |id, program: &str, account_name: &str, chain: Option<&str>| {
            let seen = crate::uses::tests::observed(program, 7);
            Question {
                id,
                program: seen.program,
                door: seen.door,
                portal: seen.portal,
                account: seen.role.account.0,
                account_name: account_name.to_owned(),
                permission_set: seen.role.permission_set,
                chain: chain.map(str::to_owned),
            }
        };
        let waiting = [
            question(1, "terraform", "acme-dev", Some("release")),
            question(2, "aws", "", None),
            question(3, "aws", "acme-dev", None),
        ];
        let waiting: Vec<_> = waiting.iter().collect();
        assert_eq!(
            allowed_in_launch(&waiting),
            "/usr/bin/aws may get the credentials of 111122223333/ReadOnly and acme-dev/ReadOnly. /usr/bin/terraform may \
             get the credentials of release, from acme-dev/ReadOnly."
        );
    }

    #[test]
    fn a6_what_is_revoked_is_what_the_system_will_tell_of_and_a_script_never_is() {
        let program = || Some(Named::Program("/usr/bin/python3.11".into()));
        let script = || {
            let interpreter = Some("/usr/bin/python3.11".into());
            Some(Named::Script { interpreter })
        };
        let old = || Some("/usr/bin/python3".to_owned());
        let meant = |verdict, known, found| meant(verdict, "/usr/bin/python3", known, found);
        for verdict in [Verdict::Revoked, Verdict::Allowed] {
            let same = || Some("/usr/bin/python3.11".to_owned());
            for known in [None, same()] {
                assert_eq!(meant(verdict, known, program()).unwrap(), ["/usr/bin/python3.11"]);
            }
            assert_eq!(
                meant(verdict, old(), program()).unwrap(),
                ["/usr/bin/python3.11", "/usr/bin/python3"],
                "what was revoked by its text before is found, and is not all"
            );
            assert_eq!(meant(verdict, old(), None).unwrap(), ["/usr/bin/python3"]);
            assert!(meant(verdict, None, None).is_err());
            let told = meant(verdict, None, script()).unwrap_err();
            let words = format!("{} {}", told.what_happened, told.what_to_do);
            assert!(
                words.contains("a script that /usr/bin/python3.11 runs"),
                "{words}"
            );
            let told = super::meant(
                verdict,
                "/etc/passwd",
                None,
                Some(Named::Script { interpreter: None }),
            );
            assert!(told.unwrap_err().what_happened.contains("is no program"));
            for hint in ["in which the script ends up", "“portray uses”", "hands over"] {
                assert!(words.contains(hint), "{words}");
            }
        }
        assert!(meant(Verdict::Revoked, old(), script()).is_err());
        assert_eq!(
            meant(Verdict::Allowed, old(), script()).unwrap(),
            ["/usr/bin/python3"]
        );
    }
}
