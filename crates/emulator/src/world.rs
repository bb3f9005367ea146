//! The company that the emulator plays: people, accounts, permission sets, who may use what.

mod accounts;
mod assignments;
mod built_in;
mod checker;
mod deletions;
mod directory;
mod file;
#[cfg(test)]
mod hostile;
mod iam_roles;
mod limits;
mod partition;
mod settings;
mod start_url;
mod tables;
mod unsettled;

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use serde::Deserialize;

pub use assignments::{Assignment, Principal};
pub use directory::{Group, IdentitySource, Mfa, User};
pub use file::WorldError;
pub use iam_roles::{IamRole, MfaDevice, Trustee};
pub use unsettled::{
    AbsentMembers, DoubleGrant, Keys, LoggedOutRefresh, MissingScope, UnassignedRole, Unsettled,
    VerificationUri,
};

pub(crate) use accounts::{NoAccount, ambiguous};
pub(crate) use partition::Partition;

use assignments::Assignments;
use deletions::DeletedRoles;

/// Everything that a world file says.
#[derive(Clone, Debug)]
pub struct World {
    pub company: String,
    pub region: String,
    /// In AWS's form, without a trailing slash; no client contacts it.
    pub start_url: String,
    pub identity_source: IdentitySource,
    /// Names and addresses that AWS would refuse are allowed.
    pub hostile: bool,
    /// Lifetimes below AWS's shortest are allowed.
    pub short_lifetimes: bool,
    /// Of a portal session; see [`World::session_length`].
    pub session_duration: SignedDuration,
    /// Life of an access token whose registration has scopes.
    pub access_token_duration: SignedDuration,
    pub rotation: Rotation,
    pub unsettled: Unsettled,
    /// Quota of one user over the portal operations; 0 switches it off.
    pub requests_per_second: u32,
    /// Rows of a list when the client names no `max_result`.
    pub page_size: usize,
    /// Whether STS refuses signatures that are more than five minutes away from the emulator's clock.
    pub check_signature_dates: bool,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub accounts: Vec<Account>,
    pub permission_sets: Vec<PermissionSet>,
    pub applications: Vec<Application>,
    pub roles: Vec<IamRole>,
    /// Session tag to the attribute that it gets its value from, such as `${path:enterprise.costCenter}`.
    pub attributes_for_access_control: BTreeMap<String, String>,
    pub(crate) assignments: Assignments,
    /// Permission sets that were deleted: a place in the list above is theirs still.
    pub(crate) deleted_sets: BTreeSet<String>,
    /// What these handed out fails at once.
    pub(crate) deleted_roles: DeletedRoles,
}

#[derive(Clone, Debug)]
pub struct Account {
    /// Twelve digits as text.
    pub id: String,
    pub name: String,
    pub email: String,
    /// Path from the root, such as `workloads/prod`; empty at the root.
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
    /// ARNs of AWS's or the customer's policies; nothing here evaluates them.
    pub managed_policies: Vec<String>,
}

/// A SAML application of the access portal: a name with a link.
#[derive(Clone, Debug)]
pub struct Application {
    pub name: String,
    pub description: String,
    pub url: String,
    /// Who sees it.
    pub principals: Vec<Principal>,
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

impl World {
    /// A built-in world by name (`acme`, `tour`, `one`, `hostile`, `big`), else a file.
    pub fn load(name_or_path: &str) -> Result<Self, WorldError> {
        Self::from_toml(&Self::text(name_or_path)?)
    }

    /// Reads a world file's text and checks that everything it refers to exists.
    pub fn from_toml(text: &str) -> Result<Self, WorldError> {
        file::parse(text)
    }

    /// Adds a piece of a world file: what has the name or id of something known replaces it. Company, region, start
    /// URL and identity source stay as they are. On an error nothing has changed.
    pub fn amend(&mut self, text: &str) -> Result<(), WorldError> {
        file::amend(self, text)
    }

