//! Finds the agent, or starts one in the background: one, however many commands want it at once.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
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

/// How long an agent may take to be ready: its keyring, most of all.
const PATIENCE: Duration = Duration::from_secs(8);

/// How long one that has its socket by then, and says nothing, has besides: its start may fail yet, and says why.
const MORE_PATIENCE: Duration = Duration::from_secs(20);

/// How long a command waits for another one that is starting an agent. All these waits together are shorter than what
/// AWS tools wait for credentials.
const TURN: Duration = Duration::from_secs(9);

/// A log that has grown beyond this is begun anew.
const LONG_LOG: u64 = 1024 * 1024;

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
    match Client::connect(paths) {
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
    match Client::connect(paths) {
        Err(ClientError::NotRunning) => {}
        outcome => return Ok(outcome?),
    }
    let last = LastStart::read(&paths.runtime);
    let environment = fingerprint(environment);
    match last.failed {
        Some(problem) if last.number != before.number && last.environment == environment => {
            return Err(problem.into());
        }
        Some(_) | None => {}
    }
    let outcome = spawn_and_connect(paths, passphrase.as_ref());
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

fn spawn_and_connect(paths: &Paths, passphrase: Option<&Secret>) -> Result<Client, Failure> {
    let (mut agent, said) = spawn(paths, passphrase).map_err(|error| not_started(&error))?;
    let outcome = once_started(&said, || Client::connect(paths));
    outcome.unwrap_or_else(|| {
        // One that hangs would be joined by another one at every further try.
        let ended = agent.kill().and_then(|()| agent.wait());
        tracing::debug!(?ended, "the agent that did not get ready");
        Err(not_started(&io::ErrorKind::TimedOut.into()))
    })
}

/// Connects once the agent that `said` is of has said how its start went. None: it says nothing, and nobody is there.
fn once_started<T>(
    said: &mpsc::Receiver<String>,
    connect: impl Fn() -> Result<T, ClientError>,
) -> Option<Result<T, Failure>> {
    let said_within = |patience| {
        let line = said.recv_timeout(patience).ok()?;
        serde_json::from_str(&line).ok()
    };
    let (mut client, mut report) = (None, said_within(PATIENCE));
    if report.is_none()
        && let Ok(early) = connect()
    {
        report = said_within(MORE_PATIENCE);
        // Where nothing went wrong, this connection is as good as another one.
        client = Some(early).filter(|_| !matches!(report, Some(StartReport::Failed(_))));
    }
    match (client.map_or_else(connect, Ok), report) {
        (Ok(client), _) => Some(Ok(client)),
        (Err(_), Some(StartReport::Failed(problem))) => Some(Err(problem.into())),
        (Err(error), Some(StartReport::Ready)) => Some(Err(error.into())),
        (Err(_), None) => None,
    }
}

/// The agent, and the line that it says.
fn spawn(paths: &Paths, passphrase: Option<&Secret>) -> io::Result<(Child, mpsc::Receiver<String>)> {
    keep_standard_streams();
    let mut command = Command::new(std::env::current_exe()?);
    on_its_own(&mut command);
    let mut child = command
        .args(["agent", "--foreground", "--detached"])
        .current_dir(std::env::temp_dir())
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
    Ok((child, first_line(stdout)))
}

fn first_line(stdout: ChildStdout) -> mpsc::Receiver<String> {
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        if BufReader::new(stdout).read_line(&mut line).is_ok() {
            // Nobody listens any more when it took too long.
            let _ = said.send(line);
        }
    });
    heard
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

    #[test]
    fn an_agent_that_fails_after_it_had_its_socket_says_why_to_whoever_started_it() {
        let failed = serde_json::to_string(&StartReport::Failed(ProblemView::agent_is_silent())).unwrap();
        let (say, said) = mpsc::channel();
        let connections = std::cell::Cell::new(0);
        let started = once_started(&said, || {
            connections.set(connections.get() + 1);
            // It is there when it is asked for first, and gone when it has said that it failed.
            match connections.get() {
                1 => say.send(failed.clone()).map_err(|_| ClientError::Closed),
                _ => Err(ClientError::NotRunning),
            }
        });
        let failure = started.unwrap().unwrap_err();
        assert_eq!(
            (failure.problem, connections.get()),
            (ProblemView::agent_is_silent(), 2)
        );
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
