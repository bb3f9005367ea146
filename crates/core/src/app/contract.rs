//! What the window and the command line see and may ask for. The window's TypeScript is generated from here.
//! No secret is in these types.

mod aws_cli;
mod consumers;
mod first_lists;
mod profiles;
mod role_words;
mod rows;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

pub use crate::app::further_role::{ChainView, MfaCode};
use crate::consumers::Question;
use crate::identity_center::{AccountId, PortalId, RoleKey};
pub use aws_cli::AwsCliPortal;
pub use consumers::{ConsumerOrder, UsesView};
pub use profiles::{DifferenceLine, FileFinding, LineSign, ProfilesChange, ProfilesOrder, ProfilesView};
pub use role_words::{account_in_words, role_in_words};
pub use rows::{RoleRow, SearchAnswer, SearchRequest};

/// The services at which menus open the console: name, and keyword of the destination.
pub const CONSOLE_SERVICES: [(&str, &str); 6] = [
    ("CloudWatch", "cloudwatch"),
    ("EC2", "ec2"),
    ("IAM", "iam"),
    ("Lambda", "lambda"),
    ("RDS", "rds"),
    ("S3", "s3"),
];

/// A permission set in an account of a portal, or a further role that is assumed from there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, TS)]
pub struct Role {
    /// The portal's id.
    pub portal: String,
    /// Twelve digits.
    pub account: String,
    pub permission_set: String,
    /// The further role, by its name in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub chain: Option<String>,
}

impl From<Role> for RoleKey {
    fn from(role: Role) -> Self {
        Self {
            portal: PortalId(role.portal),
            account: AccountId(role.account),
            permission_set: role.permission_set,
            chain: role.chain,
        }
    }
}

impl From<RoleKey> for Role {
    fn from(key: RoleKey) -> Self {
        Self {
            portal: key.portal.0,
            account: key.account.0,
            permission_set: key.permission_set,
            chain: key.chain,
        }
    }
}

/// Everything that people and programs may ask of the application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    /// Understands a start URL that is being typed.
    InspectStartUrl {
        text: String,
    },
    /// Adds a portal. The name is made from the start URL where none is given.
    AddPortal {
        start_url: String,
        region: Option<String>,
        name: Option<String>,
    },
    /// Looks for portals that the AWS CLI uses.
    FindAwsCliPortals {
        /// Its configuration file, if not the usual one.
        config: Option<String>,
    },
    /// Takes one of them over, with its sign-in where that lives.
    ImportAwsCliPortal {
        start_url: String,
        region: String,
        config: Option<String>,
    },
    /// Signs out, then forgets the portal.
    RemovePortal {
        portal: String,
    },
    /// Opens the sign-in page in the browser.
    SignIn {
        portal: String,
        method: SignInMethod,
        /// Ends a live session first, so that the new one gets its full length.
        force: bool,
    },
    /// Opens the sign-in page once more, for the sign-in that is under way.
    OpenSignInPage {
        portal: String,
    },
    CancelSignIn {
        portal: String,
    },
    /// Ends the session at AWS too and forgets its credentials.
    SignOut {
        portal: String,
    },
    /// The same at portals that the settings have no more: those of this name, or all.
    SignOutLeftBehind {
        name: Option<String>,
    },
    /// Lists accounts and permission sets anew.
    Sync {
        portal: String,
    },
    /// Opens a console session in the browser.
    OpenConsole {
        role: Role,
        destination: Option<String>,
        region: Option<String>,
        /// Length of the console session; by default that of the credentials.
        duration_seconds: Option<u32>,
        /// By default what the settings say.
        via: Option<ConsoleVia>,
    },
    /// Opens the access portal itself.
    OpenPortal {
        portal: String,
    },
    SetFavourite {
        role: Role,
        on: bool,
    },
    /// Keeps a role's credentials fresh whether or not anybody asks for them.
    Keep {
        role: Role,
        on: bool,
    },
    /// Keeps roles that nobody has used for long all the same.
    KeepOn {
        roles: Vec<Role>,
    },
    /// About programs that are handed credentials.
    Consumers {
        order: ConsumerOrder,
    },
    /// About the profiles in `~/.aws/config`.
    Profiles {
        order: ProfilesOrder,
    },
    /// Answers a role that wants a code of an MFA device.
    GiveMfaCode {
        role: Role,
        code: MfaCode,
    },
    /// Renews tokens and credentials in use now.
    RenewNow,
    ShowWindow,
    /// Takes away the sentence about the last failure.
    DismissProblem,
    Quit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum SignInMethod {
    /// In a browser of this machine.
    Browser,
    /// With a code, in any browser.
    DeviceCode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ConsoleVia {
    #[default]
    Federation,
    Portal,
}

/// Something that failed, in the words that every surface shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProblemView {
    pub code: ProblemCode,
    pub what_happened: String,
    pub what_to_do: String,
}

