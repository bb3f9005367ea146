//! Wrong content: what becomes of an answer's JSON or XML.

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, header};
use futures_util::stream;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::audit::Operation;
use crate::call::Call;
use crate::portal::page_token;

const HUGE: usize = 64 * 1024 * 1024;
const CHUNK: usize = 64 * 1024;
const EXPIRATION: &str = "<Expiration>";

pub(super) fn length(headers: &mut HeaderMap, length: usize) {
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
}

/// How an answer of that operation begins.
pub(super) fn half_an_answer(operation: Operation) -> &'static str {
    match operation {
        Operation::GetCallerIdentity => {
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <GetCallerIdentityResult><Arn>arn:aws:sts::1111"
        }
        Operation::AssumeRole => {
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
             <AssumeRoleResult><Credentials><AccessKeyId>ASIA"
        }
        Operation::RegisterClient => "{\"clientId\": \"_yzk",
        Operation::StartDeviceAuthorization => "{\"deviceCode\": \"5oFn",
        Operation::CreateToken => "{\"accessToken\": \"aoaAAAA",
        Operation::ListAccountRoles => "{\"roleList\": [{\"accountId\": \"1111",
        Operation::GetRoleCredentials => "{\"roleCredentials\": {\"accessKeyId\": \"ASIA",
        Operation::GetSigninToken => "{\"SigninToken\": \"aaaa",
        Operation::ListAccounts
        | Operation::Logout
        | Operation::Authorize
        | Operation::SignIn
        | Operation::VerifyDevice
        | Operation::ConsoleLogin
        | Operation::ConsoleLogout
        | Operation::MultiSession
        | Operation::AccessPortal
        | Operation::Unknown => "{\"accountList\": [{\"accountId\": \"1111",
    }
}

/// The answer with 64 MB of the letter a in it: as one more member of JSON, else as a comment of XML and HTML.
pub(super) fn huge(headers: &mut HeaderMap, bytes: &Bytes) -> Body {
    let (before, after, rest): (&'static [u8], &'static [u8], Bytes) = match bytes.as_ref() {
        [b'{', b'}'] | [] => (b"{\"padding\":\"", b"\"}", Bytes::new()),
        [b'{', ..] => (b"{\"padding\":\"", b"\",", bytes.slice(1..)),
        _ => (b"<!--", b"-->", bytes.clone()),
    };
    let (before, after) = (Bytes::from_static(before), Bytes::from_static(after));
    length(headers, before.len() + HUGE + after.len() + rest.len());
    let chunk = Bytes::from(vec![b'a'; CHUNK]);
    let padding = (0..HUGE / CHUNK).map(move |_| chunk.clone());
    let parts = std::iter::once(before).chain(padding).chain([after, rest]);
    Body::from_stream(stream::iter(parts.map(Ok::<_, std::convert::Infallible>)))
}

pub(super) fn changed(bytes: &Bytes, change: impl FnOnce(&mut Value)) -> Body {
    let Ok(mut answer) = serde_json::from_slice(bytes) else {
        return Body::from(bytes.clone());
    };
    change(&mut answer);
    Body::from(answer.to_string())
}

/// Changes when role credentials end, in milliseconds. STS writes that as a date in XML, and in JSON in seconds.
pub(super) fn expiration(bytes: &Bytes, change: impl FnOnce(i64) -> i64) -> Body {
    if bytes.starts_with(b"<") {
        return Body::from(expiration_in_xml(bytes, change));
    }
    changed(bytes, |answer| {
        let of_sts = "/AssumeRoleResponse/AssumeRoleResult/Credentials/Expiration";
        if let Some(expiration) = answer.pointer_mut("/roleCredentials/expiration") {
            *expiration = change(expiration.as_i64().unwrap_or_default()).into();
        } else if let Some(expiration) = answer.pointer_mut(of_sts) {
            *expiration = change(expiration.as_i64().unwrap_or_default() * 1_000)
                .div_euclid(1_000)
                .into();
        }
    })
}

fn expiration_in_xml(bytes: &Bytes, change: impl FnOnce(i64) -> i64) -> String {
    let text = String::from_utf8_lossy(bytes);
    let changed = || {
        let (before, rest) = text.split_once(EXPIRATION)?;
        let (written, after) = rest.split_once('<')?;
        let expiration: Timestamp = written.parse().ok()?;
        let changed = Timestamp::from_millisecond(change(expiration.as_millisecond())).ok()?;
        Some(format!(
            "{before}{EXPIRATION}{}<{after}",
            changed.strftime("%Y-%m-%dT%H:%M:%SZ")
        ))
    };
    changed().unwrap_or_else(|| text.clone().into_owned())
}

pub(super) fn wrong_types(answer: &mut Value) {
    for member in answer
        .as_object_mut()
        .into_iter()
        .flat_map(serde_json::Map::values_mut)
    {
        *member = match member {
            Value::String(_) | Value::Null => json!(17),
            Value::Number(_) | Value::Bool(_) => json!({ "seventeen": true }),
            Value::Array(_) => json!("a list"),
            Value::Object(_) => json!([]),
        };
    }
}

/// In XML all is text: where that should be come elements.
pub(super) fn wrong_types_in_xml(bytes: &Bytes) -> String {
    let text = String::from_utf8_lossy(bytes);
    let parts = text.split_inclusive('>').map(|part| {
        // A part is what stands between two tags, and the tag after it.
        match part.split_once("</") {
            Some((content, end)) if !content.is_empty() => format!("<seventeen>true</seventeen></{end}"),
            Some(_) | None => part.to_owned(),
        }
    });
    parts.collect()
}

/// The first answer leads to the first page once more.
pub(super) fn duplicate_page(answer: &mut Value, call: &Call) {
    if call.query("next_token").is_none() {
        loop_page(answer, call);
    }
}

pub(super) fn loop_page(answer: &mut Value, call: &Call) {
    if let Some(list) = &call.list {
        answer["nextToken"] = call
            .query("next_token")
            .unwrap_or_else(|| page_token(list, 0))
            .into();
    }
}
