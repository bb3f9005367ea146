//! The portal API: accounts and permission sets of a signed-in user, role credentials, sign-out.

mod error;
mod list_account_roles;
mod list_accounts;
mod logout;
mod paging;
mod role_credentials;
mod throttle;

pub(crate) use error::PortalError;
pub(crate) use list_account_roles::list_account_roles;
pub(crate) use list_accounts::list_accounts;
pub(crate) use logout::logout;
pub(crate) use paging::page_token;
pub(crate) use role_credentials::role_credentials;
pub(crate) use throttle::Throttle;

use crate::call::Call;
use crate::sessions::SessionId;
use crate::state::State;
use crate::world::{MissingScope, User};

const TOKEN_HEADER: &str = "x-amz-sso_bearer_token";

impl State {
    /// Session and user of the call's access token; notes the user for the audit log.
    fn bearer(&self, call: &mut Call) -> Result<(SessionId, User), PortalError> {
        let token = call.header(TOKEN_HEADER).ok_or(PortalError::Unauthorized)?;
        let (session, user) = self.signed_in(token, call.now).ok_or(PortalError::Unauthorized)?;
        call.user = Some(user.name.clone());
        call.session = Some(session.clone());
        Ok((session, user))
    }

    /// As [`Self::bearer`], for the operations that share the quota.
    fn reader(&mut self, call: &mut Call) -> Result<User, PortalError> {
        let (_, user) = self.bearer(call)?;
        if !call
            .header(TOKEN_HEADER)
            .is_some_and(|token| self.reaches_accounts(token))
        {
            return Err(match self.world.unsettled.missing_scope {
                MissingScope::Unauthorized => PortalError::Unauthorized,
                MissingScope::Forbidden => PortalError::Forbidden,
            });
        }
        if !self
            .throttle
            .admit(&user.name, self.world.requests_per_second, call.now)
        {
            return Err(PortalError::TooManyRequests);
        }
        Ok(user)
    }
}

#[cfg(test)]
mod tests;
