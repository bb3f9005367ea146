//! What one launch is given: the credentials of one role, until the person who started it signs out.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use crate::agent::client::{Client, ClientError};
use crate::agent::protocol::{Asker, CredentialsReply, Operation, Reply, Target};
use crate::app::contract::ProblemView;
use crate::paths::Paths;
use crate::programs::Program;
use crate::stays::Stay;

/// One role, asked for at the agent, for as long as its person stays signed in.
#[derive(Debug)]
pub struct Grant {
    paths: Paths,
    target: Target,
    /// Through which door, which launch, and until when that gets something.
    asker: Asker,
    /// Why it gets nothing any more, whatever an agent says.
    over: Mutex<Option<ProblemView>>,
}

/// Why a launch gets no credentials.
#[derive(Debug)]
pub enum Withheld {
    /// It is over, for good: its person has signed out.
    Over(ProblemView),
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
    /// Gives nothing any more once an agent says that the asker's terms are over.
    pub fn new(paths: Paths, target: Target, asker: Asker) -> Self {
        Self {
            paths,
            target,
            asker,
            over: Mutex::default(),
        }
    }

    /// Asks the agent, which may take as long as `patience`, for this program, where it is known. Blocks.
    pub fn credentials(
        &self,
        program: Option<Program>,
        patience: Duration,
    ) -> Result<CredentialsReply, Withheld> {
        let mut asker = Asker {
            program,
            ..self.asker.clone()
        };
        let over = self.over().clone();
        if over.is_some()
            && let Some(terms) = &mut asker.terms
        {
            // An agent that could read no note of the end does not take it for another one either.
            terms.stay = Stay::over();
        }
        let answer = self.ask_agent(asker, patience);
        if let Some(problem) = over {
            // The agent has written down that it was asked, if it is there.
            return Err(Withheld::Over(problem));
        }
        let answer = answer.map_err(Withheld::Agent)?;
        if let Reply::Revoked { problem } = answer {
            *self.over() = Some(problem.clone());
            return Err(Withheld::Over(problem));
        }
        let Reply::Credentials(credentials) = answer else {
            return Err(Withheld::Agent(ClientError::Garbled));
        };
        Ok(credentials)
    }

    fn ask_agent(&self, asker: Asker, patience: Duration) -> Result<Reply, ClientError> {
        let mut client = Client::find(&self.paths)?;
        client.wait_at_most(Some(patience))?;
        client.ask(&Operation::Credentials {
            role: self.target.clone(),
            min_ttl_seconds: 0,
            asker,
        })
    }

    fn over(&self) -> MutexGuard<'_, Option<ProblemView>> {
        self.over.lock().expect("nothing panics while it is held")
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
