//! Sign-ins that have ended and that the store has not let go of yet: noted in a file, so that no later process takes
//! them for good.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreFailure;
use crate::private_files;

const VERSION: u32 = 1;

/// By the record's key.
type Notes = BTreeMap<String, Note>;

/// One record that is to be deleted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Note {
    /// Which sign-in the record is of: it stays the same when the token is renewed.
    signed_in_at: Timestamp,
    /// AWS does not know of its end.
    #[serde(default)]
    untold: bool,
}

/// One of them, as this process knows it.
#[derive(Debug, Clone)]
struct Departure {
    /// None: whatever stands there is meant, and nobody could read it.
    note: Option<Note>,
    /// Left by a process before this one: another sign-in may stand in its place by now.
    found: bool,
    /// Why it is still there. None: it has not been tried yet.
    why: Option<StoreFailure>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    records: Notes,
}

/// The records that are to be deleted and are not yet. Clones know the same.
#[derive(Clone, Default)]
pub(super) struct Departures(Arc<Inner>);

#[derive(Default)]
struct Inner {
    known: Mutex<BTreeMap<String, Departure>>,
    /// None: nothing is noted, because nothing outlives the process, or because what stands there could not be read.
    path: Option<PathBuf>,
    /// What stands in the file. Held while it is written.
    written: tokio::sync::Mutex<Notes>,
    /// The same, for whoever only looks.
    noted: Mutex<Notes>,
}

impl Departures {
    /// What the process before this one has left.
    pub(super) fn load(path: PathBuf, now: Timestamp) -> Self {
        let (notes, path) = match read(&path, now) {
            Ok(notes) => (notes, Some(path)),
            Err(error) => {
                tracing::warn!(%error, "which sign-ins were to be deleted is not known");
                (Notes::new(), None)
            }
        };
        let found = |note: &Note| Departure {
            note: Some(note.clone()),
            found: true,
            why: Some(StoreFailure::Failed),
        };
        let known = notes.iter().map(|(key, note)| (key.clone(), found(note)));
        Self(Arc::new(Inner {
            known: Mutex::new(known.collect()),
            path,
            written: tokio::sync::Mutex::new(notes.clone()),
            noted: Mutex::new(notes),
        }))
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.known().contains_key(key)
    }

    /// `signed_in_at`: of what stands there, where that is known. `untold`: AWS does not know of its end.
    pub(super) fn add(&self, key: &str, signed_in_at: Option<Timestamp>, untold: bool) {
        let new = Departure {
            note: signed_in_at.map(|signed_in_at| Note { signed_in_at, untold }),
            found: false,
            why: None,
        };
        // Who tries once more knows no more than the first one did.
        self.known().entry(key.to_owned()).or_insert(new);
    }

    pub(super) fn remove(&self, key: &str) {
        self.known().remove(key);
    }

    pub(super) fn failed(&self, key: &str, why: StoreFailure) {
        if let Some(departure) = self.known().get_mut(key) {
            departure.why = Some(why);
        }
    }

    pub(super) fn set_told(&self, key: &str) {
        if let Some(note) = self.known().get_mut(key).and_then(|left| left.note.as_mut()) {
            note.untold = false;
        }
    }

    /// Whether AWS is to be told by this process of the end of a sign-in that the one before it has left.
    pub(super) fn is_to_be_told(&self, key: &str) -> bool {
        let known = self.known();
        let left = known.get(key).filter(|left| left.found);
        left.and_then(|left| left.note.as_ref())
            .is_some_and(|note| note.untold)
    }

    /// True for whoever is to tell AWS: once.
    pub(super) fn take_untold(&self, key: &str) -> bool {
        let mut known = self.known();
        let note = known.get_mut(key).and_then(|left| left.note.as_mut());
        note.is_some_and(|note| std::mem::take(&mut note.untold))
    }

    /// Whether another sign-in stands where one was to be deleted that a process before this one has left.
    pub(super) fn is_of_another(&self, key: &str, stored: Timestamp) -> bool {
        let known = self.known();
        let left = known.get(key).filter(|left| left.found);
        left.and_then(|left| left.note.as_ref())
            .is_some_and(|note| note.signed_in_at != stored)
    }

    pub(super) fn was_found(&self, key: &str) -> bool {
        self.known().get(key).is_some_and(|left| left.found)
    }

    /// Why a sign-in that has ended would live again with the next process: it could be neither deleted nor noted.
    pub(super) fn lives_on(&self, key: &str) -> Option<StoreFailure> {
        let left = self.known().get(key).cloned()?;
        let meant = left.note?.signed_in_at;
        let noted = self.0.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_noted = noted.get(key).is_some_and(|note| note.signed_in_at == meant);
        left.why.filter(|_| !is_noted)
    }

    /// Brings the file in step with what is known.
    pub(super) async fn write(&self) {
        let Some(path) = self.0.path.clone() else {
            return;
        };
        let mut written = self.0.written.lock().await;
        let known = self.known().clone();
        let notes = known
            .into_iter()
            .filter_map(|(key, left)| Some((key, left.note?)));
        let notes: Notes = notes.collect();
        if notes == *written {
            return;
        }
        let content = notes.clone();
        let outcome = tokio::task::spawn_blocking(move || write(&path, content)).await;
        match outcome.unwrap_or_else(|panicked| Err(io::Error::other(panicked))) {
            Ok(()) => {
                self.0
                    .noted
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .clone_from(&notes);
                *written = notes;
            }
            Err(error) => tracing::warn!(%error, "which sign-ins are to be deleted could not be noted"),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Departure>> {
        // Every change is of one entry.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn read(path: &Path, now: Timestamp) -> io::Result<Notes> {
    let Some(content) = private_files::read(path)? else {
        return Ok(Notes::new());
    };
    match serde_json::from_slice(&content) {
        Ok(Content {
            version: VERSION,
            records,
        }) => Ok(records),
        Ok(_) | Err(_) => {
            private_files::set_aside(path, now)?;
            Ok(Notes::new())
        }
    }
}

fn write(path: &Path, records: Notes) -> io::Result<()> {
    if records.is_empty() {
        return match fs::remove_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            outcome => outcome,
        };
    }
    let content = Content {
        version: VERSION,
        records,
    };
    private_files::replace(path, &serde_json::to_vec_pretty(&content)?)
}
