//! Whoever holds the socket is the agent: one per home and user, by locks that die with its process.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::agent::client::{Client, ClientError};
use crate::agent::hold::{self, Hold, NotTaken};
use crate::agent::listener::Listener;
#[cfg(unix)]
use crate::agent::listener::SocketFile;
use crate::agent::protocol::{AgentHello, AgentKind, Operation};
use crate::agent::whereabouts::{self, Held, Whereabouts};
use crate::app::contract::ProblemView;
use crate::clock::SharedClock;
use crate::paths::{Paths, SecretStore};
use crate::private_files::{self, FolderFault, folder_fault, write_fault};

/// How long an agent that ends has to store what it must and to finish its answers before the next one gives up.
const HAND_OVER: Duration = Duration::from_secs(10);

/// How long others may take that claim at the same time, each of them a moment.
const CLAIMING: Duration = Duration::from_secs(3);

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
    /// None where it was lost to somebody else.
    hold: Option<Hold>,
    whereabouts: Whereabouts,
    #[cfg(unix)]
    bound: SocketFile,
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

/// Takes the lock and binds the socket, or says who has done so before. Waits a moment for others that claim, and for
/// the one that was faster to say who it is. Needs a tokio runtime on Windows, on a thread of it that may block.
pub fn claim(paths: &Paths) -> Result<Claim, ClaimError> {
    make_runtime_folder(&paths.runtime)?;
    match claim_in_turn(paths) {
        // Asked when the turn is over: whoever answers slowly keeps nobody else waiting.
        Err(ClaimError::Taken(None)) => Err(ClaimError::Taken(hello(paths))),
        outcome => outcome,
    }
}

fn claim_in_turn(paths: &Paths) -> Result<Claim, ClaimError> {
    let _turn = take_turn(paths);
    let hold = take(paths)?;
    match Whereabouts::claim(paths) {
        Ok(whereabouts) => bind(paths, hold, whereabouts),
        Err(Held) => Err(ClaimError::Taken(None)),
    }
}

/// One process claims at a time, in whatever session: so whoever finds the lock held finds the socket bound too, unless
/// its owner is ending. None where that is not to be had; then somebody may be found to be silent who has just begun.
fn take_turn(paths: &Paths) -> Option<File> {
    let taken = private_files::make_folder(&paths.state)
        .and_then(|()| private_files::open_lock(&paths.state.join("claim.lock")))
        .and_then(|lock| private_files::lock_within(lock, CLAIMING));
    match taken {
        Ok(turn) => Some(turn),
        Err(error) => {
            tracing::debug!(%error, "claiming beside others that may claim too");
            None
        }
    }
}

fn take(paths: &Paths) -> Result<Hold, ClaimError> {
    Hold::take(&paths.lock()).map_err(|not_taken| match not_taken {
        NotTaken::Held => ClaimError::Taken(None),
        NotTaken::Failed(error) => ClaimError::Lock {
            path: paths.lock(),
            error,
        },
    })
}

/// As [`claim`], for the tray application: a headless agent whose sign-ins it will find in `store` is asked to stop
/// first. With a memory store, or another one, the answer is [`ClaimError::Taken`], because a person has to agree to a
/// new sign-in.
pub async fn take_over(paths: &Paths, clock: &SharedClock, store: SecretStore) -> Result<Claim, ClaimError> {
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
    let (gone, waiting) = std::sync::mpsc::channel();
    // The lock is the last thing that an agent lets go. Waiting for it has no deadline of its own.
    let of_agent = paths.clone();
    std::thread::spawn(move || {
        let free = hold::wait_until_free(&of_agent.lock());
        whereabouts::wait_until_free(&of_agent);
        gone.send(free)
    });
    match waiting.recv_timeout(at_most) {
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) => Err(ClaimError::Lock {
            path: paths.lock(),
            error,
        }),
        Err(_) => Ok(false),
    }
}

/// The process that holds the lock of this home, where it says so and lives.
pub fn lock_holder(paths: &Paths) -> Option<u32> {
    hold::holder(&paths.lock()).or_else(|| whereabouts::holder(paths))
}

/// Makes the folder of socket and lock, or refuses one that others can enter, or we cannot write to.
pub fn make_runtime_folder(path: &Path) -> Result<(), ClaimError> {
    let fault = match private_files::make_folder(path) {
        // Something stands there: what it is tells more.
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Some(FolderFault::OutOfReach(error)),
        Ok(()) | Err(_) => folder_fault(path).or_else(|| write_fault(path)),
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

    /// A new socket where the old one is gone: the system empties the folders of people who have left, and so do
    /// programs that clean up. One that somebody else serves meanwhile stays.
    #[cfg(unix)]
    pub(super) fn found_again(&mut self) -> Result<Option<Listener>, ClaimError> {
        self.whereabouts.found_again(&self.paths);
        let there = SocketFile::at(&self.socket()).ok();
        if there == Some(self.bound) {
            return Ok(None);
        }
        if there.is_some() && !matches!(Client::connect(&self.paths), Err(ClientError::NotRunning)) {
            return Err(ClaimError::Taken(None));
        }
        make_runtime_folder(&self.paths.runtime)?;
        // Where only the socket was removed, the lock is ours still.
        let lock = self.paths.lock();
        if !self.hold.as_ref().is_some_and(|hold| hold.is_of(&lock)) {
            // First: a mark that goes takes along what bears its name.
            self.hold = None;
            self.hold = Some(take(&self.paths)?);
        }
        let listener = Listener::bind(&self.paths).map_err(|error| ClaimError::Socket {
            path: self.socket(),
            error,
        })?;
        self.bound = listener.file();
        self.whereabouts.note(&self.paths);
        Ok(Some(listener))
    }

    /// Pipes are nobody's to remove.
    #[cfg(windows)]
    pub(super) fn found_again(&mut self) -> Result<Option<Listener>, ClaimError> {
        Ok(None)
    }

    /// Lets others in.
    pub(super) fn leave(self) {
        if let Some(hold) = self.hold {
            hold.let_go();
        }
        drop(self.whereabouts);
    }
}

fn bind(paths: &Paths, hold: Hold, whereabouts: Whereabouts) -> Result<Claim, ClaimError> {
    // The lock says that no agent of this home lives. Something may still answer there (a home shared by
    // two machines, say): a socket is only replaced when nobody does.
    match Client::connect(paths) {
        Err(ClientError::NotRunning) => {}
        Err(ClientError::OutOfReach { path, error }) => return Err(ClaimError::Socket { path, error }),
        Ok(_) | Err(_) => return Err(ClaimError::Taken(None)),
    }
    let listener = Listener::bind(paths).map_err(|error| ClaimError::Socket {
        path: paths.socket(),
        error,
    })?;
    whereabouts.note(paths);
    let place = Place {
        paths: paths.clone(),
        hold: Some(hold),
        whereabouts,
        #[cfg(unix)]
        bound: listener.file(),
    };
    Ok(Claim { listener, place })
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
