//! Speaks to IAM Identity Center (SSO-OIDC and the portal API); knows nothing of the application's state.

pub mod assume_role;
pub mod browser_flow;
pub mod device_flow;
pub mod error;
pub mod http;
pub mod limiter;
pub mod portal;
pub mod reach;
pub mod registration;
pub mod roles;
pub mod token;
mod told;
pub mod trust;
pub mod vanity;

mod call;
mod callback;
mod connections;
mod dated;
pub(crate) mod deadline;
mod endpoints;
mod network;
mod partition;
mod proxy;
pub(crate) mod start_url;
mod system_proxy;
mod untrusted;

#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::clock::SharedClock;
use crate::secret::Secret;
pub use error::{Failure, Meaning, Trouble};
pub use http::{Answer, HttpStack};
pub use limiter::{Limiter, Priority};
pub use portal::{Endpoints, Partition, Portal, PortalId, StartUrl};
pub use reach::Reach;

/// Twelve digits, as text: leading zeros count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AccountId(pub String);

impl AccountId {
    /// Whether a text can be one.
    pub fn is_one(text: &str) -> bool {
        text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// An AWS account that is assigned to the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub email: String,
}

/// What credentials are obtained for: a permission set in an account of a portal, or a further role that is assumed from
/// there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RoleKey {
    pub portal: PortalId,
    pub account: AccountId,
    pub permission_set: String,
    /// The further role, by its name in the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
}

impl RoleKey {
    /// The permission set whose credentials assume the further role; of any other it is the key itself.
    pub fn source(&self) -> Self {
        Self {
            chain: None,
            ..self.clone()
        }
    }
}

/// What GetRoleCredentials gives: good for the permission set's session duration (1–12 h, by default 1 h).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleCredentials {
    pub access_key_id: String,
    pub secret_access_key: Secret,
    pub session_token: Secret,
    pub expires_at: Timestamp,
}

/// How a person signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// Authorization code with PKCE, answered on a loopback listener of ours.
    Browser,
    /// Device code: a code to compare, approved in any browser.
    DeviceCode,
}

/// Our OIDC client registration with one region's Identity Center, for one flow. Lives 90 days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    pub flow: Flow,
    pub client_id: String,
    pub client_secret: Secret,
    pub expires_at: Timestamp,
}

/// The access token of a sign-in and what refreshes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub access_token: Secret,
    /// Absent where AWS gave none: then the sign-in ends with the access token.
    pub refresh_token: Option<Secret>,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// One portal's Identity Center: every call to AWS for it goes through here, past one limiter.
#[derive(Clone)]
pub struct IdentityCenter {
    pub portal: Arc<Portal>,
    pub(crate) clock: SharedClock,
    http: HttpStack,
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) reach: Arc<Reach>,
    pub(crate) oidc: aws_sdk_ssooidc::Client,
    pub(crate) sso: aws_sdk_sso::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}
