//! STS: a further role that is assumed with a permission set's credentials.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_sts::config::{Credentials, Region};
use aws_sdk_sts::types::Tag;
use jiff::Timestamp;

use crate::identity_center::call::Retry;
use crate::identity_center::error::Api;
use crate::identity_center::roles::Given;
use crate::identity_center::{Endpoints, Failure, IdentityCenter, Priority, RoleCredentials};
use crate::secret::Secret;

const ASSUME_ROLE: &str = "AssumeRole";
const GET_CALLER_IDENTITY: &str = "GetCallerIdentity";

/// A role as AssumeRole is asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FurtherRole {
    pub arn: String,
    pub external_id: Option<String>,
    pub tags: BTreeMap<String, String>,
    pub transitive_tags: Vec<String>,
    /// 15 minutes to an hour.
    pub duration: Duration,
    /// The device whose code is needed.
    pub mfa_serial: Option<String>,
    /// The region whose STS is asked; by default the portal's.
    pub region: Option<String>,
}

impl IdentityCenter {
    /// Credentials of the role. A code of the MFA device is spent by this, whatever comes of it.
    pub async fn assume_role(
        &self,
        source: &RoleCredentials,
        role: &FurtherRole,
        session_name: &str,
        code: Option<&Secret>,
        priority: Priority,
    ) -> Result<RoleCredentials, Failure> {
        let retry = if code.is_some() {
            Retry::Never
        } else {
            Retry::Quickly
        };
        let tags = role
            .tags
            .iter()
            .map(|(key, value)| Tag::builder().key(key).value(value).build());
        let tags: Result<Vec<Tag>, _> = tags.collect();
        let tags = tags.map_err(|_| Failure::garbage(ASSUME_ROLE, "tags"))?;
        let some = |tags: Vec<_>| (!tags.is_empty()).then_some(tags);
        let seconds = i32::try_from(role.duration.as_secs()).unwrap_or(3600);
        let request = || {
            self.sts
                .assume_role()
                .role_arn(&role.arn)
                .role_session_name(session_name)
                .duration_seconds(seconds)
                .set_external_id(role.external_id.clone())
                .set_tags(some(tags.clone()))
                .set_transitive_tag_keys(
                    (!role.transitive_tags.is_empty()).then(|| role.transitive_tags.clone()),
                )
                .set_serial_number(role.mfa_serial.clone().filter(|_| code.is_some()))
                .set_token_code(code.map(|code| code.expose().clone()))
                .customize()
                .config_override(self.signed_with(source, role))
                .send()
        };
        let slept = self.slept();
        let call = || self.call((ASSUME_ROLE, Api::Sts), priority, retry, request);
        let mut answer = call().await?;
        let end = answer.credentials.as_ref().map(|given| given.expiration.secs());
        let end = end.and_then(|end| Timestamp::new(end, 0).ok());
        // A code is spent.
        if code.is_none() && self.has_slept_through(end, slept) {
            answer = call().await?;
        }
        let given = answer.credentials;
        let given = given.ok_or_else(|| Failure::garbage(ASSUME_ROLE, "credentials"))?;
        credentials_of(given, self.clock.now(), self.http.skew.is_told())
    }

    /// The ARN that these credentials make of their holder.
    pub async fn caller(
        &self,
        source: &RoleCredentials,
        role: &FurtherRole,
        priority: Priority,
    ) -> Result<String, Failure> {
        let request = || {
            self.sts
                .get_caller_identity()
                .customize()
                .config_override(self.signed_with(source, role))
                .send()
        };
        let api = (GET_CALLER_IDENTITY, Api::Sts);
        let answer = self.call(api, priority, Retry::Quickly, request).await?;
        let arn = answer.arn.filter(|arn| !arn.is_empty());
        arn.ok_or_else(|| Failure::garbage(GET_CALLER_IDENTITY, "ARN"))
    }

    fn signed_with(&self, source: &RoleCredentials, role: &FurtherRole) -> aws_sdk_sts::config::Builder {
        let region = role.region.as_ref().unwrap_or(&self.portal.region);
        let keys = Credentials::new(
            &source.access_key_id,
            source.secret_access_key.expose(),
            Some(source.session_token.expose().clone()),
            Some(source.expires_at.into()),
            "permission set",
        );
        aws_sdk_sts::Config::builder()
            .credentials_provider(keys)
            .region(Region::new(region.clone()))
            .endpoint_url(self.sts_of(region))
    }

    /// The region's own STS, unless the portal's is another one than AWS's.
    fn sts_of(&self, region: &str) -> String {
        let portal = &self.portal;
        let own = &portal.endpoints.sts;
        let of_aws = |region: &str| Endpoints::of_aws(region, &portal.start_url).map(|of_aws| of_aws.sts);
        let endpoint = match (of_aws(&portal.region), of_aws(region)) {
            (Ok(usual), Ok(regional)) if usual == *own => regional,
            _ => own.clone(),
        };
        endpoint.as_str().trim_end_matches('/').to_owned()
    }
}

fn credentials_of(
    given: aws_sdk_sts::types::Credentials,
    now: Timestamp,
    now_is_told: bool,
) -> Result<RoleCredentials, Failure> {
    let given = Given {
        access_key_id: Some(given.access_key_id),
        secret_access_key: Some(given.secret_access_key),
        session_token: Some(given.session_token),
        expires_at: Timestamp::new(given.expiration.secs(), 0).ok(),
    };
    given.checked(ASSUME_ROLE, now, now_is_told)
}
