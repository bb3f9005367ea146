//! The blocking client, so that a helper answers in milliseconds and a plain thread can use it.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::agent::connection::{self, Connection};
use crate::agent::protocol::{
    AgentHello, CredentialsReply, MAX_REQUEST, Operation, Reply, RequestLine, ResponseLine, VERSION,
};
use crate::agent::whereabouts;
use crate::app::contract::ProblemView;
use crate::paths::Paths;
use crate::private_files::FolderFault;

/// How long an answer may take: longer than the agent gives AWS for it, so that the agent can say what is wrong.
const PATIENCE: Duration = Duration::from_secs(90);

/// A connection to the agent; takes one request after the other.
#[derive(Debug)]
pub struct Client {
    connection: BufReader<Connection>,
}

/// Why there is no answer, or the answer that something failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no agent is running")]
    NotRunning,
    /// A pipe on Windows.
    #[error("the agent's pipe may be somebody else's")]
    NotOurs,
    #[error("the folder {path} {fault}")]
    Folder { path: PathBuf, fault: FolderFault },
    #[error("the socket {path} cannot be reached: {error}")]
    OutOfReach { path: PathBuf, error: io::Error },
    #[error("the agent did not answer in time")]
    TimedOut,
    #[error("the agent closed the connection")]
    Closed,
    #[error("the connection to the agent failed: {0}")]
    Broken(io::Error),
    #[error("the agent speaks version {0} of the protocol")]
    OtherVersion(u32),
    #[error("the answer was not understood")]
    Garbled,
    #[error("{}", problem.what_happened)]
    Problem {
        problem: ProblemView,
        candidates: Vec<String>,
    },
}

impl Client {
    /// The agent of this session, or the one that has the sign-ins and was started in another session.
    pub fn connect(paths: &Paths) -> Result<Self, ClientError> {
        match Self::connect_to(paths) {
            Err(ClientError::NotRunning) => {
                let there = whereabouts::elsewhere(paths).ok_or(ClientError::NotRunning)?;
                // What stands there is no reason why none could be started here.
                Self::connect_to(&there).map_err(|_| ClientError::NotRunning)
            }
            outcome => outcome,
        }
    }

    fn connect_to(paths: &Paths) -> Result<Self, ClientError> {
        let mut client = Self {
            connection: BufReader::new(connection::open(paths)?),
        };
        client.wait_at_most(Some(PATIENCE))?;
        Ok(client)
    }

    /// Connects to the socket of one launch, which somebody has shown to the container that we run in. Who may have put
    /// it there is theirs to know: the folder's owner is a number of another world.
    pub fn of_a_launch(socket: &Path) -> Result<Self, ClientError> {
        let connection = connection::open_launch(socket).map_err(|error| ClientError::Problem {
            problem: ProblemView::no_launch(socket, &error),
            candidates: Vec::new(),
        })?;
        Ok(Self {
            connection: BufReader::new(connection),
        })
    }

    /// The credentials of the role that the socket of a launch is for.
    pub fn credentials_of_its_role(mut self, patience: Duration) -> Result<CredentialsReply, ClientError> {
        self.wait_at_most(Some(patience))?;
        let Reply::Credentials(credentials) = self.ask(&Operation::Granted)? else {
            return Err(ClientError::Garbled);
        };
        Ok(credentials)
    }

    /// Bounds the wait for every further answer; `None` waits for as long as the agent lives.
    pub fn wait_at_most(&mut self, patience: Option<Duration>) -> Result<(), ClientError> {
        connection::set_patience(self.connection.get_mut(), patience).map_err(ClientError::Broken)
    }

    /// Who the agent is.
    pub fn hello(&mut self) -> Result<AgentHello, ClientError> {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        self.wait_at_most(Some(Duration::from_secs(1)))?;
        let reply = self.ask(&Operation::Hello { version })?;
        self.wait_at_most(Some(PATIENCE))?;
        let Reply::Hello(hello) = reply else {
            return Err(ClientError::Garbled);
        };
        Ok(hello)
    }

    /// Sends a request and waits for its (first) answer. A [`Reply::Problem`] is an error.
    pub fn ask(&mut self, operation: &Operation) -> Result<Reply, ClientError> {
        self.send(operation)?;
        self.receive()
    }

    /// Sends a request that is answered by several lines: they come as long as the agent has something to say.
    pub fn stream(
        mut self,
        operation: &Operation,
    ) -> Result<impl Iterator<Item = Result<Reply, ClientError>> + Send + use<>, ClientError> {
        self.send(operation)?;
        self.wait_at_most(None)?;
        let mut over = false;
        Ok(std::iter::from_fn(move || {
            if over {
                return None;
            }
            let reply = self.receive();
            over = matches!(&reply, Err(_) | Ok(Reply::Done));
            Some(reply)
        }))
    }

