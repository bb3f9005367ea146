//! The blocking client, so that a helper answers in milliseconds and a plain thread can use it.

use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::agent::connection::{self, Connection};
use crate::agent::hold;
use crate::agent::protocol::{
    AgentHello, CredentialsReply, MAX_REQUEST, Operation, Reply, RequestLine, ResponseLine, VERSION,
};
use crate::agent::whereabouts;
use crate::app::contract::ProblemView;
use crate::clock::{Clock, SystemClock};
use crate::paths::Paths;
use crate::private_files::FolderFault;

/// How long an answer may take: longer than the agent gives AWS for it, so that the agent can say what is wrong.
const PATIENCE: Duration = Duration::from_secs(90);

/// After which silence an agent is asked whether it lives: it answers most requests within a millisecond.
const SILENCE: Duration = Duration::from_secs(1);

/// How long one that lives may take to say so, on a machine that has much to do.
const LIFE_SIGN: Duration = Duration::from_secs(3);

/// How long one that has just bound its socket may take until it serves it: it opens its store first, and shows its tray.
const BEGINNING: SignedDuration = SignedDuration::from_secs(15);

/// How often the agent of a stream that is silent is asked whether it lives: a person may take minutes, an agent that
/// hangs would take for ever.
const LOOK: Duration = Duration::from_secs(5);

/// How many of these questions in a row may stay without an answer: a stream that is given up on a machine that has much
/// to do is worse than one that is given up late.
const MISSED: u32 = 2;

/// For what has come while somebody waited for something else.
const AT_ONCE: Duration = Duration::from_millis(1);

/// A connection to the agent; takes one request after the other.
#[derive(Debug)]
pub struct Client {
    connection: BufReader<Connection>,
    /// Where the agent is asked whether it lives; none where this is the socket of a launch.
    agent: Option<Paths>,
    /// How long an answer may take, in all.
    patience: Option<Duration>,
    /// How much of it is over when the wait that goes on now ends in silence.
    waited: Duration,
    /// Whether the agent of a long silence was asked, so that the rest of the patience is waited for.
    was_asked: bool,
    /// Whether one that had just begun was given its time, after which it is asked once more.
    was_spared: bool,
    /// How often the agent of a stream is asked; none where that is done once for each wait.
    look: Option<Duration>,
    /// To how many of these questions in a row there was no answer.
    missed: u32,
}

