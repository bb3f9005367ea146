//! What a person reads when a page cannot do what it was asked for.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{card, escape};
use crate::call::ErrorName;
use crate::world::World;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PageError {
    #[error(
        "This request comes from a program that is not registered here, or whose registration is over. Start the sign-in again there."
    )]
    UnknownClient,
    #[error("The address to return to is not one that the program registered, so nothing was sent to it.")]
    BadRedirect,
    #[error("You are not signed in any more. Start again where you came from.")]
    SessionEnded,
    #[error("This page was used already, or stood open for too long. Start again where you came from.")]
    Outdated,
    #[error(
        "This code is unknown, was used already, or is older than ten minutes. Ask your program for a new one."
    )]
    UserCode,
    #[error("invalid_grant: the program asked for a start URL that does not belong to this Identity Center.")]
    OtherInstance,
    #[error("This permission set is not assigned to you in this account.")]
    NotAssigned,
    #[error("The destination is not an address that a browser can open.")]
    Destination,
}

impl PageError {
    pub(crate) fn page(&self, world: &World) -> Response {
        let (status, title) = match self {
            Self::UnknownClient | Self::BadRedirect | Self::OtherInstance | Self::Destination => {
                (StatusCode::BAD_REQUEST, "This request is not valid")
            }
            Self::SessionEnded => (StatusCode::UNAUTHORIZED, "Your session has ended"),
            Self::Outdated => (StatusCode::BAD_REQUEST, "This page is out of date"),
            Self::UserCode => (StatusCode::BAD_REQUEST, "This code does not work"),
            Self::NotAssigned => (StatusCode::FORBIDDEN, "No access"),
        };
        let body = format!(
            "<p id=\"problem\">{}</p>\n<p><a href=\"/start\">Go to the access portal</a></p>\n",
            escape(&self.to_string())
        );
        let mut response = card(status, world, title, &body);
        response.extensions_mut().insert(ErrorName(format!("{self:?}")));
        response
    }
}
