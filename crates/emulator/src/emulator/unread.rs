//! A request whose body was not read to its end, and what is answered to it.

use std::error::Error;

use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use http_body_util::LengthLimitError;
use serde_json::json;

use crate::audit::Operation;
use crate::call::{self, Call, ErrorName};
use crate::faults::of_status;
use crate::oidc::OidcError;
use crate::pages::{self, PageError};
use crate::portal::PortalError;
use crate::sts;
use crate::world::World;

const BROKEN: &str = "The body ends too early, or is not cut into chunks as HTTP says: send all of it";

/// Why there is not all of it.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum Unread {
    #[error("it is larger than 1 MiB")]
    TooLarge,
    #[error("it ends too early, or is not cut into chunks as HTTP says: send all of it")]
    Broken,
}

impl Unread {
    pub(super) fn of(error: &axum::Error) -> Self {
        let is_limit = error.source().is_some_and(<dyn Error>::is::<LengthLimitError>);
        if is_limit { Self::TooLarge } else { Self::Broken }
    }

    /// In the form of the service, or as a page.
    pub(super) fn answer(self, operation: Operation, world: &World, call: &Call) -> Response {
        // What the body would have named is an action of STS.
        let is_sts = operation == Operation::Unknown && call.uri.path() == "/";
        let is_lost = operation == Operation::Unknown && call.accepts_html();
        match self {
            Self::TooLarge if is_lost => pages::status_page(StatusCode::PAYLOAD_TOO_LARGE, world),
            Self::TooLarge if is_sts => sts::of_status(StatusCode::PAYLOAD_TOO_LARGE, call),
            Self::TooLarge => of_status(operation, StatusCode::PAYLOAD_TOO_LARGE, world, call),
            Self::Broken if operation.is_page() || is_lost => PageError::BrokenForm.page(world),
            Self::Broken if operation.is_oidc() => OidcError::InvalidRequest(BROKEN).into_response(),
            Self::Broken if operation.is_portal() => PortalError::InvalidRequest(BROKEN).into_response(),
            Self::Broken if is_sts || operation.is_sts() => sts::not_valid(BROKEN, call),
            Self::Broken => {
                let mut response = call::json(StatusCode::BAD_REQUEST, &json!({ "message": BROKEN }));
                let error = ErrorName::new("InvalidRequestException", BROKEN);
                response.extensions_mut().insert(error);
                response
            }
        }
    }
}
