//! What a person reads when a page cannot do what it was asked for.

use axum::http::StatusCode;
use axum::response::Response;

use super::layout::{card, escape};
use crate::call::ErrorName;
use crate::world::World;

/// A page for a status that a script asked for.
pub(crate) fn status_page(status: StatusCode, world: &World) -> Response {
    let (title, sentence) = if status.is_server_error() {
        (
            "Something went wrong",
            "The service could not answer. Try again in a moment.",
        )
    } else if status == StatusCode::NOT_FOUND {
        (
            "There is nothing here",
            "The address is not one of this Identity Center's. Compare it with the one that you were given.",
        )
    } else if status == StatusCode::PAYLOAD_TOO_LARGE {
        (
            "This request was refused",
            "What was sent is larger than any form here. Start again where you came from.",
        )
    } else if status.is_client_error() {
        (
            "This request was refused",
            "The service does not answer this request. Start again where you came from.",
        )
    } else {
        ("Nothing to see here", "The service answered without a page.")
    };
    let reason = status.canonical_reason().unwrap_or_default();
    let body = format!(
        "<p id=\"problem\">{sentence}</p>\n<p class=\"quiet small\">{} {reason}</p>\n\
         <p><a href=\"/start\">Go to the access portal</a></p>\n",
        status.as_u16()
    );
    let mut response = card(status, world, title, &body);
    let name = if status.is_server_error() {
        "InternalFailure"
    } else {
        "InvalidRequestException"
    };
    if status.is_server_error() || status.is_client_error() {
        response.extensions_mut().insert(ErrorName::new(name, sentence));
    }
    response
}

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
    #[error("This address names no account, or one in which nothing is assigned to you.")]
    UnknownAccount,
    #[error("The destination is not an address of the AWS Management Console.")]
    Destination,
    #[error(
        "This link into the console is older than fifteen minutes, or was not made here. Open the console again where you came from."
    )]
    SigninToken,
    #[error(
        "This form was not sent by a page of this Identity Center, so nothing was done. Open the page here and send it again."
    )]
    ForeignForm,
    #[error("What was sent did not arrive whole, so nothing was done. Send the form again.")]
    BrokenForm,
    #[error("The form says neither to allow nor to deny, so nothing was decided. Go back and choose one.")]
    NoDecision,
}

impl PageError {
    pub(crate) fn page(&self, world: &World) -> Response {
        let (status, title) = match self {
            Self::UnknownClient
            | Self::BadRedirect
            | Self::OtherInstance
            | Self::Destination
            | Self::NoDecision
            | Self::BrokenForm => (StatusCode::BAD_REQUEST, "This request is not valid"),
            Self::SessionEnded => (StatusCode::UNAUTHORIZED, "Your session has ended"),
            Self::Outdated => (StatusCode::BAD_REQUEST, "This page is out of date"),
            Self::UnknownUserCode => (StatusCode::BAD_REQUEST, "This code is not known"),
            Self::DecidedUserCode => (StatusCode::BAD_REQUEST, "This code was used already"),
            Self::ExpiredUserCode => (StatusCode::BAD_REQUEST, "This code has expired"),
            Self::NotAssigned | Self::UnknownAccount => (StatusCode::FORBIDDEN, "No access"),
            Self::SigninToken => (StatusCode::BAD_REQUEST, "This link does not work any more"),
            Self::ForeignForm => (StatusCode::FORBIDDEN, "This request was refused"),
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
        response
            .extensions_mut()
            .insert(ErrorName::new(self.name(), self.to_string()));
        response
    }

    /// For the audit log: what AWS's APIs call the like.
    fn name(&self) -> &'static str {
        match self {
            Self::UnknownClient => "InvalidClientException",
            Self::BadRedirect => "InvalidRedirectUriException",
            Self::SessionEnded => "UnauthorizedException",
            Self::Outdated | Self::Destination | Self::NoDecision | Self::BrokenForm => {
                "InvalidRequestException"
            }
            Self::UnknownUserCode | Self::DecidedUserCode | Self::OtherInstance => "InvalidGrantException",
            Self::ExpiredUserCode | Self::SigninToken => "ExpiredTokenException",
            Self::NotAssigned | Self::UnknownAccount | Self::ForeignForm => "ForbiddenException",
        }
    }
}
