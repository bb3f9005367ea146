//! A running program of a desktop: its output goes to files, its process group dies with it.

use std::fs::{self, File};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};

use crate::logs::Logs;
use crate::reaper::{Groups, Reaper, kill_group};

/// A started program. Dropping it kills it and every process of its group.
///
/// It is waited for when it is killed and not when it ends: until then nobody else can get its number, which a busy
/// machine gives away again within minutes, and so no signal meets a stranger.
pub struct Process {
    name: String,
    id: u32,
    life: Mutex<Life>,
    groups: Groups,
    logs: Logs,
    stdout: PathBuf,
    stderr: PathBuf,
}

enum Life {
    /// Runs, or has ended and still has its number.
    Held(Child),
    /// Was waited for.
    Over(Option<ExitStatus>),
}

/// A program that has ended.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The exit code, or none when a signal ended it.
    pub code: Option<i32>,
    /// Everything on its standard output.
    pub stdout: String,
    /// Everything on its standard error.
    pub stderr: String,
}

impl Process {
    /// Starts `command` in a process group of its own. Its standard input is empty unless the caller set it.
    pub(crate) fn start(name: &str, mut command: Command, logs: &Logs, reaper: &Reaper) -> Result<Process> {
        command.stdin(Stdio::null());
        Process::start_with_input(name, command, logs, reaper)
    }

    /// As [`Process::start`], with the standard input and standard error that `command` says.
    pub(crate) fn start_at_terminal(
        name: &str,
        command: Command,
        logs: &Logs,
        reaper: &Reaper,
    ) -> Result<Process> {
        Process::watched(name, command, logs, reaper, logs.for_start_of(name))
    }

    /// As [`Process::start`], with the standard input that `command` says.
    pub(crate) fn start_with_input(
        name: &str,
        mut command: Command,
        logs: &Logs,
        reaper: &Reaper,
    ) -> Result<Process> {
        let (stdout, stderr) = logs.for_start_of(name);
        command.stderr(File::create(&stderr).context("cannot create a log")?);
        Process::watched(name, command, logs, reaper, (stdout, stderr))
    }

    fn watched(
        name: &str,
        mut command: Command,
        logs: &Logs,
        reaper: &Reaper,
        (stdout, stderr): (PathBuf, PathBuf),
    ) -> Result<Process> {
        let child = command
            .stdout(File::create(&stdout).context("cannot create a log")?)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let groups = reaper.groups();
        groups.watch(child.id());
        Ok(Process {
            name: name.to_owned(),
            id: child.id(),
            life: Mutex::new(Life::Held(child)),
            groups,
            logs: logs.clone(),
            stdout,
            stderr,
        })
    }

    /// The id of the process, which is the id of its group too.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it wrote on its standard output so far.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stdout).unwrap_or_default()).into_owned()
    }

    /// What it wrote on its standard error so far.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    /// How it ended, or none while it runs.
    pub fn ended(&self) -> Result<Option<ExitStatus>> {
        match &*self.life() {
            Life::Held(child) => peek(child),
            Life::Over(status) => Ok(*status),
        }
    }

    /// Waits for its first line of standard output that has an end.
    pub async fn first_line(&self, within: Duration) -> Result<String> {
        let what = format!("the first line of {}", self.name);
        let line = crate::wait_until(&what, within, async || {
            // Asked first: what it wrote just before its end counts.
            let ended = self.ended()?;
            if let Some((line, _)) = self.stdout().split_once('\n') {
                return Ok(Some(Ok(line.to_owned())));
            }
            Ok(ended.map(|status| Err(anyhow::anyhow!("{} ended early: {status}", self.name))))
        });
        let line = line.await.and_then(|line| line);
        self.logs.explain(line)
    }

    /// Waits until it has ended by itself.
    pub async fn finished(&self, within: Duration) -> Result<Finished> {
        let what = format!("the end of {}", self.name);
        let status = self.logs.wait_until(&what, within, async || self.ended()).await?;
        Ok(Finished {
            code: status.code(),
            stdout: self.stdout(),
            stderr: self.stderr(),
        })
    }

    /// Asks it to end, as a session does when it is left.
    pub fn terminate(&self) {
        if let Life::Held(_) = &*self.life() {
            kill_group(self.id, Signal::TERM);
        }
    }

    /// Ctrl-C at its terminal.
    pub fn interrupt(&self) {
        if let Life::Held(_) = &*self.life() {
            kill_group(self.id, Signal::INT);
        }
    }

    /// Ends it at once and alone, as a crash does: what it has started goes on.
    pub fn crash(&self) {
        let mut life = self.life();
        if let Life::Held(child) = &mut *life {
            // One that has ended already cannot be killed, and is waited for all the same.
            let _ = child.kill();
            self.groups.forget(self.id);
            *life = Life::Over(child.wait().ok());
        }
    }

    /// Ends it at once, together with every process of its group.
    pub fn kill(&self) {
        let mut life = self.life();
        if let Life::Held(child) = &mut *life {
            kill_group(self.id, Signal::KILL);
            self.groups.forget(self.id);
            *life = Life::Over(child.wait().ok());
        }
    }

    fn life(&self) -> MutexGuard<'_, Life> {
        self.life.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How `child` ended, if it has, without waiting for it.
fn peek(child: &Child) -> Result<Option<ExitStatus>> {
    let id = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("a process has a number")?;
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let ended = waitid(WaitId::Pid(id), options)?;
    Ok(ended.map(|ended| {
        let code = ended.exit_status().map(|code| code << 8);
        ExitStatus::from_raw(code.or(ended.terminating_signal()).unwrap_or_default())
    }))
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Finished {
    /// The standard output as one JSON document.
    pub fn json(&self) -> Result<serde_json::Value> {
        serde_json::from_str(&self.stdout).with_context(|| format!("not one JSON document: {self:?}"))
    }

    /// Itself, if it ended with `code`; else an error with all that it wrote.
    pub fn expect_code(self, code: i32) -> Result<Finished> {
        anyhow::ensure!(self.code == Some(code), "expected exit code {code}: {self:#?}");
        Ok(self)
    }
}
