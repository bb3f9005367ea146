//! The company that the emulator plays: people, accounts, permission sets, who may use what.

mod assignments;
mod checker;
mod file;

use std::path::Path;

use jiff::SignedDuration;
use serde::Deserialize;

pub use assignments::{Assignment, Principal};
pub use file::WorldError;

use assignments::Assignments;

const ACME: &str = include_str!("../worlds/acme.toml");
const TOUR: &str = include_str!("../worlds/tour.toml");

/// Everything that a world file says.
#[derive(Clone, Debug)]
pub struct World {
    pub company: String,
    pub region: String,
    /// In AWS's form, without a trailing slash; no client contacts it.
    pub start_url: String,
    pub session_duration: SignedDuration,
    /// Life of an access token whose registration has scopes.
    pub access_token_duration: SignedDuration,
    pub rotation: Rotation,
    pub double_grant: DoubleGrant,
    /// Quota of one user over the portal operations; 0 switches it off.
    pub requests_per_second: u32,
    /// Rows of a list when the client names no `max_result`.
    pub page_size: usize,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub accounts: Vec<Account>,
    pub permission_sets: Vec<PermissionSet>,
    pub(crate) assignments: Assignments,
}

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub password: String,
    pub groups: Vec<String>,
    pub disabled: bool,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub description: String,
}

#[derive(Clone, Debug)]
pub struct Account {
    /// Twelve digits as text.
    pub id: String,
    pub name: String,
    pub email: String,
    pub organizational_unit: String,
}

#[derive(Clone, Debug)]
pub struct PermissionSet {
    pub name: String,
    pub description: String,
    /// Life of the role credentials.
    pub session_duration: SignedDuration,
    /// Where the console opens when nobody names a destination.
    pub relay_state: Option<String>,
}

/// What becomes of a refresh token that was used.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// It stays the only one.
    Off,
    /// A new one comes each time; the old one is accepted for another 60 s.
    #[default]
    Grace,
    /// A new one comes each time; using the old one again revokes all of that sign-in's tokens.
    Strict,
}

/// How a registration for both `device_code` and `authorization_code` is refused: both were seen at AWS.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum DoubleGrant {
    #[default]
    InvalidScope,
    ServerError,
}

impl World {
    /// The demo company, with AWS's lifetimes.
    pub fn acme() -> Self {
        Self::from_toml(ACME).expect("the built-in world is tested")
    }

    /// A small company whose role credentials live for 90 seconds.
    pub fn tour() -> Self {
        Self::from_toml(TOUR).expect("the built-in world is tested")
    }

    /// A built-in world by name (`acme`, `tour`), else a file.
    pub fn load(name_or_path: &str) -> Result<Self, WorldError> {
        match name_or_path {
            "acme" => Self::from_toml(ACME),
            "tour" => Self::from_toml(TOUR),
            path => {
                let text =
                    std::fs::read_to_string(Path::new(path)).map_err(|source| WorldError::Unreadable {
                        path: path.to_owned(),
                        source,
                    })?;
                Self::from_toml(&text)
            }
        }
    }

    /// Reads a world file's text and checks that everything it refers to exists.
    pub fn from_toml(text: &str) -> Result<Self, WorldError> {
        file::parse(text)
    }

    /// User names are compared without regard to case, as at AWS.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.name.eq_ignore_ascii_case(name))
    }

    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub fn permission_set(&self, name: &str) -> Option<&PermissionSet> {
        self.permission_sets.iter().find(|set| set.name == name)
    }

    /// Whether `user` may use `permission_set` in the account, directly or through a group.
    pub fn is_assigned(&self, user: &User, account_id: &str, permission_set: &str) -> bool {
        self.assignments
            .of_account(account_id)
            .any(|(principal, set)| set == permission_set && principal.covers(user))
    }

    /// Whether `user` may use anything in the account.
    pub fn has_access(&self, user: &User, account_id: &str) -> bool {
        self.assignments
            .of_account(account_id)
            .any(|(principal, _)| principal.covers(user))
    }

    /// Adds an assignment. Fails if it names something that the world does not have.
    pub fn assign(&mut self, assignment: &Assignment) -> Result<(), WorldError> {
        self.check(assignment)?;
        self.assignments.add(assignment);
        Ok(())
    }

    /// Takes an assignment back; false if there was none.
    pub fn unassign(&mut self, assignment: &Assignment) -> bool {
        self.assignments.remove(assignment)
    }

    /// `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`.
    pub fn partition(&self) -> &'static str {
        match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            Some("eusc") => "aws-eusc",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    fn check(&self, assignment: &Assignment) -> Result<(), WorldError> {
        let unknown = |key, name: &str| {
            Err(WorldError::Unknown {
                key,
                name: name.to_owned(),
            })
        };
        match &assignment.principal {
            Principal::User(name) if self.user(name).is_none() => return unknown("user", name),
            Principal::Group(name) if !self.groups.iter().any(|group| group.name == *name) => {
                return unknown("group", name);
            }
            Principal::User(_) | Principal::Group(_) => {}
        }
        if self.permission_set(&assignment.permission_set).is_none() {
            return unknown("permission_set", &assignment.permission_set);
        }
        if self.account(&assignment.account).is_none() {
            return unknown("account", &assignment.account);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_worlds_are_valid() {
        let acme = World::acme();
        assert_eq!(acme.accounts.len(), 12);
        assert!(
            acme.permission_sets
                .iter()
                .all(|set| set.session_duration >= SignedDuration::from_hours(1))
        );
        assert_eq!(
            World::tour().permission_sets[0].session_duration,
            SignedDuration::from_secs(90)
        );
    }

    #[test]
    fn an_assignment_reaches_a_user_directly_or_through_a_group() {
        let acme = World::acme();
        let amara = acme.user("AMARA").unwrap();
        assert!(acme.is_assigned(amara, "111122223333", "ReadOnly"));
        assert!(!acme.is_assigned(amara, "111122223333", "AdministratorAccess"));

        let noor = acme.user("noor").unwrap();
        assert!(
            acme.accounts
                .iter()
                .all(|account| !acme.has_access(noor, &account.id))
        );
    }
}
