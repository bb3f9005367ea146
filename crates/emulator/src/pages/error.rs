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
        "Nothing waits for this code. Compare it with the one that your program shows, and type it again."
    )]
    UnknownUserCode,
    #[error(
        "This code was allowed or denied already: each code works once. If that was not you, start the sign-in again in your program."
    )]
    DecidedUserCode,
    #[error(
        "This code is older than ten minutes. Start the sign-in again in your program: it shows a new one."
    )]
    ExpiredUserCode,
    #[error("invalid_grant: the program asked for a start URL that does not belong to this Identity Center.")]
    OtherInstance,
    #[error("This permission set is not assigned to you in this account.")]
    NotAssigned,
    #[error("The destination is not an address that a browser can open.")]
    Destination,
    #[error(
        "This link into the console is older than fifteen minutes, or was not made here. Open the console again where you came from."
    )]
    SigninToken,
}

impl PageError {
    pub(crate) fn page(&self, world: &World) -> Response {
        let (status, title) = match self {
            Self::UnknownClient | Self::BadRedirect | Self::OtherInstance | Self::Destination => {
                (StatusCode::BAD_REQUEST, "This request is not valid")
            }
            Self::SessionEnded => (StatusCode::UNAUTHORIZED, "Your session has ended"),
            Self::Outdated => (StatusCode::BAD_REQUEST, "This page is out of date"),
            Self::UnknownUserCode => (StatusCode::BAD_REQUEST, "This code is not known"),
            Self::DecidedUserCode => (StatusCode::BAD_REQUEST, "This code was used already"),
            Self::ExpiredUserCode => (StatusCode::BAD_REQUEST, "This code has expired"),
            Self::NotAssigned => (StatusCode::FORBIDDEN, "No access"),
            Self::SigninToken => (StatusCode::BAD_REQUEST, "This link does not work any more"),
        };
        let is_about_a_code = matches!(
            self,
            Self::UnknownUserCode | Self::DecidedUserCode | Self::ExpiredUserCode
        );
        let (to, way_on) = if is_about_a_code {
            ("/device", "Type another code")
        } else {
            ("/start", "Go to the access portal")
        };
        let body = format!(
            "<p id=\"problem\">{}</p>\n<p><a href=\"{to}\">{way_on}</a></p>\n",
            escape(&self.to_string())
        );
        let mut response = card(status, world, title, &body);
        response.extensions_mut().insert(ErrorName(format!("{self:?}")));
        response
    }
}
