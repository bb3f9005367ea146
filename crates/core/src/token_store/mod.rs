//! Keeps registrations and tokens in the operating system's keyring, or in an encrypted file, on a thread of its own,
//! with deadlines.

mod departures;
mod keys;
pub mod passphrase;
mod platform;
mod records;
mod sealed_file;
mod store_thread;
#[cfg(test)]
pub(crate) mod strict_store;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::clock::SharedClock;
use crate::identity_center::{Flow, Portal, Registration, Token};
use crate::secret::Secret;
use departures::Departures;
use records::Records;
use sealed_file::SealedFile;
use store_thread::{Storage, StoreThread, Work};

pub use sealed_file::SealedFault;

/// Why nothing could be read or written. None of these means "empty".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreFailure {
    #[error("the keyring is locked")]
    Locked,
    #[error("there is no keyring service")]
    Absent,
    /// There is a service, and nothing in it that takes a new secret.
    #[error("the keyring service has no default keyring")]
    NoKeyring,
    #[error("the keyring's question was dismissed")]
    Dismissed,
    #[error("the keyring does not take an entry of this size")]
    TooLarge,
    #[error("what is kept of the sign-in cannot be understood")]
    Corrupt,
    #[error("the keyring did not answer in time")]
    TimedOut,
    #[error("the keyring failed")]
    Failed,
    #[error("the encrypted file of sign-ins could not be written")]
    Unwritten,
}

impl StoreFailure {
    /// What nobody can read any more only has to go.
    pub fn is_mended_by_deleting(self) -> bool {
        self == Self::Corrupt
    }

    /// Once it was tried to delete a sign-in, nothing is there that anybody could read.
    pub fn leaves_nothing(self) -> bool {
        matches!(self, Self::Absent | Self::NoKeyring) || self.is_mended_by_deleting()
    }
}

/// What is kept of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub token: Token,
    /// The registration that the refresh token is bound to.
    pub registration: Registration,
    /// When the person signed in: the portal session began then, or before.
    pub signed_in_at: Timestamp,
}

/// A handle to the store. Clones share one thread and one cache.
///
/// What was read or written once is answered from memory: the keyring is asked at most once per record and
/// start. A save or forget that succeeded is in the keyring, or in the file, when the call returns; one that failed has
/// left the record before it in place (after [`StoreFailure::TimedOut`] the write may still come true, and
/// memory then agrees with it).
#[derive(Clone)]
pub struct TokenStore {
    known: Known,
    /// The records that are to be deleted and are not yet. They are read no more.
    departures: Departures,
    /// None: nothing outlives the process.
    thread: Option<Arc<StoreThread>>,
    place: &'static str,
}

/// The records that were read or written: `None` where keyring or file said that there is none.
#[derive(Clone, Default)]
struct Known(Arc<Mutex<BTreeMap<String, Option<Record>>>>);

/// A record's JSON text.
type Record = Secret<Vec<u8>>;

impl TokenStore {
    /// The operating system's keyring under the service name `service`.
    pub fn keyring(service: &str, clock: SharedClock) -> Self {
        let records = Records::new(
            service,
            platform::ENTRY_LIMIT,
            platform::door(),
            Arc::clone(&clock),
        );
        Self::over(Box::new(records), clock)
    }

    /// The file at `path`, encrypted with this passphrase, which is that of the file or, where there is none, becomes
    /// so. Works for about half a second. Only the agent may hold one: what a killed one left half-written is removed.
    pub fn file(path: &Path, passphrase: &Secret, clock: SharedClock) -> Result<Self, SealedFault> {
        let file = SealedFile::open_alone(path, passphrase)?;
        let store = Self::over(Box::new(file), clock);
        Ok(Self {
            place: "file",
            ..store
        })
    }

    /// Nothing outlives the process.
    pub fn memory() -> Self {
        Self {
            known: Known::default(),
            departures: Departures::default(),
            thread: None,
            place: "memory",
        }
    }

    /// The same, with a note in `folder` of what could not be deleted: what a process before this one has left there is
    /// read no more, but deleted.
    #[must_use]
    pub fn noting_in(self, folder: &Path) -> Self {
        let Some(thread) = &self.thread else {
            return self;
        };
        let path = folder.join(format!("left-in-{}.json", self.place));
        let departures = Departures::load(path, thread.now());
        Self { departures, ..self }
    }