/// What kind of failure it is: decides exit codes and which button is offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProblemCode {
    Failed,
    WrongUse,
    SignInNeeded,
    /// A role wants a code of a person's MFA device.
    MfaCodeNeeded,
    NotAssigned,
    /// Only the list can say what is meant, and it is being made for the first time.
    BeingListed,
    /// A person, or their administrator, said no: on AWS's page, or to a program.
    Denied,
    /// A person has taken back that this program, or this launch, gets credentials.
    Revoked,
    /// A person is asked whether this program may, and has not answered yet.
    ConfirmationNeeded,
    Unreachable,
    NoAgent,
    SecretStore,
    Cancelled,
}

/// The whole state as a window draws it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Snapshot {
    /// Grows with every snapshot.
    #[ts(type = "number")]
    pub revision: u64,
    /// Grows when rows have changed: search again.
    #[ts(type = "number")]
    pub catalogue_revision: u64,
    pub version: String,
    /// The state in words, as the tray's first line says it.
    pub headline: String,
    pub mood: Mood,
    pub portals: Vec<PortalView>,
    pub credentials: Vec<CredentialsView>,
    /// Grows with every use, launch and revocation: ask for the list again.
    #[ts(type = "number")]
    #[serde(default)]
    pub uses_revision: u64,
    /// Programs that wait for a person's word.
    #[serde(default)]
    pub questions: Vec<Question>,
    /// What failed last, until it is dismissed or mended.
    pub problem: Option<ProblemView>,
}

/// The state at a glance; the tray icon's shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Mood {
    /// Signed in and fresh.
    Fresh,
    /// Something is being renewed or signed in.
    Renewing,
    /// The portal session ends soon.
    EndsSoon,
    SignInNeeded,
    /// AWS cannot be reached; what is known is shown.
    Offline,
    /// No portal yet.
    Empty,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PortalView {
    pub id: String,
    pub name: String,
    pub start_url: String,
    pub region: String,
    pub state: PortalState,
    #[ts(type = "string | null")]
    pub access_token_expires_at: Option<Timestamp>,
    /// When a person will have to sign in again; absent until an end was learned.
    #[ts(type = "string | null")]
    pub session_ends_at: Option<Timestamp>,
    pub session_end_is_estimate: bool,
    pub accounts: u32,
    pub permission_sets: u32,
    pub sync: SyncView,
    pub sign_in: Option<SignInView>,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum PortalState {
    SignedIn,
    SignInNeeded,
    SigningIn,
    Offline,
    /// Nobody knows yet: the keyring is being read, or does not answer; then `problem` says why.
    Unknown,
}

/// How current the listing is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub struct SyncView {
    #[ts(type = "string | null")]
    pub synced_at: Option<Timestamp>,
    pub complete: bool,
    /// While a sync runs: how many of how many accounts are listed.
    pub running: Option<SyncProgress>,
    /// Why the sync that runs has got no answer for a while; it goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub trouble: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SyncProgress {
    pub done: u32,
    pub total: u32,
}

/// A sign-in that waits for a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SignInView {
    pub method: SignInMethod,
    /// To be compared with what the browser shows.
    pub user_code: Option<String>,
    /// Where the code can be typed in on any device; the code is not in it.
    pub verification_url: Option<String>,
    #[ts(type = "string")]
    pub expires_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct CredentialsView {
    pub role: Role,
    /// Of a further role, where the settings still have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub chain: Option<ChainView>,
    pub account_name: String,
    pub state: CredentialsState,
    #[ts(type = "string | null")]
    pub expires_at: Option<Timestamp>,
    /// Kept fresh whether or not anybody asks.
    pub kept: bool,
    pub problem: Option<ProblemView>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CredentialsState {
    Fresh,
    Renewing,
    Failing,
    /// Not assigned (any more).
    Unavailable,
}

/// What a start URL turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StartUrlView {
    /// As it will be kept; absent while the text is none.
    pub start_url: Option<String>,
    /// Where the URL names it.
    pub region: Option<String>,
    /// Those in which the portal can be, the likely ones first; every region while that cannot be told.
    pub regions: Vec<String>,
    pub problem: Option<ProblemView>,
}

/// What a request gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    Done,
    StartUrl {
        view: StartUrlView,
    },
    AwsCliPortals {
        portals: Vec<AwsCliPortal>,
    },
    /// A portal was added (or was there already).
    Portal {
        portal: String,
    },
    /// A sign-in is under way.
    SignIn {
        view: SignInView,
    },
    Uses {
        view: UsesView,
    },
    Profiles {
        view: ProfilesView,
    },
    /// It is done, and this is what that means.
    Said {
        words: String,
    },
}

#[cfg(test)]
#[path = "contract_typescript.rs"]
mod typescript;
