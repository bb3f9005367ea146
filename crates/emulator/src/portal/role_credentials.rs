//! GetRoleCredentials: `GET /federation/credentials`.

use axum::http::StatusCode;
use axum::response::Response;
use serde_json::json;

use super::PortalError;
use crate::call::{self, Call};
use crate::role_credentials::{NewSession, RoleCredentials};
use crate::state::State;
use crate::world::{Keys, UnassignedRole, User};

pub(crate) fn role_credentials(state: &mut State, call: &mut Call) -> Result<Response, PortalError> {
    let user = state.reader(call)?;
    let account = call
        .query("account_id")
        .ok_or(PortalError::InvalidRequest("account_id is required"))?;
    let role = call
        .query("role_name")
        .ok_or(PortalError::InvalidRequest("role_name is required"))?;
    let credentials = state.issue_role_credentials(&user, &account, &role, call).ok_or(
        match state.world.unsettled.unassigned_role {
            UnassignedRole::Forbidden => PortalError::Forbidden,
            UnassignedRole::NotFound => PortalError::ResourceNotFound,
        },
    )?;
    call.principal_tags = state.world.principal_tags(&user);
    let answer = json!({ "roleCredentials": {
        "accessKeyId": credentials.access_key_id,
        "secretAccessKey": credentials.secret_access_key,
        "sessionToken": credentials.session_token,
        "expiration": credentials.expiration.as_millisecond(),
    }});
    Ok(call::json(StatusCode::OK, &answer))
}

impl State {
    /// New keys each time, unless the world says otherwise; none if the role is not assigned to the user.
    pub(crate) fn issue_role_credentials(
        &mut self,
        user: &User,
        account: &str,
        permission_set: &str,
        call: &Call,
    ) -> Option<RoleCredentials> {
        if !self.world.is_assigned(user, account, permission_set) {
            return None;
        }
        let life = self.world.permission_set(permission_set)?.session_duration;
        let key = (user.name.clone(), account.to_owned(), permission_set.to_owned());
        if self.world.unsettled.role_credentials == Keys::Same
            && let Some(same) = self.same_keys.get(&key)
            && call.now + life / 2 < same.expiration
            && self.mint.open(&same.session_token)?.is_there(&self.world)
        {
            return Some(same.clone());
        }
        let new = NewSession {
            account,
            permission_set,
            user: &user.name,
            tags: self.world.principal_tags(user),
        };
        let issued = self
            .mint
            .issue(&mut self.random, new, &self.world, call.now, life);
        self.secrets.note("secret_access_key", &issued.secret_access_key);
        self.secrets.note("session_token", &issued.session_token);
        if self.world.unsettled.role_credentials == Keys::Same {
            self.same_keys.insert(key, issued.clone());
        }
        Some(issued)
    }
}
