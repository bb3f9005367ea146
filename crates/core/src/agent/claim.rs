//! Whoever holds the socket is the agent: one per home and user, by locks that die with its process.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::agent::client::{Client, ClientError};
use crate::agent::listener::Listener;
use crate::agent::protocol::{AgentHello, AgentKind, Operation};
use crate::agent::whereabouts::{self, Held, Whereabouts};
use crate::app::contract::ProblemView;
use crate::clock::SharedClock;
use crate::paths::{Paths, SecretStore};
use crate::private_files::{self, FolderFault, folder_fault};

/// How long an agent that ends has to store what it must and to finish its answers before the next one gives up.
const HAND_OVER: Duration = Duration::from_secs(10);

/// The right to be the agent, with the socket bound. Clients that connect already wait to be served.
#[derive(Debug)]
pub struct Claim {
    pub(super) listener: Listener,
    pub(super) place: Place,
}

/// Where the socket is, and what keeps others away from it.
#[derive(Debug)]
pub struct Place {
    paths: Paths,
    lock: File,
    _whereabouts: Whereabouts,
}

/// Why this process cannot be the agent.
#[derive(Debug, thiserror::Error)]
pub enum ClaimError {
    /// Another one is; who, unless it does not answer yet.
    #[error("an agent is running already")]
    Taken(Option<AgentHello>),
    #[error("the folder {path} {fault}")]
    Folder { path: PathBuf, fault: FolderFault },
    #[error("the socket {path} cannot be bound: {error}")]
    Socket { path: PathBuf, error: io::Error },
    #[error("the lock {path} cannot be taken: {error}")]
    Lock { path: PathBuf, error: io::Error },
}

impl ClaimError {
    /// The same in words.
    pub fn into_problem(self) -> ProblemView {
        match &self {
            Self::Taken(Some(agent)) => match agent.kind {
                AgentKind::Tray => ProblemView::application_runs(agent.pid),
                AgentKind::Headless => ProblemView::agent_runs(agent.pid),
            },
            Self::Taken(None) => ProblemView::agent_is_silent(),
            Self::Folder { path, fault } => ProblemView::runtime_folder(path, fault),
            Self::Socket { error, .. } | Self::Lock { error, .. } => ProblemView::no_socket(&self, error),
        }
    }
}

/// Takes the lock and binds the socket, or says who has done so before. Does not wait. Needs a tokio runtime on
/// Windows, on a thread of it that may block.
pub fn claim(paths: &Paths) -> Result<Claim, ClaimError> {
    make_runtime_folder(&paths.runtime)?;
    let lock = open_lock(&paths.lock())?;
    match lock.try_lock() {
        Ok(()) => match Whereabouts::claim(paths) {
            Ok(whereabouts) => bind(paths, lock, whereabouts),
            Err(Held) => Err(ClaimError::Taken(hello(paths))),
        },
        Err(TryLockError::WouldBlock) => Err(ClaimError::Taken(hello(paths))),
        Err(TryLockError::Error(error)) => Err(lock_failed(paths, error)),
    }
}

/// As [`claim`], for the tray application: a headless agent whose sign-ins it will find in `store` is asked to stop
/// first. With a memory store, or another one, the answer is [`ClaimError::Taken`], because a person has to agree to a
/// new sign-in.
pub async fn take_over(paths: &Paths, clock: &SharedClock, store: SecretStore) -> Result<Claim, ClaimError> {
    // One that does not answer yet may have begun a moment ago.
    match claim_when_free(paths, clock).await {
        Err(ClaimError::Taken(Some(agent))) if gives_way(&agent, store) => {}
        other => return other,
    }
    ask_to_stop(paths).await;
    claim_while(paths, clock, |_| true).await
}

/// As [`claim`], but gives an agent that is ending, and so no longer answers, the time to end.
pub async fn claim_when_free(paths: &Paths, clock: &SharedClock) -> Result<Claim, ClaimError> {
    claim_while(paths, clock, |agent| agent.is_none()).await
}

/// Waits until the agent of this home has let go of everything, after it was asked to stop. False: not within `at_most`.
pub fn wait_until_gone(paths: &Paths, at_most: Duration) -> Result<bool, ClaimError> {
    let lock = open_lock(&paths.lock())?;
    let (gone, waiting) = std::sync::mpsc::channel();
    // The lock is the last thing that an agent lets go. Waiting for it has no deadline of its own.
    let of_sign_ins = paths.clone();
    std::thread::spawn(move || {
        let is_gone = lock.lock_shared().is_ok();
        whereabouts::wait_until_free(&of_sign_ins);
        gone.send(is_gone)
    });
    Ok(waiting.recv_timeout(at_most).unwrap_or(false))
}

