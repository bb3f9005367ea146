//! What was called, by whom, with what outcome: the log and the counters that tests read.

mod cloudtrail;
mod redaction;
mod sign_in;

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use cloudtrail::HIDDEN;
pub(crate) use redaction::{request_parameters, response_elements, service_event_details};
pub(crate) use sign_in::SIGN_IN_FAILED;
pub use sign_in::{CredentialType, SignInEvent, SignInStep};

/// Older events are forgotten, so that memory stays flat over millions of calls.
const KEPT_EVENTS: usize = 20_000;
/// Of the counts by second.
const KEPT_SECONDS: usize = 3_600;

/// Calls by second of the emulator's clock, operation, and role or `""`.
pub type CallsBySecond = BTreeMap<i64, BTreeMap<Operation, BTreeMap<String, u64>>>;

/// Everything that can be called, under AWS's names where AWS has one.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    RegisterClient,
    StartDeviceAuthorization,
    CreateToken,
    Authorize,
    SignIn,
    VerifyDevice,
    ListAccounts,
    ListAccountRoles,
    GetRoleCredentials,
    Logout,
    GetSigninToken,
    ConsoleLogin,
    ConsoleLogout,
    /// Multi-session switched on or off, or looked at.
    MultiSession,
    GetCallerIdentity,
    AssumeRole,
    AccessPortal,
    /// No such path.
    Unknown,
}

/// One call. [`AuditEvent::cloudtrail_records`] gives it in CloudTrail's shape.
#[derive(Clone, Debug)]
pub struct AuditEvent {
    pub time: Timestamp,
    pub request_id: String,
    pub operation: Operation,
    pub user: Option<String>,
    /// `ACCOUNT/PERMISSION_SET`, where the call is about one.
    pub role: Option<String>,
    pub user_agent: Option<String>,
    pub source_ip_address: String,
    /// 0 if no answer was sent.
    pub status: u16,
    /// AWS's name of the error that the caller saw.
    pub error: Option<String>,
    /// The error's text.
    pub error_message: Option<String>,
    /// Whether a scripted fault struck.
    pub injected: Injected,
    /// The steps of a sign-in: each is a record of its own.
    pub sign_in: Vec<SignInEvent>,
    /// Of the answer, without its secrets; null if CloudTrail has none.
    pub response_elements: Value,
    /// Without secrets; null if there were none.
    pub request_parameters: Value,
    /// Account and role of a portal call.
    pub service_event_details: Value,
    /// The caller, where role credentials signed the call or opened the console.
    pub assumed_role: Option<AssumedRole>,
    /// Where a console session began; none if the call began none.
    pub login_to: Option<String>,
    /// ARN and account of the role that was assumed.
    pub resource: Option<(String, String)>,
    /// Names the session that the call belongs to, without giving it away.
    pub credential_id: Option<String>,
    /// Session tags of the role session that the portal handed out, or that signed a call to STS.
    pub principal_tags: BTreeMap<String, String>,
    /// From the whole request to the answer's head.
    pub duration_ms: u64,
}

/// What a scripted fault did to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Injected {
    Nothing,
    /// The answer is the emulator's own, and did not arrive as it was, or late.
    Spoiled,
    /// The answer is the script's, or none came.
    MadeUp,
}

/// Who role credentials make of their holder.
#[derive(Clone, Debug)]
pub struct AssumedRole {
    pub arn: String,
    pub account: String,
    /// `AROA…`
    pub role_id: String,
    pub role_arn: String,
    pub role_name: String,
    /// Name of the role session: the user's.
    pub session_name: String,
    pub access_key_id: String,
    /// Whether a code of an MFA device was given for it. A sign-in with MFA at Identity Center does not count.
    pub with_mfa: bool,
    pub created: Timestamp,
}

/// How often each thing was called since the emulator started.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counters {
    pub operations: BTreeMap<Operation, u64>,
    /// By operation and `ACCOUNT/PERMISSION_SET`.
    pub roles: BTreeMap<Operation, BTreeMap<String, u64>>,
    /// What the emulator itself refused, by operation and name of the error.
    pub errors: BTreeMap<Operation, BTreeMap<String, u64>>,
    /// What scripted faults made up, spoiled or delayed, by operation and name of the made up error; `Fault` where it has
    /// none.
    pub injected: BTreeMap<Operation, BTreeMap<String, u64>>,
    /// Refresh tokens presented again after rotation had replaced them.
    pub reused_refresh_tokens: u64,
    /// Most portal calls within one second of the emulator's clock.
    pub peak_portal_calls_per_second: u64,
}

