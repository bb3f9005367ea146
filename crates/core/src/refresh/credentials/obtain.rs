//! One call for a role's credentials, with a newer token where AWS refuses one.

use std::sync::Arc;

use crate::identity_center::{Failure, Meaning, Priority, RoleCredentials, RoleKey};
use crate::refresh::RefreshFailure;
use crate::refresh::session::Session;

pub(super) async fn obtain(
    session: &Arc<Session>,
    key: &RoleKey,
    priority: Priority,
) -> Result<RoleCredentials, RefreshFailure> {
    let mut token = session.token(priority).await?;
    let mut attempt = 1;
    loop {
        let answer = session
            .center
            .role_credentials(&token, &key.account, &key.permission_set, priority)
            .await;
        match answer {
            Ok(credentials) => return Ok(credentials),
            Err(failure) if failure.meaning == Meaning::TokenRefused => {
                token = session.instead_of(&token, attempt, failure, priority).await?;
                attempt += 1;
            }
            Err(failure) => return Err(meant(failure)),
        }
    }
}

fn meant(failure: Failure) -> RefreshFailure {
    match failure.meaning {
        Meaning::NotAssigned => RefreshFailure::NotAssigned,
        Meaning::TokenRefused
        | Meaning::GrantRefused
        | Meaning::RegistrationRefused
        | Meaning::DeniedByPerson
        | Meaning::TimedOut
        | Meaning::AdministratorNeeded
        | Meaning::Throttled
        | Meaning::Unreachable
        | Meaning::RoleDenied
        | Meaning::KeysRefused
        | Meaning::Invalid => RefreshFailure::Aws(failure),
    }
}
