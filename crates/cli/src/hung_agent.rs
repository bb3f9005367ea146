//! Ends an agent that answers nobody: by a signal that it may still heed, then without asking.

use std::io;
use std::path::Path;
use std::time::Duration;

use portray_core::agent::{Client, ClientError, lock_holder, wait_until_gone};
use portray_core::app::contract::ProblemView;
use portray_core::paths::Paths;
use portray_core::programs::{self, Program};

use crate::failure::Failure;

/// How long one that heeds the signal may take to store what it must, and to end.
const ENDING: Duration = Duration::from_secs(5);

/// How long the system may take to clear away what was killed.
const CLEARING: Duration = Duration::from_secs(3);

/// The command line's two programs: an agent is the full one, by the name that started it.
const AGENT: [&str; 2] = ["portray-cli", "portray"];
const APPLICATION: &str = "portray-app";

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It heeded the signal, and has stored what it could.
    Heeded,
    Killed,
}

/// A process that holds our socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    Agent(u32),
    Application(u32),
}

/// The process that does not answer, if it is one of ours. A number may have become somebody else's.
pub fn holder(paths: &Paths, pid: Option<u32>) -> Result<Holder, Failure> {
    let unknown = || Failure::from(ProblemView::agent_out_of_reach(pid));
    let process = pid.ok_or_else(unknown)?;
    let program = programs::program(process).ok_or_else(unknown)?;
    let is_agent = AGENT.iter().any(|name| is_called(&program, name));
    match (is_called(&program, APPLICATION), is_agent) {
        (true, _) => Ok(Holder::Application(process)),
        (false, true) => Ok(Holder::Agent(process)),
        // Whatever its file is called by now, it has said so itself.
        (false, false) if lock_holder(paths) == pid => Ok(Holder::Agent(process)),
        (false, false) => Err(unknown()),
    }
}

/// The system hides the executable of a process that has hardened itself, and not its name.
fn is_called(program: &Program, name: &str) -> bool {
    let executable = program
        .executable
        .as_deref()
        .and_then(|path| Path::new(path).file_stem());
    executable.map_or(program.name == name, |executable| executable == name)
}

/// Ends it, and waits until it is gone.
pub fn end(paths: &Paths, holder: Holder) -> Result<Ended, Failure> {
    let (Holder::Agent(pid) | Holder::Application(pid)) = holder;
    let failed = |error: io::Error| Failure::system("Ending the agent", &error);
    signals::tell_to_end(pid).map_err(failed)?;
    if wait_until_gone(paths, ENDING)? {
        return Ok(Ended::Heeded);
    }
    signals::kill(pid).map_err(failed)?;
    match wait_until_gone(paths, CLEARING)? {
        true => {
            clear_away_socket(paths);
            Ok(Ended::Killed)
        }
        false => Err(ProblemView::agent_does_not_end().into()),
    }
}

/// What was ended on purpose leaves nothing by which it would look like a crash, and be started again.
fn clear_away_socket(paths: &Paths) {
    if matches!(Client::connect(paths), Err(ClientError::NotRunning))
        && let Err(error) = std::fs::remove_file(paths.socket())
    {
        tracing::debug!(%error, "the socket of the agent that was killed");
    }
}

#[cfg(unix)]
mod signals {
    use std::io;

    use rustix::io::Errno;
    use rustix::process::{Pid, Signal, kill_process};

    pub fn tell_to_end(pid: u32) -> io::Result<()> {
        send(pid, Signal::TERM)?;
        // One that was stopped hears nothing before it goes on.
        send(pid, Signal::CONT)
    }

    pub fn kill(pid: u32) -> io::Result<()> {
        send(pid, Signal::KILL)
    }

    /// To a process that may be gone by now.
    fn send(pid: u32, signal: Signal) -> io::Result<()> {
        let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match kill_process(process.ok_or(io::ErrorKind::InvalidInput)?, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(windows)]
mod signals {
    use std::io;
    use std::process::Command;

    pub fn tell_to_end(pid: u32) -> io::Result<()> {
        taskkill(pid, &[])
    }

    pub fn kill(pid: u32) -> io::Result<()> {
        taskkill(pid, &["/F"])
    }

    /// Whether it worked shows in what becomes of the agent's lock.
    fn taskkill(pid: u32, how: &[&str]) -> io::Result<()> {
        let pid = pid.to_string();
        Command::new("taskkill").args(how).args(["/PID", &pid]).output()?;
        Ok(())
    }
}
