//! Finds the agent, or starts one in the background: one, however many commands want it at once.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader};
use std::path::Path;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use portray_core::agent::claim::make_runtime_folder;
use portray_core::agent::harden::keep_standard_streams;
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::{ProblemCode, ProblemView};
use portray_core::paths::Paths;
use portray_core::private_files;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// How long an agent may take to be ready: its keyring, most of all.
const PATIENCE: Duration = Duration::from_secs(8);

/// A log that has grown beyond this is begun anew.
const LONG_LOG: u64 = 1024 * 1024;

/// The one line that a detached agent says to the command that started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartReport {
    Ready,
    Failed(ProblemView),
}

/// A connection to the agent that runs, or to one that is started for it.
pub fn connect(paths: &Paths) -> Result<Client, Failure> {
    match Client::connect(paths) {
        Err(ClientError::NotRunning) => start(paths),
        outcome => Ok(outcome?),
    }
}

/// Starts an agent unless there is one by now.
pub fn start(paths: &Paths) -> Result<Client, Failure> {
    make_runtime_folder(&paths.runtime)?;
    // One command starts an agent at a time; the others find it running when their turn comes.
    let _turn = take_turn(&paths.runtime).map_err(|error| not_started(&error))?;
    match Client::connect(paths) {
        Err(ClientError::NotRunning) => {}
        outcome => return Ok(outcome?),
    }
    let report = spawn(paths).map_err(|error| not_started(&error))?;
    match Client::connect(paths) {
        Ok(client) => Ok(client),
        Err(error) => match report {
            Some(StartReport::Failed(problem)) => Err(problem.into()),
            Some(StartReport::Ready) => Err(error.into()),
            None => Err(not_started(&io::ErrorKind::TimedOut.into())),
        },
    }
}

fn take_turn(runtime: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    private(&mut options);
    let turn = options.open(runtime.join("start.lock"))?;
    turn.lock()?;
    Ok(turn)
}

/// None: it said nothing in time, or ended without a word.
fn spawn(paths: &Paths) -> io::Result<Option<StartReport>> {
    keep_standard_streams();
    let mut command = Command::new(std::env::current_exe()?);
    on_its_own(&mut command);
    let mut child = command
        .args(["agent", "--foreground", "--detached"])
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log_file(paths).map_or_else(|_| Stdio::null(), Stdio::from))
        .spawn()?;
    let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    Ok(first_line(stdout).and_then(|line| serde_json::from_str(&line).ok()))
}

fn first_line(stdout: ChildStdout) -> Option<String> {
    let (said, heard) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        if BufReader::new(stdout).read_line(&mut line).is_ok() {
            // Nobody listens any more when it took too long.
            let _ = said.send(line);
        }
    });
    heard.recv_timeout(PATIENCE).ok()
}

fn log_file(paths: &Paths) -> io::Result<File> {
    private_files::make_folder(&paths.state)?;
    let path = paths.state.join("agent.log");
    if std::fs::metadata(&path).is_ok_and(|log| log.len() > LONG_LOG) {
        std::fs::rename(&path, paths.state.join("agent.log.old"))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    private(&mut options);
    options.open(path)
}

#[cfg(unix)]
fn private(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

/// The folder is in the user's profile, which Windows keeps from others.
#[cfg(windows)]
fn private(_options: &mut OpenOptions) {}

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
    Failure::new(
        ProblemCode::NoAgent,
        format!("No agent is running, and none could be started: {error}."),
        "Start the application, or run “portray agent --foreground” to see what is wrong.",
    )
}
