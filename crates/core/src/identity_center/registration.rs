//! Our OIDC client registration and its expiry.

use jiff::{SignedDuration, Timestamp};

use crate::identity_center::browser_flow::REDIRECT_WITHOUT_PORT;
use crate::identity_center::call::Retry;
use crate::identity_center::error::Api;
use crate::identity_center::{Failure, Flow, IdentityCenter, Priority, Registration};

/// What makes AWS issue refresh tokens, and accept the access token for accounts and roles.
pub(super) const SCOPE: &str = "sso:account:access";

const OPERATION: &str = "RegisterClient";
const CLIENT_NAME: &str = "portray";

/// A sign-in lasts up to 90 days in the worst case, but nobody should see it end because of a registration.
const LEFT_AT_LEAST: SignedDuration = SignedDuration::from_hours(7 * 24);

impl Registration {
    /// Whether a sign-in may start with it: more than seven days of its 90 are left.
    pub fn usable(&self, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) > LEFT_AT_LEAST
    }
}

impl IdentityCenter {
    /// RegisterClient for one flow, with the scope `sso:account:access`. AWS refuses one registration for both
    /// flows. AWS limits how often clients register: keep the result for its life.
    pub async fn register(&self, flow: Flow) -> Result<Registration, Failure> {
        let answer = self
            .call(
                (OPERATION, Api::Oidc),
                Priority::Interactive,
                Retry::Quickly,
                || {
                    let request = self
                        .oidc
                        .register_client()
                        .client_name(CLIENT_NAME)
                        .client_type("public")
                        .scopes(SCOPE);
                    let request = match flow {
                        Flow::Browser => request
                            .grant_types("authorization_code")
                            .grant_types("refresh_token")
                            .redirect_uris(REDIRECT_WITHOUT_PORT)
                            .issuer_url(&self.portal.start_url.0),
                        Flow::DeviceCode => request,
                    };
                    request.send()
                },
            )
            .await?;
        let text = |value: Option<String>| value.filter(|value| !value.is_empty());
        let missing = |what| move || Failure::garbage(OPERATION, what);
        Ok(Registration {
            flow,
            expires_at: Some(answer.client_secret_expires_at)
                .filter(|seconds| *seconds > 0)
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .ok_or_else(missing("expiry"))?,
            client_id: text(answer.client_id).ok_or_else(missing("client id"))?,
            client_secret: text(answer.client_secret)
                .ok_or_else(missing("client secret"))?
                .into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_a_registration_is_renewed_when_seven_days_are_left() {
        let registered: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let registration = Registration {
            flow: Flow::Browser,
            client_id: "id".to_owned(),
            client_secret: "secret".into(),
            expires_at: registered + SignedDuration::from_hours(90 * 24),
        };
        assert!(registration.usable(registered));
        assert!(registration.usable(registered + SignedDuration::from_hours(82 * 24)));
        assert!(!registration.usable(registered + SignedDuration::from_hours(83 * 24)));
        assert!(!registration.usable(registered + SignedDuration::from_hours(91 * 24)));
    }
}
