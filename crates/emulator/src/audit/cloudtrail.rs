//! An audit event as CloudTrail writes it down for Identity Center.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{AssumedRole, AuditEvent, Injected, Operation};
use crate::random::uuid_of;
use crate::world::World;

/// What CloudTrail writes in place of a secret.
pub(crate) const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";
/// The management account of the organization, which owns the instance.
const MANAGEMENT_ACCOUNT: &str = "100000000001";

impl Operation {
    fn event_source(self) -> &'static str {
        match self {
            Self::Authorize | Self::SignIn | Self::VerifyDevice | Self::GetSigninToken => {
                "signin.amazonaws.com"
            }
            Self::ConsoleLogin | Self::ConsoleLogout | Self::MultiSession => "signin.amazonaws.com",
            Self::GetCallerIdentity | Self::AssumeRole => "sts.amazonaws.com",
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

    fn event_type(self) -> &'static str {
        if matches!(self, Self::ConsoleLogin | Self::GetSigninToken) {
            "AwsConsoleSignIn"
        } else if self.is_portal() {
            "AwsServiceEvent"
        } else {
            "AwsApiCall"
        }
    }

    fn is_read_only(self) -> bool {
        let is_look = matches!(self, Self::GetCallerIdentity | Self::AccessPortal | Self::Unknown);
        // AWS counts AssumeRole as a read.
        self.is_portal_read() || is_look || self == Self::AssumeRole
    }
}

impl AuditEvent {
    /// The records in CloudTrail's shape: one of most calls, one for each step of a sign-in, none of a look at a console
    /// that was opened before. `additionalEventData` holds what is ours: the user's name (AWS leaves it out), the session
    /// tags from attributes for access control, whether a scripted fault struck, and how long the answer took.
    pub fn cloudtrail_records(&self, world: &World) -> Vec<Value> {
        match self.operation {
            Operation::SignIn => {
                let steps = self.sign_in.iter().enumerate();
                steps
                    .map(|(number, step)| self.sign_in_record(number, step, world))
                    .collect()
            }
            Operation::ConsoleLogin | Operation::GetSigninToken => {
                self.console_record(world).into_iter().collect()
            }
            Operation::AssumeRole => self.assume_role_records(world),
            Operation::RegisterClient
            | Operation::StartDeviceAuthorization
            | Operation::CreateToken
            | Operation::Authorize
            | Operation::VerifyDevice
            | Operation::ListAccounts
            | Operation::ListAccountRoles
            | Operation::GetRoleCredentials
            | Operation::Logout
            | Operation::ConsoleLogout
            | Operation::MultiSession
            | Operation::GetCallerIdentity
            | Operation::AccessPortal
            | Operation::Unknown => vec![self.call_record(world)],
        }
    }

    fn call_record(&self, world: &World) -> Value {
        let mut record = self.frame(0, world);
        self.name_error(&mut record);
        record
    }

    /// What the caller saw, if that was an error.
    pub(super) fn name_error(&self, record: &mut Value) {
        if let Some(error) = &self.error {
            record["errorCode"] = error.as_str().into();
            record["errorMessage"] = self.error_message.as_deref().into();
        }
    }

    /// One for the caller's account, and one for the role's where that is another. Both name the same event.
    fn assume_role_records(&self, world: &World) -> Vec<Value> {
        let mut of_caller = self.call_record(world);
        let (Some((arn, account)), Some(caller)) = (&self.resource, &self.assumed_role) else {
            return vec![of_caller];
        };
        let shared = uuid_of(&Sha256::digest(format!("shared event {}", self.request_id)));
        of_caller["sharedEventID"] = shared.into();
        of_caller["resources"] = json!([{ "accountId": account, "type": "AWS::IAM::Role", "ARN": arn }]);
        if *account == caller.account {
            return vec![of_caller];
        }
        let mut of_role = of_caller.clone();
        of_role["userIdentity"] = json!({
            "type": "AWSAccount",
            "principalId": format!("{}:{}", caller.role_id, caller.session_name),
            "accountId": caller.account,
        });
        of_role["recipientAccountId"] = account.as_str().into();
        of_role["eventID"] = uuid_of(&Sha256::digest(format!("event role {}", self.request_id))).into();
        vec![of_caller, of_role]
    }

