//! A sign-in step by step, as CloudTrail tells it: what was asked for, whether it was right, and the end of it.

use serde_json::{Value, json};

use super::cloudtrail::{HIDDEN, user_identity};
use super::{AuditEvent, Operation};
use crate::world::World;

/// A credential was wrong: to CloudTrail that is an outcome, not an error.
pub(crate) const SIGN_IN_FAILED: &str = "SignInFailed";

/// CloudTrail's name of what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignInStep {
    /// The page asked for a credential.
    CredentialChallenge,
    /// A credential came, right or wrong.
    CredentialVerification,
    /// All that was asked for was right: the person is signed in.
    UserAuthentication,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialType {
    Password,
    Totp,
    /// Whatever an external provider asked for.
    ExternalIdp,
}

/// One step of a sign-in. A call of the sign-in page can be several of them.
#[derive(Clone, Debug)]
pub struct SignInEvent {
    pub step: SignInStep,
    pub credential: CredentialType,
    pub succeeded: bool,
    /// The same for all steps of one sign-in.
    pub workflow_id: String,
}

impl SignInEvent {
    pub(crate) fn challenge(credential: CredentialType, workflow_id: &str) -> Self {
        Self::of(SignInStep::CredentialChallenge, credential, true, workflow_id)
    }

    pub(crate) fn verification(credential: CredentialType, succeeded: bool, workflow_id: &str) -> Self {
        Self::of(
            SignInStep::CredentialVerification,
            credential,
            succeeded,
            workflow_id,
        )
    }

    pub(crate) fn authentication(credential: CredentialType, workflow_id: &str) -> Self {
        Self::of(SignInStep::UserAuthentication, credential, true, workflow_id)
    }

    /// The person is not signed in, for no fault of a credential.
    pub(crate) fn refusal(credential: CredentialType, workflow_id: &str) -> Self {
        Self::of(SignInStep::UserAuthentication, credential, false, workflow_id)
    }

    /// The page that would have asked did not come.
    pub(crate) fn no_challenge(credential: CredentialType, workflow_id: &str) -> Self {
        Self::of(SignInStep::CredentialChallenge, credential, false, workflow_id)
    }

    fn of(step: SignInStep, credential: CredentialType, succeeded: bool, workflow_id: &str) -> Self {
        Self {
            step,
            credential,
            succeeded,
            workflow_id: workflow_id.to_owned(),
        }
    }
}

impl SignInStep {
    fn name(self) -> &'static str {
        match self {
            Self::CredentialChallenge => "CredentialChallenge",
            Self::CredentialVerification => "CredentialVerification",
            Self::UserAuthentication => "UserAuthentication",
        }
    }
}

impl CredentialType {
    fn name(self) -> &'static str {
        match self {
            Self::Password => "PASSWORD",
            Self::Totp => "TOTP",
            Self::ExternalIdp => "EXTERNAL_IDP",
        }
    }
}

impl AuditEvent {
    /// The record of one step; `number` tells the steps of one call apart.
    pub(super) fn sign_in_record(&self, number: usize, step: &SignInEvent, world: &World) -> Value {
        debug_assert_eq!(self.operation, Operation::SignIn);
        let mut record = self.frame(number, world);
        let has_session = step.step == SignInStep::UserAuthentication && step.succeeded;
        let credential_id = self.credential_id.as_deref().filter(|_| has_session);
        record["userIdentity"] = user_identity(self.user.as_deref(), credential_id, world);
        record["eventName"] = step.step.name().into();
        record["eventType"] = "AwsServiceEvent".into();
        if self.error.as_deref() != Some(SIGN_IN_FAILED) {
            self.name_error(&mut record);
        }
        // Form fields are no parameters there, and the outcome stands below.
        record["requestParameters"] = Value::Null;
        let outcome = if step.succeeded { "Success" } else { "Failure" };
        record["serviceEventDetails"] = json!({ step.step.name(): outcome });
        let more = &mut record["additionalEventData"];
        more["AuthWorkflowID"] = step.workflow_id.as_str().into();
        more["CredentialType"] = step.credential.name().into();
        // Somebody may have typed a password in place of a name.
        more["UserName"] = self.user.as_deref().unwrap_or(HIDDEN).into();
        if has_session {
            more["LoginTo"] = world.start_url.as_str().into();
        }
        record
    }
}
