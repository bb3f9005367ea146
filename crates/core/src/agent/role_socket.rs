//! The socket of one launch, for containers: it answers with the credentials of one role, and nothing else.
//!
//! Who may ask is who can reach it: it lies in a folder that only its owner can enter, and in whatever container that
//! owner shows it. Users of a container have numbers of their own, so the peer's is not looked at.

use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::agent::grant::{Grant, Withheld};
use crate::agent::listener::{Caller, SocketFile};
use crate::agent::protocol::{Operation, Reply, RequestLine};
use crate::agent::socket::{Answering, Conversation, Replies};
use crate::app::contract::ProblemView;
use crate::clock::SharedClock;

/// How long the agent may take: `credential-process` gives up soon after.
const PATIENCE: Duration = Duration::from_secs(9);

/// A bound socket that serves one role. Its file goes with it.
#[derive(Debug)]
pub struct RoleSocket {
    // Dropped first: while the socket is bound, no other file has its number.
    _place: Place,
    listener: tokio::net::UnixListener,
    grant: Arc<Grant>,
    clock: SharedClock,
}

/// The socket's place in its folder.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    file: SocketFile,
}

impl RoleSocket {
    /// Binds at `path`, where a dead launch may have left its socket. The folder around it has to be its owner's alone,
    /// and the launch the only one that has it. Needs a tokio runtime.
    pub fn bind(path: &Path, grant: Grant, clock: SharedClock) -> io::Result<Self> {
        remove_what_is_dead(path)?;
        let listener = tokio::net::UnixListener::bind(path)?;
        let place = Place {
            file: SocketFile::at(path)?,
            path: path.to_owned(),
        };
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666))?;
        Ok(Self {
            _place: place,
            listener,
            grant: Arc::new(grant),
            clock,
        })
    }

    /// Answers until the future is dropped.
    pub async fn serve(self) -> io::Result<()> {
        let (_stopping, stopped) = watch::channel(false);
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    // A number of another world of processes says nothing here.
                    let caller = Caller::of(None);
                    let conversation = Conversation::new(caller, self.clock.clone(), stopped.clone());
                    tokio::spawn(conversation.hold(stream, Role(self.grant.clone())));
                }
                Err(error) => crate::agent::socket::wait_for_better_times(&error, &self.clock).await,
            }
        }
    }
}

fn remove_what_is_dead(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => std::fs::remove_file(path),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Somebody may have moved the folder, and another launch may serve here by now.
        let found = SocketFile::at(&self.path);
        let removed = found.and_then(|found| match found == self.file {
            true => std::fs::remove_file(&self.path),
            false => Err(io::ErrorKind::NotFound.into()),
        });
        if let Err(error) = removed {
            tracing::debug!(%error, "the socket was gone already");
        }
    }
}

/// The one thing that is to be had here.
#[derive(Clone)]
struct Role(Arc<Grant>);

impl Answering for Role {
    async fn answer(&self, request: RequestLine, _caller: Caller, replies: Replies) {
        let reply = match request.operation {
            Operation::Granted => self.credentials().await,
            Operation::Hello { .. }
            | Operation::Credentials { .. }
            | Operation::Prepare { .. }
            | Operation::Launch { .. }
            | Operation::Uses { .. }
            | Operation::Status
            | Operation::StatusNow
            | Operation::Accounts { .. }
            | Operation::Search { .. }
            | Operation::Login { .. }
            | Operation::Logout { .. }
            | Operation::Console { .. }
            | Operation::MfaCode { .. }
            | Operation::Keep { .. }
            | Operation::Command { .. }
            | Operation::Subscribe
            | Operation::Stop => Reply::problem(ProblemView::one_role_only()),
        };
        // The client may have left; then nobody waits for this.
        let _ = replies.send(reply).await;
    }
}

impl Role {
    async fn credentials(&self) -> Reply {
        let grant = self.0.clone();
        match tokio::task::spawn_blocking(move || grant.credentials(None, PATIENCE)).await {
            Ok(Ok(credentials)) => Reply::Credentials(credentials),
            Ok(Err(Withheld::Over(problem))) => Reply::problem(problem),
            Ok(Err(Withheld::Agent(error))) => Reply::problem(error.into_problem()),
            Err(_) => Reply::problem(ProblemView::own_mistake()),
        }
    }
}

#[cfg(test)]
mod tests;
