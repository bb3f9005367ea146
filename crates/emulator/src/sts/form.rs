//! The forms of STS's answers: XML, and JSON for callers that accept it.

use axum::http::{StatusCode, header};
use axum::response::Response;
use jiff::Timestamp;
use serde_json::json;

use super::StsError;
use crate::call::{self, Call, ErrorName};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// In AWS's order.
pub(super) type Members = Vec<(&'static str, Value)>;

pub(super) enum Value {
    Text(String),
    Number(usize),
    Time(Timestamp),
    Members(Members),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn xml(&self) -> String {
        match self {
            Self::Text(text) => xml_text(text),
            Self::Number(number) => number.to_string(),
            Self::Time(time) => time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            Self::Members(members) => xml(members),
        }
    }

    fn json(&self) -> serde_json::Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Number(number) => (*number).into(),
            // In seconds since 1970.
            Self::Time(time) => time.as_second().into(),
            Self::Members(members) => json_object(members),
        }
    }
}

/// The result of an action that went well.
pub(super) fn succeeded(action: &str, members: &Members, call: &Call) -> Response {
    let id = &call.request_id;
    if accepts_json(call) {
        let body = json!({
            format!("{action}Response"): {
                format!("{action}Result"): json_object(members),
                "ResponseMetadata": { "RequestId": id },
            }
        });
        return call::json(StatusCode::OK, &body);
    }
    let members = xml(members);
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{members}</{action}Result>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
    );
    call::xml(StatusCode::OK, body)
}

pub(super) fn refused(error: &StsError, call: &Call) -> Response {
    let ((status, code), message) = (error.status_and_code(), error.to_string());
    error_answer(status, "Sender", code, &message, call)
}

/// A scripted answer of that status.
pub(crate) fn of_status(status: StatusCode, call: &Call) -> Response {
    let (kind, code, message) = match status.as_u16() {
        401 | 403 => ("Sender", "AccessDenied", "Access denied"),
        413 => ("Sender", "RequestEntityTooLarge", "The request is too large"),
        429 => ("Sender", "Throttling", "Rate exceeded"),
        503 => ("Receiver", "ServiceUnavailable", "The service is unavailable"),
        500.. => ("Receiver", "InternalFailure", "The request failed"),
        _ => ("Sender", "ValidationError", "The request is not valid"),
    };
    error_answer(status, kind, code, message, call)
}

/// A request that cannot be read, with the reason.
pub(crate) fn not_valid(message: &str, call: &Call) -> Response {
    error_answer(
        StatusCode::BAD_REQUEST,
        "Sender",
        "ValidationError",
        message,
        call,
    )
}

fn error_answer(status: StatusCode, kind: &str, code: &str, message: &str, call: &Call) -> Response {
    let id = &call.request_id;
    let mut response = if accepts_json(call) {
        let error = json!({ "Code": code, "Message": message, "Type": kind });
        call::json(status, &json!({ "Error": error, "RequestId": id }))
    } else {
        let body = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>{kind}</Type><Code>{code}</Code>\
             <Message>{}</Message></Error><RequestId>{id}</RequestId></ErrorResponse>",
            xml_text(message),
        );
        call::xml(status, body)
    };
    response.extensions_mut().insert(ErrorName::new(code, message));
    response
}

/// STS speaks JSON too, to whoever says so: some verifiers of presigned requests do.
pub(crate) fn accepts_json(call: &Call) -> bool {
    let accepted = call.header(header::ACCEPT.as_str()).unwrap_or_default();
    let kind = |one: &str| {
        one.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    };
    accepted.split(',').any(|one| kind(one) == "application/json")
}

fn xml(members: &Members) -> String {
    let member = |(name, value): &(&str, Value)| format!("<{name}>{}</{name}>", value.xml());
    members.iter().map(member).collect()
}

fn json_object(members: &Members) -> serde_json::Value {
    let members = members.iter();
    members
        .map(|(name, value)| ((*name).to_owned(), value.json()))
        .collect::<serde_json::Map<_, _>>()
        .into()
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
