//! STS at `/`: the query protocol by GET and POST, signed in the head or in the query.

mod assume_role;
mod caller;
mod form;
mod signature;

use axum::http::StatusCode;
use axum::response::Response;

#[cfg(test)]
pub(crate) use self::signature::{presigned, signed};

pub(crate) use self::form::{accepts_json, not_valid, of_status};

use self::assume_role::AssumeRoleError;
use self::form::Members;
use crate::audit::Operation;
use crate::call::Call;
use crate::state::State;

const VERSION: &str = "2011-06-15";

/// Gives the members of the action's result.
type Action = fn(&mut State, &mut Call) -> Result<Members, StsError>;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StsError {
    #[error("The request is missing an action or operation parameter")]
    MissingAction,
    #[error("Could not find operation {action} for version {version}")]
    InvalidAction { action: String, version: String },
    #[error("Request is missing Authentication Token")]
    MissingAuthenticationToken,
    /// Something is not where Signature Version 4 wants it.
    #[error("{0}")]
    IncompleteSignature(String),
    #[error("The security token included in the request is invalid.")]
    InvalidClientTokenId,
    #[error("The security token included in the request is expired")]
    ExpiredToken,
    #[error(
        "The request signature we calculated does not match the signature you provided. \
         Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
    )]
    SignatureDoesNotMatch,
    /// Signed for another service or day than it was sent to.
    #[error("{0}")]
    CredentialScope(String),
    #[error("Signature expired: {signed} is now earlier than {limit} ({now} - {minutes} min.)")]
    SignatureExpired {
        signed: String,
        limit: String,
        now: String,
        minutes: i64,
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

/// The actions by name: what each counts as, and who answers it.
fn action(name: &str) -> Option<(Operation, Action)> {
    match name {
        "GetCallerIdentity" => Some((Operation::GetCallerIdentity, caller::identity)),
        "AssumeRole" => Some((Operation::AssumeRole, assume_role::assume_role)),
        _ => None,
    }
}

/// What a call counts as.
pub(crate) fn operation(call: &Call) -> Operation {
    let name = call.parameter("Action");
    name.and_then(|name| action(&name))
        .map_or(Operation::Unknown, |(operation, _)| operation)
}

/// Whether a GET is for STS, and not for somebody who opens the address in a browser.
pub(crate) fn is_meant(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, _)| name == "Action" || name.starts_with("X-Amz-"))
}

pub(crate) fn answer(state: &mut State, call: &mut Call) -> Response {
    act(state, call).unwrap_or_else(|error| form::refused(&error, call))
}

fn act(state: &mut State, call: &mut Call) -> Result<Response, StsError> {
    let name = call.parameter("Action").filter(|name| !name.is_empty());
    let name = name.ok_or(StsError::MissingAction)?;
    let version = call.parameter("Version");
    let version = version.unwrap_or_else(|| "NO_VERSION_SPECIFIED".to_owned());
    let Some((_, action)) = action(&name).filter(|_| version == VERSION) else {
        return Err(StsError::InvalidAction {
            action: name,
            version,
        });
    };
    let members = action(state, call)?;
    Ok(form::succeeded(&name, &members, call))
}

impl StsError {
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MissingAction => (StatusCode::BAD_REQUEST, "MissingAction"),
            Self::InvalidAction { .. } => (StatusCode::BAD_REQUEST, "InvalidAction"),
            Self::IncompleteSignature(_) => (StatusCode::BAD_REQUEST, "IncompleteSignature"),
            Self::MissingAuthenticationToken => (StatusCode::FORBIDDEN, "MissingAuthenticationToken"),
            Self::InvalidClientTokenId => (StatusCode::FORBIDDEN, "InvalidClientTokenId"),
            Self::ExpiredToken => (StatusCode::FORBIDDEN, "ExpiredToken"),
            Self::SignatureDoesNotMatch
            | Self::CredentialScope(_)
            | Self::SignatureExpired { .. }
            | Self::SignatureNotYetCurrent { .. } => (StatusCode::FORBIDDEN, "SignatureDoesNotMatch"),
            Self::AssumeRole(error) => error.status_and_code(),
        }
    }
}

#[cfg(test)]
mod tests;
