//! The forms of STS's answers: XML with members inside of members.

use axum::http::StatusCode;
use axum::response::Response;

use super::{NAMESPACE, xml_text};
use crate::call::{self, Call};

/// In AWS's order.
pub(super) type Members = Vec<(&'static str, Value)>;

pub(super) enum Value {
    Text(String),
    Members(Members),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn xml(&self) -> String {
        match self {
            Self::Text(text) => xml_text(text),
            Self::Members(members) => xml(members),
        }
    }
}

/// The result of an action that went well.
pub(super) fn succeeded(action: &str, members: &Members, call: &Call) -> Response {
    let id = &call.request_id;
    let members = xml(members);
    let body = format!(
        "<{action}Response xmlns=\"{NAMESPACE}\"><{action}Result>{members}</{action}Result>\
         <ResponseMetadata><RequestId>{id}</RequestId></ResponseMetadata></{action}Response>"
    );
    call::xml(StatusCode::OK, body)
}

fn xml(members: &Members) -> String {
    let member = |(name, value): &(&str, Value)| format!("<{name}>{}</{name}>", value.xml());
    members.iter().map(member).collect()
}
