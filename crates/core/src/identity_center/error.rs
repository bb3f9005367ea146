//! What AWS said, by meaning: who has to act, and whether trying again helps.

use std::time::Duration;

/// A call that did not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{operation}: {meaning:?}{}", detail.as_deref().map(|detail| format!(" ({detail})")).unwrap_or_default())]
pub struct Failure {
    /// The operation's name as AWS spells it, or a short name of ours ("console federation").
    pub operation: &'static str,
    pub meaning: Meaning,
    /// What AWS or the network said, without any input of the call; fit to be shown and logged.
    pub detail: Option<String>,
    /// How long AWS asked us to wait (`Retry-After`).
    pub retry_after: Option<Duration>,
}

/// What a failure means for the person and for the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Meaning {
    /// Portal 401: the access token is not accepted. Refresh once; if that fails, a person signs in.
    TokenRefused,
    /// CreateToken: the refresh token or the code is dead. A person signs in.
    GrantRefused,
    /// CreateToken: the registration is unknown or has expired. Register again, then a person signs in.
    RegistrationRefused,
    /// Portal 403 or 404: this one permission set is not assigned (any more). Nothing else changes.
    NotAssigned,
    /// The person pressed deny.
    DeniedByPerson,
    /// Nobody answered within the life of the code.
    TimedOut,
    /// An administrator must act (for instance a disabled KMS key); trying again is useless.
    AdministratorNeeded,
    /// 429 or SlowDown: later.
    Throttled,
    /// 5xx, DNS, TLS, time-outs, captive portals, garbage: later, nothing changes.
    Unreachable,
    /// AWS refuses the request as it is: wrong region, wrong start URL, or a mistake of ours.
    Invalid,
}
