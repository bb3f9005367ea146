//! Uses, revocations and questions as the application keeps them: on disk, in what is shown, in what a person orders.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;

use crate::app::App;
use crate::app::command::{Command, Reply};
use crate::app::contract::{Answer, ConsumerOrder, ProblemView, Role, UsesView};
use crate::app::controller::{Controller, answer};
use crate::app::unsaved::Decisions;
use crate::app::verdicts::Verdict;
use crate::clock::SharedClock;
use crate::consumers::{Asking, Consumers, ConsumersFile, Loaded, Refused, Revocations};
use crate::identity_center::RoleKey;
use crate::programs::ourselves;
use crate::settings::Confirm;
use crate::uses::{Door, MOST, Observed, SHOWN, Use, UseBook, UseFile, consumer_of};

/// How many uses a window asks for at once.
const PAGE: usize = 100;

/// The loop hears of changes at most this often.
const BETWEEN_CHANGES: Duration = Duration::from_millis(100);

/// Who has a console opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// In the tray or in the window.
    Person,
    /// On the command line: that is noted where it is known which program it was.
    Program,
}

/// What is known of those who get credentials. Clones are the same.
#[derive(Debug, Clone)]
pub struct Records {
    pub uses: UseBook,
    pub consumers: Consumers,
    unread: Arc<Mutex<Unread>>,
}

/// What is there and cannot be read, in words.
#[derive(Debug, Default)]
struct Unread {
    uses: Option<ProblemView>,
    revocations: Option<ProblemView>,
}

impl Records {
    pub fn new(clock: &SharedClock) -> Self {
        Self {
            uses: UseBook::new(clock.clone()),
            consumers: Consumers::new(clock.clone()),
            unread: Arc::default(),
        }
    }

    /// Has the loop hear of changes: not of each one of many.
    pub fn follow(&self, clock: &SharedClock, commands: &UnboundedSender<Command>) {
        let (mut uses, mut consumers) = (self.uses.changes(), self.consumers.changes());
        let (clock, commands) = (clock.clone(), commands.clone());
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    changed = uses.changed() => if changed.is_err() { return },
                    changed = consumers.changed() => if changed.is_err() { return },
                }
                if commands.send(Command::RecordsChanged).is_err() {
                    return;
                }
                clock.sleep(BETWEEN_CHANGES).await;
            }
        });
    }

    fn unread(&self) -> MutexGuard<'_, Unread> {
        self.unread.lock().expect("no panic under this lock")
    }
}

impl App {
    /// The book of uses.
    pub fn uses(&self) -> &UseBook {
        &self.records.uses
    }

    pub fn consumers(&self) -> &Consumers {
        &self.records.consumers
    }

    /// The uses with a higher number than `after`, the oldest first, at most so many.
    pub fn uses_view(&self, after: u64, most: usize) -> UsesView {
        view(
            &self.records,
            &self.clock,
            self.records.uses.after(after, most, MOST),
        )
    }

    /// Whether somebody may be handed credentials, or the words why not.
    pub fn judge(&self, asking: Asking<'_>) -> Result<(), ProblemView> {
        let name = || {
            let program = asking.program.map(|program| program.name.clone());
            program.unwrap_or_else(|| "A program".to_owned())
        };
        let judged = self.records.consumers.judge(asking);
        judged.map_err(|refused| match refused {
            Refused::LaunchRevoked => ProblemView::launch_revoked(),
            Refused::ProgramRevoked => ProblemView::program_revoked(&name()),
            Refused::Unread => ProblemView::revocations_unknown(),
            Refused::Waits => {
                let executable = asking.program.and_then(|program| program.executable.as_deref());
                ProblemView::confirmation_needed(
                    &name(),
                    &asked_for(asking),
                    &executable.map(consumer_of).unwrap_or_default(),
                )
            }
            Refused::Denied => ProblemView::program_denied(&name()),
        })
    }
}

/// The role, as whoever asks for it may name it.
fn asked_for(asking: Asking<'_>) -> String {
    match &asking.role.chain {
        Some(chain) => chain.clone(),
        None => Role::from(asking.role.clone()).in_words(asking.account_name),
    }
}

fn view(records: &Records, clock: &SharedClock, uses: Vec<Use>) -> UsesView {
    let shown = uses.into_iter().map(|used| Use {
        at: clock.as_shown(used.at),
        last_at: clock.as_shown(used.last_at),
        ..used
    });
    UsesView {
        uses: shown.collect(),
        launches: records.consumers.launches(),
        revoked: records.consumers.programs(),
        problem: records.unread().uses.clone(),
    }
}

impl Controller {
    /// Reads what earlier processes left.
    pub(super) fn begin_records(&mut self) {
        self.read_uses();
        self.read_revocations();
    }

