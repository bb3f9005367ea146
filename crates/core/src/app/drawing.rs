//! Draws every surface from the one state, seldom enough and soon enough.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::app::command::Command;
use crate::app::contract::{Mood, Snapshot};
use crate::app::controller::Controller;
use crate::app::state::AppState;
use crate::app::{notices, tray_menu};

/// Surfaces are drawn at most this often.
const BETWEEN_DRAWINGS: Duration = Duration::from_millis(100);

/// How long the first drawing waits for the store to say who is signed in.
const FIRST_DRAWING: Duration = Duration::from_secs(1);

/// What the surfaces show now.
pub struct Drawn {
    state: AppState,
    tray: Option<tray_menu::Tray>,
    at: Duration,
    wall: Timestamp,
    revision: u64,
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
        }
    }
}

impl Controller {
    /// Answers with the state as it is now, once it is known who is signed in.
    pub(super) fn look(&self, waited: bool, reply: oneshot::Sender<Arc<Snapshot>>) {
        let sessions = self.refresh.sessions();
        let unread: Vec<_> = sessions
            .into_iter()
            .filter(|session| session.is_unread())
            .collect();
        if waited || unread.is_empty() {
            let now = self.shown_time();
            let snapshot = self.state().snapshot(self.drawn.revision, now, &self.zone);
            // Whoever asked may have left.
            let _ = reply.send(Arc::new(snapshot));
            return;
        }
        let commands = self.commands.clone();
        tokio::spawn(async move {
            for session in unread {
                // A store that fails shows in the state.
                let _ = session.load().await;
            }
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
        if **self.snapshots.borrow() != snapshot || self.drawn.revision == 0 {
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
        };
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
