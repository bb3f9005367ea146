//! The accounts and permission sets assigned to a person: listed, cached on disk, searched.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::identity_center::{Account, PortalId, RoleKey};

/// What one portal assigned, as of the last sync.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// When the last complete sync ended.
    pub synced_at: Option<Timestamp>,
    /// False while only a part is known.
    pub complete: bool,
    /// Sorted by name, then id.
    pub accounts: Vec<ListedAccount>,
}

/// An account with the permission sets assigned in it, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListedAccount {
    #[serde(flatten)]
    pub account: Account,
    pub permission_sets: Vec<String>,
}

/// All portals' listings and what the person made of them.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    pub listings: BTreeMap<PortalId, Listing>,
    /// In the order in which they were marked.
    pub favourites: Vec<RoleKey>,
    /// The newest first.
    pub recents: Vec<RoleKey>,
    /// Grows with every change.
    pub revision: u64,
}