    fn send(&mut self, operation: &Operation) -> Result<(), ClientError> {
        let mut line = serde_json::to_vec(&RequestLine {
            v: VERSION,
            operation: operation.clone(),
        })
        .map_err(|_| ClientError::Garbled)?;
        line.push(b'\n');
        debug_assert!(line.len() <= MAX_REQUEST, "requests are short");
        self.connection.get_mut().write_all(&line).map_err(broken)
    }

    fn receive(&mut self) -> Result<Reply, ClientError> {
        let mut line = Vec::new();
        self.connection.read_until(b'\n', &mut line).map_err(broken)?;
        // Half a line is what an agent was saying when it crashed.
        if !line.ends_with(b"\n") {
            return Err(ClientError::Closed);
        }
        parse_reply(&line)
    }
}

impl ClientError {
    /// Nothing stands there, or nobody listens any more, or nobody can get there.
    pub(super) fn not_opened(paths: &Paths, error: io::Error) -> Self {
        let kind = error.kind();
        if matches!(
            kind,
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused
        ) {
            return Self::NotRunning;
        }
        // A path that is too long for a socket is invalid input.
        if matches!(
            kind,
            io::ErrorKind::PermissionDenied | io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename
        ) {
            let path = paths.socket();
            return Self::OutOfReach { path, error };
        }
        broken(error)
    }

    /// The same in words.
    pub fn into_problem(self) -> ProblemView {
        match self {
            Self::Problem { problem, .. } => problem,
            Self::OutOfReach { ref error, .. } => ProblemView::no_socket(&self, error),
            Self::OtherVersion(theirs) => ProblemView::other_protocol(theirs, VERSION),
            Self::NotRunning => ProblemView::not_running(),
            Self::NotOurs => ProblemView::foreign_pipe(),
            Self::Folder { path, fault } => ProblemView::runtime_folder(&path, &fault),
            Self::TimedOut => ProblemView::no_answer_in_time(),
            Self::Closed | Self::Broken(_) | Self::Garbled => ProblemView::no_answer(),
        }
    }
}

fn parse_reply(line: &[u8]) -> Result<Reply, ClientError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        v: u32,
    }
    let Versioned { v } = serde_json::from_slice(line).map_err(|_| ClientError::Garbled)?;
    // An agent of another version still sends problems that can be read.
    let reply = serde_json::from_slice(line).map(|ResponseLine { reply, .. }| reply);
    match reply {
        Ok(Reply::Problem { problem, candidates }) => Err(ClientError::Problem { problem, candidates }),
        // What it takes to end an agent of another version.
        Ok(reply @ (Reply::Hello(_) | Reply::Done)) => Ok(reply),
        _ if v != VERSION => Err(ClientError::OtherVersion(v)),
        Ok(reply) => Ok(reply),
        Err(_) => Err(ClientError::Garbled),
    }
}

fn broken(error: io::Error) -> ClientError {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
        return ClientError::TimedOut;
    }
    if matches!(kind, io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset) {
        return ClientError::Closed;
    }
    ClientError::Broken(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::contract::ProblemCode;
    use crate::paths::Environment;

    #[test]
    fn w6_an_agent_of_another_version_is_named() {
        let answer = parse_reply(br#"{"v":3,"answer":"something_new"}"#);
        assert!(matches!(answer, Err(ClientError::OtherVersion(3))));
        let problem = br#"{"v":3,"answer":"problem","problem":{"code":"wrong_use","what_happened":"Old.","what_to_do":"Update."}}"#;
        let Err(ClientError::Problem { problem, .. }) = parse_reply(problem) else {
            panic!("a problem can be read whatever the version");
        };
        assert_eq!(problem.what_to_do, "Update.");
        for (version, older) in [(0, "Portray that runs is older"), (3, "program is older")] {
            let problem = ClientError::OtherVersion(version).into_problem();
            assert_eq!(problem.code, ProblemCode::NoAgent);
            assert!(problem.what_happened.contains(older), "{version}: {problem:?}");
        }
        let done = parse_reply(br#"{"v":3,"answer":"done"}"#);
        assert!(matches!(done, Ok(Reply::Done)), "{done:?}");
    }

    #[test]
    fn p3_a_socket_that_cannot_be_reached_is_said_to_be_so() {
        let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", "/home/b")])).unwrap();
        for kind in [io::ErrorKind::PermissionDenied, io::ErrorKind::InvalidInput] {
            let problem = ClientError::not_opened(&paths, kind.into()).into_problem();
            assert_eq!(problem.code, ProblemCode::NoAgent);
            assert!(
                problem.what_happened.contains("/home/b/run/agent.sock"),
                "{problem:?}"
            );
            assert!(problem.what_to_do.contains("PORTRAY_HOME"), "{problem:?}");
        }
    }

    #[test]
    fn x2_an_answer_that_is_not_understood_is_not_repeated() {
        let error = parse_reply(br#"{"v":1,"answer":"credentials","secret_access_key":"aoa-canary"}"#);
        assert!(!format!("{error:?}").contains("canary"));
    }
}
