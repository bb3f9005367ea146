//! Everything that the emulator remembers, behind one lock.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::audit::AuditLog;
use crate::call::Call;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::federation::ConsoleSignIns;
use crate::mfa::Challenges;
use crate::network::Network;
use crate::oidc::{AuthorizationCode, ConsentRequest, DeviceGrant, Registration, Tokens};
use crate::portal::Throttle;
use crate::random::Random;
use crate::role_credentials::{Mint, RoleCredentials};
use crate::secrets::Secrets;
use crate::sessions::{Session, SessionId, Sessions};
use crate::world::{User, World};

/// Who approves `/authorize` at once, and in which browser: without a name each time in a new one.
#[derive(Clone)]
pub(crate) struct AutoApproval {
    pub(crate) user: String,
    pub(crate) browser: Option<String>,
}

pub(crate) struct State {
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    pub(crate) world: World,
    pub(crate) sessions: Sessions,
    /// By client id.
    pub(crate) registrations: HashMap<String, Registration>,
    /// By device code.
    pub(crate) devices: HashMap<String, DeviceGrant>,
    /// By the id in the consent page's form.
    pub(crate) consents: HashMap<String, ConsentRequest>,
    pub(crate) codes: HashMap<String, AuthorizationCode>,
    pub(crate) tokens: Tokens,
    pub(crate) throttle: Throttle,
    pub(crate) mint: Mint,
    /// By user, account and permission set; only in a world whose `role_credentials` are `same`.
    pub(crate) same_keys: HashMap<(String, String, String), RoleCredentials>,
    pub(crate) console: ConsoleSignIns,
    /// Who approves `/authorize` at once, if anybody.
    pub(crate) auto_approve: Option<AutoApproval>,
    pub(crate) challenges: Challenges,
    pub(crate) faults: Faults,
    pub(crate) network: Network,
    pub(crate) audit: AuditLog,
    pub(crate) secrets: Secrets,
}

impl State {
    pub(crate) fn new(world: World, clock: Clock, mut random: Random) -> Self {
        let mint = Mint::new(&mut random);
        Self {
            clock,
            random,
            world,
            mint,
            same_keys: HashMap::new(),
            sessions: Sessions::default(),
            registrations: HashMap::new(),
            devices: HashMap::new(),
            consents: HashMap::new(),
            codes: HashMap::new(),
            tokens: Tokens::default(),
            throttle: Throttle::default(),
            console: ConsoleSignIns::default(),
            auto_approve: None,
            challenges: Challenges::default(),
            faults: Faults::default(),
            network: Network::default(),
            audit: AuditLog::default(),
            secrets: Secrets::default(),
        }
    }

    /// Starts a portal session of the administrator's length.
    pub(crate) fn begin_session(&mut self, user: &str, now: Timestamp) -> SessionId {
        let id = self.random.base64url(32);
        self.sessions
            .begin(id.clone(), user, now, now + self.world.session_length());
        id
    }

    /// The session of a sign-in that automation approves: in a browser of its own, or in the one of that name, whose
    /// session is joined while it lives.
    pub(crate) fn unattended_session(
        &mut self,
        user: &str,
        browser: Option<&str>,
        now: Timestamp,
    ) -> SessionId {
        let Some(browser) = browser else {
            return self.begin_session(user, now);
        };
        if let Some(id) = self.sessions.of_browser(browser, user, now) {
            return id;
        }
        let id = self.begin_session(user, now);
        self.sessions.remember_browser(browser, id.clone());
        id
    }

    /// A session that has not ended, of a user who is not disabled.
    pub(crate) fn live_session(&self, id: &str, now: Timestamp) -> Option<(&Session, &User)> {
        let session = self.sessions.live(id, now)?;
        let user = self.world.user(&session.user).filter(|user| !user.disabled)?;
        Some((session, user))
    }

    /// The session that this browser is signed in with; notes the user for the audit log.
    pub(crate) fn browser_session(&self, call: &mut Call) -> Option<(SessionId, User)> {
        let id = call.cookie(&call.cookie_name(SESSION_COOKIE))?.to_owned();
        let (_, user) = self.live_session(&id, call.now)?;
        call.user = Some(user.name.clone());
        call.session = Some(id.clone());
        Some((id, user.clone()))
    }
}

pub(crate) const SESSION_COOKIE: &str = "portal-session";
