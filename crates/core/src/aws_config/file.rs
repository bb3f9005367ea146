//! Reads and replaces `~/.aws/config`: under a lock of ours, through links, as a whole or not at all.

mod attributes;
mod last_change;

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::NamedTempFile;

use super::edit::{self, Content, Unclear};
use crate::paths::{AwsFiles, Paths, short_hash};
use crate::private_files::{self, close_to_others, make_folder};

/// How long another writer of ours is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often a file that changes meanwhile is read anew.
const ATTEMPTS: usize = 3;

/// AWS's files of a person, and where we keep what belongs to writing one of them.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    config: PathBuf,
    credentials: PathBuf,
    runtime: PathBuf,
    state: PathBuf,
    patience: Duration,
}

/// Both files as they are; `None` is one that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    pub config: Option<Vec<u8>>,
    pub credentials: Option<Vec<u8>>,
}

/// What a change came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    pub before: Option<Vec<u8>>,
    pub after: Content,
    /// Where the file is kept as it was before it had anything of ours.
    pub backup: Option<PathBuf>,
}

/// Why a file was not read or not written. Unless it says so, nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    #[error("{path} cannot be read: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path} is no regular file")]
    NoRegularFile { path: PathBuf },
    #[error("{path} {unclear}")]
    Unclear { path: PathBuf, unclear: Unclear },
    #[error("{path} cannot be written: {error}")]
    Unwritable {
        path: PathBuf,
        error: io::Error,
        /// What was to be written.
        after: Vec<u8>,
    },
    #[error("{path} was written, but the disk does not confirm it: {error}")]
    Unconfirmed { path: PathBuf, error: io::Error },
    #[error("{path} is being written by another Portray")]
    Busy { path: PathBuf },
    #[error("{path} was changed by another program while it was being written, {ATTEMPTS} times in a row")]
    Changing { path: PathBuf },
    #[error("the lock {path} cannot be taken: {error}")]
    NoLock { path: PathBuf, error: io::Error },
    #[error("the copy {path} of the file as it was cannot be made: {error}")]
    NoBackup { path: PathBuf, error: io::Error },
}

/// How one attempt ended that is no error.
enum Attempt {
    Done(Changed),
    /// Somebody else has written in the meantime.
    Overtaken,
}

impl ConfigFile {
    pub fn of(files: &AwsFiles, paths: &Paths) -> Self {
        Self {
            config: files.config.clone(),
            credentials: files.credentials.clone(),
            runtime: paths.runtime.clone(),
            state: paths.state.clone(),
            patience: PATIENCE,
        }
    }

    /// The path that tools read from; it may be a link.
    pub fn path(&self) -> &Path {
        &self.config
    }

    pub fn read(&self) -> Result<Files, FileError> {
        Ok(Files {
            config: read_regular(&self.config)?,
            credentials: self.credentials()?,
        })
    }

    /// Where the file is kept as it was before there was anything of ours in it, if it is.
    pub fn backup(&self) -> Option<PathBuf> {
        let target = private_files::target(&self.config).ok()?;
        Some(self.backup_of(&target)).filter(|path| path.exists())
    }

    /// How many names the file has beside its own. Replacing it leaves those with the old content.
    pub fn other_names(&self) -> u64 {
        std::fs::metadata(&self.config).map_or(0, |found| attributes::links_of(&found).saturating_sub(1))
    }

    /// Writes what `edit` makes of both files as they are now. It is called again where somebody else was quicker.
    pub fn change(
        &self,
        mut edit: impl FnMut(&Files) -> Result<Content, Unclear>,
    ) -> Result<Changed, FileError> {
        let target = private_files::target(&self.config).map_err(self.unreadable())?;
        let _lock = self.lock(&target)?;
        remove_leftovers(&target);
        for _ in 0..ATTEMPTS {
            if let Attempt::Done(changed) = self.attempt(&mut edit)? {
                return Ok(changed);
            }
        }
        Err(FileError::Changing {
            path: self.config.clone(),
        })
    }

