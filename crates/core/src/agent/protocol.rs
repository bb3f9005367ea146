//! The local protocol: one JSON object a line, request and response.
//!
//! `{"v":1,"op":"hello","version":"0.1.0"}` → `{"v":1,"answer":"hello",…}` or `{"v":1,"answer":"problem",…}`.
//! A request is at most 64 KiB long; lists page at 100 rows.

mod handing_out;
mod kinds;

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::app::contract::{
    Answer, ChainView, ConsoleVia, CredentialsView, MfaCode, PortalView, ProblemView, Request, Role,
    SearchAnswer, SearchRequest, Snapshot, UsesView,
};
use crate::app::left_behind::LeftBehind;
use crate::app::settings_file::MissingPortal;
use crate::consumers::Launch;
use crate::paths::SecretStore;
use crate::secret::Secret;
use crate::uses::Door;
pub use handing_out::{Asker, CredentialsReply, PreparedReply, Terms};

/// The protocol's version: raised when an old client could misunderstand an answer.
pub const VERSION: u32 = 1;

/// The longest request, in bytes with its newline.
pub const MAX_REQUEST: usize = 64 * 1024;

/// What a client sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Operation {
    /// Who speaks; answered by [`Reply::Hello`].
    Hello {
        version: String,
    },
    /// Credentials of one role, from memory or from AWS; a launch that is over by its terms is told that.
    Credentials {
        role: Target,
        /// How much life is wanted at least, in seconds; 0: whatever can be had.
        #[serde(default)]
        min_ttl_seconds: u32,
        #[serde(default)]
        asker: Asker,
    },
    /// Sees that credentials of a role can be had, for an endpoint that is about to begin; hands none out.
    Prepare {
        role: Target,
        door: Door,
    },
    /// Announces an endpoint for as long as the connection lasts; answered once it gets nothing any more: it is revoked,
    /// or its person has signed out.
    Launch {
        launch: Launch,
        /// A client of an earlier version does not say.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        terms: Option<Terms>,
    },
    /// The uses with a higher number than `after`, at most 100; with `follow` also all that come.
    Uses {
        #[serde(default)]
        after: u64,
        #[serde(default)]
        follow: bool,
    },
    /// Credentials of the one role that the socket of a launch is for; the agent's own socket is for none.
    Granted,
    Status,
    /// The same as far as it is known now: whoever ends the agent does not wait for its store.
    StatusNow,
    /// A page of one portal's listing, account by account; with a query only what it hits, the best first.
    Accounts {
        portal: Option<String>,
        #[serde(default)]
        query: String,
        offset: u32,
        limit: u32,
    },
    Search {
        search: SearchRequest,
    },
    /// Signs in: a [`Reply::SignIn`] line when it has begun, [`Reply::Done`] when the person is done.
    Login {
        portal: Option<String>,
        device_code: bool,
        open_browser: bool,
        force: bool,
    },
    /// Ends the session of one portal, or of all. Answered by [`Reply::Done`], or by what there is to say of it.
    Logout {
        portal: Option<String>,
        all: bool,
    },
    /// Opens a console session, or answers its URL.
    Console {
        role: Target,
        destination: Option<String>,
        region: Option<String>,
        duration_seconds: Option<u32>,
        via: Option<ConsoleVia>,
        open_browser: bool,
        /// The command line of the browser, for this once.
        #[serde(default)]
        browser: Option<String>,
    },
    Keep {
        role: Target,
        on: bool,
    },
    /// Assumes a further role with a code of its MFA device, so that what is asked next has its credentials.
    MfaCode {
        role: Target,
        code: MfaCode,
    },
    /// Anything of the window's contract.
    Command {
        request: Request,
    },
    /// A stream of snapshots, the current one first.
    Subscribe,
    Stop,
}

/// A role as a person or a profile names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Target {
    Role {
        /// A portal by name, id or start URL; the only one where none is given.
        portal: Option<String>,
        /// The portal's region, where two portals share a start URL.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        portal_region: Option<String>,
        /// By id or name.
        account: String,
        permission_set: String,
    },
    /// A role that is assumed from a permission set, by its name in the settings.
    Chain { portal: Option<String>, chain: String },
    /// `ACCOUNT/PERMISSION_SET` or a further role's name, with `PORTAL:` in front if wanted, or free words that hit exactly
    /// one.
    Words { words: String },
}

impl Target {
    /// Whether it is an account and a permission set, and no free words.
    pub fn names_one_role(&self) -> bool {
        match self {
            Self::Role { .. } | Self::Chain { .. } => true,
            Self::Words { words } => words.contains('/'),
        }
    }
}

impl From<Role> for Target {
    fn from(role: Role) -> Self {
        match role.chain {
            Some(chain) => Self::Chain {
                portal: Some(role.portal),
                chain,
            },
            None => Self::Role {
                portal: Some(role.portal),
                portal_region: None,
                account: role.account,
                permission_set: role.permission_set,
            },
        }
    }
}

/// A request line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestLine {
    pub v: u32,
    #[serde(flatten)]
    pub operation: Operation,
}

/// A response line.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResponseLine {
    pub v: u32,
    #[serde(flatten)]
    pub reply: Reply,
}

