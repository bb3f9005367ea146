//! The passphrase of the encrypted sign-ins: from a file that is its user's alone, from a pipe, or from a person.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::SealedFault;
use super::sealed_file::SealedFile;
use crate::secret::Secret;

/// In bytes. Nobody types more, and a file with more holds something else.
const LONGEST: usize = 1024;

/// How often a person may mistype it.
const ATTEMPTS: usize = 3;

/// Why what was read is no passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseFault {
    #[error("can be read by others")]
    Open,
    #[error("belongs to another user")]
    Foreign,
    #[error("cannot be read: {0}")]
    OutOfReach(io::Error),
    #[error("is no plain file")]
    NoFile,
    #[error("is empty")]
    Empty,
    #[error("is longer than 1,024 bytes")]
    TooLong,
    #[error("is no text")]
    NoText,
}

/// What a person is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// There is no file yet: a passphrase is made up, and typed twice.
    New,
    /// That of the file.
    Known,
    /// The one before was not that of the file.
    Again,
}

/// Why a person was asked in vain. `E` is what came instead of an answer.
#[derive(Debug)]
pub enum NotOpened<E> {
    NotGiven(E),
    Fault(SealedFault),
}

/// Reads it from a file. A line break at its end does not count.
pub fn from_file(path: &Path) -> Result<Secret, PassphraseFault> {
    let file = open(path).map_err(PassphraseFault::OutOfReach)?;
    let found = file.metadata().map_err(PassphraseFault::OutOfReach)?;
    if !found.is_file() {
        return Err(PassphraseFault::NoFile);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let ours = rustix::process::geteuid().as_raw();
        // A service manager's file may be root's, and readable for us by its group or by an access list.
        let closed_to = match found.uid() {
            owner if owner == ours => 0o077,
            0 => 0o007,
            _ => return Err(PassphraseFault::Foreign),
        };
        if found.mode() & closed_to != 0 {
            return Err(PassphraseFault::Open);
        }
    }
    from_reader(file)
}

/// Reads it to its end, for instance from the command that started this process.
pub fn from_reader(reader: impl Read) -> Result<Secret, PassphraseFault> {
    // More room than is read: a buffer that grows leaves copies behind that nobody wipes.
    let mut bytes = zeroize::Zeroizing::new(Vec::with_capacity(2 * LONGEST));
    let most = u64::try_from(LONGEST + 3).unwrap_or(u64::MAX);
    let read = reader.take(most).read_to_end(&mut bytes);
    read.map_err(PassphraseFault::OutOfReach)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| PassphraseFault::NoText)?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    match text.len() {
        0 => Err(PassphraseFault::Empty),
        length if length > LONGEST => Err(PassphraseFault::TooLong),
        _ => Ok(Secret::from(text)),
    }
}

/// Asks a person for the passphrase of the file at `path`, and again where it does not fit.
pub fn from_person<E>(
    path: &Path,
    mut ask: impl FnMut(Question) -> Result<Secret, E>,
) -> Result<Secret, NotOpened<E>> {
    if !SealedFile::exists(path).map_err(NotOpened::Fault)? {
        return ask(Question::New).map_err(NotOpened::NotGiven);
    }
    let mut question = Question::Known;
    for _ in 0..ATTEMPTS {
        let passphrase = ask(question).map_err(NotOpened::NotGiven)?;
        match prove(path, &passphrase) {
            Ok(()) => return Ok(passphrase),
            Err(SealedFault::WrongPassphrase) => question = Question::Again,
            Err(fault) => return Err(NotOpened::Fault(fault)),
        }
    }
    Err(NotOpened::Fault(SealedFault::WrongPassphrase))
}

/// Whether this passphrase opens the file; true of every one where there is none. Nothing is written.
pub fn prove(path: &Path, passphrase: &Secret) -> Result<(), SealedFault> {
    match SealedFile::exists(path)? {
        true => SealedFile::open(path, passphrase).map(drop),
        false => Ok(()),
    }
}

/// A pipe in its place must not keep us waiting: it is looked at before it is read.
fn open(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    }
    options.open(path)
}

#[cfg(test)]
mod tests;
