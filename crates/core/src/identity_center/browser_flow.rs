//! Authorization code with PKCE: a loopback listener, the authorize URL, the exchange.

use std::time::Duration;

use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::Url;

pub use crate::identity_center::callback::Verdict;
use crate::identity_center::callback::{Callback, Outcome};
use crate::identity_center::deadline::{Deadline, before};
use crate::identity_center::endpoints::under;
use crate::identity_center::registration::SCOPE;
use crate::identity_center::token::nobody_denied;
use crate::identity_center::{Failure, Flow, IdentityCenter, Meaning, Registration, Token, Trouble};
use crate::secret::Secret;

/// A sign-in that waits for the person's browser. Dropping it closes the listener.
#[derive(Debug)]
pub struct BrowserSignIn {
    /// What the browser has to open. Carries `state`: never in an argument list or a log.
    pub authorize_url: Secret,
    pub expires_at: Timestamp,
    callback: Callback,
    verifier: Secret,
    redirect: String,
    deadline: Deadline,
}

/// As registered; the port that is really used may be any (RFC 8252 §7.3).
pub(super) const REDIRECT_WITHOUT_PORT: &str = "http://127.0.0.1/oauth/callback";

const SIGN_IN: &str = "sign-in in the browser";
const LIFE: Duration = Duration::from_secs(600);

impl IdentityCenter {
    /// Binds the listener and makes the authorize URL; nothing is sent yet.
    pub async fn begin_browser_sign_in(&self, registration: &Registration) -> Result<BrowserSignIn, Failure> {
        if registration.flow != Flow::Browser {
            let detail = "the registration is for device codes";
            return Err(Failure::new(SIGN_IN, Meaning::RegistrationRefused, detail));
        }
        let state = random()?;
        let verifier = random()?;
        let callback = Callback::listen(state.clone(), &self.clock)
            .await
            .map_err(|error| {
                Failure::new(
                    SIGN_IN,
                    Meaning::Invalid,
                    &format!("no listener on 127.0.0.1: {error}"),
                )
            })?;
        let redirect = callback.address();
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
        let mut url = under(&self.portal.endpoints.sso_oidc, "authorize");
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &registration.client_id)
            .append_pair("redirect_uri", &redirect)
            .append_pair("state", state.expose())
            .append_pair("code_challenge_method", "S256")
            .append_pair("scopes", SCOPE)
            .append_pair("code_challenge", &challenge);
        let deadline = Deadline::after(self.clock.as_ref(), LIFE);
        Ok(BrowserSignIn {
            authorize_url: String::from(url).into(),
            expires_at: deadline.wall,
            callback,
            verifier,
            redirect,
            deadline,
        })
    }

    /// Whether AWS's page answers that the browser would open; what stands on it is the browser's.
    pub async fn look_at_sign_in_page(&self, sign_in: &BrowserSignIn) -> Result<(), Failure> {
        let failed =
            |meaning, detail: &str| Failure::new(SIGN_IN, meaning, detail).with_trouble(Trouble::Answer);
        let url = Url::parse(sign_in.authorize_url.expose())
            .map_err(|_| failed(Meaning::Invalid, "the URL cannot be requested"))?;
        match self.http.get(SIGN_IN, &url).await?.status {
            429 => Err(failed(Meaning::Throttled, "HTTP 429")),
            status @ 500.. => Err(failed(Meaning::Unreachable, &format!("HTTP {status}"))),
            _ => Ok(()),
        }
    }

    /// Waits for the browser to come back (10 minutes at most) and exchanges the code. The browser waits for what
    /// [`BrowserSignIn::tell`] says.
    pub async fn finish_browser_sign_in(
        &self,
        sign_in: &mut BrowserSignIn,
        registration: &Registration,
    ) -> Result<Token, Failure> {
        let outcome = before(&self.clock, sign_in.deadline, sign_in.callback.outcome()).await;
        let code = match outcome {
            Some(Outcome::Code(code)) => code,
            Some(Outcome::Error(error)) => return Err(refusal(&error)),
            None => {
                let detail = "nobody signed in within 10 minutes";
                return Err(Failure::new(SIGN_IN, Meaning::TimedOut, detail));
            }
        };
        let grant = |request: CreateTokenFluentBuilder| {
            request
                .grant_type("authorization_code")
                .code(code.expose())
                .redirect_uri(&sign_in.redirect)
                .code_verifier(sign_in.verifier.expose())
        };
        let token = self.create_token(registration, grant).await;
        // The person has said yes by then.
        token.map_err(|refused| nobody_denied(refused.failure))
    }
}

impl BrowserSignIn {
    #[cfg(test)]
    pub(super) fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// What became of the sign-in, for the page that the person looks at.
    pub fn tell(&self, verdict: Verdict) {
        self.callback.tell(verdict);
    }
}

/// 384 bits as 64 unreserved characters.
fn random() -> Result<Secret, Failure> {
    let mut bytes = [0_u8; 48];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::new(SIGN_IN, Meaning::Invalid, "the system gives no random numbers"))?;
    Ok(BASE64_URL_SAFE_NO_PAD.encode(bytes).into())
}

/// By the names of RFC 6749; whatever else the browser brought is not shown.
fn refusal(error: &str) -> Failure {
    let (meaning, detail) = match error {
        "access_denied" => (Meaning::DeniedByPerson, "access_denied"),
        "server_error" => (
            Meaning::Unreachable,
            "its sign-in page reports trouble of its own, server_error",
        ),
        "temporarily_unavailable" => (
            Meaning::Unreachable,
            "its sign-in page is not available for a while, temporarily_unavailable",
        ),
        "invalid_client" => (Meaning::RegistrationRefused, "invalid_client"),
        "unauthorized_client" => (Meaning::RegistrationRefused, "unauthorized_client"),
        _ => (Meaning::Invalid, "AWS's sign-in page reported an error"),
    };
    // The page has answered, or nobody would have come back.
    Failure::new(SIGN_IN, meaning, detail).with_trouble(Trouble::Answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l2_what_the_sign_in_page_reports_is_told_apart_from_a_persons_no() {
        for (error, meaning) in [
            ("access_denied", Meaning::DeniedByPerson),
            ("server_error", Meaning::Unreachable),
            ("temporarily_unavailable", Meaning::Unreachable),
            ("unauthorized_client", Meaning::RegistrationRefused),
            ("<script>", Meaning::Invalid),
        ] {
            let failure = refusal(error);
            assert_eq!(
                (failure.meaning, failure.trouble),
                (meaning, Trouble::Answer),
                "{error}"
            );
        }
        assert!(
            refusal("server_error")
                .detail
                .unwrap()
                .contains("sign-in page reports trouble")
        );
    }
}
