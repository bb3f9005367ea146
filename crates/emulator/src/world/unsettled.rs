//! What AWS leaves undocumented: both answers, and which one we take unless the world says otherwise.

use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::Value;

/// One field for each open question. The defaults are our assumptions.
#[derive(Clone, Debug)]
pub struct Unsettled {
    pub double_grant: DoubleGrant,
    pub absent_members: AbsentMembers,
    pub unassigned_role: UnassignedRole,
    pub logged_out_refresh: LoggedOutRefresh,
    pub role_credentials: Keys,
    pub verification_uri: VerificationUri,
    /// Life of an authorization code. Assumed: 10 minutes, the longest that OAuth recommends.
    pub authorization_code_duration: SignedDuration,
    /// Whether `expiresIn` shrinks to what is left of the session. Assumed: it does.
    pub shortened_tokens: bool,
    /// Whether `http://127.0.0.1` without a path may be a redirect. Reports disagree; assumed: it may not.
    pub bare_redirect: bool,
    /// How ListAccounts and its like answer a token whose scopes do not include accounts.
    pub missing_scope: MissingScope,
    /// Whether the console opens at addresses outside AWS's own domain. Assumed: it does not.
    pub foreign_destinations: bool,
    /// Whether `/federation` takes POST besides the documented GET. Assumed: it does not.
    pub federation_post: bool,
    /// Whether a role session may answer for an MFA device in AssumeRole. The device has to be the calling IAM user's, and
    /// a role session is of none. Assumed: it may not.
    pub mfa_of_role_sessions: bool,
}

/// How a registration for both `device_code` and `authorization_code` is refused: both were seen at AWS.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum DoubleGrant {
    #[default]
    InvalidScope,
    ServerError,
}

/// How an answer says that it has no `nextToken`, `refreshToken` and the like: all clients take both.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum AbsentMembers {
    #[default]
    Omit,
    Null,
}

impl AbsentMembers {
    /// Leaves the null members of an answer or takes them out.
    pub(crate) fn settle(self, answer: &mut Value) {
        if let (Self::Omit, Some(members)) = (self, answer.as_object_mut()) {
            members.retain(|_, value| !value.is_null());
        }
    }
}

/// GetRoleCredentials for a role that is not assigned: 403 was seen, 404 is what the service model names.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum UnassignedRole {
    #[default]
    Forbidden,
    NotFound,
}

/// A portal call whose token was registered without `sso:account:access`. Not documented; assumed to be 401, like
/// every other token that the portal does not know what to do with.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum MissingScope {
    #[default]
    Unauthorized,
    Forbidden,
}

/// A refresh after the user signed out.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum LoggedOutRefresh {
    #[default]
    InvalidGrant,
    InvalidClient,
}

/// Where a device code is typed in. AWS has had both forms: a host of its own, and a route of the access portal.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum VerificationUri {
    /// `/device?user_code=…`: any HTTP client can follow it.
    #[default]
    Path,
    /// `/start/#/device?user_code=…`: only a browser with scripts can.
    Fragment,
}

/// GetRoleCredentials twice: new keys each time, or the same ones until half of their life is over.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Keys {
    #[default]
    New,
    Same,
}

impl Default for Unsettled {
    fn default() -> Self {
        Self {
            double_grant: DoubleGrant::default(),
            absent_members: AbsentMembers::default(),
            unassigned_role: UnassignedRole::default(),
            logged_out_refresh: LoggedOutRefresh::default(),
            role_credentials: Keys::default(),
            verification_uri: VerificationUri::default(),
            authorization_code_duration: SignedDuration::from_mins(10),
            shortened_tokens: true,
            bare_redirect: false,
            missing_scope: MissingScope::default(),
            foreign_destinations: false,
            federation_post: false,
            mfa_of_role_sessions: false,
        }
    }
}
