//! Records in keyring entries: split where an entry is too small, and replaced so that a kill leaves old or new.
//!
//! The entry named like the record is its head: one line (generation, number of further entries, length,
//! SHA-256), then the first piece. Further pieces stand in entries of the generation's slot (odd or even) and
//! are written before the head, so that the head of the last generation is good until the new one is in place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use keyring::Error;
use keyring_core::{CredentialStore, Entry};
use sha2::Digest;

use super::store_thread::Storage;
use super::{Record, StoreFailure, platform};
use crate::clock::SharedClock;
use crate::secret::Secret;

/// The way to a keyring.
pub(super) struct Door {
    /// Opens it anew.
    pub(super) open: Box<dyn Fn() -> Result<Arc<CredentialStore>, Error> + Send>,
    /// Whether a call would put a question to a person. Puts none itself.
    pub(super) would_ask: Box<dyn Fn() -> bool + Send>,
    /// Whether there is a keyring that our entries would be in. Puts no question to anybody.
    pub(super) has_default: Box<dyn Fn() -> Result<bool, Error> + Send>,
}

/// A keyring with records in it.
pub(super) struct Records {
    service: String,
    entry_limit: usize,
    door: Door,
    clock: SharedClock,
    /// Absent until it is needed, and again after a failure.
    store: Option<Arc<CredentialStore>>,
    /// Each record's generation, where it is known.
    generations: BTreeMap<String, u64>,
}

/// The first line of a record's head.
#[derive(Debug, PartialEq, Eq)]
struct Head {
    generation: u64,
    further_pieces: usize,
    length: usize,
    digest: String,
}

/// Room for the head's line.
const LINE: usize = 128;

/// More than 100 kB are not ours.
const MOST_PIECES: usize = 48;

const MAGIC: &str = "portray/1";

/// No person reads a question and turns it down in less time.
const A_PERSONS_ANSWER: Duration = Duration::from_secs(1);

impl Records {
    pub(super) fn new(service: &str, entry_limit: usize, door: Door, clock: SharedClock) -> Self {
        Self {
            service: service.to_owned(),
            entry_limit,
            door,
            clock,
            store: None,
            generations: BTreeMap::new(),
        }
    }

    fn generation(&mut self, key: &str) -> Result<u64, StoreFailure> {
        if let Some(generation) = self.generations.get(key) {
            return Ok(*generation);
        }
        let head = self.get(key)?;
        let head = head.as_ref().and_then(|bytes| Head::split(bytes.expose()));
        Ok(head.map_or(0, |(head, _)| head.generation))
    }

    /// Deletes the pieces of a slot behind the first `kept`, the last one first: a kill leaves no gap that would
    /// hide the others from the next sweep.
    fn sweep(&mut self, key: &str, generation: u64, kept: usize) -> Result<(), StoreFailure> {
        let mut last = kept;
        while last < MOST_PIECES && self.get(&piece_name(key, generation, last + 1))?.is_some() {
            last += 1;
        }
        for number in (kept + 1..=last).rev() {
            self.remove(&piece_name(key, generation, number))?;
        }
        Ok(())
    }

    fn get(&mut self, name: &str) -> Result<Option<Secret<Vec<u8>>>, StoreFailure> {
        let bytes = self.ask("read", name, Entry::get_secret)?;
        Ok(bytes.map(Secret::new))
    }

    fn set(&mut self, name: &str, bytes: &[u8]) -> Result<(), StoreFailure> {
        let done = self.ask("write", name, |entry| entry.set_secret(bytes))?;
        done.ok_or(StoreFailure::Failed)
    }

    /// `Ok(None)`: there was no such entry.
    fn remove(&mut self, name: &str) -> Result<Option<()>, StoreFailure> {
        self.ask("delete", name, Entry::delete_credential)
    }

    /// No record was found. That says something only where there is a keyring to have it: its service may run without.
    fn found_none(&mut self) -> Result<(), StoreFailure> {
        let failure = match (self.door.has_default)() {
            Ok(true) => return Ok(()),
            Ok(false) => StoreFailure::NoKeyring,
            Err(error) => platform::meaning(&error),
        };
        if failure == StoreFailure::Failed {
            // A service that knows of no default: what it has found counts.
            return Ok(());
        }
        tracing::warn!(%failure, "nothing was found, and there is no keyring to find it in");
        self.close();
        Err(failure)
    }

    /// `Ok(None)`: there is no such entry.
    fn ask<T>(
        &mut self,
        step: &'static str,
        name: &str,
        call: impl FnOnce(&Entry) -> Result<T, Error>,
    ) -> Result<Option<T>, StoreFailure> {
        let started = self.clock.elapsed();
        match self.entry(name).and_then(|entry| call(&entry)) {
            Ok(answer) => Ok(Some(answer)),
            Err(Error::NoEntry) => Ok(None),
            Err(error) => {
                let took = self.clock.elapsed().saturating_sub(started);
                Err(self.failed(step, error, took))
            }
        }
    }

    fn entry(&mut self, name: &str) -> Result<Entry, Error> {
        let store = match &self.store {
            Some(store) => Arc::clone(store),
            None => Arc::clone(self.store.insert((self.door.open)()?)),
        };
        let label = format!("Portray: {name}");
        store.build(&self.service, name, Some(&platform::modifiers(&label)))
    }

