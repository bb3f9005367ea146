//! Finds the agent, or starts one in the background: one, however many commands want it at once.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use portray_core::agent::claim::make_runtime_folder;
use portray_core::agent::harden::keep_standard_streams;
use portray_core::agent::{Client, ClientError, passphrase};
use portray_core::app::contract::ProblemView;
use portray_core::paths::{Environment, Paths};
use portray_core::private_files;
use portray_core::secret::Secret;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How long whoever starts an agent waits for it.
const WAITS: Waits = Waits {
    ready: Duration::from_secs(8),
    answer: Duration::from_secs(20),
};

/// How long a command waits for another one that is starting an agent. All these waits together are shorter than what
/// AWS tools wait for credentials.
const TURN: Duration = Duration::from_secs(9);

/// A log that has grown beyond this is begun anew.
const LONG_LOG: u64 = 1024 * 1024;

/// How long an agent may take.
#[derive(Debug, Clone, Copy)]
struct Waits {
    /// Until it is ready: its keyring, most of all.
    ready: Duration,
    /// Until one that has its socket by then answers there, or says what it says after all: its start may fail yet.
    answer: Duration,
}

/// What is heard of an agent that starts. `Client`: a connection to it.
enum Heard<Client> {
    /// The line that it says; an empty one where it has ended without a word.
    Said(String),
    /// It serves its socket, and so will not fail any more.
    Answered(Client),
}

/// The one line that a detached agent says to the command that started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartReport {
    Ready,
    Failed(ProblemView),
}

/// How the last try to start an agent ended: those who waited meanwhile do not try the same again.
#[derive(Debug, Default, Serialize, Deserialize)]
struct LastStart {
    /// Grows with every try.
    number: u64,
    /// Of the environment, which decides where an agent can start.
    environment: u64,
    failed: Option<ProblemView>,
}

/// Whether a person may be asked for the passphrase of the encrypted sign-ins, where an agent has to be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Questions {
    Allowed,
    /// A tool waits, in whose way no question may stand.
    No,
}

impl Questions {
    fn passphrase(self, environment: &Environment, paths: &Paths) -> Result<Option<Secret>, ProblemView> {
        match self {
            Self::Allowed => passphrase::obtain(environment, paths),
            Self::No => passphrase::obtain_unasked(environment, paths),
        }
    }
}

/// A connection to the agent that runs, or to one that is started for it.
pub fn connect(environment: &Environment, paths: &Paths, questions: Questions) -> Result<Client, Failure> {
    match Client::find(paths) {
        Err(ClientError::NotRunning) => start(environment, paths, questions),
        outcome => Ok(outcome?),
    }
}

/// Starts an agent unless there is one by now.
pub fn start(environment: &Environment, paths: &Paths, questions: Questions) -> Result<Client, Failure> {
    make_runtime_folder(&paths.runtime)?;
    // Nobody else waits for a turn while a person types.
    let passphrase = questions.passphrase(environment, paths)?;
    let before = LastStart::read(&paths.runtime);
    // One command starts an agent at a time; the others find it running when their turn comes.
    let _turn = take_turn(&paths.runtime).map_err(|error| not_started(&error))?;
    match Client::find(paths) {
        Err(ClientError::NotRunning) => {}
        outcome => return Ok(outcome?),
    }
    let last = LastStart::read(&paths.runtime);
    let files = environment.relative_files();
    let environment = fingerprint(environment);
    match last.failed {
        Some(problem) if last.number != before.number && last.environment == environment => {
            return Err(problem.into());
        }
        Some(_) | None => {}
    }
    let outcome = spawn_and_connect(paths, &files, passphrase.as_ref());
    let this = LastStart {
        number: last.number.wrapping_add(1),
        environment,
        failed: outcome.as_ref().err().map(|failure| failure.problem.clone()),
    };
    this.write(&paths.runtime);
    outcome
}

impl LastStart {
    fn read(runtime: &Path) -> Self {
        let content = private_files::read(&runtime.join("start.json"));
        let content = content.ok().flatten().unwrap_or_default();
        serde_json::from_slice(&content).unwrap_or_default()
    }

    fn write(&self, runtime: &Path) {
        let written = serde_json::to_vec(self)
            .map_err(io::Error::other)
            .and_then(|content| private_files::replace(&runtime.join("start.json"), &content));
        if let Err(error) = written {
            tracing::debug!(%error, "those who wait will try for themselves");
        }
    }
}

fn fingerprint(environment: &Environment) -> u64 {
    let mut hasher = DefaultHasher::new();
    environment.hash(&mut hasher);
    hasher.finish()
}

