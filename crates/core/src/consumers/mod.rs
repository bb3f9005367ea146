//! Who may be handed credentials: programs and launches that a person has revoked, and programs that a person has to
//! confirm first. Friction for mistakes and a word for the person; no wall against programs of the same user.

mod confirmed;
mod file;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use ts_rs::TS;

use crate::clock::SharedClock;
use crate::identity_center::RoleKey;
use crate::programs::Program;
use crate::role_chain::Assumed;
use crate::settings::Confirm;
use crate::uses::{Door, consumer_of};
use confirmed::is_confirmed;
pub use file::{ConsumersFile, Loaded, Revocations};

/// How long an answer holds after the last request that it was for.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

/// How many questions wait for a person at most: a flood of programs is no flood of notices.
const MOST_WAITING: usize = 20;

/// A running `portray exec` or `portray serve`, with an endpoint of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Launch {
    /// Eight hexadecimal digits; no secret.
    pub id: String,
    pub door: Door,
    /// The command that was started, or `portray serve` itself.
    pub program: Option<Program>,
    /// The portal's name.
    pub portal: String,
    pub account: String,
    pub account_name: String,
    pub permission_set: String,
    /// The further role that is assumed from it, by its name in the settings.
    #[serde(default)]
    pub chain: Option<String>,
}

/// A program that a person has revoked, until they allow it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RevokedProgram {
    pub consumer: String,
    pub executable: String,
    #[ts(type = "string")]
    pub since: Timestamp,
}

/// A program that waits for a person's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Question {
    #[ts(type = "number")]
    pub id: u64,
    pub program: Option<Program>,
    pub door: Door,
    pub portal: String,
    pub account: String,
    pub account_name: String,
    pub permission_set: String,
    /// The further role that is assumed from it, by its name in the settings.
    #[serde(default)]
    pub chain: Option<String>,
}

/// Who asks for credentials of which role.
#[derive(Debug, Clone, Copy)]
pub struct Asking<'a> {
    pub program: Option<&'a Program>,
    pub launch: Option<&'a str>,
    pub door: Door,
    pub role: &'a RoleKey,
    pub portal: &'a str,
    pub account_name: &'a str,
    /// The further role, where it is one.
    pub assumed: Option<&'a Assumed>,
}

/// Why somebody is handed nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    LaunchRevoked,
    ProgramRevoked,
    /// What was revoked cannot be read, so nobody knows.
    Unread,
    /// A person is asked, and has not answered yet.
    Waits,
    /// A person has said no.
    Denied,
}

/// Everybody's view of it. Clones are the same.
#[derive(Debug, Clone)]
pub struct Consumers {
    clock: SharedClock,
    state: Arc<Mutex<State>>,
    /// Grows with every change.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct State {
    revoked: Revocations,
    /// The file is there and cannot be read.
    unread: bool,
    /// The last that could be read.
    confirm: Option<Confirm>,
    /// By a number for each connection that announces one.
    launches: BTreeMap<u64, Launch>,
    answers: HashMap<(String, RoleKey), Answer>,
    waiting: Vec<Waiting>,
    last_number: u64,
}

#[derive(Debug, Clone, Copy)]
struct Answer {
    allowed: bool,
    /// The age of the clock when it was last made use of.
    last: Duration,
}

#[derive(Debug)]
struct Waiting {
    question: Question,
    program: String,
    role: RoleKey,
    /// The age of the clock when the program last asked.
    last: Duration,
}

impl Consumers {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            state: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Takes in what was found on disk; none: it cannot be read.
    pub fn take_in(&self, revoked: Option<Revocations>) {
        self.change(|state| {
            state.unread = revoked.is_none();
            if let Some(revoked) = revoked {
                state.revoked.add(revoked);
            }
        });
    }

    /// What the settings say of confirming. Where that cannot be read, what was known of it goes on; where nothing was,
    /// a person is asked about everything: a slip of the pen does not take a protection away.
    pub fn set_confirm(&self, confirm: Confirm) {
        self.change(|state| match confirm {
            Confirm::Unreadable => {
                state.confirm.get_or_insert(Confirm::Always);
            }
            Confirm::Never | Confirm::Always | Confirm::Roles(_) => state.confirm = Some(confirm),
        });
    }

    pub fn is_unread(&self) -> bool {
        self.state().unread
    }

    /// Whether this may be handed out; where a person has to be asked, that begins here, and nobody waits for it.
    pub fn judge(&self, asking: Asking<'_>) -> Result<(), Refused> {
        let age = self.clock.age();
        let mut state = self.state();
        if state.unread {
            return Err(Refused::Unread);
        }
        if asking
            .launch
            .is_some_and(|launch| state.revoked.launches.contains_key(launch))
        {
            return Err(Refused::LaunchRevoked);
        }
        let executable = asking.program.and_then(|program| program.executable.as_deref());
        if executable.is_some_and(|executable| state.revoked.programs.contains_key(executable)) {
            return Err(Refused::ProgramRevoked);
        }
        if !state
            .confirm
            .as_ref()
            .is_some_and(|confirm| is_confirmed(confirm, asking))
        {
            return Ok(());
        }
        state.forget_old(age);
        let program = executable.unwrap_or_default().to_owned();
        if let Some(answer) = state.answers.get_mut(&(program.clone(), asking.role.clone())) {
            answer.last = age;
            return if answer.allowed {
                Ok(())
            } else {
                Err(Refused::Denied)
            };
        }
        let is_new = state.wait(asking, program, age);
        drop(state);
        if is_new {
            self.tell();
        }
        Err(Refused::Waits)
    }