/// Makes the folder of socket and lock, or refuses one that others can enter.
pub fn make_runtime_folder(path: &Path) -> Result<(), ClaimError> {
    let fault = match private_files::make_folder(path) {
        // Something stands there: what it is tells more.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Some(FolderFault::OutOfReach(error)),
        Ok(()) | Err(_) => folder_fault(path),
    };
    match fault {
        None => Ok(()),
        Some(fault) => Err(ClaimError::Folder {
            path: path.to_owned(),
            fault,
        }),
    }
}

impl Place {
    pub(super) fn socket(&self) -> PathBuf {
        self.paths.socket()
    }

    /// A new socket where the old one is gone: the system empties the folders of people who have left.
    #[cfg(unix)]
    pub(super) fn found_again(&mut self) -> Result<Option<Listener>, ClaimError> {
        if self.socket().exists() {
            return Ok(None);
        }
        make_runtime_folder(&self.paths.runtime)?;
        let lock = open_lock(&self.paths.lock())?;
        match lock.try_lock() {
            Ok(()) => self.lock = lock,
            // Only the socket was removed.
            Err(TryLockError::WouldBlock) if is_same_file(&lock, &self.lock) => {}
            Err(TryLockError::WouldBlock) => return Err(ClaimError::Taken(None)),
            Err(TryLockError::Error(error)) => return Err(lock_failed(&self.paths, error)),
        }
        let listener = Listener::bind(&self.paths).map_err(|error| ClaimError::Socket {
            path: self.socket(),
            error,
        })?;
        Ok(Some(listener))
    }

    /// Pipes are nobody's to remove.
    #[cfg(windows)]
    pub(super) fn found_again(&mut self) -> Result<Option<Listener>, ClaimError> {
        Ok(None)
    }

    /// Lets others in.
    pub(super) fn leave(self) {
        drop(self.lock);
    }
}

#[cfg(unix)]
fn is_same_file(one: &File, other: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let number = |file: &File| file.metadata().map(|found| (found.dev(), found.ino())).ok();
    number(one).is_some() && number(one) == number(other)
}

fn bind(paths: &Paths, lock: File, whereabouts: Whereabouts) -> Result<Claim, ClaimError> {
    // The lock says that no agent of this home lives. Something may still answer there (a home shared by
    // two machines, say): a socket is only replaced when nobody does.
    match Client::connect(paths) {
        Err(ClientError::NotRunning) => {}
        Ok(mut client) => return Err(ClaimError::Taken(client.hello().ok())),
        Err(ClientError::OutOfReach { path, error }) => return Err(ClaimError::Socket { path, error }),
        Err(_) => return Err(ClaimError::Taken(None)),
    }
    let listener = Listener::bind(paths).map_err(|error| ClaimError::Socket {
        path: paths.socket(),
        error,
    })?;
    whereabouts.note(paths);
    let place = Place {
        paths: paths.clone(),
        lock,
        _whereabouts: whereabouts,
    };
    Ok(Claim { listener, place })
}

fn open_lock(path: &Path) -> Result<File, ClaimError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    private_files::private(&mut options)
        .open(path)
        .map_err(|error| ClaimError::Lock {
            path: path.to_owned(),
            error,
        })
}

fn lock_failed(paths: &Paths, error: io::Error) -> ClaimError {
    ClaimError::Lock {
        path: paths.lock(),
        error,
    }
}

fn hello(paths: &Paths) -> Option<AgentHello> {
    Client::connect(paths).ok()?.hello().ok()
}

fn gives_way(agent: &AgentHello, store: SecretStore) -> bool {
    let kept_in = agent.keeps_in();
    agent.kind == AgentKind::Headless && kept_in == store && kept_in != SecretStore::Memory
}

/// Tries again while it is worth waiting for whoever holds the socket.
async fn claim_while(
    paths: &Paths,
    clock: &SharedClock,
    is_ending: impl Fn(Option<&AgentHello>) -> bool,
) -> Result<Claim, ClaimError> {
    let deadline = clock.elapsed() + HAND_OVER;
    loop {
        match claim_aside(paths).await {
            Err(ClaimError::Taken(agent)) if is_ending(agent.as_ref()) && clock.elapsed() < deadline => {
                clock.sleep(Duration::from_millis(50)).await;
            }
            outcome => return outcome,
        }
    }
}

/// Asking who holds the socket blocks.
async fn claim_aside(paths: &Paths) -> Result<Claim, ClaimError> {
    let paths = paths.clone();
    let claimed = tokio::task::spawn_blocking(move || claim(&paths)).await;
    claimed.expect("claiming does not panic, and its runtime is the caller's")
}

async fn ask_to_stop(paths: &Paths) {
    let paths = paths.clone();
    let asked = tokio::task::spawn_blocking(move || {
        Client::connect(&paths).and_then(|mut client| client.ask(&Operation::Stop))
    });
    match asked.await {
        Ok(Ok(_)) => {}
        // It may have gone in the meantime; the lock tells.
        Ok(Err(error)) => tracing::debug!(%error, "the headless agent did not answer"),
        Err(error) => tracing::warn!(%error, "asking the headless agent to stop failed"),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
