//! What one agent has at a time: a file's lock, or a mark that names a living process where the file system knows no locks.

use std::fs::{File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::clock::{Clock, SystemClock};
use crate::private_files;
use crate::programs;

/// How often a mark is looked at by whoever waits for its end.
const LOOK: Duration = Duration::from_millis(50);

/// How often a dead process's mark is cleared away before somebody else is thought to be faster.
const TRIES: u32 = 3;

/// What was taken; let go with this value.
#[derive(Debug)]
pub enum Hold {
    Lock(File),
    Mark(Mark),
}

/// Why it was not.
#[derive(Debug)]
pub enum NotTaken {
    /// Another process has it.
    Held,
    Failed(io::Error),
}

/// A file that says which process has what is beside it. Removed with this value.
#[derive(Debug)]
pub struct Mark {
    path: PathBuf,
    content: String,
}

impl Hold {
    /// Does not wait.
    pub fn take(path: &Path) -> Result<Self, NotTaken> {
        let lock = private_files::open_lock(path).map_err(NotTaken::Failed)?;
        match lock.try_lock() {
            Ok(()) => {
                if let Err(error) = name_us(&lock) {
                    tracing::debug!(%error, "the lock does not say whose it is");
                }
                Ok(Self::Lock(lock))
            }
            Err(TryLockError::WouldBlock) => Err(NotTaken::Held),
            Err(TryLockError::Error(error)) if private_files::has_no_locks(&error) => {
                tracing::debug!(%error, "a mark takes the place of a lock");
                Mark::make(&mark_of(path)).map(Self::Mark)
            }
            Err(TryLockError::Error(error)) => Err(NotTaken::Failed(error)),
        }
    }

    /// What dropping it does too.
    pub fn let_go(self) {
        match self {
            Self::Lock(lock) => drop(lock),
            Self::Mark(mark) => drop(mark),
        }
    }

    /// Whether it is of the file that stands there now.
    #[cfg(unix)]
    pub fn is_of(&self, path: &Path) -> bool {
        use std::os::unix::fs::MetadataExt;
        let number =
            |found: io::Result<std::fs::Metadata>| found.map(|found| (found.dev(), found.ino())).ok();
        match self {
            Self::Lock(lock) => {
                let ours = number(lock.metadata());
                ours.is_some() && ours == number(std::fs::symlink_metadata(path))
            }
            Self::Mark(mark) => mark.stands(),
        }
    }
}

/// The process that has it, where it says so and lives.
pub fn holder(path: &Path) -> Option<u32> {
    let said = |path: &Path| living(&read(path).ok()??);
    said(path).or_else(|| said(&mark_of(path)))
}

/// Whether somebody has it still. Asked of a lock whose holder is known to live: trying it is in the way of whoever takes
/// it at that moment.
pub fn is_held(path: &Path) -> bool {
    let taken = File::open(path).map(|lock| lock.try_lock_shared());
    match taken {
        Ok(Err(TryLockError::WouldBlock)) => true,
        Ok(Ok(())) | Err(_) => false,
        // A mark is removed by whoever lets go.
        Ok(Err(TryLockError::Error(_))) => holder(path).is_some(),
    }
}

/// Waits until nobody has it. Blocks; gives up where it cannot be told.
pub fn wait_until_free(path: &Path) -> io::Result<()> {
    let lock = match private_files::open_lock(path) {
        // Nor has anybody what lies in a folder that is gone.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(());
        }
        outcome => outcome?,
    };
    match lock.lock_shared() {
        Err(error) if private_files::has_no_locks(&error) => {}
        outcome => return outcome,
    }
    wait_until_unmarked(&mark_of(path))
}

fn wait_until_unmarked(mark: &Path) -> io::Result<()> {
    let clock = SystemClock::new();
    let pauses = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()?;
    while read(mark)?.is_some_and(|mark| living(&mark).is_some()) {
        // The sleep is begun inside: outside of its runtime there is none.
        pauses.block_on(async { clock.sleep(LOOK).await });
    }
    Ok(())
}

impl Mark {
    fn make(path: &Path) -> Result<Self, NotTaken> {
        let content = our_name();
        for _ in 0..TRIES {
            match private_files::create_whole(path, content.as_bytes()) {
                Ok(()) => {
                    let path = path.to_owned();
                    return Ok(Self { path, content });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(NotTaken::Failed(error)),
            }
            let there = read(path).map_err(NotTaken::Failed)?;
            if there.as_deref().and_then(living).is_some() {
                return Err(NotTaken::Held);
            }
            clear(path, there.as_deref()).map_err(NotTaken::Failed)?;
        }
        Err(NotTaken::Held)
    }

    fn stands(&self) -> bool {
        read(&self.path).is_ok_and(|there| there.as_ref() == Some(&self.content))
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if self.stands() {
            let removed = remove(&self.path);
            tracing::debug!(?removed, "the mark of this agent");
        }
    }
}

/// Takes away what a dead process left, and nothing that another one has put there meanwhile: one clears at a time.
fn clear(path: &Path, dead: Option<&str>) -> io::Result<()> {
    let turn = path.with_extension("clearing");
    match private_files::create_whole(&turn, our_name().as_bytes()) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            return match read(&turn)?.as_deref().and_then(living) {
                Some(_) => Ok(()),
                None => remove(&turn),
            };
        }
        Err(error) => return Err(error),
    }
    let cleared = match read(path) {
        Ok(there) if there.as_deref() == dead => remove(path),
        outcome => outcome.map(drop),
    };
    remove(&turn).and(cleared)
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn mark_of(lock: &Path) -> PathBuf {
    lock.with_extension("mark")
}

fn read(path: &Path) -> io::Result<Option<String>> {
    let content = private_files::read(path)?;
    Ok(content.map(|content| String::from_utf8_lossy(&content).into_owned()))
}

fn name_us(mut lock: &File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.write_all(our_name().as_bytes())
}

/// Where the system does not tell when a process began, nothing but its lock is to be relied on.
fn our_name() -> String {
    let us = std::process::id();
    format!("{us} {}\n", programs::identity(us).unwrap_or_default())
}

/// The process that is named, if it lives.
fn living(name: &str) -> Option<u32> {
    let (pid, identity) = name.trim_end().split_once(' ')?;
    let pid = pid.parse().ok()?;
    (programs::identity(pid)? == identity).then_some(pid)
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
