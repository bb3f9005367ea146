//! All records in one file that a passphrase encrypts: for machines without a keyring, and only on request.
//!
//! The file is text: one line with the SHA-256 of what follows, then two files as the program `age` writes them. The
//! first holds an identity and is encrypted with the passphrase; the second holds the records and is encrypted to
//! that identity. So the slow work with the passphrase is done once a start, and a new token costs none.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::iter;
use std::path::{Path, PathBuf};

use age::armor::ArmoredReader;
use age::secrecy::{ExposeSecret, SecretString};
use age::x25519::{Identity, Recipient};
use age::{DecryptError, Decryptor, scrypt};
use sha2::Digest;
use zeroize::Zeroizing;

use super::store_thread::Storage;
use super::{Record, StoreFailure};
use crate::private_files;
use crate::secret::Secret;

const MAGIC: &str = "portray-sign-ins/1";

/// With it every age file in armour begins.
const BEGIN: &str = "-----BEGIN AGE ENCRYPTED FILE-----";

/// 2^17 rounds over 128 MiB: what one guess costs whoever has the file, and half a second what each start costs.
const WORK: u8 = 17;

/// More work than this is not ours: a damaged or foreign file must not keep us busy for hours.
const MOST_WORK: u8 = 20;

/// Why the file cannot be opened. Whatever it is, the file stays as it is.
#[derive(Debug, thiserror::Error)]
pub enum SealedFault {
    #[error("this is not the passphrase of the encrypted sign-ins")]
    WrongPassphrase,
    #[error("the encrypted sign-ins are damaged, or of another version")]
    Damaged,
    #[error("the encrypted sign-ins cannot be read: {0}")]
    Unreadable(io::Error),
    #[error("the encrypted sign-ins cannot be written: {0}")]
    Unwritable(io::Error),
}

/// The open file. The passphrase and the identity are not kept: what is written needs neither.
pub(super) struct SealedFile {
    path: PathBuf,
    /// The identity as it stands in the file.
    locked_identity: String,
    recipient: Recipient,
    records: BTreeMap<String, Record>,
}

/// What stands in the file.
struct Parts<'text> {
    locked_identity: &'text str,
    records: &'text str,
}

impl SealedFile {
    /// Opens the file, or makes one with this passphrase where there is none.
    pub(super) fn open(path: &Path, passphrase: &Secret) -> Result<Self, SealedFault> {
        match read(path)? {
            Some(text) => Self::unlock(path, &text, passphrase),
            None => Self::create(path, passphrase, WORK),
        }
    }

    /// The same, for the one process that may write the file: no copy stays that another one left half-written.
    pub(super) fn open_alone(path: &Path, passphrase: &Secret) -> Result<Self, SealedFault> {
        let file = Self::open(path, passphrase)?;
        private_files::remove_leftovers_of(path);
        Ok(file)
    }

    /// Whether there is a file yet: if not, a passphrase is to be made up.
    pub(super) fn exists(path: &Path) -> Result<bool, SealedFault> {
        Ok(read(path)?.is_some())
    }

    fn unlock(path: &Path, text: &str, passphrase: &Secret) -> Result<Self, SealedFault> {
        let parts = Parts::of(text).ok_or(SealedFault::Damaged)?;
        let identity = unlock_identity(parts.locked_identity, passphrase)?;
        let framed = decrypt(&identity, parts.records).map_err(|_| SealedFault::Damaged)?;
        Ok(Self {
            path: path.to_owned(),
            locked_identity: parts.locked_identity.to_owned(),
            recipient: identity.to_public(),
            records: unframe(framed.expose()).ok_or(SealedFault::Damaged)?,
        })
    }

    /// Written at once: that nothing can be kept is told before somebody signs in.
    fn create(path: &Path, passphrase: &Secret, work: u8) -> Result<Self, SealedFault> {
        let identity = Identity::generate();
        let mut lock = scrypt::Recipient::new(secret_string(passphrase));
        lock.set_work_factor(work);
        let text = identity.to_string();
        let locked_identity = age::encrypt_and_armor(&lock, text.expose_secret().as_bytes())
            .map_err(|error| SealedFault::Unwritable(io::Error::other(error)))?;
        let file = Self {
            path: path.to_owned(),
            locked_identity,
            recipient: identity.to_public(),
            records: BTreeMap::new(),
        };
        file.replace(&file.borrowed()).map_err(SealedFault::Unwritable)?;
        Ok(file)
    }

    fn borrowed(&self) -> BTreeMap<&str, &Record> {
        let records = self.records.iter();
        records.map(|(key, record)| (key.as_str(), record)).collect()
    }

    fn replace(&self, records: &BTreeMap<&str, &Record>) -> io::Result<()> {
        let framed = frame(records);
        let records = age::encrypt_and_armor(&self.recipient, framed.expose()).map_err(io::Error::other)?;
        let parts = format!("{}{records}", self.locked_identity);
        let text = format!("{MAGIC} {}\n{parts}", digest(&parts));
        private_files::replace_alone(&self.path, text.as_bytes())
    }

