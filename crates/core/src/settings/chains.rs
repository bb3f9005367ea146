//! `[[chain]]`: roles that are assumed from a permission set, as the settings name them.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Every key of a chained role.
pub const CHAIN: &[&str] = &[
    "name",
    "portal",
    "from",
    "role_arn",
    "external_id",
    "session_name",
    "tags",
    "transitive_tags",
    "duration",
    "mfa_serial",
    "region",
];

/// A role that is assumed from a permission set. Nothing of it is checked yet, but that it has what it must have.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ChainSettings {
    /// What it is called wherever a target is named.
    pub name: String,
    /// The portal's name; not needed while there is only one.
    pub portal: Option<String>,
    /// `ACCOUNT/PERMISSION_SET`, the account by id or name.
    pub from: String,
    pub role_arn: String,
    pub external_id: Option<String>,
    /// By default the name of the portal's user.
    pub session_name: Option<String>,
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// Those of the tags that roles assumed from this one get too.
    #[serde(default)]
    pub transitive_tags: Vec<String>,
    /// `15m` to `1h`.
    pub duration: Option<String>,
    /// The MFA device whose code is needed.
    pub mfa_serial: Option<String>,
    /// The region whose STS is asked; by default the portal's.
    pub region: Option<String>,
    /// Where it stands in the file, counted from 1.
    #[serde(skip)]
    pub line: usize,
    /// Where its keys stand.
    #[serde(skip)]
    pub lines: BTreeMap<String, usize>,
}

/// How it is said of a role that it does not hold; why follows.
pub fn is_ignored(name: &str) -> String {
    format!("the chained role “{name}” is ignored")
}

impl ChainSettings {
    /// The line of a key, or where the role begins.
    pub fn line_of(&self, key: &str) -> usize {
        self.lines.get(key).copied().unwrap_or(self.line)
    }
}
