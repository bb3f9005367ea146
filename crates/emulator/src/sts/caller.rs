//! GetCallerIdentity, and whose keys signed a request.

use super::StsError;
use super::form::{Members, Value};
use super::signature::Signature;
use crate::call::Call;
use crate::role_credentials::RoleSession;
use crate::state::State;

pub(super) fn identity(state: &mut State, call: &mut Call) -> Result<Members, StsError> {
    let role = signer(state, call)?;
    let caller = role.assumed(&state.world);
    call.user = Some(role.user);
    call.principal_tags = role.tags;
    let user_id = format!("{}:{}", caller.role_id, caller.session_name);
    let members = vec![
        ("Arn", Value::text(&caller.arn)),
        ("UserId", Value::text(&user_id)),
        ("Account", Value::text(&caller.account)),
    ];
    call.trail.assumed_role = Some(caller);
    Ok(members)
}

/// Access key id, secret and session token have to be of one set of ours.
pub(super) fn signer(state: &State, call: &Call) -> Result<RoleSession, StsError> {
    let signature = Signature::of(call)?;
    let token = signature
        .session_token
        .as_deref()
        .ok_or(StsError::InvalidClientTokenId)?;
    let role = state
        .mint
        .open(token)
        .filter(|role| role.access_key_id == signature.access_key_id);
    let role = role.ok_or(StsError::InvalidClientTokenId)?;
    if call.now >= role.expires() {
        return Err(StsError::ExpiredToken);
    }
    if !role.is_there(&state.world) {
        return Err(StsError::InvalidClientTokenId);
    }
    signature.check_scope()?;
    if state.world.check_signature_dates {
        signature.check_date(call.now)?;
    }
    if !signature.is_of(&state.mint.secret_access_key(&role.access_key_id), call) {
        return Err(StsError::SignatureDoesNotMatch);
    }
    Ok(role)
}
