//! Rows of the list: what is searched for, and what is found.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use super::{ChainView, CredentialsState, Role};

/// Asks for rows of the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchRequest {
    pub query: String,
    /// Only this portal's rows.
    pub portal: Option<String>,
    /// Sorted as an earlier answer was, by what it said of that; by default by favourites and recents as they are now.
    #[serde(default)]
    #[ts(type = "number | null")]
    pub sorted_at: Option<u64>,
    pub offset: u32,
    /// At most 100.
    pub limit: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct SearchAnswer {
    pub total: u32,
    pub offset: u32,
    #[ts(type = "number")]
    pub catalogue_revision: u64,
    /// The revision whose favourites and recents gave the order: to be sent with further requests for this list.
    #[ts(type = "number")]
    pub sorted_at: u64,
    pub rows: Vec<RoleRow>,
}

/// One permission set in one account, ranked by the query; without one favourites first, then recents, then by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RoleRow {
    pub role: Role,
    /// Of a further role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub chain: Option<ChainView>,
    pub portal_name: String,
    pub account_name: String,
    pub email: String,
    pub favourite: bool,
    /// Which characters of the account's name, and of the permission set or the further role's name, matched, by index.
    pub account_name_matches: Vec<u32>,
    pub permission_set_matches: Vec<u32>,
    pub credentials: Option<CredentialsState>,
    #[ts(type = "string | null")]
    pub credentials_expire_at: Option<Timestamp>,
}