    /// Of the console's sign-in, which names its failures in words only.
    fn console_record(&self, world: &World) -> Option<Value> {
        let has_failed = self.error.is_some() || self.status >= 400;
        if self.operation == Operation::ConsoleLogin && self.login_to.is_none() && !has_failed {
            return None;
        }
        let mut record = self.frame(0, world);
        let outcome = if has_failed { "Failure" } else { "Success" };
        record["responseElements"] = json!({ format!("{:?}", self.operation): outcome });
        if has_failed {
            record["errorMessage"] = self.error_message.as_deref().into();
        }
        let more = &mut record["additionalEventData"];
        more["MobileVersion"] = "No".into();
        more["MFAUsed"] = "No".into();
        if let Some(address) = &self.login_to {
            more["LoginTo"] = address.as_str().into();
        }
        Some(record)
    }

    /// What all records have; `number` tells those of one call apart.
    pub(super) fn frame(&self, number: usize, world: &World) -> Value {
        let (identity, recipient) = match &self.assumed_role {
            Some(role) => (role_identity(role), role.account.as_str()),
            None => (
                user_identity(self.user.as_deref(), self.credential_id.as_deref(), world),
                MANAGEMENT_ACCOUNT,
            ),
        };
        json!({
            "eventVersion": "1.11",
            "userIdentity": identity,
            "eventTime": self.time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": self.operation.event_source(),
            "eventName": format!("{:?}", self.operation),
            "awsRegion": world.region,
            "sourceIPAddress": self.source_ip_address,
            "userAgent": self.user_agent,
            "requestParameters": self.request_parameters,
            "responseElements": self.response_elements,
            "additionalEventData": {
                "UserName": self.user,
                "time": self.time,
                "principalTags": self.principal_tags,
                "injectedFault": self.injected != Injected::Nothing,
                "httpStatus": self.status,
                "durationMs": self.duration_ms,
            },
            "requestID": self.request_id,
            "eventID": uuid_of(&Sha256::digest(format!("event {number} {}", self.request_id))),
            "readOnly": self.operation.is_read_only(),
            "eventType": self.operation.event_type(),
            "managementEvent": true,
            "recipientAccountId": recipient,
            "serviceEventDetails": self.service_event_details,
            "eventCategory": "Management",
        })
    }
}

/// A user of the directory, or nobody that it knows.
pub(super) fn user_identity(user: Option<&str>, credential_id: Option<&str>, world: &World) -> Value {
    let Some(user) = user else {
        return json!({ "type": "Unknown", "accountId": MANAGEMENT_ACCOUNT });
    };
    let (partition, store) = (world.partition(), world.identity_store_id());
    json!({
        "type": "IdentityCenterUser",
        "accountId": MANAGEMENT_ACCOUNT,
        "onBehalfOf": {
            "userId": user_id(user),
            "identityStoreArn": format!("arn:{partition}:identitystore::{MANAGEMENT_ACCOUNT}:identitystore/{store}"),
        },
        "credentialId": credential_id,
    })
}

fn role_identity(role: &AssumedRole) -> Value {
    json!({
        "type": "AssumedRole",
        "principalId": format!("{}:{}", role.role_id, role.session_name),
        "arn": role.arn,
        "accountId": role.account,
        "accessKeyId": role.access_key_id,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": role.role_id,
                "arn": role.role_arn,
                "accountId": role.account,
                "userName": role.role_name,
            },
            "attributes": {
                "creationDate": role.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
                "mfaAuthenticated": role.with_mfa.to_string(),
            },
        },
    })
}

/// The user's identifier in the identity store: stays the same for one name.
fn user_id(user: &str) -> String {
    uuid_of(&Sha256::digest(format!("user {}", user.to_lowercase())))
}