    /// Whether a call may be made that nobody waits for: not where a person has turned down the keyring's question and
    /// would be asked again.
    pub async fn is_open_to_the_clock(&self) -> bool {
        match &self.thread {
            Some(thread) if thread.is_turned_down() => thread.run("", Work::Look).await.is_ok(),
            Some(_) | None => true,
        }
    }

    /// Whether what is kept is there after the process has ended.
    pub fn outlives_process(&self) -> bool {
        self.thread.is_some()
    }

    /// What it is called that the store does not answer.
    pub fn late(&self) -> StoreFailure {
        self.thread
            .as_ref()
            .map_or(StoreFailure::TimedOut, |thread| thread.late)
    }

    /// The process ends: whoever waits for the store is told now that it is late, and nothing more is begun.
    pub fn give_up(&self) {
        if let Some(thread) = &self.thread {
            thread.give_up();
        }
    }

    /// `Ok(None)`: nobody is signed in. An error says nothing about that. What was to be forgotten is deleted first.
    pub async fn sign_in(&self, portal: &Portal) -> Result<Option<SignIn>, StoreFailure> {
        self.forget_again(portal).await?;
        let record = self.read(&keys::token(portal)).await?;
        record.as_ref().map(wire::decode_sign_in).transpose()
    }

    /// The same as it stands there now, whatever is known: another process may have changed it.
    pub async fn sign_in_anew(&self, portal: &Portal) -> Result<Option<SignIn>, StoreFailure> {
        if let Some(thread) = &self.thread {
            thread.run(&keys::token(portal), Work::ReadAnew).await?;
        }
        self.sign_in(portal).await
    }

    /// A new sign-in, in the place of whatever stood there.
    pub async fn save_sign_in(&self, portal: &Portal, sign_in: &SignIn) -> Result<(), StoreFailure> {
        self.save_renewed(portal, sign_in).await?;
        self.has_gone(&keys::token(portal)).await;
        Ok(())
    }

    /// The same sign-in with a newer token. Where its person has left meanwhile, it is to be deleted all the same.
    pub async fn save_renewed(&self, portal: &Portal, sign_in: &SignIn) -> Result<(), StoreFailure> {
        let record = wire::encode_sign_in(sign_in)?;
        self.write(&keys::token(portal), record).await
    }

    /// A person leaves: from now on the sign-in that began then is not read any more. [`Self::note_leaving`] brings that
    /// to the disk, and [`Self::forget_sign_in`] deletes it. `untold`: AWS does not know of its end yet.
    pub fn leave(&self, portal: &Portal, signed_in_at: Timestamp, untold: bool) {
        self.departures
            .add(&keys::token(portal), Some(signed_in_at), untold);
    }

    /// Notes for the next process what is to be deleted: whatever becomes of this one, that sign-in has ended.
    pub async fn note_leaving(&self) {
        self.departures.write().await;
    }

    /// Noted first, so that the next process deletes what this one does not get to. Where this fails, no sign-in is read
    /// any more until the stored one is deleted or another one is saved.
    pub async fn forget_sign_in(&self, portal: &Portal) -> Result<(), StoreFailure> {
        let key = keys::token(portal);
        self.departures.add(&key, self.signed_in_at(&key), false);
        self.departures.write().await;
        if let Err(failure) = self.delete(&key).await {
            self.departures.failed(&key, failure);
            return Err(failure);
        }
        self.has_gone(&key).await;
        Ok(())
    }

    /// Deletes the sign-in that was to be forgotten and could not be.
    pub async fn forget_again(&self, portal: &Portal) -> Result<(), StoreFailure> {
        let key = keys::token(portal);
        if !self.departures.has(&key) {
            return Ok(());
        }
        if self.departures.was_found(&key)
            && let Some(record) = self.read(&key).await?
            && let Ok(stored) = wire::decode_sign_in(&record)
            && self.departures.is_of_another(&key, stored.signed_in_at)
        {
            // Somebody has signed in since.
            self.has_gone(&key).await;
            return Ok(());
        }
        self.forget_sign_in(portal).await
    }

