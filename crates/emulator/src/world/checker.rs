//! Checks a world file beyond its syntax, and puts what it says into a world.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use toml::Spanned;

use super::accounts::{NoAccount, ambiguous};
use super::directory::memberships;
use super::tables::{
    AccountTable, ApplicationTable, AssignmentTable, GroupTable, Lifetime, PermissionSetTable, UserTable,
    WorldFile,
};
use super::{Account, Application, Assignment, Group, PermissionSet, Principal, User, World, WorldError};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Knows the text, to say in which line a problem is.
pub(super) struct Checker<'a> {
    pub(super) text: &'a str,
    pub(super) short_lifetimes: bool,
    /// Allows what AWS does not.
    pub(super) hostile: bool,
}

impl Checker<'_> {
    /// Settings are set; users, groups, accounts, permission sets, roles and applications are added, or replace those of
    /// the same name; assignments are added.
    pub(super) fn apply(&self, mut file: WorldFile, world: &mut World) -> Result<(), WorldError> {
        self.settings(&mut file, world)?;
        self.groups(file.group, world)?;
        self.users(file.user, world)?;
        self.accounts(&file.account, world)?;
        self.permission_sets(file.permission_set, world)?;
        for table in &file.assignment {
            self.assign(world, table)?;
        }
        self.roles(file.role, world)?;
        self.applications(file.application, world)
    }

    fn groups(&self, tables: Vec<GroupTable>, world: &mut World) -> Result<(), WorldError> {
        self.distinct("group.name", tables.iter().map(|table| &table.name))?;
        let members: Vec<(String, Vec<Spanned<String>>)> = tables
            .iter()
            .map(|table| (table.name.get_ref().clone(), table.groups.clone()))
            .collect();
        let groups = tables.into_iter().map(|table| Group {
            name: table.name.into_inner(),
            description: table.description,
            groups: table.groups.into_iter().map(Spanned::into_inner).collect(),
        });
        merge(&mut world.groups, groups, |group| group.name.clone());
        for (name, parents) in &members {
            for parent in parents {
                self.known_group("group.groups", parent, &world.groups)?;
                let above = memberships(std::slice::from_ref(parent.get_ref()), &world.groups);
                if above.contains(name) {
                    let problem = format!("{name:?} would be in a circle: it is a member of itself");
                    return Err(self.invalid("group.groups", parent, problem));
                }
            }
        }
        let World { users, groups, .. } = world;
        for user in users {
            user.all_groups = memberships(&user.groups, groups);
        }
        Ok(())
    }

    fn users(&self, tables: Vec<UserTable>, world: &mut World) -> Result<(), WorldError> {
        self.distinct("user.name", tables.iter().map(|table| &table.name))?;
        let mut users = Vec::new();
        let addresses: Vec<(Spanned<String>, String)> = tables
            .iter()
            .map(|table| (table.email.clone(), table.name.get_ref().clone()))
            .collect();
        for table in tables {
            self.limits_of_user(&table)?;
            for group in &table.groups {
                self.known_group("user.groups", group, &world.groups)?;
            }
            let groups: Vec<String> = table.groups.into_iter().map(Spanned::into_inner).collect();
            users.push(User {
                name: table.name.into_inner(),
                display_name: table.display_name.into_inner(),
                email: table.email.into_inner(),
                password: table.password.into_inner(),
                all_groups: memberships(&groups, &world.groups),
                groups,
                mfa: self.mfa(table.mfa, &world.identity_source)?,
                attributes: table
                    .attributes
                    .into_iter()
                    .map(|(name, value)| (name.into_inner(), value))
                    .collect(),
                disabled: table.disabled,
            });
        }
        merge(&mut world.users, users.into_iter(), |user| {
            user.name.to_lowercase()
        });
        let new: Vec<_> = addresses
            .iter()
            .map(|(address, name)| (address, name.as_str()))
            .collect();
        let all = world.users.iter();
        let all = all.map(|user| (user.email.as_str(), user.name.as_str()));
        self.own_addresses("user.email", &new, all)
    }

    fn accounts(&self, tables: &[AccountTable], world: &mut World) -> Result<(), WorldError> {
        self.distinct("account.id", tables.iter().map(|table| &table.id))?;
        for table in tables {
            self.limits_of_account(table)?;
            let id = table.id.get_ref();
            if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(self.invalid("account.id", &table.id, format!("{id:?} is not twelve digits")));
            }
            if let Some(ou) = table
                .ou
                .as_ref()
                .filter(|ou| ou.get_ref().split('/').any(str::is_empty))
            {
                let problem = "is a path such as workloads/prod, without empty parts".to_owned();
                return Err(self.invalid("account.ou", ou, problem));
            }
        }
        let accounts = tables.iter().map(|table| Account {
            id: table.id.get_ref().clone(),
            name: table.name.get_ref().clone(),
            email: table.email.get_ref().clone(),
            organizational_unit: table
                .ou
                .as_ref()
                .map_or_else(String::new, |ou| ou.get_ref().clone()),
        });
        merge(&mut world.accounts, accounts, |account| account.id.clone());
        let new = tables
            .iter()
            .map(|table| (&table.email, table.id.get_ref().as_str()));
        let new: Vec<_> = new.collect();
        let all = world.accounts.iter();
        let all = all.map(|account| (account.email.as_str(), account.id.as_str()));
        self.own_addresses("account.email", &new, all)
    }

    fn permission_sets(&self, tables: Vec<PermissionSetTable>, world: &mut World) -> Result<(), WorldError> {
        self.distinct("permission_set.name", tables.iter().map(|table| &table.name))?;
        let mut sets = Vec::new();
        for table in tables {
            self.limits_of_set(&table)?;
            self.distinct("permission_set.managed_policies", table.managed_policies.iter())?;
            let is_policy =
                |arn: &str| arn.starts_with("arn:aws") && arn.contains(":iam::") && arn.contains(":policy/");
            for arn in &table.managed_policies {
                if !is_policy(arn.get_ref()) {
                    let problem = "is an ARN such as arn:aws:iam::aws:policy/ReadOnlyAccess".to_owned();
                    return Err(self.invalid("permission_set.managed_policies", arn, problem));
                }
            }
            let key = "permission_set.session_duration";
            world.deleted_sets.remove(table.name.get_ref());
            sets.push(PermissionSet {
                name: table.name.into_inner(),
                description: table.description.map(Spanned::into_inner).unwrap_or_default(),
                session_duration: self.lifetime(key, &table.session_duration, HOUR, HOUR * 12)?,
                relay_state: table.relay_state.map(Spanned::into_inner),
                managed_policies: table
                    .managed_policies
                    .into_iter()
                    .map(Spanned::into_inner)
                    .collect(),
            });
        }
        merge(&mut world.permission_sets, sets.into_iter(), |set| {
            set.name.clone()
        });
        Ok(())
    }

    fn applications(&self, tables: Vec<ApplicationTable>, world: &mut World) -> Result<(), WorldError> {
        self.distinct("application.name", tables.iter().map(|table| &table.name))?;
        let mut applications = Vec::new();
        for table in tables {
            if !["https://", "http://"]
                .iter()
                .any(|scheme| table.url.get_ref().starts_with(scheme))
            {
                let problem = "must begin with https:// or http://".to_owned();
                return Err(self.invalid("application.url", &table.url, problem));
            }
            let mut principals = Vec::new();
            for user in &table.users {
                principals.push(Principal::User(self.known_user(
                    "application.users",
                    user,
                    world,
                )?));
            }
            for group in &table.groups {
                self.known_group("application.groups", group, &world.groups)?;
                principals.push(Principal::Group(group.get_ref().clone()));
            }
            applications.push(Application {
                name: table.name.into_inner(),
                description: table.description,
                url: table.url.into_inner(),
                principals,
            });
        }
        merge(&mut world.applications, applications.into_iter(), |one| {
            one.name.clone()
        });
        Ok(())
    }

    fn assign(&self, world: &mut World, table: &AssignmentTable) -> Result<(), WorldError> {
        if table.permission_sets.get_ref().is_empty() {
            let problem = "is empty: nothing would be assigned".to_owned();
            return Err(self.invalid("assignment.permission_sets", &table.permission_sets, problem));
        }
        let principal = self.principal(world, table)?;
        let accounts = self.assigned_accounts(world, table)?;
        for set in table.permission_sets.get_ref() {
            if world.permission_set(set.get_ref()).is_none() {
                return Err(self.unknown("assignment.permission_sets", "permission set", set));
            }
            for account in &accounts {
                world.assignments.add(&Assignment {
                    principal: principal.clone(),
                    permission_set: set.get_ref().clone(),
                    account: account.clone(),
                });
            }
        }
        Ok(())
    }

    fn principal(&self, world: &World, table: &AssignmentTable) -> Result<Principal, WorldError> {
        match (&table.user, &table.group) {
            (Some(user), None) => self
                .known_user("assignment.user", user, world)
                .map(Principal::User),
            (None, Some(group)) => {
                self.known_group("assignment.group", group, &world.groups)?;
                Ok(Principal::Group(group.get_ref().clone()))
            }
            (Some(_), Some(_)) | (None, None) => {
                let problem = "needs either a user or a group".to_owned();
                Err(self.invalid("assignment", &table.permission_sets, problem))
            }
        }
    }

    fn assigned_accounts(
        &self,
        world: &World,
        table: &AssignmentTable,
    ) -> Result<BTreeSet<String>, WorldError> {
        let mut ids = BTreeSet::new();
        for wanted in &table.accounts {
            ids.insert(self.account_id("assignment.accounts", wanted, world)?);
        }
        for wanted in &table.ous {
            let ou = wanted.get_ref();
            let inside: Vec<&Account> = world
                .accounts
                .iter()
                .filter(|account| is_inside(account, ou))
                .collect();
            if inside.is_empty() {
                return Err(self.unknown("assignment.ous", "account in the OU", wanted));
            }
            ids.extend(inside.into_iter().map(|account| account.id.clone()));
        }
        if ids.is_empty() {
            let problem = "needs accounts or ous".to_owned();
            return Err(self.invalid("assignment", &table.permission_sets, problem));
        }
        Ok(ids)
    }

    /// Of the account with this id, or this name.
    pub(super) fn account_id(
        &self,
        key: &'static str,
        wanted: &Spanned<String>,
        world: &World,
    ) -> Result<String, WorldError> {
        let name = wanted.get_ref();
        match world.account_called(name) {
            Ok(account) => Ok(account.id.clone()),
            Err(NoAccount::Unknown) => Err(self.unknown(key, "account", wanted)),
            Err(NoAccount::Ambiguous) => Err(self.invalid(key, wanted, ambiguous(name))),
        }
    }

    pub(super) fn lifetime(
        &self,
        key: &'static str,
        lifetime: &Spanned<Lifetime>,
        least: SignedDuration,
        most: SignedDuration,
    ) -> Result<SignedDuration, WorldError> {
        let duration = lifetime.get_ref().0;
        if duration > most || (duration < least && !self.short_lifetimes) {
            let hint = if duration < least {
                " (short_lifetimes = true allows less)"
            } else {
                ""
            };
            let (least, most) = (Lifetime(least), Lifetime(most));
            let problem = format!("{} is outside {least} to {most}{hint}", Lifetime(duration));
            return Err(self.invalid(key, lifetime, problem));
        }
        Ok(duration)
    }

    fn distinct<'a>(
        &self,
        key: &'static str,
        names: impl Iterator<Item = &'a Spanned<String>>,
    ) -> Result<(), WorldError> {
        let mut seen = BTreeSet::new();
        for name in names {
            if !seen.insert(name.get_ref().to_lowercase()) {
                return Err(self.invalid(key, name, format!("{:?} is there twice", name.get_ref())));
            }
        }
        Ok(())
    }

    fn known_user(
        &self,
        key: &'static str,
        name: &Spanned<String>,
        world: &World,
    ) -> Result<String, WorldError> {
        let known = world.user(name.get_ref());
        Ok(known.ok_or_else(|| self.unknown(key, "user", name))?.name.clone())
    }

    fn known_group(
        &self,
        key: &'static str,
        name: &Spanned<String>,
        groups: &[Group],
    ) -> Result<(), WorldError> {
        match groups.iter().any(|known| known.name == *name.get_ref()) {
            true => Ok(()),
            false => Err(self.unknown(key, "group", name)),
        }
    }

    fn unknown(&self, key: &'static str, what: &str, name: &Spanned<String>) -> WorldError {
        self.invalid(key, name, format!("there is no {what} {:?}", name.get_ref()))
    }

    pub(super) fn invalid<T>(&self, key: &'static str, at: &Spanned<T>, problem: String) -> WorldError {
        let line = self.text[..at.span().start].matches('\n').count() + 1;
        WorldError::Invalid { line, key, problem }
    }
}

/// In the OU or in one below it.
fn is_inside(account: &Account, ou: &str) -> bool {
    let below = account.organizational_unit.strip_prefix(ou);
    below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Adds what is new at the end; what is known keeps its place, because pages of lists count rows.
pub(super) fn merge<T>(known: &mut Vec<T>, new: impl Iterator<Item = T>, name: impl Fn(&T) -> String) {
    let mut places: BTreeMap<String, usize> = known
        .iter()
        .enumerate()
        .map(|(place, one)| (name(one), place))
        .collect();
    for one in new {
        match places.get(&name(&one)) {
            Some(place) => known[*place] = one,
            None => {
                places.insert(name(&one), known.len());
                known.push(one);
            }
        }
    }
}
