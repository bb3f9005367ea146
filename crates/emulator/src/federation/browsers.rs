//! What each browser is signed in to at the console: one session, or up to five with multi-session.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use crate::random::hex;
use crate::role_credentials::RoleSession;

/// AWS's limit for a browser with multi-session.
pub(crate) const MOST_SESSIONS: usize = 5;

/// How long it is remembered where an ended session came from.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(24);

/// By the browser's cookie.
#[derive(Default)]
pub(crate) struct Browsers {
    by_cookie: HashMap<String, ConsoleBrowser>,
}

/// One browser.
#[derive(Clone, Default)]
pub(crate) struct ConsoleBrowser {
    /// Whether somebody opted in to more than one session.
    pub(crate) multi_session: bool,
    sessions: Vec<ConsoleSession>,
    /// The last one that ended, by itself or by signing out, for a while.
    ended: Option<ConsoleSession>,
}

#[derive(Clone)]
pub(crate) struct ConsoleSession {
    pub(crate) role: RoleSession,
    pub(crate) ends: Timestamp,
    /// The page that is offered when it has ended: a path of ours, or an address.
    pub(crate) issuer: Option<String>,
}

/// What became of a console session that wanted into a browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    SignedIn,
    /// The browser has another session, and room for one only.
    LogOutFirst,
    /// It has as many as multi-session allows.
    Full,
}

impl ConsoleSession {
    pub(crate) fn new(role: RoleSession, ends: Timestamp) -> Self {
        Self {
            role,
            ends,
            issuer: None,
        }
    }

    /// How hosts of the console begin with multi-session: the account, and eight characters that stand for the session.
    pub(crate) fn name(&self) -> String {
        let role = &self.role;
        let digest = Sha256::digest(format!("{}\0{}\0{}", role.account, role.shown_role(), role.user));
        format!("{}-{}", role.account, hex(&digest[..4]))
    }
}

impl Browsers {
    pub(crate) fn find(&mut self, cookie: &str, now: Timestamp) -> Option<&mut ConsoleBrowser> {
        let browser = self.by_cookie.get_mut(cookie)?;
        browser.forget_ended(now);
        Some(browser)
    }

    /// Browsers without any session are forgotten, unless they have multi-session on.
    pub(crate) fn find_or_add(&mut self, cookie: &str, now: Timestamp) -> &mut ConsoleBrowser {
        self.by_cookie.retain(|known, browser| {
            browser.forget_ended(now);
            known == cookie || browser.is_known()
        });
        self.by_cookie.entry(cookie.to_owned()).or_default()
    }
}

impl ConsoleBrowser {
    /// A session of the same role takes the place of the one before it.
    pub(crate) fn admit(&mut self, session: ConsoleSession) -> Admission {
        let name = session.name();
        self.ended = None;
        if let Some(same) = self.sessions.iter_mut().find(|known| known.name() == name) {
            *same = session;
            return Admission::SignedIn;
        }
        if !self.multi_session && !self.sessions.is_empty() {
            return Admission::LogOutFirst;
        }
        if self.sessions.len() >= MOST_SESSIONS {
            return Admission::Full;
        }
        self.sessions.push(session);
        Admission::SignedIn
    }

    pub(crate) fn sessions(&self) -> &[ConsoleSession] {
        &self.sessions
    }

    /// By name; without one the latest.
    pub(crate) fn session(&self, name: Option<&str>) -> Option<&ConsoleSession> {
        match name {
            Some(name) => self.sessions.iter().find(|session| session.name() == name),
            None => self.sessions.last(),
        }
    }

    /// The page to go to after a session that ended.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.ended.as_ref()?.issuer.as_deref()
    }

    /// Ends the session of that name, or all of them.
    pub(crate) fn log_out(&mut self, name: Option<&str>) {
        if let Some(session) = self.session(name) {
            self.ended = Some(session.clone());
        }
        self.sessions
            .retain(|session| name.is_some_and(|name| session.name() != name));
    }

    /// Whether there is something to know it by at its next visit.
    pub(crate) fn is_known(&self) -> bool {
        self.multi_session || !self.sessions.is_empty() || self.ended.is_some()
    }

    /// Off ends what is signed in, since most of it would have no place any more.
    pub(crate) fn set_multi_session(&mut self, on: bool) {
        if self.multi_session && !on {
            self.log_out(None);
        }
        self.multi_session = on;
    }

    fn forget_ended(&mut self, now: Timestamp) {
        if let Some(last) = self.sessions.iter().rfind(|session| now >= session.ends) {
            self.ended = Some(last.clone());
        }
        self.sessions.retain(|session| now < session.ends);
        self.ended.take_if(|ended| now >= ended.ends + REMEMBERED);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::World;
    use crate::random::Random;
    use crate::role_credentials::{Mint, NewSession};

    fn session(account: &str) -> ConsoleSession {
        let mut random = Random::from_seed(1);
        let mint = Mint::new(&mut random);
        let hour = SignedDuration::from_hours(1);
        let new = NewSession {
            account,
            permission_set: "ReadOnly",
            user: "amara",
            tags: BTreeMap::new(),
        };
        let issued = mint.issue(&mut random, new, &World::acme(), Timestamp::UNIX_EPOCH, hour);
        let role = mint.open(&issued.session_token).unwrap();
        ConsoleSession {
            issuer: Some("/start".to_owned()),
            ..ConsoleSession::new(role, Timestamp::UNIX_EPOCH + hour)
        }
    }

    #[test]
    fn a_browser_has_room_for_one_or_for_five() {
        let mut browser = ConsoleBrowser::default();
        assert_eq!(browser.admit(session("1")), Admission::SignedIn);
        assert_eq!(browser.admit(session("1")), Admission::SignedIn, "the same again");
        assert_eq!(browser.admit(session("2")), Admission::LogOutFirst);
        browser.set_multi_session(true);
        for account in ["2", "3", "4", "5"] {
            assert_eq!(browser.admit(session(account)), Admission::SignedIn, "{account}");
        }
        assert_eq!(browser.admit(session("6")), Admission::Full);
        browser.log_out(Some(&session("3").name()));
        assert_eq!(browser.admit(session("6")), Admission::SignedIn);
        assert!(browser.session(None).is_some_and(|last| last.role.account == "6"));
        browser.set_multi_session(false);
        assert!(browser.sessions().is_empty());
    }

    #[test]
    fn ended_sessions_make_room_and_browsers_without_any_are_forgotten() {
        let mut browsers = Browsers::default();
        let (now, later) = (
            Timestamp::UNIX_EPOCH,
            Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1),
        );
        browsers.find_or_add("one", now).admit(session("1"));
        browsers.find_or_add("many", now).set_multi_session(true);
        assert_eq!(browsers.find("one", now).unwrap().sessions().len(), 1);
        assert!(browsers.find("one", later).unwrap().sessions().is_empty());
        browsers.find_or_add("new", later);
        let ended = browsers.find("one", later).unwrap();
        assert_eq!(ended.issuer(), Some("/start"));
        let much_later = later + REMEMBERED;
        browsers.find_or_add("new", much_later);
        assert!(browsers.find("one", much_later).is_none());
        assert!(browsers.find("many", later).unwrap().multi_session);
    }

    #[test]
    fn a_session_is_named_by_its_account_and_eight_characters() {
        let name = session("111122223333").name();
        let (account, rest) = name.split_once('-').unwrap();
        assert_eq!((account, rest.len()), ("111122223333", 8));
        assert_eq!(name, session("111122223333").name());
    }
}