/// Why there is no answer, or the answer that something failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    #[error("no agent is running")]
    NotRunning,
    /// One lives, and whoever looks for it finds nothing in its socket's place.
    #[error("an agent runs (process {pid}), but its socket {socket} is gone")]
    SocketGone { pid: u32, socket: PathBuf },
    /// A pipe on Windows.
    #[error("the agent's pipe may be somebody else's")]
    NotOurs,
    #[error("the folder {path} {fault}")]
    Folder { path: PathBuf, fault: FolderFault },
    #[error("the socket {path} cannot be reached: {error}")]
    OutOfReach { path: PathBuf, error: io::Error },
    #[error("the agent did not answer in time")]
    TimedOut,
    /// It takes connections and says nothing, not even who it is: it was stopped, or hangs.
    #[error("the agent does not answer")]
    Hung {
        /// Its process, where the system tells.
        pid: Option<u32>,
    },
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
        let connection = connection::open(paths, LIFE_SIGN)?;
        let mut client = Self::on(connection, Some(paths.clone()));
        client.wait_at_most(Some(PATIENCE))?;
        Ok(client)
    }

    fn on(connection: Connection, agent: Option<Paths>) -> Self {
        Self {
            connection: BufReader::new(connection),
            agent,
            patience: None,
            waited: Duration::ZERO,
            was_asked: false,
            was_spared: false,
            look: None,
            missed: 0,
        }
    }

    /// Connects to the socket of one launch, which somebody has shown to the container that we run in. Who may have put
    /// it there is theirs to know: the folder's owner is a number of another world.
    pub fn of_a_launch(socket: &Path) -> Result<Self, ClientError> {
        let connection = connection::open_launch(socket).map_err(|error| ClientError::Problem {
            problem: ProblemView::no_launch(socket, &error),
            candidates: Vec::new(),
        })?;
        Ok(Self::on(connection, None))
    }

    /// The credentials of the role that the socket of a launch is for.
    pub fn credentials_of_its_role(mut self, patience: Duration) -> Result<CredentialsReply, ClientError> {
        self.wait_at_most(Some(patience))?;
        let Reply::Credentials(credentials) = self.ask(&Operation::Granted)? else {
            return Err(ClientError::Garbled);
        };
        Ok(credentials)
    }

    /// Bounds the wait for every further answer; `None` waits for as long as the agent lives. One that is silent for a
    /// second is asked on another connection whether it does, once for each request; one that has just begun, once more
    /// when it has had its time.
    pub fn wait_at_most(&mut self, patience: Option<Duration>) -> Result<(), ClientError> {
        self.patience = patience;
        self.was_asked = false;
        self.was_spared = false;
        self.waited = SILENCE;
        let first = match (&self.agent, patience) {
            (Some(_), Some(patience)) => Some(patience.min(SILENCE)),
            (Some(_), None) => Some(SILENCE),
            (None, patience) => patience,
        };
        self.wait(first)
    }

    fn wait(&mut self, patience: Option<Duration>) -> Result<(), ClientError> {
        connection::set_patience(self.connection.get_mut(), patience).map_err(ClientError::Broken)
    }

    /// Who the agent is. Whoever lives says that at once, so there is little patience for it.
    pub fn hello(&mut self) -> Result<AgentHello, ClientError> {
        self.hello_within(LIFE_SIGN)
    }

    /// The same for whoever knows that it has just begun.
    pub fn hello_within(&mut self, patience: Duration) -> Result<AgentHello, ClientError> {
        self.was_asked = true;
        self.wait(Some(patience))?;
        self.write(&Operation::Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })?;
        match self.receive() {
            Ok(Reply::Hello(hello)) => Ok(hello),
            Ok(_) => Err(ClientError::Garbled),
            Err(ClientError::TimedOut) => Err(self.hung()),
            Err(error) => Err(error),
        }
    }

    fn hung(&self) -> ClientError {
        let holder = || hold::holder(&self.agent.as_ref()?.lock());
        ClientError::Hung {
            pid: connection::server(self.connection.get_ref()).or_else(holder),
        }
    }

    /// Sends a request and waits for its (first) answer. A [`Reply::Problem`] is an error.
    pub fn ask(&mut self, operation: &Operation) -> Result<Reply, ClientError> {
        self.send(operation)?;
        self.receive()
    }

    /// Sends a request that is answered by several lines: they come as long as the agent has something to say. While it
    /// is silent it is asked now and then whether it lives, so that the last of them may be [`ClientError::Hung`].
    pub fn stream(
        self,
        operation: &Operation,
    ) -> Result<impl Iterator<Item = Result<Reply, ClientError>> + Send + use<>, ClientError> {
        self.stream_with_looks(operation, LOOK)
    }

    fn stream_with_looks(
        mut self,
        operation: &Operation,
        every: Duration,
    ) -> Result<impl Iterator<Item = Result<Reply, ClientError>> + Send + use<>, ClientError> {
        self.look = Some(every);
        self.quiet_stream(operation)
    }

    /// The same for whoever waits for hours without anybody who waits with them: the agent is asked once.
    pub fn quiet_stream(
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
        if self.was_asked {
            self.wait_at_most(self.patience)?;
        }
        self.write(operation)
    }

    fn write(&mut self, operation: &Operation) -> Result<(), ClientError> {
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
        let mut is_hung = false;
        // What has come of the line stays in it.
        while let Err(error) = self.connection.read_until(b'\n', &mut line) {
            let error = broken(error);
            let is_silent = matches!(error, ClientError::TimedOut);
            if is_silent && is_hung {
                return Err(self.hung());
            }
            if !is_silent || self.was_asked {
                return Err(error);
            }
            is_hung = self.is_hung()?;
        }
        // Half a line is what an agent was saying when it crashed.
        if !line.ends_with(b"\n") {
            return Err(ClientError::Closed);
        }
        parse_reply(&line)
    }

    /// Asks on another connection whether the agent lives, which has been silent on this one. What is left of the
    /// patience is for one that does; what has come meanwhile is read in any case.
    fn is_hung(&mut self) -> Result<bool, ClientError> {
        let left = self.patience.map(|patience| patience.saturating_sub(self.waited));
        let agent = match &self.agent {
            Some(agent) if left.is_none_or(|left| !left.is_zero()) => agent,
            Some(_) | None => return Err(ClientError::TimedOut),
        };
        let clock = SystemClock::new();
        // One that is ending closes this connection too.
        let asked = Self::connect_to(agent).and_then(|mut other| other.hello());
        let is_silent = matches!(asked, Err(ClientError::Hung { .. }));
        let spare = match is_silent && !self.was_spared {
            true => left_to_begin(agent, clock.now()),
            false => None,
        };
        let took = clock.elapsed();
        let left = left.map(|left| left.saturating_sub(took).max(AT_ONCE));
        if let Some(spare) = spare {
            let spare = left.map_or(spare, |left| spare.min(left)).max(AT_ONCE);
            self.was_spared = true;
            self.waited = self.waited.saturating_add(took).saturating_add(spare);
            self.wait(Some(spare))?;
            return Ok(false);
        }
        let Some(every) = self.look else {
            self.was_asked = true;
            self.wait(if is_silent { Some(AT_ONCE) } else { left })?;
            return Ok(is_silent);
        };
        self.missed = if is_silent { self.missed + 1 } else { 0 };
        let is_hung = self.missed >= MISSED;
        self.wait(Some(if is_hung { AT_ONCE } else { every }))?;
        Ok(is_hung)
    }
}

impl ClientError {
    /// Nothing stands there, or nobody listens any more, or nobody can get there.
    pub(super) fn not_opened(paths: &Paths, error: io::Error) -> Self {
        let kind = error.kind();
        // So many wait there already that nobody else may.
        if kind == io::ErrorKind::WouldBlock {
            let pid = hold::holder(&paths.lock());
            return Self::Hung { pid };
        }
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
            Self::SocketGone { pid, socket } => ProblemView::agent_without_socket(pid, &socket),
            Self::NotOurs => ProblemView::foreign_pipe(),
            Self::Folder { path, fault } => ProblemView::runtime_folder(&path, &fault),
            Self::TimedOut => ProblemView::no_answer_in_time(),
            Self::Hung { pid } => ProblemView::agent_hangs(pid),
            Self::Closed | Self::Broken(_) | Self::Garbled => ProblemView::no_answer(),
        }
    }
}

/// What is left of an agent's beginning, where its socket was bound a moment ago. A pipe does not tell.
fn left_to_begin(agent: &Paths, now: Timestamp) -> Option<Duration> {
    let bound = std::fs::symlink_metadata(agent.socket()).and_then(|found| found.modified());
    let bound = bound.ok().and_then(|bound| Timestamp::try_from(bound).ok());
    let left = BEGINNING - now.duration_since(bound?).abs();
    Duration::try_from(left).ok().filter(|left| !left.is_zero())
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
mod tests;
