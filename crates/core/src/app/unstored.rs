//! Tokens that AWS has replaced and the store does not have: noted in a file, so that after an end of whatever kind it can
//! be said why a sign-in is needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::controller::Controller;
use crate::identity_center::PortalId;
use crate::identity_center::deadline::within;
use crate::paths::Paths;
use crate::private_files;
use crate::refresh::session::Session;
use crate::refresh::standing::Standing;

/// How long the end waits for what is being stored.
const STORING: Duration = Duration::from_millis(1600);

/// How long it takes at most until whoever was storing knows that it waits no longer.
const GIVING_UP: Duration = Duration::from_millis(100);

/// How long the end waits for the note about what could not be stored.
const NOTING: Duration = Duration::from_millis(200);

const VERSION: u32 = 1;

/// The portals whose newest token is in memory only, and were so when the process before this one ended.
#[derive(Debug, Default)]
pub struct Unstored {
    /// By portal: no stored token that was issued before is the newest one.
    noted: BTreeMap<String, Timestamp>,
    /// What the process before this one has noted.
    found: BTreeMap<String, Timestamp>,
    /// None: what stands there could not be read, and stays.
    path: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    portals: BTreeMap<String, Timestamp>,
}

impl Unstored {
    /// What the process before this one has noted.
    pub fn load(paths: &Paths, now: Timestamp) -> Self {
        let path = paths.state.join("unstored.json");
        let content = match private_files::read(&path) {
            Ok(content) => content,
            Err(error) => {
                tracing::warn!(%error, "what was not stored at the last end is not known");
                return Self::default();
            }
        };
        let understood = content.map(|content| serde_json::from_slice::<Content>(&content));
        let (noted, path) = match understood {
            None => (BTreeMap::new(), Some(path)),
            Some(Ok(Content {
                version: VERSION,
                portals,
            })) => (portals, Some(path)),
            Some(Ok(_) | Err(_)) => match private_files::set_aside(&path, now) {
                Ok(_) => (BTreeMap::new(), Some(path)),
                Err(error) => {
                    tracing::warn!(%error, "a note that cannot be understood stays");
                    (BTreeMap::new(), None)
                }
            },
        };
        Self {
            found: noted.clone(),
            noted,
            path,
        }
    }

    /// Whether the token in the store was replaced by one that is lost, and that is all that is known since.
    pub fn is_lost(&self, portal: &PortalId) -> bool {
        let found = self.found.get(&portal.0);
        found.is_some() && found == self.noted.get(&portal.0)
    }

    /// What there is to note of a session. `cut_off`: when the process ends, where it does.
    fn of(&self, session: &Session, cut_off: Option<Timestamp>) -> Option<Timestamp> {
        let was = self.noted.get(&session.portal().id.0).copied();
        let view = session.view();
        match view.standing {
            // Whoever signs out, or has to sign in anyway, loses nothing by it.
            Standing::SignedOut => None,
            Standing::Unknown => was,
            Standing::Ended => was.filter(|_| self.is_lost(&session.portal().id)),
            Standing::SignedIn => {
                let issued_at = session.current().ok()?.issued_at;
                match (view.store_failure, cut_off) {
                    (Some(_), _) => Some(issued_at),
                    // AWS may have replaced the stored one.
                    (None, Some(now)) if view.renewing => Some(now),
                    (None, _) => was.filter(|was| issued_at < *was),
                }
            }
        }
    }
}

impl Controller {
    /// Gives what must not be cut off a little time, less than two seconds in all: a token that AWS has replaced, and
    /// files.
    pub(super) async fn end(&mut self) {
        self.write_uses(true);
        self.save_again();
        self.note_stays();
        let stored = futures_util::future::join(self.refresh.end(), self.writer.written());
        if within(&self.clock, STORING, stored).await.is_none() {
            tracing::warn!("something could not be stored in time");
            self.store.give_up();
            within(&self.clock, GIVING_UP, self.refresh.end()).await;
        }
        // Clients that wait for the store have their answer now.
        self.store.give_up();
        self.note_unstored(true);
        // A sign-in may have ended just now.
        self.share_logins();
        within(&self.clock, NOTING, self.writer.written()).await;
    }

    /// Keeps the note in step with what the store has. `is_ending`: what is under way is cut off.
    pub(super) fn note_unstored(&mut self, is_ending: bool) {
        // What is kept in memory only is lost with the process, and whoever chose that knows it.
        if !self.store.outlives_process() {
            return;
        }
        let cut_off = is_ending.then(|| self.clock.now());
        let sessions = self.refresh.sessions().into_iter();
        let noted = sessions.filter_map(|session| {
            let at = self.unstored.of(&session, cut_off)?;
            Some((session.portal().id.0.clone(), at))
        });
        let noted: BTreeMap<_, _> = noted.collect();
        if is_ending {
            for portal in noted.keys() {
                tracing::warn!(portal, "its renewed token is not stored: a sign-in may be needed");
            }
        }
        if noted == self.unstored.noted {
            return;
        }
        self.unstored.noted.clone_from(&noted);
        let Some(path) = self.unstored.path.clone() else {
            return;
        };
        let content = Content {
            version: VERSION,
            portals: noted,
        };
        self.write(move || private_files::replace(&path, &serde_json::to_vec_pretty(&content)?));
    }
}

#[cfg(test)]
pub(super) mod tests;