    /// AWS knows of the end of the sign-in that is to be deleted: no later process tells it again.
    pub async fn note_told(&self, portal: &Portal) {
        self.departures.set_told(&keys::token(portal));
        self.departures.write().await;
    }

    /// Why the sign-in that has ended would be read again by the next process.
    pub fn lives_on(&self, portal: &Portal) -> Option<StoreFailure> {
        self.departures.lives_on(&keys::token(portal))
    }

    /// The sign-in of whose end a process before this one could not tell AWS: once, and before it is deleted.
    pub async fn untold(&self, portal: &Portal) -> Result<Option<SignIn>, StoreFailure> {
        let key = keys::token(portal);
        if !self.departures.is_to_be_told(&key) {
            return Ok(None);
        }
        let record = self.read(&key).await?;
        let Some(sign_in) = record.as_ref().map(wire::decode_sign_in).transpose()? else {
            return Ok(None);
        };
        let is_it = !self.departures.is_of_another(&key, sign_in.signed_in_at);
        Ok((is_it && self.departures.take_untold(&key)).then_some(sign_in))
    }

    async fn has_gone(&self, key: &str) {
        self.departures.remove(key);
        self.departures.write().await;
    }

    /// When the person signed in whose sign-in stands there, as far as that was read or written.
    fn signed_in_at(&self, key: &str) -> Option<Timestamp> {
        let record = self.known.get(key).flatten()?;
        wire::decode_sign_in(&record)
            .ok()
            .map(|sign_in| sign_in.signed_in_at)
    }

    pub async fn registration(
        &self,
        portal: &Portal,
        flow: Flow,
    ) -> Result<Option<Registration>, StoreFailure> {
        let record = self.read(&keys::registration(portal, flow)).await?;
        record.as_ref().map(wire::decode_registration).transpose()
    }

    pub async fn save_registration(
        &self,
        portal: &Portal,
        registration: &Registration,
    ) -> Result<(), StoreFailure> {
        let record = wire::encode_registration(registration)?;
        self.write(&keys::registration(portal, registration.flow), record)
            .await
    }

    pub async fn forget_registration(&self, portal: &Portal, flow: Flow) -> Result<(), StoreFailure> {
        self.delete(&keys::registration(portal, flow)).await
    }

    /// For tests of what stands on a store.
    #[cfg(test)]
    pub(crate) fn over_strict(store: &strict_store::StrictStore, clock: SharedClock) -> Self {
        Self::over(
            Box::new(Records::new("portray", 64 * 1024, store.opener(), clock.clone())),
            clock,
        )
    }

    fn over(storage: Box<dyn Storage>, clock: SharedClock) -> Self {
        let known = Known::default();
        let thread = StoreThread::start(storage, known.clone(), clock);
        Self {
            known,
            departures: Departures::default(),
            thread: Some(Arc::new(thread)),
            place: "keyring",
        }
    }

    async fn read(&self, key: &str) -> Result<Option<Record>, StoreFailure> {
        if let Some(record) = self.known.get(key) {
            return Ok(record);
        }
        let Some(thread) = &self.thread else {
            return Ok(None);
        };
        thread.run(key, Work::Read).await?;
        self.known.get(key).ok_or(StoreFailure::Failed)
    }

    async fn write(&self, key: &str, record: Record) -> Result<(), StoreFailure> {
        match &self.thread {
            Some(thread) => thread.run(key, Work::Write(record)).await,
            None => {
                self.known.set(key, Some(record));
                Ok(())
            }
        }
    }

    async fn delete(&self, key: &str) -> Result<(), StoreFailure> {
        match &self.thread {
            Some(thread) => thread.run(key, Work::Delete).await,
            None => {
                self.known.set(key, None);
                Ok(())
            }
        }
    }
}

impl fmt::Debug for TokenStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TokenStore({})", self.place)
    }
}

impl Known {
    fn get(&self, key: &str) -> Option<Option<Record>> {
        self.lock().get(key).cloned()
    }

    fn has(&self, key: &str) -> bool {
        self.lock().contains_key(key)
    }

    fn set(&self, key: &str, record: Option<Record>) {
        self.lock().insert(key.to_owned(), record);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Option<Record>>> {
        // Every change is one insertion: the map is whole even if somebody panicked beside it.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
