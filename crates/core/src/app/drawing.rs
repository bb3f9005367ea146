//! Draws every surface from the one state, seldom enough and soon enough.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::app::command::Command;
use crate::app::contract::{Mood, ProblemView, Snapshot};
use crate::app::controller::Controller;
use crate::app::state::AppState;
use crate::app::{App, notices, tray_menu};
use crate::clock::SharedClock;
use crate::identity_center::deadline::within;
use crate::refresh::session::Session;

/// Surfaces are drawn at most this often.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(100);

/// How long the first drawing waits for the store to say who is signed in.
const FIRST_DRAWING: Duration = Duration::from_secs(1);

/// How long whoever wants to know the state waits for a store that has failed before.
const READ_AGAIN: Duration = Duration::from_secs(1);

/// What the surfaces show now.
pub struct Drawn {
    state: AppState,
    tray: Option<tray_menu::Tray>,
    at: Duration,
    wall: Timestamp,
    revision: u64,
    /// Somebody has seen something else since, and waits for the end of it: that comes even if all is as drawn again.
    is_overtaken: bool,
}

impl Drawn {
    /// Nothing yet.
    pub fn nothing(now: Timestamp) -> Self {
        Self {
            state: AppState::default(),
            tray: None,
            at: Duration::ZERO,
            wall: now,
            revision: 0,
            is_overtaken: false,
        }
    }
}

impl Controller {
    /// Answers with the state as it is now, once it is known who is signed in.
    pub(super) fn look(&mut self, waited: bool, reply: oneshot::Sender<Arc<Snapshot>>) {
        let sessions = self.refresh.sessions();
        let unread: Vec<_> = sessions
            .into_iter()
            .filter(|session| session.is_unread())
            .collect();
        if waited || unread.is_empty() {
            let now = self.shown_time();
            let snapshot = self.state().snapshot(self.drawn.revision, now, &self.zone);
            self.drawn.is_overtaken |= **self.snapshots.borrow() != snapshot;
            // Whoever asked may have left.
            let _ = reply.send(Arc::new(snapshot));
            return;
        }
        let (commands, clock) = (self.commands.clone(), self.clock.clone());
        tokio::spawn(async move {
            read(unread, &clock).await;
            let _ = commands.send(Command::Look { waited: true, reply });
        });
    }

    /// What the machine's clock shows: everything is drawn for people who look at that one.
    fn shown_time(&self) -> Timestamp {
        self.clock.as_shown(self.clock.now())
    }

    pub(super) fn pause_before_drawing(&self) -> Duration {
        let first = self.drawn.tray.is_none();
        if first && self.refresh.sessions().iter().any(|session| session.is_unread()) {
            return FIRST_DRAWING;
        }
        BETWEEN_DRAWINGS.saturating_sub(self.clock.elapsed().saturating_sub(self.drawn.at))
    }

    pub(super) fn draw(&mut self) {
        self.share_logins();
        let now = self.shown_time();
        let state = self.state();
        let tray = tray_menu::tray(&state, now, &self.zone);
        if self.drawn.tray.as_ref() != Some(&tray) {
            self.shell.show_tray(&tray);
        }
        for change in notices::notices(&self.drawn.state, &state, now, self.drawn.wall) {
            match change {
                notices::NoticeChange::Show(notice) => self.shell.notify(&notice),
                notices::NoticeChange::Withdraw(key) => self.shell.withdraw(&key),
            }
        }
        let snapshot = state.snapshot(self.drawn.revision, now, &self.zone);
        if **self.snapshots.borrow() != snapshot || self.drawn.is_overtaken || self.drawn.revision == 0 {
            self.drawn.revision += 1;
            let snapshot = Snapshot {
                revision: self.drawn.revision,
                ..snapshot
            };
            self.snapshots.send_replace(Arc::new(snapshot));
        }
        let revision = self.drawn.revision;
        self.drawn = Drawn {
            state,
            tray: Some(tray),
            at: self.clock.elapsed(),
            wall: now,
            revision,
            is_overtaken: false,
        };
    }
}

impl App {
    /// The state as far as it is known now: whoever ends the application does not wait for its store.
    pub async fn snapshot_now(&self) -> Result<Arc<Snapshot>, ProblemView> {
        let (reply, snapshot) = oneshot::channel();
        self.send(Command::Look { waited: true, reply })?;
        snapshot.await.map_err(|_| ProblemView::stopping())
    }
}

/// What is shown before anything is known.
pub fn empty_snapshot() -> Snapshot {
    Snapshot {
        revision: 0,
        catalogue_revision: 0,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        headline: String::new(),
        mood: Mood::Empty,
        portals: Vec::new(),
        credentials: Vec::new(),
        uses_revision: 0,
        questions: Vec::new(),
        problem: None,
    }
}

/// Has the store say who is signed in. Where it is known of all why it has not, that is an answer too.
async fn read(unread: Vec<Arc<Session>>, clock: &SharedClock) {
    let are_known = unread
        .iter()
        .all(|session| session.view().store_failure.is_some());
    // A store that fails shows in the state. Each goes on though nobody waits for it any more.
    let reading = unread
        .into_iter()
        .map(|session| tokio::spawn(async move { session.load().await }));
    let reading = join_all(reading);
    match are_known {
        true => drop(within(clock, READ_AGAIN, reading).await),
        false => drop(reading.await),
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::*;
    use crate::clock::Clock;
    use crate::identity_center::tests::Stage;
    use crate::refresh::unfinished::Unfinished;
    use crate::token_store::strict_store::StrictStore;
    use crate::token_store::{StoreFailure, TokenStore};

    #[tokio::test]
    async fn k2_whoever_looks_waits_a_second_for_a_keyring_that_was_locked_and_hangs() {
        let stage = Stage::acme().await;
        let clock: SharedClock = Arc::new(stage.clock.clone());
        let keyring = StrictStore::with_limit(64 * 1024);
        let store = TokenStore::over_strict(&keyring, clock.clone());
        let (changes, _changed) = mpsc::unbounded_channel();
        let session = Session::new(stage.center.clone(), store, Unfinished::default(), changes);
        let session = Arc::new(session);
        keyring.refuse_with(Some(StoreFailure::Locked));
        assert!(session.load().await.is_err());
        keyring.refuse_with(None);
        keyring.hang(true);
        let begun = clock.elapsed();
        let looking = tokio::spawn(async move { read(vec![session], &clock).await });
        while stage.clock.next_wake().is_none() {
            tokio::task::yield_now().await;
        }
        stage.clock.advance(READ_AGAIN);
        for _ in 0..1_000 {
            tokio::task::yield_now().await;
        }
        let is_over = looking.is_finished();
        keyring.hang(false);
        assert!(is_over, "{:?} have passed", stage.clock.elapsed() - begun);
    }
}