    /// How long a portal session lasts: with an external provider, the shorter of the administrator's and its own.
    pub fn session_length(&self) -> SignedDuration {
        match &self.identity_source {
            IdentitySource::ExternalIdp {
                session_duration: Some(own),
                ..
            } => self.session_duration.min(*own),
            IdentitySource::ExternalIdp { .. }
            | IdentitySource::IdentityCenter
            | IdentitySource::ActiveDirectory { .. } => self.session_duration,
        }
    }

    /// The session tags that a user's role sessions get from attributes for access control.
    pub fn principal_tags(&self, user: &User) -> BTreeMap<String, String> {
        let value = |source: &str| {
            let path = source.strip_prefix("${path:")?.strip_suffix('}')?;
            match path {
                "userName" => Some(user.name.clone()),
                "displayName" => Some(user.display_name.clone()),
                "emails[primary eq true].value" => Some(user.email.clone()),
                other => user.attributes.get(other).cloned(),
            }
        };
        let tags = self.attributes_for_access_control.iter();
        tags.filter_map(|(tag, source)| Some((tag.clone(), value(source)?)))
            .collect()
    }

    /// The applications that a user sees in the access portal.
    pub fn applications_of(&self, user: &User) -> impl Iterator<Item = &Application> {
        let applications = self.applications.iter();
        applications.filter(|application| application.principals.iter().any(|one| one.covers(user)))
    }

    /// User names are compared without regard to case, as at AWS.
    pub fn user(&self, name: &str) -> Option<&User> {
        self.users
            .iter()
            .find(|user| user.name.eq_ignore_ascii_case(name))
    }

