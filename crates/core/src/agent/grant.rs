//! What one launch is given: the credentials of one role, until the person who started it signs out.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::agent::client::{Client, ClientError};
use crate::agent::protocol::{Asker, CredentialsReply, Operation, Reply, Stay, Target};
use crate::paths::Paths;
use crate::programs::Program;

/// One role, asked for at the agent, for as long as its person stays signed in.
#[derive(Debug)]
pub struct Grant {
    paths: Paths,
    target: Target,
    /// Through which door, and which launch.
    asker: Asker,
    /// Whose launch it is; none once that person has signed out.
    stay: Mutex<Option<Stay>>,
}

/// Why a launch gets no credentials.
#[derive(Debug)]
pub enum Withheld {
    /// The person of this launch has signed out, for good.
    SignedOut,
    Agent(ClientError),
}

/// Where the credentials of a launch come from.
#[derive(Debug)]
pub enum Source {
    /// The agent of this machine.
    Agent(Box<Grant>),
    /// The socket of a launch outside of the container in which this process runs.
    Socket(PathBuf),
}

impl Grant {
    /// Gives nothing any more after the end of `stay`, whoever signs in then.
    pub fn new(paths: Paths, target: Target, stay: Stay, asker: Asker) -> Self {
        Self {
            paths,
            target,
            asker,
            stay: Mutex::new(Some(stay)),
        }
    }

    /// Asks the agent, which may take as long as `patience`, for this program, where it is known. Blocks.
    pub fn credentials(
        &self,
        program: Option<Program>,
        patience: Duration,
    ) -> Result<CredentialsReply, Withheld> {
        if self.stay().is_none() {
            return Err(Withheld::SignedOut);
        }
        let credentials = self.ask_agent(program, patience).map_err(Withheld::Agent)?;
        match self.is_left(credentials.stay) {
            true => Err(Withheld::SignedOut),
            false => Ok(credentials),
        }
    }

    fn ask_agent(
        &self,
        program: Option<Program>,
        patience: Duration,
    ) -> Result<CredentialsReply, ClientError> {
        let mut client = Client::find(&self.paths)?;
        client.wait_at_most(Some(patience))?;
        let reply = client.ask(&Operation::Credentials {
            role: self.target.clone(),
            min_ttl_seconds: 0,
            asker: Asker {
                program,
                ..self.asker.clone()
            },
        })?;
        let Reply::Credentials(credentials) = reply else {
            return Err(ClientError::Garbled);
        };
        Ok(credentials)
    }

    /// Whether the person of this launch has signed out, for good.
    fn is_left(&self, now: Stay) -> bool {
        let mut stay = self.stay();
        *stay = stay.filter(|stay| !stay.is_over(now)).map(|_| now);
        stay.is_none()
    }

    fn stay(&self) -> MutexGuard<'_, Option<Stay>> {
        self.stay.lock().expect("nothing panics while it is held")
    }
}

impl Source {
    /// For this program, where it is known. Blocks for as long as `patience`.
    pub fn credentials(
        &self,
        program: Option<Program>,
        patience: Duration,
    ) -> Result<CredentialsReply, Withheld> {
        match self {
            Self::Agent(grant) => grant.credentials(program, patience),
            Self::Socket(socket) => Client::of_a_launch(socket)
                .and_then(|client| client.credentials_of_its_role(patience))
                .map_err(Withheld::Agent),
        }
    }
}
