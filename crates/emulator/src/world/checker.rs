//! Checks a world file beyond its syntax: lifetimes within AWS's limits, and nothing refers to nothing.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use toml::Spanned;

use super::file::{
    AccountTable, AssignmentTable, GroupTable, Lifetime, PermissionSetTable, UserTable, WorldFile,
};
use super::{Account, Assignment, Assignments, Group, PermissionSet, Principal, User, World, WorldError};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Knows the text, to say in which line a problem is.
pub(super) struct Checker<'a> {
    pub(super) text: &'a str,
    pub(super) short_lifetimes: bool,
}

impl Checker<'_> {
    pub(super) fn world(&self, file: WorldFile) -> Result<World, WorldError> {
        let start_url = self.start_url(&file.start_url)?;
        let session_duration = self.lifetime(
            "session_duration",
            &file.session_duration,
            MINUTE * 15,
            HOUR * 24 * 90,
        )?;
        let access_token_duration =
            self.lifetime("access_token_duration", &file.access_token_duration, HOUR, HOUR)?;
        let page_size = *file.page_size.get_ref();
        if !(1..=100).contains(&page_size) {
            return Err(self.invalid("page_size", &file.page_size, "must be 1 to 100".to_owned()));
        }
        let groups = self.groups(file.group)?;
        let users = self.users(file.user, &groups)?;
        let accounts = self.accounts(file.account)?;
        let permission_sets = self.permission_sets(file.permission_set)?;
        let mut world = World {
            company: file.company,
            region: file.region,
            start_url,
            session_duration,
            access_token_duration,
            rotation: file.rotation,
            double_grant: file.double_grant,
            requests_per_second: file.requests_per_second,
            page_size,
            users,
            groups,
            accounts,
            permission_sets,
            assignments: Assignments::default(),
        };
        for table in &file.assignment {
            self.assign(&mut world, table)?;
        }
        Ok(world)
    }

    fn start_url(&self, start_url: &Spanned<String>) -> Result<String, WorldError> {
        let text = start_url.get_ref().trim_end_matches('/');
        if !text.starts_with("https://") {
            let problem = "must look like https://d-1234567890.awsapps.com/start".to_owned();
            return Err(self.invalid("start_url", start_url, problem));
        }
        Ok(text.to_owned())
    }

    fn groups(&self, tables: Vec<GroupTable>) -> Result<Vec<Group>, WorldError> {
        self.distinct("group.name", tables.iter().map(|table| &table.name))?;
        let group = |table: GroupTable| Group {
            name: table.name.into_inner(),
            description: table.description,
        };
        Ok(tables.into_iter().map(group).collect())
    }

    fn users(&self, tables: Vec<UserTable>, groups: &[Group]) -> Result<Vec<User>, WorldError> {
        self.distinct("user.name", tables.iter().map(|table| &table.name))?;
        for group in tables.iter().flat_map(|table| &table.groups) {
            if !groups.iter().any(|known| known.name == *group.get_ref()) {
                return Err(self.unknown("user.groups", "group", group));
            }
        }
        let user = |table: UserTable| User {
            name: table.name.into_inner(),
            display_name: table.display_name,
            email: table.email,
            password: table.password,
            groups: table.groups.into_iter().map(Spanned::into_inner).collect(),
            disabled: table.disabled,
        };
        Ok(tables.into_iter().map(user).collect())
    }

    fn accounts(&self, tables: Vec<AccountTable>) -> Result<Vec<Account>, WorldError> {
        self.distinct("account.id", tables.iter().map(|table| &table.id))?;
        for table in &tables {
            let id = table.id.get_ref();
            if id.len() != 12 || !id.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(self.invalid("account.id", &table.id, format!("{id:?} is not twelve digits")));
            }
        }
        let account = |table: AccountTable| Account {
            id: table.id.into_inner(),
            name: table.name,
            email: table.email,
            organizational_unit: table.ou,
        };
        Ok(tables.into_iter().map(account).collect())
    }

    fn permission_sets(&self, tables: Vec<PermissionSetTable>) -> Result<Vec<PermissionSet>, WorldError> {
        self.distinct("permission_set.name", tables.iter().map(|table| &table.name))?;
        let permission_set = |table: PermissionSetTable| {
            let key = "permission_set.session_duration";
            let session_duration = self.lifetime(key, &table.session_duration, HOUR, HOUR * 12)?;
            let name = table.name.into_inner();
            Ok(PermissionSet {
                name,
                description: table.description,
                session_duration,
                relay_state: table.relay_state,
            })
        };
        tables.into_iter().map(permission_set).collect()
    }

    fn assign(&self, world: &mut World, table: &AssignmentTable) -> Result<(), WorldError> {
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
            (Some(user), None) => match world.user(user.get_ref()) {
                Some(known) => Ok(Principal::User(known.name.clone())),
                None => Err(self.unknown("assignment.user", "user", user)),
            },
            (None, Some(group)) => match world.groups.iter().find(|known| known.name == *group.get_ref()) {
                Some(known) => Ok(Principal::Group(known.name.clone())),
                None => Err(self.unknown("assignment.group", "group", group)),
            },
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
            let name = wanted.get_ref();
            let Some(account) = world
                .accounts
                .iter()
                .find(|known| known.id == *name || known.name == *name)
            else {
                return Err(self.unknown("assignment.accounts", "account", wanted));
            };
            ids.insert(account.id.clone());
        }
        for wanted in &table.ous {
            let before = ids.len();
            let inside = world
                .accounts
                .iter()
                .filter(|known| known.organizational_unit == *wanted.get_ref());
            ids.extend(inside.map(|account| account.id.clone()));
            if ids.len() == before {
                return Err(self.unknown("assignment.ous", "further account in the OU", wanted));
            }
        }
        if ids.is_empty() {
            let problem = "needs accounts or ous".to_owned();
            return Err(self.invalid("assignment", &table.permission_sets, problem));
        }
        Ok(ids)
    }

    fn lifetime(
        &self,
        key: &'static str,
        lifetime: &Spanned<Lifetime>,
        least: SignedDuration,
        most: SignedDuration,
    ) -> Result<SignedDuration, WorldError> {
        let duration = lifetime.get_ref().0;
        if duration > most || (duration < least && !self.short_lifetimes) {
            let problem =
                format!("{duration:#} is outside {least:#} to {most:#} (short_lifetimes = true allows less)");
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

    fn unknown(&self, key: &'static str, what: &str, name: &Spanned<String>) -> WorldError {
        self.invalid(key, name, format!("there is no {what} {:?}", name.get_ref()))
    }

    fn invalid<T>(&self, key: &'static str, at: &Spanned<T>, problem: String) -> WorldError {
        let line = self.text[..at.span().start].matches('\n').count() + 1;
        WorldError::Invalid { line, key, problem }
    }
}