    fn attempt(
        &self,
        edit: &mut impl FnMut(&Files) -> Result<Content, Unclear>,
    ) -> Result<Attempt, FileError> {
        let target = private_files::target(&self.config).map_err(self.unreadable())?;
        let files = self.read()?;
        let after = edit(&files).map_err(|unclear| FileError::Unclear {
            path: self.config.clone(),
            unclear,
        })?;
        let before = files.config;
        let changed = |backup| {
            Attempt::Done(Changed {
                before: before.clone(),
                after: after.clone(),
                backup,
            })
        };
        let is_same = match (&before, &after) {
            (Some(before), Content::Bytes(after)) => before == after,
            (None, Content::Absent) => true,
            (None, Content::Bytes(_)) | (Some(_), Content::Absent) => false,
        };
        if is_same {
            return Ok(changed(
                Some(self.backup_of(&target)).filter(|path| path.exists()),
            ));
        }
        let backup = self.back_up(&target, before.as_deref(), &after)?;
        let is_overtaken = || {
            let now = private_files::target(&self.config).map_err(self.unreadable())?;
            Ok(now != target || read_regular(&self.config)? != before)
        };
        let written = match &after {
            Content::Bytes(bytes) => self.replace(&target, bytes, before.is_none(), is_overtaken),
            Content::Absent => self.remove(&target, is_overtaken),
        };
        match written? {
            true => Ok(changed(backup)),
            false => Ok(Attempt::Overtaken),
        }
    }

    /// Whether it was written; not where somebody was quicker.
    fn replace(
        &self,
        target: &Path,
        bytes: &[u8],
        is_new: bool,
        is_overtaken: impl Fn() -> Result<bool, FileError>,
    ) -> Result<bool, FileError> {
        let unwritable = self.unwritable(bytes);
        let folder = target
            .parent()
            .ok_or_else(|| unwritable(io::ErrorKind::InvalidInput.into()))?;
        make_folder(folder).map_err(&unwritable)?;
        let begun = tempfile::Builder::new()
            .prefix(&leftover_prefix(target))
            .tempfile_in(folder);
        // The name of a file that never was tells nobody anything.
        let file = begun.map_err(|error| unwritable(without_place(&error)))?;
        fill(&file, target, bytes).map_err(|error| unwritable(without_place(&error)))?;
        if is_overtaken()? {
            return Ok(false);
        }
        let persisted = match is_new {
            true => file.persist_noclobber(target),
            false => file.persist(target),
        };
        match persisted {
            Ok(_) => {}
            Err(error) if is_new && error.error.kind() == io::ErrorKind::AlreadyExists => return Ok(false),
            Err(error) => return Err(unwritable(error.error)),
        }
        self.confirm(folder)
    }

    fn remove(
        &self,
        target: &Path,
        is_overtaken: impl Fn() -> Result<bool, FileError>,
    ) -> Result<bool, FileError> {
        if is_overtaken()? {
            return Ok(false);
        }
        std::fs::remove_file(target).map_err(self.unwritable(&[]))?;
        target.parent().map_or(Ok(true), |folder| self.confirm(folder))
    }

    /// What was written is on the disk from now on, under its name.
    fn confirm(&self, folder: &Path) -> Result<bool, FileError> {
        let synced = private_files::sync_folder(folder);
        synced.map(|()| true).map_err(|error| FileError::Unconfirmed {
            path: self.config.clone(),
            error,
        })
    }

