//! A keyring for tests: strict about sizes, and able to hang, to refuse, to panic and to die half-way.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use keyring_core::api::{CredentialApi, CredentialStoreApi};
use keyring_core::error::{Error, Result};
use keyring_core::{Credential, CredentialStore, Entry};

use super::records::Door;
use super::{StoreFailure, platform};
use crate::clock::ManualClock;

/// Less than a deadline, and more than it takes where nobody is there to read.
const READING: Duration = Duration::from_secs(2);

/// The longest user name that Windows takes, in bytes.
const LONGEST_NAME: usize = 513;

/// Clones are the same keyring.
#[derive(Clone)]
pub(crate) struct StrictStore(Arc<Inner>);

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    limit: usize,
    entries: BTreeMap<String, Vec<u8>>,
    refusal: Option<StoreFailure>,
    /// Whose time passes while a person reads the keyring's question and turns it down.
    reader: Option<ManualClock>,
    refusals: usize,
    /// How many changes are still made before the process "dies".
    changes_left: Option<usize>,
    hangs: bool,
    hanging: usize,
    panics: bool,
    openings: usize,
    reads: usize,
    /// How often it was asked whether there is a default keyring.
    looks: usize,
    knows_no_default: bool,
}

impl State {
    fn has_no_keyring(&self) -> bool {
        self.refusal == Some(StoreFailure::NoKeyring)
    }
}

struct StrictEntry {
    store: StrictStore,
    service: String,
    name: String,
}