    /// A service may have been restarted since: the next call opens it anew.
    #[expect(
        clippy::needless_pass_by_value,
        reason = "an error may hold bytes: it ends here"
    )]
    fn failed(&mut self, step: &'static str, error: Error, took: Duration) -> StoreFailure {
        let failure = dismissed_by_a_person(platform::meaning(&error), took);
        if let Error::PlatformFailure(cause) | Error::NoStorageAccess(cause) = &error {
            tracing::warn!(%failure, %cause, step, "the keyring refused");
        } else {
            tracing::warn!(%failure, step, "the keyring refused");
        }
        self.close();
        failure
    }
}

impl Storage for Records {
    /// `Ok(None)`: the keyring says that there is none.
    fn read(&mut self, key: &str) -> Result<Option<Record>, StoreFailure> {
        let Some(bytes) = self.get(key)? else {
            self.found_none()?;
            self.generations.insert(key.to_owned(), 0);
            return Ok(None);
        };
        let (head, first) = Head::split(bytes.expose()).ok_or(StoreFailure::Corrupt)?;
        if head.further_pieces > MOST_PIECES {
            return Err(StoreFailure::Corrupt);
        }
        let mut pieces = Vec::new();
        for number in 1..=head.further_pieces {
            let piece = self.get(&piece_name(key, head.generation, number))?;
            pieces.push(piece.ok_or(StoreFailure::Corrupt)?);
        }
        let whole = joined(first, &pieces);
        if whole.expose().len() != head.length || digest(whole.expose()) != head.digest {
            return Err(StoreFailure::Corrupt);
        }
        self.generations.insert(key.to_owned(), head.generation);
        Ok(Some(whole))
    }

    /// On success the new record is in place; else the old one still is, or (when the last step failed) the new one.
    fn write(&mut self, key: &str, record: &Record) -> Result<(), StoreFailure> {
        let bytes = record.expose();
        let (first, rest) = bytes.split_at(bytes.len().min(self.entry_limit - LINE));
        let pieces: Vec<_> = rest.chunks(self.entry_limit).collect();
        if pieces.len() > MOST_PIECES {
            return Err(StoreFailure::TooLarge);
        }
        // Forgotten until the write has succeeded: after a failure the keyring is asked which one it has.
        let generation = self.generation(key)?.wrapping_add(1);
        self.generations.remove(key);
        for (number, piece) in (1..).zip(&pieces) {
            self.set(&piece_name(key, generation, number), piece)?;
        }
        let head = Head {
            generation,
            further_pieces: pieces.len(),
            length: bytes.len(),
            digest: digest(bytes),
        };
        self.set(key, head.join(first).expose())?;
        self.generations.insert(key.to_owned(), generation);
        // The new record stands. What is left of others is swept again by the next write.
        let swept = self
            .sweep(key, generation, pieces.len())
            .and_then(|()| self.sweep(key, generation.wrapping_add(1), 0));
        if let Err(failure) = swept {
            tracing::debug!(%failure, "pieces of an older record stay in the keyring for now");
        }
        Ok(())
    }

    /// The head goes first: from then on there is no record, whatever happens to the pieces.
    fn delete(&mut self, key: &str) -> Result<(), StoreFailure> {
        self.generations.remove(key);
        if self.remove(key)?.is_none() {
            self.found_none()?;
        }
        self.sweep(key, 0, 0)?;
        self.sweep(key, 1, 0)?;
        self.generations.insert(key.to_owned(), 0);
        Ok(())
    }

    /// Lets go of the keyring, so that the next call opens it anew.
    fn close(&mut self) {
        self.store = None;
    }

    fn would_ask(&self) -> bool {
        (self.door.would_ask)()
    }

    fn is_late(&self) -> StoreFailure {
        StoreFailure::TimedOut
    }

    fn is_broken(&self) -> StoreFailure {
        StoreFailure::Failed
    }
}

impl Head {
    fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let end = bytes.iter().take(LINE).position(|byte| *byte == b'\n')?;
        let (line, first) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        let mut words = std::str::from_utf8(line).ok()?.split(' ');
        if words.next()? != MAGIC {
            return None;
        }
        let head = Self {
            generation: words.next()?.parse().ok()?,
            further_pieces: words.next()?.parse().ok()?,
            length: words.next()?.parse().ok()?,
            digest: words.next()?.to_owned(),
        };
        words.next().is_none().then_some((head, first))
    }

    fn join(&self, first: &[u8]) -> Secret<Vec<u8>> {
        let line = format!(
            "{MAGIC} {} {} {} {}\n",
            self.generation, self.further_pieces, self.length, self.digest
        );
        let mut bytes = Vec::with_capacity(line.len() + first.len());
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(first);
        Secret::new(bytes)
    }
}

/// Where nothing can show the keyring's question, it counts as dismissed at once: then it is just locked.
fn dismissed_by_a_person(failure: StoreFailure, took: Duration) -> StoreFailure {
    if failure == StoreFailure::Dismissed && took < A_PERSONS_ANSWER {
        return StoreFailure::Locked;
    }
    failure
}

/// In a buffer of the right size from the start: one that grows leaves copies behind that nobody wipes. What the head
/// says of the length decides nothing here: it may be wrong.
fn joined(first: &[u8], pieces: &[Secret<Vec<u8>>]) -> Secret<Vec<u8>> {
    let further: usize = pieces.iter().map(|piece| piece.expose().len()).sum();
    let mut whole = Vec::with_capacity(first.len() + further);
    whole.extend_from_slice(first);
    for piece in pieces {
        whole.extend_from_slice(piece.expose());
    }
    Secret::new(whole)
}

fn piece_name(key: &str, generation: u64, number: usize) -> String {
    let slot = if generation.is_multiple_of(2) {
        "even"
    } else {
        "odd"
    };
    format!("{key} {slot} {number}")
}

fn digest(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests;