    fn replace_or_tell(&self, records: &BTreeMap<&str, &Record>) -> Result<(), StoreFailure> {
        self.replace(records).map_err(|error| {
            tracing::warn!(%error, "the encrypted file of sign-ins stays as it was");
            StoreFailure::Unwritten
        })
    }
}

impl Storage for SealedFile {
    fn read(&mut self, key: &str) -> Result<Option<Record>, StoreFailure> {
        Ok(self.records.get(key).cloned())
    }

    fn write(&mut self, key: &str, record: &Record) -> Result<(), StoreFailure> {
        let mut records = self.borrowed();
        records.insert(key, record);
        self.replace_or_tell(&records)?;
        self.records.insert(key.to_owned(), record.clone());
        Ok(())
    }

    fn delete(&mut self, key: &str) -> Result<(), StoreFailure> {
        let mut records = self.borrowed();
        if records.remove(key).is_some() {
            self.replace_or_tell(&records)?;
            self.records.remove(key);
        }
        // What has gone is in no copy either.
        private_files::remove_leftovers_of(&self.path);
        Ok(())
    }

    fn would_ask(&self) -> bool {
        false
    }

    fn close(&mut self) {}

    fn is_late(&self) -> StoreFailure {
        StoreFailure::Unwritten
    }

    fn is_broken(&self) -> StoreFailure {
        StoreFailure::Unwritten
    }
}

impl<'text> Parts<'text> {
    /// None: not as it was written.
    fn of(text: &'text str) -> Option<Self> {
        let (line, parts) = text.split_once('\n')?;
        let told = line.strip_prefix(MAGIC)?.strip_prefix(' ')?;
        if told != digest(parts) {
            return None;
        }
        let second = parts.rfind(BEGIN).filter(|at| *at > 0)?;
        let (locked_identity, records) = parts.split_at(second);
        Some(Self {
            locked_identity,
            records,
        })
    }
}

fn read(path: &Path) -> Result<Option<String>, SealedFault> {
    let content = private_files::read(path).map_err(SealedFault::Unreadable)?;
    let text = content.map(String::from_utf8).transpose();
    text.map_err(|_| SealedFault::Damaged)
}

fn unlock_identity(locked: &str, passphrase: &Secret) -> Result<Identity, SealedFault> {
    let mut key = scrypt::Identity::new(secret_string(passphrase));
    key.set_max_work_factor(MOST_WORK);
    let text = decrypt(&key, locked).map_err(|error| {
        // The file is as it was written: then it is the passphrase that does not fit.
        let is_other = matches!(
            error,
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed
        );
        if is_other {
            SealedFault::WrongPassphrase
        } else {
            SealedFault::Damaged
        }
    })?;
    let text = std::str::from_utf8(text.expose()).map_err(|_| SealedFault::Damaged)?;
    text.trim_end().parse().map_err(|_| SealedFault::Damaged)
}

fn secret_string(secret: &Secret) -> SecretString {
    SecretString::from(secret.expose().clone())
}

/// The buffer is made large enough at once: one that grows leaves copies behind that nobody wipes.
fn decrypt(identity: &dyn age::Identity, armoured: &str) -> Result<Secret<Vec<u8>>, DecryptError> {
    let decryptor = Decryptor::new_buffered(ArmoredReader::new(armoured.as_bytes()))?;
    let mut plain = Zeroizing::new(Vec::with_capacity(armoured.len()));
    let mut reader = decryptor.decrypt(iter::once(identity))?;
    reader.read_to_end(&mut plain).map_err(DecryptError::Io)?;
    Ok(Secret::new(std::mem::take(&mut *plain)))
}

/// For each record a line with its length and its key, then its bytes.
fn frame(records: &BTreeMap<&str, &Record>) -> Secret<Vec<u8>> {
    let lines = records.iter().map(|(key, record)| {
        let record = record.expose();
        (format!("{} {key}\n", record.len()), record)
    });
    let lines: Vec<_> = lines.collect();
    let length = lines.iter().map(|(line, record)| line.len() + record.len()).sum();
    let mut framed = Vec::with_capacity(length);
    for (line, record) in lines {
        framed.extend_from_slice(line.as_bytes());
        framed.extend_from_slice(record);
    }
    Secret::new(framed)
}

fn unframe(mut framed: &[u8]) -> Option<BTreeMap<String, Record>> {
    let mut records = BTreeMap::new();
    while !framed.is_empty() {
        let end = framed.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(framed.get(..end)?).ok()?;
        let (length, key) = line.split_once(' ')?;
        let behind = framed.get(end + 1..)?;
        let (record, rest) = behind.split_at_checked(length.parse().ok()?)?;
        records.insert(key.to_owned(), Secret::new(record.to_vec()));
        framed = rest;
    }
    Some(records)
}

fn digest(text: &str) -> String {
    let digest = sha2::Sha256::digest(text.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
