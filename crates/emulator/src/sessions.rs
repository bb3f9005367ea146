//! Portal sessions: who signed in, and until when that lasts.

use std::collections::HashMap;

use jiff::Timestamp;

/// Also the value of the browser's cookie.
pub(crate) type SessionId = String;

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) ends: Timestamp,
    ended: bool,
}

#[derive(Default)]
pub(crate) struct Sessions {
    sessions: HashMap<SessionId, Session>,
    /// Sign-ins without a browser behave as one browser per user: a later one joins the session of the first.
    unattended: HashMap<String, SessionId>,
}

impl Session {
    fn is_live(&self, now: Timestamp) -> bool {
        !self.ended && now < self.ends
    }
}

impl Sessions {
    pub(crate) fn begin(&mut self, id: SessionId, user: &str, now: Timestamp, ends: Timestamp) {
        self.sessions.retain(|_, session| session.is_live(now));
        self.sessions.insert(
            id,
            Session {
                user: user.to_owned(),
                ends,
                ended: false,
            },
        );
    }

    pub(crate) fn live(&self, id: &str, now: Timestamp) -> Option<&Session> {
        self.sessions.get(id).filter(|session| session.is_live(now))
    }

    pub(crate) fn end(&mut self, id: &str) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.ended = true;
        }
    }

    /// Ends all live sessions of a user; says how many those were.
    pub(crate) fn end_all_of(&mut self, user: &str, now: Timestamp) -> usize {
        let live = |session: &&mut Session| session.user.eq_ignore_ascii_case(user) && session.is_live(now);
        self.sessions
            .values_mut()
            .filter(live)
            .map(|session| session.ended = true)
            .count()
    }

    pub(crate) fn unattended(&self, user: &str, now: Timestamp) -> Option<SessionId> {
        let id = self.unattended.get(user)?;
        self.live(id, now).map(|_| id.clone())
    }

    pub(crate) fn remember_unattended(&mut self, user: &str, id: SessionId) {
        self.unattended.insert(user.to_owned(), id);
    }
}
