//! The errors of the portal API in AWS's wire form.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::call;

const NAMESPACE: &str = "com.amazonaws.switchboard.portal";

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PortalError {
    #[error("{0}")]
    InvalidRequest(&'static str),
    #[error("Session token not found or invalid")]
    Unauthorized,
    /// AWS's service model does not know this one; the service sends it all the same.
    #[error("No access")]
    Forbidden,
    #[error("Resource not found")]
    ResourceNotFound,
    #[error("HTTP 429 Unknown Code")]
    TooManyRequests,
    #[error("Internal server error")]
    InternalServer,
}

impl PortalError {
    /// The error that AWS means by a status: for scripted faults.
    pub(crate) fn of_status(status: StatusCode) -> Response {
        let error = match status.as_u16() {
            401 => Self::Unauthorized,
            403 => Self::Forbidden,
            404 => Self::ResourceNotFound,
            429 => Self::TooManyRequests,
            500.. => Self::InternalServer,
            _ => Self::InvalidRequest("Invalid request"),
        };
        let mut response = error.into_response();
        *response.status_mut() = status;
        response
    }

    fn shape(&self) -> (StatusCode, &'static str) {
        match self {
            Self::InvalidRequest(_) => (StatusCode::BAD_REQUEST, "InvalidRequestException"),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "UnauthorizedException"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "ForbiddenException"),
            Self::ResourceNotFound => (StatusCode::NOT_FOUND, "ResourceNotFoundException"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException"),
            Self::InternalServer => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerException"),
        }
    }
}

impl IntoResponse for PortalError {
    fn into_response(self) -> Response {
        let (status, exception) = self.shape();
        let body = json!({ "message": self.to_string(), "__type": format!("{NAMESPACE}#{exception}") });
        let mut response = call::json(status, &body);
        call::name_error(&mut response, exception, NAMESPACE, &self);
        response
    }
}
