//! Logout: `POST /logout` ends the whole portal session, not only the token.

use axum::http::StatusCode;
use axum::response::Response;

use super::PortalError;
use crate::call::{self, Call};
use crate::state::State;

/// Role credentials that were handed out live on until they expire, as at AWS.
pub(crate) fn logout(state: &mut State, call: &mut Call) -> Result<Response, PortalError> {
    let (session, _) = state.bearer(call)?;
    state.sessions.sign_out(&session);
    Ok(call::with_body(StatusCode::OK, "application/json", String::new()))
}