/// None where the file system knows no locks: whoever becomes the agent is decided without them too.
fn take_turn(runtime: &Path) -> io::Result<Option<File>> {
    let lock = private_files::open_lock(&runtime.join("start.lock"))?;
    match private_files::lock_within(lock, TURN) {
        Ok(turn) => Ok(Some(turn)),
        Err(error) if private_files::has_no_locks(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

fn spawn_and_connect(
    paths: &Paths,
    files: &[(&str, PathBuf)],
    passphrase: Option<&Secret>,
) -> Result<Client, Failure> {
    let (tell, heard) = mpsc::channel();
    let mut agent = spawn(paths, files, passphrase, tell.clone()).map_err(|error| not_started(&error))?;
    let connect = || Client::connect(paths);
    let outcome = once_started(WAITS, (tell, heard), connect, |client, patience| {
        client.hello_within(patience).map(drop)
    });
    outcome.unwrap_or_else(|| {
        // One that hangs would be joined by another one at every further try.
        let ended = agent.kill().and_then(|()| agent.wait());
        tracing::debug!(?ended, "the agent that did not get ready");
        Err(not_started(&io::ErrorKind::TimedOut.into()))
    })
}

/// Connects once the agent that something is heard of has said how its start went, or answers at its socket. None: it
/// says nothing, and nobody is there.
fn once_started<Client: Send + 'static>(
    waits: Waits,
    (tell, heard): (mpsc::Sender<Heard<Client>>, mpsc::Receiver<Heard<Client>>),
    connect: impl Fn() -> Result<Client, ClientError>,
    greet: impl Fn(&mut Client, Duration) -> Result<(), ClientError> + Send + 'static,
) -> Option<Result<Client, Failure>> {
    let mut first = heard.recv_timeout(waits.ready).ok();
    if first.as_ref().and_then(report).is_none() {
        let mut early = connect().ok()?;
        // A thread that waits; it ends with the process.
        std::thread::spawn(move || {
            if greet(&mut early, waits.answer).is_ok() {
                // Nobody listens any more where the agent was faster to say it.
                let _ = tell.send(Heard::Answered(early));
            }
        });
        first = heard.recv_timeout(waits.answer).ok();
    }
    let report = first.as_ref().and_then(report);
    match (first, report) {
        (Some(Heard::Answered(client)), _) => Some(Ok(client)),
        (_, Some(StartReport::Ready)) => Some(connect().map_err(Failure::from)),
        // Another one may be there, which was faster.
        (_, Some(StartReport::Failed(problem))) => Some(connect().map_err(|_| problem.into())),
        // Whoever is there is asked, and found to be silent if it is.
        (_, None) => connect().ok().map(Ok),
    }
}

/// How the start went, where that was said.
fn report<Client>(heard: &Heard<Client>) -> Option<StartReport> {
    match heard {
        Heard::Said(line) => serde_json::from_str(line).ok(),
        Heard::Answered(_) => None,
    }
}

/// The agent. `files`: what variables name here, which it would look for in a folder of its own. `tell` hears the line
/// that it says.
fn spawn(
    paths: &Paths,
    files: &[(&str, PathBuf)],
    passphrase: Option<&Secret>,
    tell: mpsc::Sender<Heard<Client>>,
) -> io::Result<Child> {
    keep_standard_streams();
    let mut command = Command::new(std::env::current_exe()?);
    on_its_own(&mut command);
    let mut child = command
        .args(["agent", "--foreground", "--detached"])
        .current_dir(std::env::temp_dir())
        .envs(files.iter().map(|(name, path)| (name, path)))
        .stdin(passphrase.map_or_else(Stdio::null, |_| Stdio::piped()))
        .stdout(Stdio::piped())
        .stderr(log_file(paths).map_or_else(|_| Stdio::null(), Stdio::from))
        .spawn()?;
    if let (Some(passphrase), Some(mut pipe)) = (passphrase, child.stdin.take()) {
        // Not in arguments or environment, where others see it. An agent that has ended meanwhile says why.
        if let Err(error) = pipe.write_all(passphrase.expose().as_bytes()) {
            tracing::debug!(%error, "the agent did not take the passphrase");
        }
    }
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = BufReader::new(stdout).read_line(&mut line);
        tracing::debug!(?read, "what the agent said");
        // Nobody listens any more when it took too long.
        let _ = tell.send(Heard::Said(line));
    });
    Ok(child)
}

fn log_file(paths: &Paths) -> io::Result<File> {
    private_files::open_log(&paths.state, "agent", LONG_LOG)
}