    /// Keeps the file as it is before there is anything of ours in it. A copy from another time, when ours was taken out
    /// and others have written since, stays beside it.
    fn back_up(
        &self,
        target: &Path,
        before: Option<&[u8]>,
        after: &Content,
    ) -> Result<Option<PathBuf>, FileError> {
        let path = self.backup_of(target);
        let is_ours = |bytes| !matches!(edit::block_of(bytes), Ok(None));
        let gets_ours = matches!(after, Content::Bytes(after) if is_ours(after));
        if !gets_ours || before.is_some_and(is_ours) {
            return Ok(Some(path).filter(|path| path.exists()));
        }
        let keep = || {
            let kept = match path.exists() {
                true => Some(private_files::read(&path)?.unwrap_or_default()),
                false => None,
            };
            if kept.as_deref() == before {
                return Ok(());
            }
            if kept.is_some() {
                std::fs::rename(&path, earlier(&path))?;
            }
            before.map_or(Ok(()), |before| private_files::replace(&path, before))
        };
        match keep() {
            Ok(()) => Ok(before.map(|_| path)),
            Err(error) => Err(FileError::NoBackup { path, error }),
        }
    }

    fn backup_of(&self, target: &Path) -> PathBuf {
        let hash = short_hash(target.as_os_str().as_encoded_bytes());
        self.state.join(format!("aws-config-{hash}.before"))
    }

    fn credentials(&self) -> Result<Option<Vec<u8>>, FileError> {
        // Somebody may lead this one to /dev/null.
        match read_regular(&self.credentials) {
            Err(FileError::NoRegularFile { path }) if !path.is_dir() => Ok(None),
            outcome => outcome,
        }
    }

    /// In our own folder: where people's files are, a lock may hang for ever (NFS).
    fn lock(&self, target: &Path) -> Result<File, FileError> {
        let hash = short_hash(target.as_os_str().as_encoded_bytes());
        let path = self.runtime.join(format!("aws-config-{hash}.lock"));
        let failed = |error| FileError::NoLock {
            path: path.clone(),
            error,
        };
        make_folder(&self.runtime).map_err(failed)?;
        if let Some(fault) = private_files::folder_fault(&self.runtime) {
            return Err(failed(io::Error::other(format!("its folder {fault}"))));
        }
        let lock = private_files::open_lock(&path).map_err(failed)?;
        private_files::lock_within(lock, self.patience).map_err(|error| {
            if error.kind() == io::ErrorKind::TimedOut {
                return FileError::Busy {
                    path: self.config.clone(),
                };
            }
            failed(error)
        })
    }

    fn unreadable(&self) -> impl Fn(io::Error) -> FileError {
        |error| FileError::Unreadable {
            path: self.config.clone(),
            error,
        }
    }

    fn unwritable(&self, after: &[u8]) -> impl Fn(io::Error) -> FileError {
        |error| FileError::Unwritable {
            path: self.config.clone(),
            error,
            after: after.to_vec(),
        }
    }
}

/// Where an older copy goes: a name that nothing has.
fn earlier(copy: &Path) -> PathBuf {
    let named = |number: u32| copy.with_extension(format!("before-{number}"));
    let mut number = 1;
    while named(number).exists() {
        number += 1;
    }
    named(number)
}

/// None: there is no file. A device or a pipe is never opened.
fn read_regular(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    let unreadable = |error| FileError::Unreadable {
        path: path.to_owned(),
        error,
    };
    match std::fs::metadata(path) {
        Ok(found) if found.is_file() => private_files::read(path).map_err(unreadable),
        Ok(_) => Err(FileError::NoRegularFile {
            path: path.to_owned(),
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unreadable(error)),
    }
}

/// Everything but its name.
fn fill(file: &NamedTempFile, target: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::metadata(target) {
        Ok(old) => attributes::as_before(file.as_file(), target, &old)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => close_to_others(file.as_file())?,
        Err(error) => return Err(error),
    }
    file.as_file().write_all(bytes)?;
    file.as_file().sync_all()
}

fn leftover_prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.portray-")
}

/// What a writer of ours left that was killed. Whoever has the lock is the only one.
fn remove_leftovers(target: &Path) {
    let prefix = leftover_prefix(target);
    let entries = target.parent().and_then(|folder| std::fs::read_dir(folder).ok());
    for entry in entries.into_iter().flatten().flatten() {
        let is_leftover = entry.file_name().to_string_lossy().starts_with(&prefix);
        if is_leftover && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

fn without_place(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => error.kind().into(),
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
