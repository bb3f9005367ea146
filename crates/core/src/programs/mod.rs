//! Which program a process is, and which one stands behind a helper: for the record, and for what a person decides.
//!
//! A process tells the truth about its executable and may tell anything about its name. Arguments are not looked at:
//! they may hold secrets.

use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub mod interpreter;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;

#[cfg(target_os = "linux")]
use linux as system;
#[cfg(target_os = "linux")]
pub use linux::holder;
#[cfg(not(target_os = "linux"))]
use other as system;

/// How many of the processes above one are told.
const MOST_ABOVE: usize = 4;

/// How many of them are looked at: parents could be told in a circle while processes come and go.
const FURTHEST: usize = 16;

/// A process as it was while it asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Program {
    pub pid: u32,
    /// What it calls itself: a script's own name, where the executable is its interpreter.
    pub name: String,
    /// The path of what runs; absent where the system does not say.
    pub executable: Option<String>,
    /// What started it, and what started that: the nearest first, a few of them.
    #[serde(default)]
    pub below: Vec<Ancestor>,
}

/// A process above another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Ancestor {
    pub pid: u32,
    pub name: String,
}

/// What the system says of one process.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Process {
    pid: u32,
    name: String,
    parent: Option<u32>,
    /// It is what a terminal or a log-in began with: a shell that a person types into.
    leads_session: bool,
}

/// This very process.
pub fn ourselves() -> Option<Program> {
    program(std::process::id()).map(with_what_started_it)
}

/// The program that a process is; none where it has ended. What started it is looked at later: that takes longer, and
/// lives longer.
pub fn program(pid: u32) -> Option<Program> {
    Some(seen(&system::process(pid)?))
}

/// What tells a process from every other one that had its number, or will; none where it has ended.
pub fn identity(pid: u32) -> Option<String> {
    system::identity(pid)
}

/// The same with what started it, as far as that is still there.
pub fn with_what_started_it(program: Program) -> Program {
    let process = system::process(program.pid);
    let above = process.iter().flat_map(above);
    let below = above.take(MOST_ABOVE).map(|above| Ancestor {
        pid: above.pid,
        name: above.name,
    });
    Program {
        below: below.collect(),
        ..program
    }
}

/// The program on whose behalf a helper (`portray credential-process`) runs: what started it, or, where that is only
/// the shell through which it was called, the program that called the shell. None where nothing is above the helper.
pub fn behind(helper: u32) -> Option<Program> {
    asker(above(&system::process(helper)?)).map(|asker| seen(&asker))
}

/// The nearest that is no shell in between; below a person's own shell, the nearest of all. Looks no further than it
/// has to.
fn asker(above: impl Iterator<Item = Process>) -> Option<Process> {
    let mut nearest = None;
    for process in above {
        if !is_in_between(&process.name) {
            return Some(process);
        }
        let is_persons_own = process.leads_session;
        nearest = nearest.or(Some(process));
        if is_persons_own {
            break;
        }
    }
    nearest
}

/// A shell; or our small program, where it waits for the full one that it has started (on Windows).
fn is_in_between(name: &str) -> bool {
    let name = name.strip_suffix(".exe").unwrap_or(name);
    matches!(
        name,
        "sh" | "ash"
            | "bash"
            | "busybox"
            | "cmd"
            | "dash"
            | "fish"
            | "ksh"
            | "mksh"
            | "portray"
            | "powershell"
            | "pwsh"
            | "zsh"
    )
}

/// The processes above one, the nearest first, each looked at when it is wanted; not the one that has started all.
fn above(process: &Process) -> impl Iterator<Item = Process> + use<> {
    std::iter::successors(parent(process), parent).take(FURTHEST)
}

fn parent(process: &Process) -> Option<Process> {
    system::process(process.parent.filter(|pid| *pid > 1)?)
}

fn seen(process: &Process) -> Program {
    Program {
        pid: process.pid,
        name: process.name.clone(),
        executable: system::executable(process.pid),
        below: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(names: &[&str], leader: &str) -> Vec<Process> {
        let processes = names.iter().zip(100..).map(|(name, pid)| Process {
            pid,
            name: (*name).to_owned(),
            parent: Some(pid + 1),
            leads_session: *name == leader,
        });
        processes.collect()
    }

    #[test]
    fn a6_the_program_behind_a_helper_is_no_shell_in_between_but_may_be_the_shell_that_a_person_types_into() {
        for (names, leader, expected) in [
            (&["aws", "bash"][..], "bash", "aws"),
            (&["sh", "node", "bash"], "bash", "node"),
            (&["sh", "sh", "terraform"], "", "terraform"),
            (&["zsh", "gnome-terminal-"], "zsh", "zsh"),
            (&["bash", "zsh", "tmux"], "zsh", "bash"),
            (&["bash", "make", "zsh"], "zsh", "make"),
            (&["bash"], "", "bash"),
            (&["portray.exe", "cmd.exe", "aws.exe"], "", "aws.exe"),
        ] {
            let chain = chain(names, leader);
            let asker = asker(chain.into_iter()).unwrap();
            assert_eq!(asker.name, expected, "{names:?}");
        }
        assert_eq!(asker(std::iter::empty()), None);
    }

    #[test]
    fn a6_this_process_is_told_by_its_executable_and_what_started_it() {
        let ours = ourselves().unwrap();
        assert_eq!(ours.pid, std::process::id());
        let executable = std::env::current_exe().unwrap();
        assert_eq!(ours.executable.as_deref(), executable.to_str());
        assert!(
            !ours.name.is_empty() && ours.below.len() <= MOST_ABOVE,
            "{ours:?}"
        );
        #[cfg(unix)]
        assert_eq!(
            ours.below.first().map(|above| above.pid),
            Some(std::os::unix::process::parent_id()).filter(|parent| *parent > 1)
        );
        assert_eq!(program(u32::MAX), None, "nobody has this number");
    }
}
