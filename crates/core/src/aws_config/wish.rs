//! What is wished for: profiles for which roles, named and reached how. Pure.

use super::command_line::is_plain;
use super::names::{Filling, Template, matches};
use crate::paths::short_hash;

/// What our `[sso-session …]` sections are called by.
pub const SESSION: &str = "portray-";

/// What is to stand in the file.
#[derive(Debug, Clone)]
pub struct Wish {
    pub listings: Vec<Listing>,
    pub template: Template,
    pub kind: Kind,
    pub region: Option<String>,
    pub output: Option<String>,
    /// Patterns for `ACCOUNT/PERMISSION_SET`, by the account's name or id; none of them is all of them.
    pub only: Vec<String>,
}

/// How a tool comes to credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// It runs `program`, quoted as it stands in the file.
    CredentialProcess { program: String },
    /// It signs in by itself, as `aws sso login` does.
    SsoSession,
}

/// What a portal lists.
#[derive(Debug, Clone)]
pub struct Listing {
    pub portal: Portal,
    /// All of it is known: what is missing is not assigned.
    pub is_complete: bool,
    pub roles: Vec<Role>,
    /// Further roles that nobody can tell the account of: its name is that of several. Without its id.
    pub unclear: Vec<Role>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    pub id: String,
    pub name: String,
    pub start_url: String,
    pub region: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Role {
    pub account_id: String,
    pub permission_set: String,
    pub account_name: String,
    /// A further role that is assumed from that permission set, by its name in the settings.
    pub chain: Option<String>,
}

impl Role {
    /// What a profile is about: the permission set, or the further role.
    pub fn shown(&self) -> &str {
        self.chain.as_ref().unwrap_or(&self.permission_set)
    }
}

impl Wish {
    /// The names that a profile for this role may have, the best first.
    pub fn names(&self, portal: &Portal, role: &Role) -> impl Iterator<Item = String> + use<> {
        let key = [portal.id.as_str(), &role.account_id, role.shown()].join("\n");
        self.template.names(&filling(portal, role), &key)
    }

    /// Whether the best of them is what the role is really called.
    pub fn is_exact(&self, portal: &Portal, role: &Role) -> bool {
        self.template.is_exact(&filling(portal, role))
    }

    /// Whether the patterns match.
    pub fn is_wanted(&self, role: &Role) -> bool {
        let texts =
            [&role.account_name, &role.account_id].map(|account| format!("{account}/{}", role.shown()));
        let mut patterns = self.only.iter();
        self.only.is_empty() || patterns.any(|pattern| texts.iter().any(|text| matches(pattern, text)))
    }
}

fn filling<'a>(portal: &'a Portal, role: &'a Role) -> Filling<'a> {
    Filling {
        account: &role.account_name,
        account_id: &role.account_id,
        permission_set: role.shown(),
        portal: &portal.name,
    }
}

impl Portal {
    /// What a command line calls it.
    pub fn word(&self) -> Option<&str> {
        [&self.name, &self.id]
            .into_iter()
            .map(String::as_str)
            .find(|word| is_plain(word))
    }

    /// The names that its session may have, the best first.
    pub fn sessions(&self) -> [String; 2] {
        let word = self.word().unwrap_or_default();
        let hash = short_hash(self.id.as_bytes());
        [
            format!("{SESSION}{word}"),
            format!("{SESSION}{word}-{}", &hash[..8]),
        ]
    }

    /// Whether a profile in the file means it.
    pub fn is_called(&self, name: &str) -> bool {
        let is_session = || {
            self.sessions()
                .iter()
                .any(|session| session.strip_prefix(SESSION) == Some(name))
        };
        [&self.name, &self.id, &self.start_url]
            .into_iter()
            .any(|own| own.eq_ignore_ascii_case(name))
            || is_session()
    }
}