/// The agent leaves the terminal by itself.
#[cfg(unix)]
fn on_its_own(_command: &mut Command) {}

/// A console that is not seen: closing the terminal, or Ctrl-C there, does not reach the agent.
#[cfg(windows)]
fn on_its_own(command: &mut Command) {
    const CREATE_NEW_PROCESS_GROUP: u32 = 0x0000_0200;
    const CREATE_NO_WINDOW: u32 = 0x0800_0000;
    let flags = CREATE_NEW_PROCESS_GROUP | CREATE_NO_WINDOW;
    std::os::windows::process::CommandExt::creation_flags(command, flags);
}

fn not_started(error: &io::Error) -> Failure {
    ProblemView::agent_not_started(error).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wait whose end no test sees.
    const LONG: Duration = Duration::from_secs(600);

    /// What came of a start of which nothing was heard at first, though it had its socket: `then` is done while it is
    /// waited for an answer there. The connections that are made count from 1; those after `until` find nobody.
    fn slow_start(
        answer: Duration,
        until: u32,
        then: impl Fn(&mpsc::Sender<Heard<u32>>) -> Result<(), ClientError> + Send + 'static,
    ) -> Option<Result<u32, Failure>> {
        let (tell, heard) = mpsc::channel();
        let connections = std::cell::Cell::new(0);
        let connect = || {
            connections.set(connections.get() + 1);
            match connections.get() <= until {
                true => Ok(connections.get()),
                false => Err(ClientError::NotRunning),
            }
        };
        let waits = Waits {
            ready: Duration::ZERO,
            answer,
        };
        let agent = tell.clone();
        once_started(waits, (tell, heard), connect, move |_, patience| {
            assert_eq!(patience, answer);
            then(&agent)
        })
    }

    fn says(report: &StartReport) -> impl Fn(&mpsc::Sender<Heard<u32>>) -> Result<(), ClientError> + use<> {
        let line = serde_json::to_string(report).unwrap();
        move |agent| {
            agent.send(Heard::Said(line.clone())).unwrap();
            // Who says something does not answer at its socket.
            Err(ClientError::Closed)
        }
    }

    #[test]
    fn an_agent_that_fails_after_it_had_its_socket_says_why_to_whoever_started_it() {
        let failed = StartReport::Failed(ProblemView::agent_is_silent());
        let failure = slow_start(LONG, 1, says(&failed)).unwrap().unwrap_err();
        assert_eq!(failure.problem, ProblemView::agent_is_silent());
        // Another one was faster, and serves.
        assert_eq!(slow_start(LONG, 2, says(&failed)).unwrap().unwrap(), 2);
    }

    #[test]
    fn an_agent_that_is_only_slow_is_used_as_soon_as_it_answers_or_says_that_it_is_ready() {
        assert_eq!(slow_start(LONG, 1, |_| Ok(())).unwrap().unwrap(), 1);
        let ready = slow_start(LONG, 2, says(&StartReport::Ready));
        assert_eq!(ready.unwrap().unwrap(), 2);
    }

    #[test]
    fn an_agent_that_has_its_socket_and_stays_silent_is_asked_at_last_and_one_that_has_ended_is_not() {
        let silent = |_: &_| Err(ClientError::TimedOut);
        assert_eq!(slow_start(Duration::ZERO, 2, silent).unwrap().unwrap(), 2);
        assert!(slow_start(LONG, 0, silent).is_none(), "nobody was ever there");
        let ends = |agent: &mpsc::Sender<Heard<u32>>| {
            agent.send(Heard::Said(String::new())).unwrap();
            Err(ClientError::Closed)
        };
        assert!(slow_start(LONG, 1, ends).is_none());
    }

    #[test]
    fn r9_a_damaged_note_of_the_last_start_is_as_none_and_written_anew() {
        let runtime = tempfile::tempdir().unwrap();
        let path = runtime.path().join("start.json");
        let last = LastStart {
            number: 7,
            environment: 42,
            failed: Some(ProblemView::agent_is_silent()),
        };
        last.write(runtime.path());
        let whole = std::fs::read(&path).unwrap();
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            let read = LastStart::read(runtime.path());
            assert!(
                (read.number, read.failed.is_none()) == (0, true),
                "{length} bytes"
            );
        }
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, flipped).unwrap();
            // Whatever it says now, it is read.
            let _ = LastStart::read(runtime.path());
        }
        last.write(runtime.path());
        assert_eq!(LastStart::read(runtime.path()).number, 7);
    }
}
