//! Access and refresh token: the refresh grant and signing out.

use std::time::Duration;

use aws_sdk_ssooidc::operation::create_token::CreateTokenOutput;
use jiff::{SignedDuration, Timestamp};

use crate::identity_center::call::Retry;
use crate::identity_center::deadline::within;
use crate::identity_center::error::Api;
use crate::identity_center::{Failure, IdentityCenter, Meaning, Priority, Registration, Token};
use crate::secret::Secret;

pub(super) const CREATE_TOKEN: &str = "CreateToken";
const LOGOUT: &str = "Logout";

/// How long a person who signs out waits for AWS.
const FAREWELL: Duration = Duration::from_secs(3);

impl IdentityCenter {
    /// A new access token. Where AWS returns no new refresh token the old one is kept.
    ///
    /// Never tried again here: refresh tokens may rotate, and an answer that got lost may have spent this one.
    pub async fn refresh(&self, registration: &Registration, token: &Token) -> Result<Token, Failure> {
        let Some(refresh_token) = &token.refresh_token else {
            let detail = "this sign-in has no refresh token";
            return Err(Failure::new(CREATE_TOKEN, Meaning::GrantRefused, detail));
        };
        let issued_at = self.clock.now();
        let answer = self
            .call(
                (CREATE_TOKEN, Api::Oidc),
                Priority::Interactive,
                Retry::Never,
                || {
                    self.oidc
                        .create_token()
                        .client_id(&registration.client_id)
                        .client_secret(registration.client_secret.expose())
                        .grant_type("refresh_token")
                        .refresh_token(refresh_token.expose())
                        .send()
                },
            )
            .await
            .map_err(nobody_denied)?;
        let renewed = token_of(answer, issued_at)?;
        Ok(Token {
            refresh_token: renewed.refresh_token.or_else(|| Some(refresh_token.clone())),
            ..renewed
        })
    }

    /// Ends the session at AWS (3 s at most).
    pub async fn sign_out(&self, token: &Token) -> Result<(), Failure> {
        let call = self.call((LOGOUT, Api::Portal), Priority::Interactive, Retry::Never, || {
            self.sso.logout().access_token(token.access_token.expose()).send()
        });
        match within(&self.clock, FAREWELL, call).await {
            Some(answer) => answer.map(drop),
            None => Err(Failure::new(LOGOUT, Meaning::Unreachable, "no answer in time")),
        }
    }
}

/// What CreateToken gave. The life counts from before the call, so that it is never thought longer than it is.
pub(super) fn token_of(answer: CreateTokenOutput, issued_at: Timestamp) -> Result<Token, Failure> {
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

/// Nobody is asked when a token is refreshed: AWS refuses the grant.
fn nobody_denied(failure: Failure) -> Failure {
    match failure.meaning {
        Meaning::DeniedByPerson => Failure {
            meaning: Meaning::GrantRefused,
            ..failure
        },
        Meaning::TokenRefused
        | Meaning::GrantRefused
        | Meaning::RegistrationRefused
        | Meaning::NotAssigned
        | Meaning::TimedOut
        | Meaning::AdministratorNeeded
        | Meaning::Throttled
        | Meaning::Unreachable
        | Meaning::Invalid => failure,
    }
}
