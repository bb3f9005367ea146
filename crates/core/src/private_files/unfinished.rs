//! Files that are being written bear another name until they are whole. What a killed process left of one is removed.

#[cfg(unix)]
use std::fs::TryLockError;
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

use super::without_place;

/// With it the name of every unfinished file begins.
const PREFIX: &str = ".portray-";

/// How often a file is begun anew that was taken for a leftover before it was locked.
const TRIES: u32 = 10;

/// Whether a file without a lock is a leftover where the file system knows no locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Writers {
    /// Somebody may be writing it.
    Many,
    /// Whoever asks would be the one who writes it.
    One,
}

/// Begins a file beside the one that it is to become: `name` is that one's, where only one process at a time writes it.
/// It is locked until it is closed, so that nobody takes it for a leftover.
pub(super) fn begin(folder: &Path, name: Option<&str>) -> io::Result<NamedTempFile> {
    let prefix = prefix_of(name);
    for _ in 0..TRIES {
        let begun = tempfile::Builder::new().prefix(&prefix).tempfile_in(folder);
        let file = begun.map_err(|error| without_place(&error))?;
        if is_ours(&file) {
            return Ok(file);
        }
    }
    Err(io::Error::other("whatever is begun there is removed at once"))
}

/// Removes what killed processes left of files in this folder. What a living one writes is locked, and stays.
pub fn remove_leftovers(folder: &Path) {
    remove(folder, PREFIX, Writers::Many);
}

/// Removes what was left of one file. Only whoever alone may write it may call this.
pub(super) fn remove_leftovers_of(folder: &Path, name: &str) {
    remove(folder, &prefix_of(Some(name)), Writers::One);
}

fn prefix_of(name: Option<&str>) -> String {
    name.map_or_else(|| PREFIX.to_owned(), |name| format!("{PREFIX}{name}-"))
}

/// A failure holds up nothing: the next one who comes by tries again.
fn remove(folder: &Path, prefix: &str, writers: Writers) {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            tracing::warn!(%error, "whether a killed process left anything is not known");
            return;
        }
    };
    for entry in entries.flatten() {
        let is_unfinished = entry.file_name().to_string_lossy().starts_with(prefix)
            && entry.file_type().is_ok_and(|kind| kind.is_file());
        if is_unfinished && let Err(error) = remove_left(&entry.path(), writers) {
            tracing::warn!(%error, "what a killed process left of a file stays");
        }
    }
}

/// Locked, and not removed before it was. Where the file system knows no locks nobody removes it.
#[cfg(unix)]
fn is_ours(file: &NamedTempFile) -> bool {
    match file.as_file().try_lock() {
        Ok(()) => file.path().exists(),
        Err(TryLockError::WouldBlock) => false,
        Err(TryLockError::Error(_)) => true,
    }
}

/// The lock is held until the name is gone: whoever has just begun it begins anew.
#[cfg(unix)]
fn remove_left(path: &Path, writers: Writers) -> io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    let opened = super::private(options.read(true).write(true)).open(path);
    let file = match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        outcome => outcome?,
    };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(()),
        Err(TryLockError::Error(_)) if writers == Writers::One => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whoever writes it has it open, which is lock enough there.
#[cfg(windows)]
fn is_ours(file: &NamedTempFile) -> bool {
    file.path().exists()
}

/// Opened for us alone, which fails where anybody has it open, and gone when it is closed.
#[cfg(windows)]
fn remove_left(path: &Path, _writers: Writers) -> io::Result<()> {
    use std::os::windows::fs::OpenOptionsExt;

    use windows_sys::Win32::Foundation::ERROR_SHARING_VIOLATION;
    use windows_sys::Win32::Storage::FileSystem::{DELETE, FILE_FLAG_DELETE_ON_CLOSE};
    let mut options = std::fs::OpenOptions::new();
    options.access_mode(DELETE).share_mode(0);
    match options.custom_flags(FILE_FLAG_DELETE_ON_CLOSE).open(path) {
        Err(error) if error.raw_os_error() == Some(ERROR_SHARING_VIOLATION.cast_signed()) => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(_) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::private_files::{create_whole, replace, replace_alone};

    fn names(folder: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// What a process leaves that is killed while it writes.
    fn leave(folder: &Path, name: Option<&str>) -> PathBuf {
        let file = begin(folder, name).unwrap();
        std::fs::write(file.path(), "half").unwrap();
        file.into_temp_path().keep().unwrap()
    }

    #[test]
    fn x4_what_a_killed_writer_left_is_removed_and_what_a_living_one_writes_is_not() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        let (left, left_of) = (leave(folder, None), leave(folder, Some("sign-ins.age")));
        for other in [".portray", "portray-x", ".config.portray-x"] {
            std::fs::write(folder.join(other), "somebody's").unwrap();
        }
        std::fs::create_dir(folder.join(".portray-folder")).unwrap();
        let alive = begin(folder, None).unwrap();
        remove_leftovers(folder);
        assert!(!left.exists() && !left_of.exists());
        assert!(alive.path().exists());
        alive.persist(folder.join("settings.toml")).unwrap();
        remove_leftovers(folder);
        let stay = [
            ".config.portray-x",
            ".portray",
            ".portray-folder",
            "portray-x",
            "settings.toml",
        ];
        assert_eq!(names(folder), stay);
        remove_leftovers(&folder.join("nowhere"));
    }

    #[test]
    fn x4_the_only_writer_of_a_file_removes_what_was_left_of_it_and_nothing_else() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        leave(folder, Some("sign-ins.age"));
        let of_another = leave(folder, None);
        replace_alone(&folder.join("sign-ins.age"), b"new").unwrap();
        assert!(of_another.exists());
        std::fs::remove_file(of_another).unwrap();
        assert_eq!(names(folder), ["sign-ins.age"]);
        let alive = begin(folder, Some("sign-ins.age")).unwrap();
        remove_leftovers_of(folder, "sign-ins.age");
        assert!(alive.path().exists());
    }

    #[test]
    fn c5_every_write_succeeds_while_somebody_clears_away_leftovers() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = scratch.path();
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| {
                for number in 0..200 {
                    replace(&folder.join("settings.toml"), b"new").unwrap();
                    create_whole(&folder.join(number.to_string()), b"").unwrap();
                }
            });
            while !writing.is_finished() {
                remove_leftovers(folder);
            }
        });
        assert_eq!(names(folder).len(), 201);
    }
}
