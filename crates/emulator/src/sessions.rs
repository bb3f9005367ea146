//! Portal sessions: who signed in, and until when that lasts.

use std::collections::HashMap;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use crate::random::hex;

/// Also the value of the browser's cookie.
pub(crate) type SessionId = String;

#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) begins: Timestamp,
    pub(crate) ends: Timestamp,
    ended: Option<Ending>,
}

/// Who ended a session before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    SignedOut,
    ByAdministrator,
}

#[derive(Default)]
pub(crate) struct Sessions {
    sessions: HashMap<SessionId, Session>,
    /// By the name of a browser that automation stands for: what it is signed in with.
    browsers: HashMap<String, SessionId>,
}

impl Session {
    fn is_live(&self, now: Timestamp) -> bool {
        self.ended.is_none() && now < self.ends
    }
}

impl Sessions {
    pub(crate) fn begin(&mut self, id: SessionId, user: &str, now: Timestamp, ends: Timestamp) {
        // Ended ones are still known until their time is over, so that a refresh learns why.
        self.sessions.retain(|_, session| now < session.ends);
        self.sessions.insert(
            id,
            Session {
                user: user.to_owned(),
                begins: now,
                ends,
                ended: None,
            },
        );
    }

    pub(crate) fn live(&self, id: &str, now: Timestamp) -> Option<&Session> {
        self.sessions.get(id).filter(|session| session.is_live(now))
    }

    /// The user signed out.
    pub(crate) fn sign_out(&mut self, id: &str) {
        self.end(id, Ending::SignedOut);
    }

    pub(crate) fn was_signed_out(&self, id: &str) -> bool {
        self.sessions
            .get(id)
            .is_some_and(|session| session.ended == Some(Ending::SignedOut))
    }

    /// The administrator ends one session, named by [`credential_id`]; false if none is live.
    pub(crate) fn end_named(&mut self, name: &str, now: Timestamp) -> bool {
        let found = self.all_live(now).find(|(id, _)| credential_id(id) == name);
        let Some(id) = found.map(|(id, _)| id.clone()) else {
            return false;
        };
        self.end(&id, Ending::ByAdministrator);
        true
    }

    pub(crate) fn all_live(&self, now: Timestamp) -> impl Iterator<Item = (&SessionId, &Session)> {
        self.sessions
            .iter()
            .filter(move |(_, session)| session.is_live(now))
    }

    /// Ends all live sessions of a user; says how many those were.
    pub(crate) fn end_all_of(&mut self, user: &str, now: Timestamp) -> usize {
        let live = |session: &&mut Session| session.user.eq_ignore_ascii_case(user) && session.is_live(now);
        self.sessions
            .values_mut()
            .filter(live)
            .map(|session| session.ended = Some(Ending::ByAdministrator))
            .count()
    }

    /// The session of `user` in the browser of that name.
    pub(crate) fn of_browser(&self, browser: &str, user: &str, now: Timestamp) -> Option<SessionId> {
        let id = self.browsers.get(browser)?;
        let session = self.live(id, now).filter(|session| session.user == user);
        session.map(|_| id.clone())
    }

    pub(crate) fn remember_browser(&mut self, browser: &str, id: SessionId) {
        self.browsers.insert(browser.to_owned(), id);
    }

    fn end(&mut self, id: &str, ending: Ending) {
        if let Some(session) = self
            .sessions
            .get_mut(id)
            .filter(|session| session.ended.is_none())
        {
            session.ended = Some(ending);
        }
    }
}

/// A session's name for administrators and logs: it opens nothing.
pub(crate) fn credential_id(id: &str) -> String {
    hex(&Sha256::digest(id)[..16])
}
