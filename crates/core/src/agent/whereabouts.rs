//! Where the one agent of these sign-ins is: a lock beside them, and a note of the folder with its socket.
//!
//! The folder of the socket is another one in another session of the same person (`su`, `cron`, a variable that is not
//! set), and the system may empty it. Sign-ins lie elsewhere, and two agents that renew the same one end it.

use std::io;
use std::path::PathBuf;

use crate::agent::hold::{self, Hold, NotTaken};
use crate::paths::Paths;
use crate::private_files;

/// The right to use the sign-ins of this home; let go with this value.
#[derive(Debug)]
pub struct Whereabouts {
    /// None where the folder cannot be written.
    hold: Option<Hold>,
}

/// Another agent has the sign-ins.
#[derive(Debug, PartialEq, Eq)]
pub struct Held;

impl Whereabouts {
    /// Does not wait.
    pub fn claim(paths: &Paths) -> Result<Self, Held> {
        let made = private_files::make_folder(&paths.state).map_err(NotTaken::Failed);
        match made.and_then(|()| Hold::take(&paths.agent_lock_of_sign_ins())) {
            Ok(hold) => Ok(Self { hold: Some(hold) }),
            Err(NotTaken::Held) => Err(Held),
            Err(NotTaken::Failed(error)) => Ok(Self::unknown(&error)),
        }
    }

    /// Tells other sessions where the socket is, now that it is there.
    pub fn note(&self, paths: &Paths) {
        let Some(runtime) = paths.runtime.to_str().filter(|_| self.hold.is_some()) else {
            return;
        };
        if let Err(error) = private_files::replace(&paths.agent_note(), runtime.as_bytes()) {
            tracing::warn!(%error, "where the agent's socket is could not be noted");
        }
    }

    /// Takes the lock anew where its file was removed: another agent would find it free.
    #[cfg(unix)]
    pub fn found_again(&mut self, paths: &Paths) {
        let lock = paths.agent_lock_of_sign_ins();
        if self.hold.as_ref().is_none_or(|hold| hold.is_of(&lock)) {
            return;
        }
        // First: a mark that goes takes along what bears its name.
        self.hold = None;
        match Self::claim(paths) {
            Ok(again) => {
                *self = again;
                self.note(paths);
            }
            Err(Held) => tracing::warn!("another agent has these sign-ins by now"),
        }
    }

    fn unknown(error: &io::Error) -> Self {
        tracing::warn!(%error, "no lock beside the sign-ins: an agent of another session is not noticed");
        Self { hold: None }
    }
}

/// The process that has the sign-ins, wherever its socket is.
pub fn holder(paths: &Paths) -> Option<u32> {
    let lock = paths.agent_lock_of_sign_ins();
    hold::holder(&lock).filter(|_| hold::is_held(&lock))
}

/// Waits until no agent has the sign-ins. Blocks.
pub fn wait_until_free(paths: &Paths) {
    if let Err(error) = hold::wait_until_free(&paths.agent_lock_of_sign_ins()) {
        tracing::debug!(%error, "the lock beside the sign-ins is not waited for");
    }
}

/// Where the agent may be, if it was started where the folder of the socket is another one.
pub fn elsewhere(paths: &Paths) -> Option<Paths> {
    let noted = private_files::read(&paths.agent_note()).ok()??;
    let runtime = PathBuf::from(String::from_utf8(noted).ok()?);
    let is_another = runtime.is_absolute() && runtime != paths.runtime;
    is_another.then(|| Paths {
        runtime,
        ..paths.clone()
    })
}
