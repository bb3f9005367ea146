//! The errors of SSO-OIDC in AWS's wire form.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::call;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("Access denied")]
    AccessDenied,
    #[error("Authorization is still pending")]
    AuthorizationPending,
    #[error("{0}")]
    ExpiredToken(&'static str),
    #[error("Internal server error")]
    InternalServer,
    #[error("Invalid client provided")]
    InvalidClient,
    #[error("{0}")]
    InvalidClientMetadata(&'static str),
    #[error("{0}")]
    InvalidGrant(&'static str),
    #[error("Invalid redirect URI")]
    InvalidRedirectUri,
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("{0}")]
    InvalidScope(&'static str),
    #[error("Requests come too fast")]
    SlowDown,
    #[error("{0}")]
    UnauthorizedClient(&'static str),
    #[error("Unsupported grant type")]
    UnsupportedGrantType,
}

impl OidcError {
    /// The error that AWS most likely means by a status: for scripted faults.
    pub(crate) fn of_status(status: StatusCode) -> Response {
        let error = match status.as_u16() {
            401 => Self::InvalidClient,
            403 => Self::AccessDenied,
            429 => Self::SlowDown,
            500.. => Self::InternalServer,
            _ => Self::InvalidRequest("Invalid request"),
        };
        let mut response = error.into_response();
        *response.status_mut() = status;
        response
    }

    fn shape(&self) -> (StatusCode, &'static str, &'static str) {
        let bad = StatusCode::BAD_REQUEST;
        match self {
            Self::AccessDenied => (bad, "AccessDeniedException", "access_denied"),
            Self::AuthorizationPending => (bad, "AuthorizationPendingException", "authorization_pending"),
            Self::ExpiredToken(_) => (bad, "ExpiredTokenException", "expired_token"),
            Self::InternalServer => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServerException",
                "server_error",
            ),
            Self::InvalidClient => (
                StatusCode::UNAUTHORIZED,
                "InvalidClientException",
                "invalid_client",
            ),
            Self::InvalidClientMetadata(_) => {
                (bad, "InvalidClientMetadataException", "invalid_client_metadata")
            }
            Self::InvalidGrant(_) => (bad, "InvalidGrantException", "invalid_grant"),
            Self::InvalidRedirectUri => (bad, "InvalidRedirectUriException", "invalid_redirect_uri"),
            Self::InvalidRequest(_) => (bad, "InvalidRequestException", "invalid_request"),
            Self::InvalidScope(_) => (bad, "InvalidScopeException", "invalid_scope"),
            Self::SlowDown => (bad, "SlowDownException", "slow_down"),
            Self::UnauthorizedClient(_) => (bad, "UnauthorizedClientException", "unauthorized_client"),
            Self::UnsupportedGrantType => (bad, "UnsupportedGrantTypeException", "unsupported_grant_type"),
        }
    }
}

impl IntoResponse for OidcError {
    fn into_response(self) -> Response {
        let (status, exception, error) = self.shape();
        let mut response = call::json(
            status,
            &json!({ "error": error, "error_description": self.to_string() }),
        );
        call::name_error(&mut response, exception, "com.amazonaws.sso.oidc", &self);
        response
    }
}
