//! AssumeRole: credentials of a further role for whoever its trust policy names.

mod parameters;
mod session_policies;

use axum::http::StatusCode;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use self::parameters::Parameters;
use super::StsError;
use super::caller::signer;
use super::form::{Members, Value};
use crate::audit::AssumedRole;
use crate::call::Call;
use crate::role_credentials::{FurtherRole, NewChain, RoleCredentials};
use crate::state::State;
use crate::world::IamRole;

/// What a role that was assumed from a role may last, whatever its own limit is.
const CHAINED: SignedDuration = SignedDuration::from_hours(1);
/// What AWS does not tell is how tags and policies are packed; here this many bytes are all that there is room for.
const PACKED_BYTES: usize = 4096;

#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AssumeRoleError {
    #[error("{0}")]
    Validation(String),
    #[error("{0}")]
    AccessDenied(String),
    #[error("{0}")]
    MalformedPolicyDocument(&'static str),
    #[error("Packed size of session tags consumes {0}% of allotted space.")]
    PackedTagsTooLarge(usize),
    #[error("Packed policy consumes {0}% of allotted space, please use smaller policy.")]
    PackedPolicyTooLarge(usize),
}

impl AssumeRoleError {
    pub(super) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Validation(_) => (StatusCode::BAD_REQUEST, "ValidationError"),
            Self::AccessDenied(_) => (StatusCode::FORBIDDEN, "AccessDenied"),
            Self::MalformedPolicyDocument(_) => (StatusCode::BAD_REQUEST, "MalformedPolicyDocument"),
            Self::PackedTagsTooLarge(_) | Self::PackedPolicyTooLarge(_) => {
                (StatusCode::BAD_REQUEST, "PackedPolicyTooLarge")
            }
        }
    }
}

pub(super) fn assume_role(state: &mut State, call: &mut Call) -> Result<Members, StsError> {
    let caller = signer(state, call)?;
    let identity = caller.assumed(&state.world);
    call.user = Some(caller.user.clone());
    call.principal_tags = caller.tags.clone();
    call.trail.assumed_role = Some(identity.clone());
    let asked = Parameters::of(call);
    call.trail.request_parameters = Some(asked.shown(&caller));
    asked.check()?;
    let (role, with_mfa) = role(state, call, &asked, &identity)?;
    asked.policies.check_arns(&state.world, &role.account)?;
    let life = life(&asked, &role)?;
    let transitive_tags = asked.transitive_tags(&caller)?;
    let packed = packed(&asked)?;
    let further = NewChain {
        account: role.account.clone(),
        tags: asked.session_tags(&transitive_tags),
        role: FurtherRole {
            name: role.name.clone(),
            session_name: asked.session_name.clone(),
            with_mfa,
            transitive_tags,
        },
        life,
    };
    let issued = state.mint.assume(&mut state.random, &caller, further, call.now);
    state.secrets.note("secret_access_key", &issued.secret_access_key);
    state.secrets.note("session_token", &issued.session_token);
    let assumed = state.mint.open(&issued.session_token);
    let assumed = assumed.map(|session| session.assumed(&state.world));
    let assumed = assumed.unwrap_or(identity);
    call.trail.resource = Some((asked.role_arn.clone(), role.account));
    call.trail.response_elements = shown(&issued, &assumed);
    Ok(members(&issued, &assumed, asked.is_packed().then_some(packed)))
}

/// The role, if its trust policy lets the caller have it, and whether the caller answered for an MFA device. AWS does not
/// tell a role that is not there from one that is not for the caller.
fn role(
    state: &mut State,
    call: &Call,
    asked: &Parameters,
    caller: &AssumedRole,
) -> Result<(IamRole, bool), AssumeRoleError> {
    let denied = |action: &str| {
        let (arn, resource) = (&caller.arn, &asked.role_arn);
        AssumeRoleError::AccessDenied(format!(
            "User: {arn} is not authorized to perform: sts:{action} on resource: {resource}"
        ))
    };
    let role = state.world.iam_role(&asked.role_arn).cloned();
    let role = role.ok_or_else(|| denied("AssumeRole"))?;
    let knows_id = role.external_id.is_none() || role.external_id == asked.external_id;
    if !role.trusts(caller) || !knows_id {
        return Err(denied("AssumeRole"));
    }
    if asked.source_identity.is_some() {
        return Err(denied("SetSourceIdentity"));
    }
    let is_verified = verified(state, call, asked, &role)?;
    if role.mfa.is_some() && !is_verified {
        return Err(denied("AssumeRole"));
    }
    Ok((role, is_verified))
}