    /// The user that somebody means by what was typed on the sign-in page.
    pub(crate) fn typed_user(&self, typed: &str) -> Option<&User> {
        // A name may end with what looks like a slip of the keyboard.
        let exact = self.user(typed);
        let short = self.identity_source.user_name(typed);
        let found = exact.or_else(|| self.user(short));
        let IdentitySource::ActiveDirectory { domain } = &self.identity_source else {
            return found;
        };
        // Directories that Identity Center reads name their users with the domain.
        found.or_else(|| self.user(&format!("{short}@{domain}")))
    }

    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id)
    }

    pub fn permission_set(&self, name: &str) -> Option<&PermissionSet> {
        let mut sets = self.permission_sets.iter();
        sets.find(|set| set.name == name && !self.deleted_sets.contains(name))
    }

    /// Whether `user` may use `permission_set` in the account, directly or through a group.
    pub fn is_assigned(&self, user: &User, account_id: &str, permission_set: &str) -> bool {
        self.assignments
            .of_account(account_id)
            .any(|(principal, set)| set == permission_set && principal.covers(user))
    }

    /// Whether `user` may use anything in the account.
    pub fn has_access(&self, user: &User, account_id: &str) -> bool {
        self.assigned_sets(user, account_id).next().is_some()
    }

    /// The permission sets that `user` may use in the account, one of them twice where it comes in two ways.
    pub(crate) fn assigned_sets(&self, user: &User, account_id: &str) -> impl Iterator<Item = &str> {
        let assignments = self.assignments.of_account(account_id);
        assignments
            .filter(|(principal, _)| principal.covers(user))
            .map(|(_, set)| set)
    }

    /// Adds an assignment. Fails if it names something that the world does not have.
    pub fn assign(&mut self, assignment: &Assignment) -> Result<(), WorldError> {
        self.check(assignment)?;
        let assignment = self.as_known(assignment);
        self.assignments.add(&assignment);
        Ok(())
    }

    /// With the user's name as the directory writes it.
    fn as_known(&self, assignment: &Assignment) -> Assignment {
        let mut known = assignment.clone();
        if let Principal::User(name) = &mut known.principal
            && let Some(user) = self.user(name)
        {
            name.clone_from(&user.name);
        }
        known
    }

    /// `aws`, `aws-cn`, `aws-us-gov` or `aws-eusc`.
    pub fn partition(&self) -> &'static str {
        Partition::of(&self.region).name()
    }

    /// The host of the AWS Management Console in this partition; regional hosts are `REGION.` before it.
    pub(crate) fn console_host(&self) -> &'static str {
        Partition::of(&self.region).console_host()
    }

    /// What all hosts of the partition's console and of its services' own consoles end in.
    pub(crate) fn console_domain(&self) -> &'static str {
        let host = self.console_host();
        host.strip_prefix("console.").unwrap_or(host)
    }

    /// The partition's sign-in host; regional ones are `REGION.` before it.
    pub(crate) fn sign_in_host(&self) -> &'static str {
        Partition::of(&self.region).sign_in_host()
    }

    /// Where the console opens when neither a link nor the permission set says so.
    pub(crate) fn console_home(&self) -> String {
        let (region, host) = (&self.region, self.console_host());
        format!("https://{region}.{host}/console/home?region={region}")
    }

    /// `d-…`, from the start URL, else one that looks like it.
    pub(crate) fn identity_store_id(&self) -> &str {
        let host = self.start_url.split('/').nth(2).unwrap_or_default();
        let label = host.split('.').next().unwrap_or_default();
        if label.starts_with("d-") {
            label
        } else {
            "d-0000000000"
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
    fn an_assignment_reaches_a_user_directly_or_through_a_group() {
        let acme = World::acme();
        let amara = acme.user("AMARA").unwrap();
        assert!(acme.is_assigned(amara, "111122223333", "ReadOnly"));
        assert!(!acme.is_assigned(amara, "111122223333", "AdministratorAccess"));

        let ben = acme.user("ben").unwrap();
        assert_eq!(ben.groups, ["platform"]);
        assert!(
            acme.is_assigned(ben, "111122223333", "Developer"),
            "platform is a member of developers"
        );

        let noor = acme.user("noor").unwrap();
        assert!(
            acme.accounts
                .iter()
                .all(|account| !acme.has_access(noor, &account.id))
        );
    }

    #[test]
    fn a_user_of_active_directory_is_found_with_and_without_the_domain() {
        let domain = "corp.acme.example";
        for name in ["kim", "kim@corp.acme.example"] {
            let mut acme = World::acme();
            let kim = format!(
                "[[user]]\nname = \"{name}\"\ndisplay_name = \"Kim\"\nemail = \"kim@acme.example\"\npassword = \"x\"\n"
            );
            acme.amend(&kim).unwrap();
            acme.identity_source = IdentitySource::ActiveDirectory {
                domain: domain.to_owned(),
            };
            for typed in ["kim", " KIM@Corp.acme.example ", "CORP\\kim"] {
                let found = acme.typed_user(typed).map(|user| user.name.as_str());
                assert_eq!(found, Some(name), "{typed}");
            }
            assert!(acme.typed_user("OTHER\\kim").is_none() && acme.typed_user("kim@other").is_none());
        }
    }

    #[test]
    fn attributes_for_access_control_become_tags_of_users_that_have_them() {
        let acme = World::acme();
        let tags = acme.principal_tags(acme.user("amara").unwrap());
        assert_eq!(tags["CostCenter"], "4711");
        assert_eq!(tags["UserName"], "amara");
        assert!(
            !acme
                .principal_tags(acme.user("noor").unwrap())
                .contains_key("CostCenter")
        );
    }

    #[test]
    fn the_shorter_session_counts_with_an_external_provider_only() {
        let mut world = World::acme();
        let own = |hours| IdentitySource::ExternalIdp {
            name: "Okta".to_owned(),
            session_duration: Some(SignedDuration::from_hours(hours)),
        };
        for (hours, expected) in [(2, 2), (12, 8)] {
            world.identity_source = own(hours);
            assert_eq!(world.session_length(), SignedDuration::from_hours(expected));
        }
    }

    #[test]
    fn an_assignment_is_found_however_the_user_is_written() {
        let mut acme = World::acme();
        let noor = acme.user("noor").unwrap().clone();
        for (given, taken) in [("NOOR", "noor"), ("noor", "Noor")] {
            acme.assign(&Assignment::user(given, "ReadOnly", "111122223333"))
                .unwrap();
            assert!(acme.is_assigned(&noor, "111122223333", "ReadOnly"));
            assert!(
                acme.unassign(&Assignment::user(taken, "ReadOnly", "111122223333")),
                "{taken}"
            );
            assert!(!acme.is_assigned(&noor, "111122223333", "ReadOnly"));
        }
    }
}
