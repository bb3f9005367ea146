//! The local protocol: one JSON object a line, request and response.
//!
//! `{"v":1,"op":"hello","version":"0.1.0"}` → `{"v":1,"answer":"hello",…}` or `{"v":1,"answer":"problem",…}`.
//! A request is at most 64 KiB long; lists page at 100 rows.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::contract::{
    Answer, CredentialsView, PortalView, ProblemView, Request, Role, SearchAnswer, SearchRequest, Snapshot,
};

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
    /// Credentials of one role, from memory or from AWS.
    Credentials {
        role: Target,
        /// How much life is wanted at least, in seconds; 0: whatever can be had.
        #[serde(default)]
        min_ttl_seconds: u32,
    },
    Status,
    /// A page of the listing, account by account.
    Accounts {
        portal: Option<String>,
        offset: u32,
        limit: u32,
    },
    Search {
        search: SearchRequest,
    },
    /// Signs in and answers when it is done; an [`Reply::SignIn`] line comes before where a person needs URL or code.
    Login {
        portal: Option<String>,
        device_code: bool,
        open_browser: bool,
        force: bool,
    },
    /// Ends the session of one portal, or of all.
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
        via: Option<crate::app::contract::ConsoleVia>,
        open_browser: bool,
    },
    Keep {
        role: Target,
        on: bool,
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
    Exact(Role),
    /// A portal by name (the only one where none is given), an account by id or name.
    Named {
        portal: Option<String>,
        account: String,
        permission_set: String,
    },
    /// `ACCOUNT/PERMISSION_SET`, with `PORTAL:` in front if wanted, or free words that hit exactly one.
    Words {
        words: String,
    },
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
    Hello {
        version: String,
        pid: u32,
    },
    Credentials(CredentialsReply),
    Status(Box<StatusReply>),
    Accounts(AccountsReply),
    Search(SearchAnswer),
    /// A sign-in waits for a person: the URL to open, the code to compare.
    SignIn {
        url: Option<String>,
        user_code: Option<String>,
        expires_at: Timestamp,
    },
    /// The real console URL (`open_browser: false`), or none because the browser was opened.
    Console {
        url: Option<String>,
    },
    Command {
        outcome: Answer,
    },
    Snapshot(Box<Snapshot>),
    Done,
    Problem {
        problem: ProblemView,
        /** Where a target was ambiguous. */
        #[serde(default)]
        candidates: Vec<String>,
    },
}

/// Role credentials on the wire: the one place where they are serialised.
#[derive(Clone, Serialize, Deserialize)]
pub struct CredentialsReply {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expires_at: Timestamp,
    pub role: Role,
    pub account_name: String,
}

impl std::fmt::Debug for CredentialsReply {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("CredentialsReply")
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StatusReply {
    pub pid: u32,
    pub version: String,
    pub headline: String,
    pub portals: Vec<PortalView>,
    pub credentials: Vec<CredentialsView>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountsReply {
    pub portal: String,
    pub synced_at: Option<Timestamp>,
    pub complete: bool,
    /// How many accounts there are in all.
    pub total: u32,
    pub accounts: Vec<AccountLine>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AccountLine {
    pub id: String,
    pub name: String,
    pub email: String,
    pub permission_sets: Vec<String>,
}
