//! Device authorization: poll, slow down, expire.

use std::time::Duration;

use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;
use jiff::Timestamp;
use url::Url;

use crate::identity_center::call::Retry;
use crate::identity_center::deadline::{Deadline, before};
use crate::identity_center::error::Api;
use crate::identity_center::token::{CREATE_TOKEN, Refused};
use crate::identity_center::{Failure, Flow, IdentityCenter, Meaning, Priority, Registration, Token};
use crate::secret::Secret;

/// A sign-in that waits for approval in some browser.
#[derive(Debug)]
pub struct DeviceSignIn {
    /// To be compared with what the page shows.
    pub user_code: String,
    pub verification_url: String,
    /// The same with the code filled in.
    pub verification_url_complete: Secret,
    pub expires_at: Timestamp,
    device_code: Secret,
    interval: Duration,
    deadline: Deadline,
}

/// What one poll said.
enum Poll {
    Approved(Token),
    Pending,
    SlowDown,
    Over(Failure),
}

const START: &str = "StartDeviceAuthorization";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// Nobody takes longer to approve a code; AWS's live for ten minutes.
const LONGEST: Duration = Duration::from_secs(3600);

/// Where AWS names no interval, and what is added for every SlowDown.
const INTERVAL: Duration = Duration::from_secs(5);

impl IdentityCenter {
    pub async fn begin_device_sign_in(&self, registration: &Registration) -> Result<DeviceSignIn, Failure> {
        if registration.flow != Flow::DeviceCode {
            let detail = "the registration is for sign-in in the browser";
            return Err(Failure::new(START, Meaning::RegistrationRefused, detail));
        }
        let asked_at = self.clock.age();
        let answer = self
            .call((START, Api::Oidc), Priority::Interactive, Retry::Quickly, || {
                self.oidc
                    .start_device_authorization()
                    .client_id(&registration.client_id)
                    .client_secret(registration.client_secret.expose())
                    .start_url(&self.portal.start_url.0)
                    .send()
            })
            .await?;
        let text = |value: Option<String>| value.filter(|value| !value.is_empty());
        let missing = |what| move || Failure::garbage(START, what);
        let life = u64::try_from(answer.expires_in)
            .ok()
            .filter(|seconds| *seconds > 0);
        let life = Duration::from_secs(life.ok_or_else(missing("expiry"))?).min(LONGEST);
        let left = life.saturating_sub(self.clock.age().saturating_sub(asked_at));
        let deadline = Deadline::after(self.clock.as_ref(), left);
        let verification_url = self.page_to_open(answer.verification_uri)?;
        let complete = match text(answer.verification_uri_complete) {
            Some(complete) => self.page_to_open(Some(complete))?,
            None => verification_url.clone(),
        };
        Ok(DeviceSignIn {
            user_code: text(answer.user_code).ok_or_else(missing("user code"))?,
            verification_url,
            verification_url_complete: complete.into(),
            expires_at: deadline.wall,
            device_code: text(answer.device_code)
                .ok_or_else(missing("device code"))?
                .into(),
            interval: interval_of(answer.interval),
            deadline,
        })
    }

    /// Polls until the person has approved or denied, or the code has expired.
    pub async fn finish_device_sign_in(
        &self,
        sign_in: DeviceSignIn,
        registration: &Registration,
    ) -> Result<Token, Failure> {
        let mut interval = sign_in.interval;
        loop {
            let pause = Deadline::after(self.clock.as_ref(), interval);
            if before(&self.clock, sign_in.deadline, pause.passed(&self.clock))
                .await
                .is_none()
            {
                let detail = "nobody approved the code in time";
                return Err(Failure::new(CREATE_TOKEN, Meaning::TimedOut, detail));
            }
            match self.poll(&sign_in, registration).await {
                Poll::Approved(token) => return Ok(token),
                Poll::Pending => {}
                Poll::SlowDown => interval += INTERVAL,
                Poll::Over(failure) => return Err(failure),
            }
        }
    }

    async fn poll(&self, sign_in: &DeviceSignIn, registration: &Registration) -> Poll {
        let grant = |request: CreateTokenFluentBuilder| {
            request
                .grant_type(GRANT)
                .device_code(sign_in.device_code.expose())
        };
        let refused = match self.create_token(registration, grant).await {
            Ok(token) => return Poll::Approved(token),
            Err(refused) => refused,
        };
        let Refused { failure, .. } = refused;
        if refused.pending {
            return Poll::Pending;
        }
        if refused.expired {
            let meaning = Meaning::TimedOut;
            return Poll::Over(Failure { meaning, ..failure });
        }
        match failure.meaning {
            Meaning::Throttled => Poll::SlowDown,
            // The person may be typing the code meanwhile: a lost network does not end that.
            Meaning::Unreachable => Poll::Pending,
            Meaning::TokenRefused
            | Meaning::GrantRefused
            | Meaning::RegistrationRefused
            | Meaning::NotAssigned
            | Meaning::DeniedByPerson
            | Meaning::TimedOut
            | Meaning::AdministratorNeeded
            | Meaning::RoleDenied
            | Meaning::KeysRefused
            | Meaning::Invalid => Poll::Over(failure),
        }
    }

    /// A page that AWS's answer names, if it is one of this portal's.
    fn page_to_open(&self, named: Option<String>) -> Result<String, Failure> {
        let named = named.ok_or_else(|| Failure::garbage(START, "page to open"))?;
        match Url::parse(&named) {
            Ok(url) if self.portal.allows(&url) => Ok(url.into()),
            Ok(_) | Err(_) => {
                let detail = "the answer names a page that is not this portal's";
                Err(Failure::new(START, Meaning::Invalid, detail))
            }
        }
    }
}

fn interval_of(seconds: i32) -> Duration {
    match u64::try_from(seconds) {
        Ok(seconds @ 1..) => Duration::from_secs(seconds),
        Ok(0) | Err(_) => INTERVAL,
    }
}
