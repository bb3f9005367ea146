//! Access and refresh token: CreateToken for every grant, the refresh grant, and signing out.

use std::time::Duration;

use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;
use aws_sdk_ssooidc::operation::create_token::{CreateTokenError, CreateTokenOutput};
use aws_smithy_runtime_api::client::result::SdkError;
use jiff::{SignedDuration, Timestamp};

use crate::clock::saturating_add;
use crate::identity_center::call::{OVERALL, Retry};
use crate::identity_center::deadline::within;
use crate::identity_center::error::Api;
use crate::identity_center::told::Told;
use crate::identity_center::{Failure, IdentityCenter, Meaning, Priority, Registration, Token};
use crate::secret::Secret;

pub const CREATE_TOKEN: &str = "CreateToken";
const LOGOUT: &str = "Logout";

/// How long a person who signs out waits for AWS.
pub(crate) const FAREWELL: Duration = Duration::from_secs(3);

impl IdentityCenter {
    /// A new access token. Where AWS returns no new refresh token the old one is kept.
    ///
    /// Never tried again here: refresh tokens may rotate, and an answer that got lost may have spent this one.
    pub async fn refresh(&self, registration: &Registration, token: &Token) -> Result<Token, Failure> {
        let Some(refresh_token) = &token.refresh_token else {
            let detail = "this sign-in has no refresh token";
            return Err(Failure::new(CREATE_TOKEN, Meaning::GrantRefused, detail));
        };
        let grant = |request: CreateTokenFluentBuilder| {
            request
                .grant_type("refresh_token")
                .refresh_token(refresh_token.expose())
        };
        let renewed = self
            .create_token(registration, grant)
            .await
            .map_err(|refused| nobody_denied(refused.failure))?;
        Ok(Token {
            refresh_token: renewed.refresh_token.or_else(|| Some(refresh_token.clone())),
            ..renewed
        })
    }

    /// CreateToken with the grant that `build` fills in. Tried once: every grant spends something.
    pub(super) async fn create_token(
        &self,
        registration: &Registration,
        build: impl FnOnce(CreateTokenFluentBuilder) -> CreateTokenFluentBuilder,
    ) -> Result<Token, Refused> {
        let request = self
            .oidc
            .create_token()
            .client_id(&registration.client_id)
            .client_secret(registration.client_secret.expose());
        let asked_at = self.clock.age();
        let attempt = self.attempt(Api::Oidc, Priority::Interactive, Box::pin(build(request).send()));
        let answer = match within(&self.clock, OVERALL, attempt).await {
            Some(answer) => answer,
            None => Err(SdkError::timeout_error("no answer in time")),
        };
        match answer {
            Ok(answer) => {
                // The life counts from before the call, so that it is never thought longer than it is; by the clock as
                // it is now, since the answer may have put it right.
                let took = self.clock.age().saturating_sub(asked_at);
                let took = SignedDuration::try_from(took).unwrap_or(SignedDuration::MAX);
                let issued_at = saturating_add(self.clock.now(), -took);
                Ok(token_of(answer, issued_at)?)
            }
            Err(error) => {
                let named = error.as_service_error();
                Err(Refused {
                    failure: Failure::of(CREATE_TOKEN, Api::Oidc, &error),
                    pending: named.is_some_and(CreateTokenError::is_authorization_pending_exception),
                    expired: named.is_some_and(CreateTokenError::is_expired_token_exception),
                })
            }
        }
    }

    /// Ends the session at AWS (3 s at most). That it has ended is believed only where AWS itself says so.
    pub async fn sign_out(&self, token: &Token) -> Result<(), Failure> {
        let told = Told::default();
        let call = self.call((LOGOUT, Api::Portal), Priority::Interactive, Retry::Never, || {
            let request = self.sso.logout().access_token(token.access_token.expose());
            request.customize().interceptor(told.clone()).send()
        });
        match within(&self.clock, FAREWELL, call).await {
            Some(Ok(_)) if !told.by_aws() => Err(Failure::garbage(LOGOUT, "confirmation")),
            Some(answer) => answer.map(drop),
            None => Err(Failure::new(LOGOUT, Meaning::Unreachable, "no answer in time")),
        }
    }
}

/// Why CreateToken gave no token.
pub(super) struct Refused {
    pub failure: Failure,
    /// The person has not approved the device code yet.
    pub pending: bool,
    /// The code or the token has run out.
    pub expired: bool,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            pending: false,
            expired: false,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        refused.failure
    }
}

fn token_of(answer: CreateTokenOutput, issued_at: Timestamp) -> Result<Token, Failure> {
    let secret = |value: Option<String>| value.filter(|value| !value.is_empty()).map(Secret::new);
    let missing = |what| move || Failure::garbage(CREATE_TOKEN, what);
    let life = Some(answer.expires_in)
        .filter(|seconds| *seconds > 0)
        .ok_or_else(missing("expiry"))?;
    Ok(Token {
        access_token: secret(answer.access_token).ok_or_else(missing("access token"))?,
        refresh_token: secret(answer.refresh_token),
        issued_at,
        expires_at: issued_at
            .checked_add(SignedDuration::from_secs(life.into()))
            .map_err(|_| Failure::garbage(CREATE_TOKEN, "expiry"))?,
    })
}

/// Nobody is asked when a token is refreshed, or a code exchanged: AWS refuses the grant.
pub(super) fn nobody_denied(failure: Failure) -> Failure {
    if failure.meaning != Meaning::DeniedByPerson {
        return failure;
    }
    Failure {
        meaning: Meaning::GrantRefused,
        ..failure
    }
}
