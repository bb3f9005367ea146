//! The catalogue of trouble by name: what networks, proxies and services do to an answer.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use jiff::SignedDuration;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde::{Deserialize, Serialize};

use super::content::{
    changed, duplicate_page, expiration, half_an_answer, huge, length, loop_page, wrong_types,
    wrong_types_in_xml,
};
use super::{ConnectionReset, Fault};
use crate::audit::Operation;
use crate::call::Call;
use crate::emulator::wait;

const MORE_THAN_THERE_IS: usize = 10;
const LISTS: [Operation; 2] = [Operation::ListAccounts, Operation::ListAccountRoles];
/// They hand out role credentials.
const OF_ROLES: [Operation; 2] = [Operation::GetRoleCredentials, Operation::AssumeRole];
/// They answer with JSON or XML, of which there are members to spoil; Logout answers with nothing.
const WITH_MEMBERS: [Operation; 9] = [
    Operation::RegisterClient,
    Operation::StartDeviceAuthorization,
    Operation::CreateToken,
    Operation::ListAccounts,
    Operation::ListAccountRoles,
    Operation::GetRoleCredentials,
    Operation::GetSigninToken,
    Operation::GetCallerIdentity,
    Operation::AssumeRole,
];
/// A program reads their answers.
const OF_PROGRAMS: [Operation; 10] = [
    Operation::RegisterClient,
    Operation::StartDeviceAuthorization,
    Operation::CreateToken,
    Operation::ListAccounts,
    Operation::ListAccountRoles,
    Operation::GetRoleCredentials,
    Operation::Logout,
    Operation::GetSigninToken,
    Operation::GetCallerIdentity,
    Operation::AssumeRole,
];

/// One kind of trouble. Those that spoil the real answer leave answers alone that have nothing to spoil.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// 429 without `Retry-After`; of SSO-OIDC 400 with SlowDown, which is its way to say so.
    Throttled,
    /// 429 with `Retry-After: 2`.
    ThrottledRetryAfter,
    /// 500 in AWS's form.
    ServerError,
    /// 502 with a proxy's HTML.
    BadGatewayHtml,
    /// 503 in AWS's form.
    Unavailable,
    /// 403 in AWS's form.
    Forbidden,
    /// 401 in AWS's form.
    Unauthorized,
    /// The connection is reset after `bytes` of the body.
    Reset,
    /// The request is taken and never answered.
    Hang,
    /// Head and half of the body come, then nothing, and the connection stays open.
    HalfOpen,
    /// One byte every `drip_ms`, a second if not said.
    SlowDrip,
    /// The connection is closed after half of the body, or after `bytes` of it.
    TruncatedBody,
    /// `Content-Length` says ten bytes more than come.
    WrongContentLength,
    /// 200 with half of an answer: a JSON text, or XML of STS.
    GarbageJson,
    /// The right members with the wrong types.
    WrongTypes,
    /// The answer with 64 MB more in it.
    HugeBody,
    /// The first page of a list comes twice.
    DuplicatePages,
    /// `nextToken` leads to the same page for ever.
    LoopingNextToken,
    /// Role credentials that ended an hour ago.
    ExpirationPast,
    ExpirationZero,
    ExpirationNegative,
    /// In seconds in place of milliseconds: read as such, a day of January 1970, which is what STS's date says then.
    ExpirationSeconds,
    /// 200 with the sign-in page of a hotel.
    CaptivePortal,
    /// 302 to an address without TLS.
    RedirectToHttp,
    /// `Date` is a day ahead.
    WrongDate,
}

