//! Leaves no process behind, however a test ends: by its end, by a panic or by SIGKILL.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Waits for the end of its input, which comes with the test's death, and then kills the process groups that it was
/// told to watch and not to forget, and whatever else carries the mark in its environment (a program that made itself
/// a group of its own).
const SCRIPT: &str = r#"
groups=" "
while read -r what group; do
    case $what in
        watch) groups="$groups$group " ;;
        forget) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
    esac
done
for group in $groups; do kill -KILL "-$group" 2>/dev/null; done
for environment in /proc/[0-9]*/environ; do
    process=${environment#/proc/}
    process=${process%/environ}
    [ "$process" = $$ ] && continue
    tr '\0' '\n' <"$environment" 2>/dev/null | grep -qxF "$1" && kill -KILL "$process" 2>/dev/null
done
rm -rf "$2"
"#;

/// The name of the variable that marks every process of a desktop.
pub(crate) const MARK: &str = "PORTRAY_TEST_DESKTOP";

/// A watching shell, in a group of its own, and the mark that it looks for.
pub(crate) struct Reaper {
    child: Child,
    groups: Groups,
    mark: String,
}

/// The process groups that the watching shell is to kill.
#[derive(Clone)]
pub(crate) struct Groups {
    pipe: Arc<Mutex<Option<ChildStdin>>>,
}

impl Reaper {
    /// Watches over the processes marked with `folder`, and removes that folder when the test has died.
    pub(crate) fn start(folder: &str) -> Result<Reaper> {
        let mark = format!("{MARK}={folder}");
        let mut child = Command::new("/bin/sh")
            .args(["-c", SCRIPT, "reaper", &mark, folder])
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start /bin/sh")?;
        let pipe = Arc::new(Mutex::new(child.stdin.take()));
        let groups = Groups { pipe };
        Ok(Reaper { child, groups, mark })
    }

    /// What runs now of what was started here, by whomever.
    pub(crate) fn running(&self) -> Vec<(Pid, String)> {
        marked(&self.mark)
    }

    /// Where process groups are announced.
    pub(crate) fn groups(&self) -> Groups {
        self.groups.clone()
    }
}

impl Groups {
    /// Remembers a process group to kill.
    pub(crate) fn watch(&self, group: u32) {
        self.tell("watch", group);
    }

    /// Forgets a group whose leader is waited for now: the system may give its number to a stranger.
    pub(crate) fn forget(&self, group: u32) {
        self.tell("forget", group);
    }

    fn tell(&self, what: &str, group: u32) {
        if let Some(pipe) = self.lock().as_mut() {
            // A reaper that has gone cannot be told; the processes are killed by their owners then.
            let _ = writeln!(pipe, "{what} {group}");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<ChildStdin>> {
        self.pipe.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        kill_marked(&self.mark);
        drop(self.groups.lock().take());
        let _ = self.child.wait();
    }
}

/// Kills a whole process group at once; one that has gone is no error.
pub(crate) fn kill_group(group: u32, signal: Signal) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, signal);
    }
}

/// The programs with the mark in their environment that run now, with the first 15 letters of their names.
fn marked(mark: &str) -> Vec<(Pid, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let process = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let Some(process) = process.and_then(Pid::from_raw) else {
            continue;
        };
        // One that has ended and waits for its parent has no environment any more.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment
            .split(|byte| *byte == 0)
            .any(|variable| variable == mark.as_bytes())
        {
            let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            found.push((process, name.trim_end().to_owned()));
        }
    }
    found
}

fn kill_marked(mark: &str) {
    for (process, _) in marked(mark) {
        let _ = kill_process(process, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stranger() -> Child {
        let mut command = Command::new("sleep");
        command
            .arg("1000")
            .process_group(0)
            .spawn()
            .expect("sleep starts")
    }

    #[test]
    fn a_group_is_killed_unless_it_was_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let reaper = Reaper::start(&folder.path().to_string_lossy()).expect("it starts");
        let mut group = [stranger(), stranger(), stranger()];
        let groups = reaper.groups();
        for one in &group {
            groups.watch(one.id());
        }
        groups.forget(group[1].id());
        drop(reaper);
        assert!(group[0].wait().expect("it has ended").code().is_none());
        assert!(group[2].wait().expect("it has ended").code().is_none());
        assert_eq!(group[1].try_wait().expect("it can be asked"), None);
        group[1].kill().expect("it runs still");
        group[1].wait().expect("it has ended");
    }
}
