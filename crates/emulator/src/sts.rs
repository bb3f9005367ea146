//! STS: `POST /` in the query protocol.

mod assume_role;
mod form;
mod signature;

use axum::http::StatusCode;
use axum::response::Response;

#[cfg(test)]
pub(crate) use self::signature::signed;

use self::assume_role::AssumeRoleError;
use self::signature::Signature;
use crate::audit::Operation;
use crate::call::{self, Call, ErrorName};
use crate::role_credentials::RoleSession;
use crate::state::State;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StsError {
    #[error("Could not find operation {0} for version 2011-06-15")]
    InvalidAction(String),
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    #[error("The security token included in the request is invalid.")]
    InvalidClientTokenId,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    #[error("The request signature we calculated does not match the signature you provided.")]
    SignatureDoesNotMatch,
    #[error("Signature expired: {signed} is now earlier than {limit} ({now} - 5 min.)")]
    SignatureExpired {
        signed: String,
        limit: String,
        now: String,
    },
    #[error("Signature not yet current: {signed} is still later than {limit} ({now} + 5 min.)")]
    SignatureNotYetCurrent {
        signed: String,
        limit: String,
        now: String,
    },
    #[error(transparent)]
    AssumeRole(#[from] AssumeRoleError),
}

pub(crate) fn caller_identity(state: &mut State, call: &mut Call) -> Response {
    identity(state, call).unwrap_or_else(|error| error.answer(&call.request_id))
}

/// What a call to STS counts as.
pub(crate) fn operation(call: &Call) -> Operation {
    match call.form("Action").as_deref() {
        Some("AssumeRole") => Operation::AssumeRole,
        Some(_) | None => Operation::GetCallerIdentity,
    }
}

fn identity(state: &mut State, call: &mut Call) -> Result<Response, StsError> {
    let action = call.form("Action").unwrap_or_default();
    if action == "AssumeRole" {
        let result = assume_role::assume_role(state, call)?;
        return Ok(form::succeeded(&action, &result, call));
    }
    if action != "GetCallerIdentity" {
        return Err(StsError::InvalidAction(action));
    }
    let role = signer(state, call)?;
    let caller = role.assumed(&state.world);
    call.user = Some(role.user);
    let body = format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{}</Arn>\
         <UserId>{}:{}</UserId><Account>{}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
        xml_text(&caller.arn),
        caller.role_id,
        xml_text(&caller.session_name),
        caller.account,
        call.request_id,
    );
    call.trail.assumed_role = Some(caller);
    Ok(call::xml(StatusCode::OK, body))
}

/// Whose keys signed the request: access key id, secret and session token have to be of one set of ours.
fn signer(state: &State, call: &Call) -> Result<RoleSession, StsError> {
    let authorization = call
        .header("authorization")
        .ok_or(StsError::MissingAuthenticationToken)?;
    let signature = Signature::parse(authorization).ok_or(StsError::MissingAuthenticationToken)?;
    let token = call
        .header("x-amz-security-token")
        .ok_or(StsError::InvalidClientTokenId)?;
    let role = state
        .mint
        .open(token)
        .filter(|role| role.access_key_id == signature.access_key_id);
    let role = role.ok_or(StsError::InvalidClientTokenId)?;
    if !role.is_there(&state.world) {
        return Err(StsError::InvalidClientTokenId);
    }
    if call.now >= role.expires() {
        return Err(StsError::ExpiredToken);
    }
    if state.world.check_signature_dates {
        signature.check_date(call)?;
    }
    if !signature.is_of(&state.mint.secret_access_key(&role.access_key_id), call) {
        return Err(StsError::SignatureDoesNotMatch);
    }
    Ok(role)
}

/// XML has no way to write most control characters.
fn xml_text(text: &str) -> String {
    let writable = |letter: char| !letter.is_control() || matches!(letter, '\t' | '\n' | '\r');
    let text: String = text
        .chars()
        .map(|letter| if writable(letter) { letter } else { '\u{fffd}' })
        .collect();
    crate::pages::escape(&text)
}

/// A scripted answer of that status.
pub(crate) fn of_status(status: StatusCode, request_id: &str) -> Response {
    let (kind, code, message) = match status.as_u16() {
        401 | 403 => ("Sender", "AccessDenied", "Access denied"),
        429 => ("Sender", "Throttling", "Rate exceeded"),
        503 => ("Receiver", "ServiceUnavailable", "The service is unavailable"),
        500.. => ("Receiver", "InternalFailure", "The request failed"),
        _ => ("Sender", "ValidationError", "The request is not valid"),
    };
    error_answer(status, kind, code, message, request_id)
}

fn error_answer(status: StatusCode, kind: &str, code: &str, message: &str, request_id: &str) -> Response {
    let body = format!(
        "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
         <Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
        xml_text(message),
    );
    let mut response = call::xml(status, body);
    response.extensions_mut().insert(ErrorName::new(code, message));
    response
}

impl StsError {
    fn answer(&self, request_id: &str) -> Response {
        let (status, code) = match self {
            Self::InvalidAction(_) => (StatusCode::BAD_REQUEST, "InvalidAction"),
            Self::MissingAuthenticationToken => (StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
            Self::InvalidClientTokenId => (StatusCode::FORBIDDEN, "InvalidClientTokenId"),
            Self::ExpiredToken => (StatusCode::FORBIDDEN, "ExpiredToken"),
            Self::SignatureDoesNotMatch
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. } => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
            Self::AssumeRole(error) => error.status_and_code(),
        };
        error_answer(status, "Sender", code, &self.to_string(), request_id)
    }
}