impl Trouble {
    /// The fault that this trouble is, as far as an answer made up beforehand can be.
    pub(super) fn settle(self, fault: &mut Fault) {
        let html = |fault: &mut Fault, status, body: &str| {
            fault.status = Some(status);
            fault.body = Some(body.to_owned());
            fault
                .headers
                .insert("content-type".to_owned(), "text/html".to_owned());
        };
        match self {
            Self::Throttled | Self::ThrottledRetryAfter if fault.operation.is_oidc() => {
                fault.status = Some(400);
                fault.body = Some(r#"{"error":"slow_down","error_description":"Slow down"}"#.to_owned());
                let name = "SlowDownException:http://internal.amazon.com/coral/com.amazonaws.sso.oidc/";
                fault
                    .headers
                    .insert("x-amzn-errortype".to_owned(), name.to_owned());
            }
            Self::Throttled => fault.status = Some(429),
            Self::ThrottledRetryAfter => {
                fault.status = Some(429);
                fault.headers.insert("retry-after".to_owned(), "2".to_owned());
            }
            Self::ServerError => fault.status = Some(500),
            Self::BadGatewayHtml => html(fault, 502, "<html><h1>502 Bad Gateway</h1></html>"),
            Self::Unavailable => fault.status = Some(503),
            Self::Forbidden => fault.status = Some(403),
            Self::Unauthorized => fault.status = Some(401),
            Self::Hang => fault.hang = true,
            Self::GarbageJson => fault.body = Some(half_an_answer(fault.operation).to_owned()),
            Self::CaptivePortal => html(
                fault,
                200,
                "<!doctype html><title>Hotel</title><form>Room number</form>",
            ),
            Self::RedirectToHttp => {
                html(fault, 302, "");
                fault
                    .headers
                    .insert("location".to_owned(), "http://captive.example/sign-in".to_owned());
            }
            Self::Reset
            | Self::HalfOpen
            | Self::SlowDrip
            | Self::TruncatedBody
            | Self::WrongContentLength
            | Self::WrongTypes
            | Self::HugeBody
            | Self::DuplicatePages
            | Self::LoopingNextToken
            | Self::ExpirationPast
            | Self::ExpirationZero
            | Self::ExpirationNegative
            | Self::ExpirationSeconds
            | Self::WrongDate => {}
        }
    }

    /// Whether the answer is made up, rather than a real one that is spoiled.
    pub(super) fn makes_up(self) -> bool {
        match self {
            Self::Throttled
            | Self::ThrottledRetryAfter
            | Self::ServerError
            | Self::BadGatewayHtml
            | Self::Unavailable
            | Self::Forbidden
            | Self::Unauthorized
            | Self::GarbageJson
            | Self::CaptivePortal
            | Self::RedirectToHttp => true,
            Self::Hang
            | Self::Reset
            | Self::HalfOpen
            | Self::SlowDrip
            | Self::TruncatedBody
            | Self::WrongContentLength
            | Self::WrongTypes
            | Self::HugeBody
            | Self::DuplicatePages
            | Self::LoopingNextToken
            | Self::ExpirationPast
            | Self::ExpirationZero
            | Self::ExpirationNegative
            | Self::ExpirationSeconds
            | Self::WrongDate => false,
        }
    }

    /// The operations that it can happen to, and how a sentence calls them; none if it can happen to all.
    pub(super) fn home(self) -> Option<(&'static [Operation], &'static str)> {
        match self {
            Self::DuplicatePages | Self::LoopingNextToken => {
                Some((&LISTS, "the lists ListAccounts and ListAccountRoles"))
            }
            Self::ExpirationPast
            | Self::ExpirationZero
            | Self::ExpirationNegative
            | Self::ExpirationSeconds => Some((&OF_ROLES, "GetRoleCredentials and AssumeRole")),
            Self::GarbageJson => Some((&OF_PROGRAMS, "operations of programs")),
            Self::WrongTypes => Some((
                &WITH_MEMBERS,
                "operations of programs whose answers have members, which Logout's has not",
            )),
            Self::Throttled
            | Self::ThrottledRetryAfter
            | Self::ServerError
            | Self::BadGatewayHtml
            | Self::Unavailable
            | Self::Forbidden
            | Self::Unauthorized
            | Self::Reset
            | Self::Hang
            | Self::HalfOpen
            | Self::SlowDrip
            | Self::TruncatedBody
            | Self::WrongContentLength
            | Self::HugeBody
            | Self::CaptivePortal
            | Self::RedirectToHttp
            | Self::WrongDate => None,
        }
    }

    /// Spoils the real answer.
    pub(crate) async fn spoil(self, response: Response, fault: &Fault, call: &Call) -> Response {
        let (mut head, body) = response.into_parts();
        // A body of our own making is there at once and complete.
        let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
        let before = bytes.len();
        let body = match self {
            Self::WrongTypes if bytes.starts_with(b"<") => Body::from(wrong_types_in_xml(&bytes)),
            Self::WrongTypes => changed(&bytes, wrong_types),
            Self::DuplicatePages => changed(&bytes, |answer| duplicate_page(answer, call)),
            Self::LoopingNextToken => changed(&bytes, |answer| loop_page(answer, call)),
            Self::ExpirationPast => expiration(&bytes, |_| {
                (call.now - SignedDuration::from_hours(1)).as_millisecond()
            }),
            Self::ExpirationZero => expiration(&bytes, |_| 0),
            Self::ExpirationNegative => expiration(&bytes, |_| -1),
            Self::ExpirationSeconds => expiration(&bytes, |milliseconds| milliseconds / 1_000),
            Self::Reset | Self::TruncatedBody => {
                if self == Self::Reset {
                    head.extensions.insert(ConnectionReset);
                }
                length(&mut head.headers, before);
                cut(bytes.slice(..fault.bytes.unwrap_or(before / 2).min(before)))
            }
            Self::WrongContentLength => {
                length(&mut head.headers, before + MORE_THAN_THERE_IS);
                // Without a pause the server would notice before it has sent anything.
                cut(bytes)
            }
            Self::HalfOpen => {
                length(&mut head.headers, before);
                let half = stream::iter([Ok::<_, Infallible>(bytes.slice(..before / 2))]);
                Body::from_stream(half.chain(stream::pending()))
            }
            Self::SlowDrip => {
                length(&mut head.headers, before);
                drip(bytes, Duration::from_millis(fault.drip_ms.unwrap_or(1_000)))
            }
            Self::HugeBody => huge(&mut head.headers, &bytes),
            Self::WrongDate => {
                let tomorrow = call.now + SignedDuration::from_hours(24);
                let date = DateTimePrinter::new()
                    .timestamp_to_rfc9110_string(&tomorrow)
                    .unwrap_or_default();
                if let Ok(date) = HeaderValue::from_str(&date) {
                    head.headers.insert(header::DATE, date);
                }
                Body::from(bytes)
            }
            Self::Throttled
            | Self::ThrottledRetryAfter
            | Self::ServerError
            | Self::BadGatewayHtml
            | Self::Unavailable
            | Self::Forbidden
            | Self::Unauthorized
            | Self::Hang
            | Self::GarbageJson
            | Self::CaptivePortal
            | Self::RedirectToHttp => Body::from(bytes),
        };
        Response::from_parts(head, body)
    }
}

/// These bytes, and then an end that is none.
fn cut(bytes: Bytes) -> Body {
    let broken = || Err(io::Error::from(io::ErrorKind::ConnectionReset));
    Body::from_stream(stream::iter([Ok(bytes)]).chain(stream::once(async move {
        // What came before has to leave first.
        wait(Duration::from_millis(20)).await;
        broken()
    })))
}

fn drip(bytes: Bytes, pause: Duration) -> Body {
    let drops = (0..bytes.len()).map(move |at| bytes.slice(at..=at));
    Body::from_stream(stream::iter(drops).then(move |drop| async move {
        wait(pause).await;
        Ok::<_, Infallible>(drop)
    }))
}