impl StrictStore {
    pub(crate) fn with_limit(limit: usize) -> Self {
        let state = State {
            limit,
            ..State::default()
        };
        Self(Arc::new(Inner {
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }

    /// Opens this keyring, as long as it does not refuse with `Absent`.
    pub(super) fn opener(&self) -> Door {
        let (store, locked, default) = (self.clone(), self.clone(), self.clone());
        let open = move || {
            store.lock().openings += 1;
            if store.lock().refusal == Some(StoreFailure::Absent) {
                return Err(Error::NoDefaultStore);
            }
            let store: Arc<CredentialStore> = Arc::new(store.clone());
            Ok(store)
        };
        Door {
            open: Box::new(open),
            would_ask: Box::new(move || locked.lock().refusal.is_some()),
            has_default: Box::new(move || default.has_default()),
        }
    }

    fn has_default(&self) -> Result<bool> {
        let mut state = self.lock();
        state.looks += 1;
        match state.knows_no_default {
            true => Err(Error::PlatformFailure("no such method".into())),
            false => Ok(!state.has_no_keyring()),
        }
    }

    /// As a service answers that has entries and no notion of a default keyring.
    pub(super) fn know_no_default(&self) {
        self.lock().knows_no_default = true;
    }

    /// How often it was asked whether there is a default keyring.
    pub(super) fn looks(&self) -> usize {
        self.lock().looks
    }

    /// With `NoKeyring` the service answers, and its keyring with the entries is not there.
    pub(crate) fn refuse_with(&self, refusal: Option<StoreFailure>) {
        self.lock().refusal = refusal;
    }

    /// A person reads the keyring's question each time, and turns it down.
    pub(crate) fn turn_down_with(&self, clock: Option<ManualClock>) {
        self.refuse_with(clock.as_ref().map(|_| StoreFailure::Dismissed));
        self.lock().reader = clock;
    }

    pub(crate) fn refusals(&self) -> usize {
        self.lock().refusals
    }

    pub(super) fn die_after_changes(&self, changes: usize) {
        self.lock().changes_left = Some(changes);
    }

    pub(super) fn revive(&self) {
        self.lock().changes_left = None;
    }

    pub(super) fn panic_on_calls(&self, panics: bool) {
        self.lock().panics = panics;
    }

    pub(crate) fn hang(&self, hangs: bool) {
        self.lock().hangs = hangs;
        self.0.changed.notify_all();
    }

    /// The same off the runtime's thread.
    pub(crate) async fn wait_for_hanging_aside(&self, calls: usize) {
        let store = self.clone();
        tokio::task::spawn_blocking(move || store.wait_for_hanging(calls))
            .await
            .unwrap();
    }

    /// Waits until so many calls hang.
    pub(super) fn wait_for_hanging(&self, calls: usize) {
        let state = self.lock();
        drop(
            self.0
                .changed
                .wait_while(state, |it| it.hanging != calls)
                .unwrap(),
        );
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().entries.keys().cloned().collect()
    }

    pub(super) fn entry(&self, name: &str) -> Option<Vec<u8>> {
        self.lock().entries.get(name).cloned()
    }

    pub(crate) fn put(&self, name: &str, bytes: Vec<u8>) {
        self.lock().entries.insert(name.to_owned(), bytes);
    }

    pub(super) fn everything(&self) -> BTreeMap<String, Vec<u8>> {
        self.lock().entries.clone()
    }

    pub(super) fn openings(&self) -> usize {
        self.lock().openings
    }

    pub(super) fn reads(&self) -> usize {
        self.lock().reads
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    fn wait_while_hanging<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.0.changed.wait_while(state, |it| it.hangs).unwrap()
    }

    /// What every call goes through first.
    fn enter(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.lock();
        if state.panics {
            drop(state);
            panic!("the keyring library panics");
        }
        state.hanging += 1;
        self.0.changed.notify_all();
        state = self.wait_while_hanging(state);
        state.hanging -= 1;
        self.0.changed.notify_all();
        let refusal = state.refusal.filter(|_| !state.has_no_keyring());
        state.refusals += usize::from(refusal.is_some());
        match refusal {
            None => Ok(state),
            Some(StoreFailure::Dismissed) => {
                if let Some(clock) = &state.reader {
                    clock.advance(READING);
                }
                Err(platform::turned_down())
            }
            Some(StoreFailure::Locked) => Err(Error::NoStorageAccess("locked".into())),
            Some(StoreFailure::Absent) => Err(Error::NoDefaultStore),
            Some(_) => Err(Error::PlatformFailure("broken".into())),
        }
    }

    fn enter_for_change(&self) -> Result<MutexGuard<'_, State>> {
        let mut state = self.enter()?;
        match &mut state.changes_left {
            Some(0) => return Err(Error::PlatformFailure("killed".into())),
            Some(left) => *left -= 1,
            None => {}
        }
        Ok(state)
    }
}

impl CredentialStoreApi for StrictStore {
    fn vendor(&self) -> String {
        "strict".to_owned()
    }

    fn id(&self) -> String {
        "strict".to_owned()
    }

    fn build(&self, service: &str, user: &str, _: Option<&HashMap<&str, &str>>) -> Result<Entry> {
        if user.len() > LONGEST_NAME {
            return Err(Error::TooLong("user".to_owned(), 513));
        }
        Ok(Entry::new_with_credential(Arc::new(StrictEntry {
            store: self.clone(),
            service: service.to_owned(),
            name: user.to_owned(),
        })))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StrictStore")
    }
}

impl CredentialApi for StrictEntry {
    /// Windows keeps texts as UTF-16: each letter counts twice.
    fn set_password(&self, password: &str) -> Result<()> {
        let units: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
        self.set_secret(&units)
    }

    fn set_secret(&self, secret: &[u8]) -> Result<()> {
        let mut state = self.store.enter_for_change()?;
        if state.has_no_keyring() {
            return Err(platform::no_keyring());
        }
        if secret.len() > state.limit {
            return Err(Error::TooLong("secret".to_owned(), 2560));
        }
        state.entries.insert(self.name.clone(), secret.to_vec());
        Ok(())
    }

    fn get_secret(&self) -> Result<Vec<u8>> {
        let mut state = self.store.enter()?;
        state.reads += 1;
        if state.has_no_keyring() {
            return Err(Error::NoEntry);
        }
        state.entries.get(&self.name).cloned().ok_or(Error::NoEntry)
    }

    fn delete_credential(&self) -> Result<()> {
        let mut state = self.store.enter_for_change()?;
        if state.has_no_keyring() {
            return Err(Error::NoEntry);
        }
        state.entries.remove(&self.name).map(drop).ok_or(Error::NoEntry)
    }

    fn get_credential(&self) -> Result<Option<Arc<Credential>>> {
        Ok(None)
    }

    fn get_specifiers(&self) -> Option<(String, String)> {
        Some((self.service.clone(), self.name.clone()))
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn debug_fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("StrictEntry")
    }
}