    fn read_revocations(&mut self) {
        let file = ConsumersFile::of(&self.paths);
        let told_before = self.records.unread().revocations.take();
        let revoked = match file.load(self.clock.now()) {
            Loaded::Read(revoked) => Some(revoked),
            Loaded::SetAside(aside) => {
                self.problem = Some(ProblemView::revocations_set_aside(&aside));
                Some(Revocations::default())
            }
            Loaded::Unreadable(error) => {
                let problem = ProblemView::revocations_unread(file.path(), &error);
                self.records.unread().revocations = Some(problem.clone());
                if told_before.as_ref() != Some(&problem) {
                    self.problem = Some(problem);
                }
                None
            }
        };
        if revoked.is_some() && told_before.is_some() && self.problem == told_before {
            self.problem = None;
        }
        self.records.consumers.take_in(revoked);
    }

    fn read_uses(&mut self) {
        let file = UseFile::of(&self.paths);
        match file.read(self.clock.now()) {
            Ok(read) => {
                if read.damaged > 0 {
                    tracing::warn!(lines = read.damaged, "lines of the record of uses are damaged");
                }
                self.records.uses.add_earlier(read.uses);
                self.records.unread().uses = None;
            }
            Err(error) => {
                let problem = ProblemView::uses_unread(file.path(), &error);
                self.records.unread().uses = Some(problem);
            }
        }
    }

    /// Looks again at what could not be read, and writes what can wait.
    pub(super) fn look_after_records(&mut self) {
        let is_unread = self.records.unread().uses.is_some();
        if is_unread {
            self.read_uses();
        }
        if self.records.consumers.is_unread() {
            self.read_revocations();
        }
        self.write_uses(true);
    }

    pub(super) fn set_confirm(&self, confirm: Confirm) {
        self.records.consumers.set_confirm(confirm);
    }

    /// Brings to disk what is not there yet; with `counts` also what was only counted up.
    pub(super) fn write_uses(&self, counts: bool) {
        let due = self.records.uses.take_unwritten(counts);
        if due.is_empty() {
            return;
        }
        let (file, book, commands) = (
            UseFile::of(&self.paths),
            self.records.uses.clone(),
            self.commands.clone(),
        );
        self.write(move || {
            if let Err(error) = file.append(&due) {
                book.not_written(&due);
                let _ = commands.send(Command::Failed(ProblemView::uses_not_written(
                    file.path(),
                    &error,
                )));
            }
            Ok(())
        });
    }

    pub(super) fn order_of_consumer(&mut self, order: ConsumerOrder, reply: Option<Reply<Answer>>) {
        match order {
            ConsumerOrder::List { after } => {
                let uses = self.records.uses.after(after, PAGE, SHOWN);
                let view = view(&self.records, &self.clock, uses);
                answer(reply, Ok(Answer::Uses { view }));
            }
            ConsumerOrder::Revoke { consumer } if self.is_launch(&consumer) => {
                let words = self.revoke_launch(&consumer);
                self.done(reply, Ok(words));
            }
            ConsumerOrder::Allow { consumer } if self.is_launch(&consumer) => {
                let words = self.allow_launch(&consumer);
                self.done(reply, words);
            }
            ConsumerOrder::Revoke { consumer } => self.decide(Verdict::Revoked, consumer, reply),
            ConsumerOrder::Allow { consumer } => self.decide(Verdict::Allowed, consumer, reply),
            ConsumerOrder::Answer { question, allow } => {
                // One that nobody waits for any more is no failure: the program asks again.
                self.records.consumers.answer(question, allow);
                answer(reply, Ok(Answer::Done));
            }
        }
    }

    pub(super) fn done(&mut self, reply: Option<Reply<Answer>>, words: Result<String, ProblemView>) {
        let words = match words {
            Ok(words) => words,
            Err(problem) if reply.is_none() => {
                self.problem = Some(problem);
                return;
            }
            Err(problem) => return answer(reply, Err(problem)),
        };
        self.answer_when_saved(Decisions::Revocations, reply, Answer::Said { words });
    }

    /// What is written down of a console that a person opens from the tray or the window.
    pub(super) fn note_of_console(&self, role: &RoleKey) -> Observed {
        let portal = self.settings.portal(&role.portal.0);
        Observed {
            door: Door::Console,
            program: ourselves(),
            launch: None,
            portal: portal.map(|portal| portal.name.clone()).unwrap_or_default(),
            account_name: super::view::account_name(&self.catalogue(), role),
            assumed: self.catalogue().assumed(role),
            role: role.clone(),
            refused: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::tests::observed;

    #[test]
    fn a6_what_a_program_waits_for_is_told_by_the_account_s_id_where_its_name_is_not_known() {
        let seen = observed("aws", 7);
        let named = |account_name: &str| {
            asked_for(Asking {
                program: None,
                launch: None,
                door: seen.door,
                role: &seen.role,
                portal: "acme",
                account_name,
                assumed: None,
            })
        };
        assert_eq!(named("acme-dev"), "acme-dev/ReadOnly");
        assert_eq!(named(""), "111122223333/ReadOnly");
    }
}
