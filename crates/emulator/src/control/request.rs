//! What the requests of the control interface may say.

use serde::Deserialize;

use super::{account_id, bad};
use crate::administration::AdministrationError;
use crate::world::{Assignment, Principal, World};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Advance {
    pub(super) advance_seconds: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Approval {
    pub(super) user_code: String,
    pub(super) user: String,
    pub(super) browser: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Denial {
    pub(super) user_code: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AutoApproval {
    pub(super) user: Option<String>,
    pub(super) browser: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedUser {
    pub(super) user: String,
}

/// One of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentChange {
    pub(super) add: Option<NamedAssignment>,
    pub(super) remove: Option<NamedAssignment>,
}

/// `user` or `group`; the account by id or name.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedAssignment {
    user: Option<String>,
    group: Option<String>,
    permission_set: String,
    account: String,
}

/// One of the two.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SessionChoice {
    pub(super) user: Option<String>,
    pub(super) session: Option<String>,
}

/// All registrations that have what is said here.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RegistrationChoice {
    pub(super) client_id: Option<String>,
    pub(super) client_name: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedAccount {
    pub(super) account: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NamedSet {
    pub(super) permission_set: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WantedCredentials {
    pub(super) user: String,
    pub(super) account: String,
    pub(super) permission_set: String,
    #[serde(default)]
    pub(super) chained: bool,
}

/// One of the two, or both.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkChange {
    pub(super) refuse_ms: Option<u64>,
    pub(super) unknown_ca: Option<bool>,
}

impl NamedAssignment {
    pub(super) fn assignment(self, world: &World) -> Result<Assignment, AdministrationError> {
        let principal = match (self.user, self.group) {
            (Some(user), None) => Principal::User(user),
            (None, Some(group)) => Principal::Group(group),
            (Some(_), Some(_)) | (None, None) => {
                return Err(bad("an assignment has either a user or a group"));
            }
        };
        Ok(Assignment {
            principal,
            permission_set: self.permission_set,
            account: account_id(world, &self.account)?,
        })
    }
}
