//! How a client says on whose behalf it asks, and what an endpoint is begun with.

use serde::{Deserialize, Serialize};

use super::Stay;
use crate::app::contract::Role;
use crate::programs::Program;
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
    pub stay: Stay,
}