    /// A person's answer; false where nobody waits for it any more.
    pub fn answer(&self, question: u64, allowed: bool) -> bool {
        let last = self.clock.age();
        self.change(|state| {
            let Some(place) = state.waiting.iter().position(|it| it.question.id == question) else {
                return false;
            };
            let waiting = state.waiting.remove(place);
            let answer = Answer { allowed, last };
            state.answers.insert((waiting.program, waiting.role), answer);
            true
        })
    }

    /// What a person has to answer now.
    pub fn questions(&self) -> Vec<Question> {
        let age = self.clock.age();
        let mut state = self.state();
        state.forget_old(age);
        state
            .waiting
            .iter()
            .map(|waiting| waiting.question.clone())
            .collect()
    }

    /// Announces a launch, until the guard that comes back is dropped.
    pub fn begin(&self, launch: Launch) -> Begun {
        let number = self.change(|state| {
            state.last_number += 1;
            let number = state.last_number;
            state.launches.insert(number, launch);
            number
        });
        Begun {
            consumers: self.clone(),
            number,
        }
    }

    /// The launches that are running, in the order in which they began.
    pub fn launches(&self) -> Vec<Launch> {
        self.state().launches.values().cloned().collect()
    }

    pub fn is_launch_revoked(&self, launch: &str) -> bool {
        self.state().revoked.launches.contains_key(launch)
    }

    /// Every program that is revoked, by its path.
    pub fn programs(&self) -> Vec<RevokedProgram> {
        let state = self.state();
        let programs = state.revoked.programs.iter();
        let view = programs.map(|(executable, since)| RevokedProgram {
            consumer: consumer_of(executable),
            executable: executable.clone(),
            since: *since,
        });
        view.collect()
    }

    pub fn revoke_launch(&self, launch: &str) {
        let now = self.clock.now();
        self.change(|state| state.revoked.launches.insert(launch.to_owned(), now));
    }

    pub fn revoke_program(&self, executable: &str) {
        let now = self.clock.now();
        self.change(|state| {
            state
                .revoked
                .programs
                .entry(executable.to_owned())
                .or_insert(now)
                .to_owned()
        });
    }

    /// Takes it back; false where it was not revoked.
    pub fn allow_program(&self, executable: &str) -> bool {
        self.change(|state| state.revoked.programs.remove(executable).is_some())
    }

    /// What is to be kept on disk.
    pub fn revocations(&self) -> Revocations {
        self.state().revoked.clone()
    }

    /// How many changes there were.
    pub fn change_count(&self) -> u64 {
        *self.changed.borrow()
    }

    /// Is told of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state());
        self.tell();
        changed
    }

    fn tell(&self) {
        self.changed.send_modify(|change| *change += 1);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no panic under this lock")
    }
}

/// A launch that is running; gone with this value.
#[derive(Debug)]
pub struct Begun {
    consumers: Consumers,
    number: u64,
}

impl Drop for Begun {
    fn drop(&mut self) {
        let number = self.number;
        self.consumers.change(|state| state.launches.remove(&number));
    }
}

impl State {
    /// Whether it is a question that nobody has been asked yet.
    fn wait(&mut self, asking: Asking<'_>, program: String, age: Duration) -> bool {
        let mut waiting = self.waiting.iter_mut();
        let same = waiting.find(|waiting| waiting.program == program && waiting.role == *asking.role);
        if let Some(same) = same {
            same.last = age;
            return false;
        }
        if self.waiting.len() >= MOST_WAITING {
            return false;
        }
        self.last_number += 1;
        self.waiting.push(Waiting {
            question: Question {
                id: self.last_number,
                program: asking.program.cloned(),
                door: asking.door,
                portal: asking.portal.to_owned(),
                account: asking.role.account.0.clone(),
                account_name: asking.account_name.to_owned(),
                permission_set: asking.role.permission_set.clone(),
                chain: asking.role.chain.clone(),
            },
            program,
            role: asking.role.clone(),
            last: age,
        });
        true
    }

    fn forget_old(&mut self, age: Duration) {
        let is_old = |last: Duration| age.saturating_sub(last) >= REMEMBERED;
        self.answers.retain(|_, answer| !is_old(answer.last));
        self.waiting.retain(|waiting| !is_old(waiting.last));
    }
}

/// Whether a client's text can be the id of a launch.
pub fn is_launch(id: &str) -> bool {
    id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A new launch's id.
pub fn new_launch() -> std::io::Result<String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| std::io::Error::other(error.to_string()))?;
    Ok(format!("{:08x}", u32::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests;
