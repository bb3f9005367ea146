//! How a client says on whose behalf it asks, what an endpoint is begun with, and what is handed out.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::WireSecret;
use crate::app::contract::{ChainView, Role};
use crate::programs::Program;
use crate::stays::Stay;
use crate::uses::Door;

/// On whose behalf credentials are asked for. A client that does not say asks for itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    #[serde(default)]
    pub door: Door,
    /// Which launch, where it is through the endpoint of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub launch: Option<String>,
    /// The program, where only the client can know it: at an endpoint, or the command that it becomes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<Program>,
    /// What a further role was when the launch began: it gets no other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
    /// Until when the launch gets something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<Terms>,
}

impl Asker {
    /// What stands behind the client, through this door.
    pub fn through(door: Door) -> Self {
        Self {
            door,
            ..Self::default()
        }
    }
}

/// A role whose credentials can be had; they are not in here.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreparedReply {
    pub role: Role,
    pub portal_name: String,
    /// Empty while the account is not in the listing.
    pub account_name: String,
    /// Whose launch it is that begins now, for [`Terms::stay`].
    pub stay: Stay,
    /// What a further role is now, for [`Asker::definition`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<String>,
}

/// How long a launch can get credentials, besides what is shown of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The portal's id.
    pub portal: String,
    /// It ends with this.
    pub stay: Stay,
}

/// Role credentials for a client that asked for them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CredentialsReply {
    /// Of a further role.
    #[serde(default)]
    pub chain: Option<Box<ChainView>>,
    pub access_key_id: String,
    pub secret_access_key: WireSecret,
    pub session_token: WireSecret,
    pub expires_at: Timestamp,
    pub role: Role,
    pub portal_name: String,
    /// Empty while the account is not in the listing.
    pub account_name: String,
}

impl CredentialsReply {
    /// The account that they are good for.
    pub fn account_id(&self) -> &str {
        let further = self.chain.as_ref();
        further.map_or(&self.role.account, |chain| &chain.account)
    }

    /// The permission set, or the further role by its name.
    pub fn role_name(&self) -> &str {
        self.role.chain.as_ref().unwrap_or(&self.role.permission_set)
    }
}
