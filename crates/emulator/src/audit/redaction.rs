//! What of a call the audit log may show: names and settings, never a secret.

use serde_json::{Map, Value};
use url::form_urlencoded;

use super::Operation;
use super::cloudtrail::HIDDEN;
use crate::call::Call;

/// Members of a request's body that the record may show; of all others it shows that they were there.
const SHOWN_MEMBERS: [&str; 11] = [
    "clientId",
    "clientName",
    "clientType",
    "entitledApplicationArn",
    "grantType",
    "grantTypes",
    "issuerUrl",
    "redirectUri",
    "redirectUris",
    "scopes",
    "startUrl",
];

/// The same for members of an answer.
const SHOWN_ANSWERS: [&str; 9] = [
    "authorizationEndpoint",
    "clientId",
    "clientIdIssuedAt",
    "clientSecretExpiresAt",
    "expiresIn",
    "interval",
    "tokenEndpoint",
    "tokenType",
    "verificationUri",
];

/// The same for parameters of a query.
const SHOWN_PARAMETERS: [&str; 15] = [
    "Action",
    "SessionDuration",
    "account_id",
    "client_id",
    "code_challenge_method",
    "error",
    "max_result",
    "redirect_uri",
    "response_type",
    "role_name",
    "scope",
    "scopes",
    "destination",
    "Destination",
    "Issuer",
];

/// What a request asked for, without its secrets; null if it had no parameters.
pub(crate) fn request_parameters(operation: Operation, call: &Call) -> Value {
    let mut shown = Map::new();
    if operation.is_oidc()
        && let Ok(Value::Object(members)) = serde_json::from_slice(&call.body)
    {
        for (name, value) in members {
            let may_be_shown = SHOWN_MEMBERS.contains(&name.as_str());
            shown.insert(name, if may_be_shown { value } else { HIDDEN.into() });
        }
    }
    // Of the portal CloudTrail has the parameters under `serviceEventDetails`, and GetCallerIdentity has none.
    if !operation.is_portal() && operation != Operation::GetCallerIdentity {
        let query = call.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let may_be_shown = SHOWN_PARAMETERS.contains(&name.as_ref());
            // Behind its question mark an address may carry a sign-in token.
            let is_address = name == "redirect_uri";
            let shown_part = value.split('?').next().filter(|_| is_address).unwrap_or(&value);
            let value = if may_be_shown { shown_part } else { HIDDEN };
            shown.insert(name.into_owned(), value.into());
        }
    }
    if shown.is_empty() {
        Value::Null
    } else {
        Value::Object(shown)
    }
}

/// Account and role that a portal call is about.
pub(crate) fn service_event_details(operation: Operation, call: &Call) -> Value {
    if !operation.is_portal_read() {
        return Value::Null;
    }
    let named =
        ["account_id", "role_name"].map(|name| Some((name.to_owned(), Value::from(call.query(name)?))));
    let named: Map<String, Value> = named.into_iter().flatten().collect();
    if named.is_empty() {
        Value::Null
    } else {
        Value::Object(named)
    }
}

/// What CloudTrail shows of an answer of SSO-OIDC.
pub(crate) fn response_elements(answer: &Value) -> Value {
    let members = answer.as_object().into_iter().flatten();
    let shown = members.map(|(name, value)| {
        let may_be_shown = SHOWN_ANSWERS.contains(&name.as_str()) || value.is_null();
        (
            name.clone(),
            if may_be_shown {
                value.clone()
            } else {
                HIDDEN.into()
            },
        )
    });
    Value::Object(shown.collect())
}