/// Whether the caller has answered for the device of the role's policy. A code works once.
fn verified(
    state: &mut State,
    call: &Call,
    asked: &Parameters,
    role: &IamRole,
) -> Result<bool, AssumeRoleError> {
    let failed = |why: &str| AssumeRoleError::AccessDenied(format!("MultiFactorAuthentication failed{why}"));
    let (serial, code) = match (&asked.serial_number, &asked.token_code) {
        (None, None) => return Ok(false),
        (Some(serial), Some(code)) => (serial, code),
        (Some(_), None) | (None, Some(_)) => {
            return Err(failed(
                ", must provide both MFA serial number and one time pass code. ",
            ));
        }
    };
    let device = role.mfa.as_ref().filter(|device| device.serial == *serial);
    // All callers here are role sessions, and a device belongs to a user.
    let Some(device) = device.filter(|_| state.world.unsettled.mfa_of_role_sessions) else {
        return Err(failed(
            ", unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user. ",
        ));
    };
    let step = device.codes.step_of(code, call.now);
    match step.filter(|step| state.challenges.use_step(&format!("mfa/{serial}"), *step)) {
        Some(_) => Ok(true),
        None => Err(failed(" with invalid MFA one time pass code. ")),
    }
}

/// How much of the room the tags and policies take, in percent.
fn packed(asked: &Parameters) -> Result<usize, AssumeRoleError> {
    let packed = (asked.packed_tags() + asked.policies.packed()) * 100 / PACKED_BYTES;
    match (packed > 100, asked.policies.are_there()) {
        (false, _) => Ok(packed),
        (true, true) => Err(AssumeRoleError::PackedPolicyTooLarge(packed)),
        (true, false) => Err(AssumeRoleError::PackedTagsTooLarge(packed)),
    }
}

/// Nobody here has other credentials than a role's: whoever calls chains.
fn life(asked: &Parameters, role: &IamRole) -> Result<SignedDuration, AssumeRoleError> {
    let Some(seconds) = asked.duration_seconds else {
        return Ok(CHAINED.min(role.max_session_duration));
    };
    let life = SignedDuration::from_secs(seconds);
    let refused = |why: &str| Err(AssumeRoleError::Validation(why.to_owned()));
    if life > CHAINED {
        return refused(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        );
    }
    if life > role.max_session_duration {
        return refused("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.");
    }
    Ok(life)
}

fn members(issued: &RoleCredentials, assumed: &AssumedRole, packed: Option<usize>) -> Members {
    let assumed_id = format!("{}:{}", assumed.role_id, assumed.session_name);
    let mut members = vec![
        (
            "Credentials",
            Value::Members(vec![
                ("AccessKeyId", Value::text(&issued.access_key_id)),
                ("SecretAccessKey", Value::text(&issued.secret_access_key)),
                ("SessionToken", Value::text(&issued.session_token)),
                ("Expiration", Value::Time(issued.expiration)),
            ]),
        ),
        (
            "AssumedRoleUser",
            Value::Members(vec![
                ("AssumedRoleId", Value::text(&assumed_id)),
                ("Arn", Value::text(&assumed.arn)),
            ]),
        ),
    ];
    if let Some(percent) = packed {
        members.push(("PackedPolicySize", Value::Number(percent)));
    }
    members
}

/// As CloudTrail has it, but for the session token, which it shows.
fn shown(issued: &RoleCredentials, assumed: &AssumedRole) -> Json {
    json!({
        "credentials": {
            "accessKeyId": issued.access_key_id,
            "sessionToken": crate::audit::HIDDEN,
            "expiration": issued.expiration.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string(),
        },
        "assumedRoleUser": {
            "assumedRoleId": format!("{}:{}", assumed.role_id, assumed.session_name),
            "arn": assumed.arn,
        },
    })
}