/// What the agent answers.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Reply {
    Hello(AgentHello),
    Credentials(CredentialsReply),
    Prepared(PreparedReply),
    /// The launch that was announced, or that asks, gets nothing any more.
    Revoked {
        problem: ProblemView,
    },
    Uses(Box<UsesView>),
    Status(Box<StatusReply>),
    Accounts(AccountsReply),
    Search(SearchAnswer),
    /// A sign-in waits for a person: the URL to open, the code to compare.
    SignIn {
        url: WireSecret,
        user_code: Option<String>,
        expires_at: Timestamp,
        /// Somebody else had begun it.
        #[serde(default)]
        joined: bool,
        /// The name of the portal, where a session that lived there has ended for it.
        #[serde(default)]
        signed_out_of: Option<String>,
    },
    /// The real console URL (`open_browser: false`), or none because the browser was opened.
    Console {
        url: Option<WireSecret>,
    },
    Command {
        outcome: Answer,
    },
    Snapshot(Box<Snapshot>),
    /// The role that is kept fresh from now on, or no longer.
    Kept {
        role: Role,
        /// Empty while the account is not in the listing.
        account_name: String,
        /// A code of its MFA device is needed each time.
        #[serde(default)]
        wants_code: bool,
    },
    Done,
    Problem {
        problem: ProblemView,
        /// Where a target was ambiguous.
        #[serde(default)]
        candidates: Vec<String>,
    },
}

/// Who the agent is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentHello {
    pub version: String,
    pub pid: u32,
    pub kind: AgentKind,
    /// Sign-ins end with this agent, because nothing is kept outside its memory.
    pub memory_store: bool,
    /// Where it keeps sign-ins; agents that do not say have the keyring or memory.
    #[serde(default)]
    pub secret_store: Option<SecretStore>,
}

impl AgentHello {
    /// Where it keeps sign-ins.
    pub fn keeps_in(&self) -> SecretStore {
        self.secret_store.unwrap_or(match self.memory_store {
            true => SecretStore::Memory,
            false => SecretStore::Keyring,
        })
    }
}

/// Which program holds the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentKind {
    /// The tray application.
    Tray,
    /// `portray agent`; gives way to the tray application.
    Headless,
}

/// A secret on its way to the client that asked for it: the one form of a secret that can be serialised.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WireSecret(String);

impl WireSecret {
    /// The value itself, for the client's one use of it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<&Secret> for WireSecret {
    fn from(secret: &Secret) -> Self {
        Self(secret.expose().clone())
    }
}

impl From<Secret> for WireSecret {
    fn from(secret: Secret) -> Self {
        Self(secret.into_exposed())
    }
}

impl fmt::Debug for WireSecret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[redacted]")
    }
}

impl Drop for WireSecret {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusReply {
    pub pid: u32,
    pub version: String,
    pub headline: String,
    pub portals: Vec<PortalView>,
    pub credentials: Vec<CredentialsView>,
    /// What in the settings does not hold.
    #[serde(default)]
    pub problems: Vec<ProblemView>,
    /// Those of them that may be the reason for a portal that is not there.
    #[serde(default)]
    pub missing_portals: Vec<MissingPortal>,
    /// The machine's clock is wrong.
    #[serde(default)]
    pub clock_problem: Option<ProblemView>,
    /// Sign-ins at portals that the settings have no more.
    #[serde(default)]
    pub left_behind: Vec<LeftBehind>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountsReply {
    pub portal: String,
    pub synced_at: Option<Timestamp>,
    pub complete: bool,
    /// How many accounts there are in all.
    pub total: u32,
    pub accounts: Vec<AccountLine>,
    /// Further roles of the portal whose account's name is that of several accounts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unclear_chains: Vec<UnclearChain>,
}

/// A further role, and the permission set that it is assumed from, as its settings name that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnclearChain {
    pub name: String,
    pub account: String,
    pub permission_set: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountLine {
    pub id: String,
    pub name: String,
    pub email: String,
    pub permission_sets: Vec<String>,
    /// Roles that are assumed from these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<ChainView>,
}

impl Reply {
    pub fn problem(problem: ProblemView) -> Self {
        Self::Problem {
            problem,
            candidates: Vec::new(),
        }
    }
}

/// Reads a request line. What cannot be understood becomes the answer, which never repeats the line.
pub fn parse_request(line: &[u8]) -> Result<RequestLine, ProblemView> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u32,
    }
    let is_understood_by_all =
        |request: &RequestLine| matches!(request.operation, Operation::Hello { .. } | Operation::Stop);
    let request: Result<RequestLine, _> = serde_json::from_slice(line);
    let version = match request {
        Ok(request) if request.v == VERSION || is_understood_by_all(&request) => return Ok(request),
        Ok(request) => Some(request.v),
        Err(_) => serde_json::from_slice(line).ok().map(|Versioned { v }| v),
    };
    Err(match version {
        None => ProblemView::not_understood(),
        Some(VERSION) => ProblemView::unknown_request(),
        Some(other) => ProblemView::other_protocol(VERSION, other),
    })
}

#[cfg(test)]
mod tests;
