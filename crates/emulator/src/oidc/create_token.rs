//! CreateToken: `POST /token`, for a device code, an authorization code or a refresh token.

use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;

use super::tokens::Issued;
use super::{AUTHORIZATION_CODE, DEVICE_CODE, OidcError, REFRESH_TOKEN};
use crate::call::{self, Call};
use crate::state::State;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    client_id: Option<String>,
    client_secret: Option<String>,
    grant_type: Option<String>,
    device_code: Option<String>,
    code: Option<String>,
    refresh_token: Option<String>,
    redirect_uri: Option<String>,
    code_verifier: Option<String>,
}

pub(crate) fn create_token(state: &mut State, call: &mut Call) -> Result<Response, OidcError> {
    let request: Request = super::parse(&call.body)?;
    let client = state.registration(
        request.client_id.as_deref(),
        request.client_secret.as_deref(),
        call.now,
    )?;
    let grant_type = request
        .grant_type
        .as_deref()
        .ok_or(OidcError::InvalidRequest("grantType is required"))?;
    if ![DEVICE_CODE, AUTHORIZATION_CODE, REFRESH_TOKEN].contains(&grant_type) {
        return Err(OidcError::UnsupportedGrantType);
    }
    if !client.allows(grant_type) {
        return Err(OidcError::UnauthorizedClient(
            "The client may not use this grant type",
        ));
    }
    let client_id = client.client_id.clone();

    let issued = match grant_type {
        DEVICE_CODE => for_device_code(state, call, &client_id, &request)?,
        AUTHORIZATION_CODE => for_authorization_code(state, call, &client_id, &request)?,
        _ => for_refresh_token(state, call, &client_id, &request)?,
    };
    call.user = state
        .signed_in(&issued.access_token, call.now)
        .map(|(_, user)| user.name);
    let mut answer = json!({
        "accessToken": issued.access_token,
        "tokenType": "Bearer",
        "expiresIn": issued.expires_in,
    });
    if let Some(refresh_token) = issued.refresh_token {
        answer["refreshToken"] = refresh_token.into();
    }
    Ok(call::json(StatusCode::OK, &answer))
}

fn for_device_code(
    state: &mut State,
    call: &Call,
    client_id: &str,
    request: &Request,
) -> Result<Issued, OidcError> {
    let code = request
        .device_code
        .as_deref()
        .ok_or(OidcError::InvalidRequest("deviceCode is required"))?;
    let grant = state
        .devices
        .get_mut(code)
        .filter(|grant| grant.client_id == client_id);
    let grant = grant.ok_or(OidcError::InvalidGrant("Invalid device code provided"))?;
    let session = grant.poll(call.now)?;
    state.issue_tokens(client_id, session, call.now)
}

fn for_authorization_code(
    state: &mut State,
    call: &Call,
    client_id: &str,
    request: &Request,
) -> Result<Issued, OidcError> {
    let (Some(code), Some(redirect_uri), Some(verifier)) =
        (&request.code, &request.redirect_uri, &request.code_verifier)
    else {
        return Err(OidcError::InvalidRequest(
            "code, redirectUri and codeVerifier are required",
        ));
    };
    let code = state
        .codes
        .remove(code)
        .ok_or(OidcError::InvalidGrant("Invalid grant provided"))?;
    let session = code.exchange(client_id, redirect_uri, verifier, call.now)?;
    state.issue_tokens(client_id, session, call.now)
}

fn for_refresh_token(
    state: &mut State,
    call: &Call,
    client_id: &str,
    request: &Request,
) -> Result<Issued, OidcError> {
    let token = request
        .refresh_token
        .as_deref()
        .ok_or(OidcError::InvalidRequest("refreshToken is required"))?;
    state.refresh_tokens(client_id, token, call.now)
}
