//! An audit event as CloudTrail writes it down for Identity Center.

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use url::form_urlencoded;

use super::{AuditEvent, Operation};
use crate::call::Call;
use crate::random::uuid_of;
use crate::world::World;

/// What CloudTrail writes in place of a secret.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// The management account of the organization, which owns the instance.
const MANAGEMENT_ACCOUNT: &str = "100000000001";

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

impl Operation {
    fn event_source(self) -> &'static str {
        match self {
            Self::Authorize | Self::SignIn | Self::VerifyDevice | Self::GetSigninToken => {
                "signin.amazonaws.com"
            }
            Self::ConsoleLogin | Self::ConsoleLogout | Self::MultiSession => "signin.amazonaws.com",
            Self::GetCallerIdentity => "sts.amazonaws.com",
            Self::RegisterClient
            | Self::StartDeviceAuthorization
            | Self::CreateToken
            | Self::ListAccounts
            | Self::ListAccountRoles
            | Self::GetRoleCredentials
            | Self::Logout
            | Self::AccessPortal
            | Self::Unknown => "sso.amazonaws.com",
        }
    }

    fn event_name(self) -> String {
        if self == Self::SignIn {
            return "UserAuthentication".to_owned();
        }
        format!("{self:?}")
    }

    fn is_read_only(self) -> bool {
        self.is_portal_read() || matches!(self, Self::GetCallerIdentity | Self::AccessPortal | Self::Unknown)
    }
}

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
    // Of these CloudTrail has the parameters under `serviceEventDetails`.
    if !operation.is_portal() {
        let query = call.uri.query().unwrap_or_default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let may_be_shown = SHOWN_PARAMETERS.contains(&name.as_ref());
            shown.insert(
                name.into_owned(),
                if may_be_shown {
                    Value::from(value)
                } else {
                    HIDDEN.into()
                },
            );
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

impl AuditEvent {
    /// The record in CloudTrail's shape. `additionalEventData` holds what is ours: the user's name (AWS leaves it out),
    /// the session tags from attributes for access control, and how long the answer took.
    pub fn cloudtrail_record(&self, world: &World) -> Value {
        let store = world.identity_store_id();
        let identity = match (&self.assumed_role, &self.user) {
            (Some(arn), _) => json!({
                "type": "AssumedRole",
                "arn": arn,
                "accountId": arn.split(':').nth(4),
            }),
            (None, Some(user)) => json!({
                "type": "IdentityCenterUser",
                "accountId": MANAGEMENT_ACCOUNT,
                "onBehalfOf": {
                    "userId": user_id(user),
                    "identityStoreArn": format!(
                        "arn:{}:identitystore::{MANAGEMENT_ACCOUNT}:identitystore/{store}", world.partition()
                    ),
                },
                "credentialId": self.credential_id,
            }),
            (None, None) => json!({ "type": "Unknown", "accountId": MANAGEMENT_ACCOUNT }),
        };
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": self.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": self.operation.event_source(),
            "eventName": self.operation.event_name(),
            "awsRegion": world.region,
            "sourceIPAddress": self.source_ip_address,
            "userAgent": self.user_agent,
            "requestParameters": self.request_parameters,
            "responseElements": null,
            "additionalEventData": {
                "UserName": self.user,
                "time": self.time,
                "principalTags": self.principal_tags,
                "httpStatus": self.status,
                "durationMs": self.duration_ms,
            },
            "requestID": self.request_id,
            "eventID": event_id(&self.request_id),
            "readOnly": self.operation.is_read_only(),
            "eventType": if self.operation.is_portal() { "AwsServiceEvent" } else { "AwsApiCall" },
            "managementEvent": true,
            "recipientAccountId": MANAGEMENT_ACCOUNT,
            "serviceEventDetails": self.service_event_details,
            "eventCategory": "Management",
        });
        if let Some(error) = &self.error {
            record["errorCode"] = error.as_str().into();
        }
        record
    }
}

/// The user's identifier in the identity store: stays the same for one name.
fn user_id(user: &str) -> String {
    uuid_of(&Sha256::digest(format!("user {}", user.to_lowercase())))
}

fn event_id(request_id: &str) -> String {
    uuid_of(&Sha256::digest(format!("event {request_id}")))
}