pub(crate) struct AuditLog {
    pub(crate) counters: Counters,
    events: VecDeque<AuditEvent>,
    kept_events: usize,
    current_second: (i64, u64),
    by_second: CallsBySecond,
}

impl Default for AuditLog {
    fn default() -> Self {
        Self {
            counters: Counters::default(),
            events: VecDeque::new(),
            kept_events: KEPT_EVENTS,
            current_second: (0, 0),
            by_second: CallsBySecond::new(),
        }
    }
}

impl Operation {
    /// The three that share the portal's quota.
    pub(crate) fn is_portal_read(self) -> bool {
        matches!(
            self,
            Self::ListAccounts | Self::ListAccountRoles | Self::GetRoleCredentials
        )
    }

    pub(crate) fn is_portal(self) -> bool {
        self.is_portal_read() || self == Self::Logout
    }

    pub(crate) fn is_sts(self) -> bool {
        matches!(self, Self::GetCallerIdentity | Self::AssumeRole)
    }

    /// What a person does in a browser.
    pub(crate) fn is_page(self) -> bool {
        matches!(
            self,
            Self::Authorize
                | Self::SignIn
                | Self::VerifyDevice
                | Self::ConsoleLogin
                | Self::ConsoleLogout
                | Self::MultiSession
                | Self::AccessPortal
        )
    }

    pub(crate) fn is_oidc(self) -> bool {
        matches!(
            self,
            Self::RegisterClient | Self::StartDeviceAuthorization | Self::CreateToken
        )
    }
}

impl Counters {
    pub fn calls(&self, operation: Operation) -> u64 {
        self.operations.get(&operation).copied().unwrap_or_default()
    }

    pub fn role_calls(&self, operation: Operation, account: &str, permission_set: &str) -> u64 {
        let role = format!("{account}/{permission_set}");
        self.roles
            .get(&operation)
            .and_then(|roles| roles.get(&role))
            .copied()
            .unwrap_or_default()
    }

    /// How often the emulator itself refused `operation` with the error of that name.
    pub fn errors(&self, operation: Operation, error: &str) -> u64 {
        named(&self.errors, operation, error)
    }

    /// How often a scripted fault answered `operation` with the error of that name.
    pub fn injected(&self, operation: Operation, error: &str) -> u64 {
        named(&self.injected, operation, error)
    }
}

fn named(counts: &BTreeMap<Operation, BTreeMap<String, u64>>, operation: Operation, error: &str) -> u64 {
    let errors = counts.get(&operation);
    let count = errors.and_then(|errors| errors.get(error));
    count.copied().unwrap_or_default()
}

impl AuditLog {
    pub(crate) fn record(&mut self, event: AuditEvent) {
        let counters = &mut self.counters;
        *counters.operations.entry(event.operation).or_default() += 1;
        if let Some(role) = &event.role {
            *counters
                .roles
                .entry(event.operation)
                .or_default()
                .entry(role.clone())
                .or_default() += 1;
        }
        let is_made_up = event.injected == Injected::MadeUp;
        let made_up = event.error.as_deref().filter(|_| is_made_up);
        let refused = event.error.as_deref().filter(|_| !is_made_up);
        let injected = (event.injected != Injected::Nothing).then(|| made_up.unwrap_or("Fault"));
        for (counts, error) in [
            (&mut counters.errors, refused),
            (&mut counters.injected, injected),
        ] {
            if let Some(error) = error {
                let errors = counts.entry(event.operation).or_default();
                *errors.entry(error.to_owned()).or_default() += 1;
            }
        }
        if event.operation.is_portal() {
            let second = event.time.as_second();
            let before = if self.current_second.0 == second {
                self.current_second.1
            } else {
                0
            };
            self.current_second = (second, before + 1);
            counters.peak_portal_calls_per_second = counters.peak_portal_calls_per_second.max(before + 1);
        }
        let second = self.by_second.entry(event.time.as_second()).or_default();
        let roles = second.entry(event.operation).or_default();
        *roles.entry(event.role.clone().unwrap_or_default()).or_default() += 1;
        if self.by_second.len() > KEPT_SECONDS {
            self.by_second.pop_first();
        }
        self.events.push_back(event);
        self.keep_events(self.kept_events);
    }

    /// The latest `most` events stay, and no more from now on.
    pub(crate) fn keep_events(&mut self, most: usize) {
        self.kept_events = most;
        let surplus = self.events.len().saturating_sub(most);
        self.events.drain(..surplus);
    }

    pub(crate) fn by_second(&self) -> &CallsBySecond {
        &self.by_second
    }

    pub(crate) fn events(&self) -> impl Iterator<Item = &AuditEvent> {
        self.events.iter()
    }
}
