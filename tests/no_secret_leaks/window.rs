//! What the agent tells a window, recorded for as long as a story lasts: every snapshot, across the agent's restarts.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use harness::{Canaries, Desktop};
use portray_core::agent::Client;
use portray_core::agent::protocol::{Operation, ResponseLine, VERSION};
use portray_core::paths::{Environment, Paths};

/// Between two tries to find an agent.
const PAUSE: Duration = Duration::from_millis(20);

/// A window that only listens.
pub struct Recorded {
    lines: Arc<Mutex<BTreeSet<String>>>,
    over: Arc<AtomicBool>,
    _listening: JoinHandle<()>,
}

impl Recorded {
    pub fn begin(desktop: &Desktop) -> Result<Recorded> {
        let home = desktop.portray_home().to_string_lossy().into_owned();
        let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", &home)]))?;
        let (lines, over) = (
            Arc::<Mutex<BTreeSet<String>>>::default(),
            Arc::<AtomicBool>::default(),
        );
        let (heard, until) = (lines.clone(), over.clone());
        let listening = std::thread::spawn(move || {
            while !until.load(Ordering::Relaxed) {
                listen(&paths, &heard);
                std::thread::park_timeout(PAUSE);
            }
        });
        Ok(Recorded {
            lines,
            over,
            _listening: listening,
        })
    }

    /// How many different snapshots there were.
    pub fn count(&self) -> usize {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The kinds of secrets in what was heard, behind `window`.
    pub fn found<'a>(&self, canaries: &'a Canaries) -> BTreeSet<(String, &'a str)> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = lines.iter().flat_map(|line| canaries.found_in(line.as_bytes()));
        kinds.map(|kind| ("window".to_owned(), kind)).collect()
    }
}

impl Drop for Recorded {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

/// Until the agent ends, if there is one.
fn listen(paths: &Paths, heard: &Mutex<BTreeSet<String>>) {
    let Ok(replies) = Client::connect(paths).and_then(|client| client.stream(&Operation::Subscribe)) else {
        return;
    };
    for reply in replies.flatten() {
        if let Ok(line) = serde_json::to_string(&ResponseLine { v: VERSION, reply }) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).insert(line);
        }
    }
}
