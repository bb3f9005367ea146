//! An authorization code on its way: asked for, allowed, exchanged once.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};

use super::OidcError;
use crate::call::Call;
use crate::sessions::SessionId;

/// How long a person may look at the question.
const CONSENT_LIFE: SignedDuration = SignedDuration::from_mins(10);

/// What a client asks a person for on the `/authorize` page.
#[derive(Clone)]
pub(crate) struct ConsentRequest {
    pub(crate) client_id: String,
    pub(crate) redirect_uri: String,
    pub(crate) state: String,
    pub(crate) challenge: String,
    pub(crate) session: SessionId,
    pub(crate) expires: Timestamp,
    /// Where the browser asked for it.
    pub(crate) page: String,
}

/// The code that the browser carries back to the client.
pub(crate) struct AuthorizationCode {
    client_id: String,
    redirect_uri: String,
    challenge: String,
    session: SessionId,
    pub(crate) expires: Timestamp,
}

impl ConsentRequest {
    pub(crate) fn new(
        client_id: String,
        redirect_uri: String,
        state: String,
        challenge: String,
        session: SessionId,
        call: &Call,
    ) -> Self {
        Self {
            client_id,
            redirect_uri,
            state,
            challenge,
            session,
            expires: call.now + CONSENT_LIFE,
            page: call.path_and_query(),
        }
    }

    /// The person allowed it; the code is good for `life`.
    pub(crate) fn allow(self, now: Timestamp, life: SignedDuration) -> AuthorizationCode {
        AuthorizationCode {
            client_id: self.client_id,
            redirect_uri: self.redirect_uri,
            challenge: self.challenge,
            session: self.session,
            expires: now + life,
        }
    }
}

impl AuthorizationCode {
    /// The session that allowed it, if everything fits. Consumes the code: there is no second try.
    pub(crate) fn exchange(
        self,
        client_id: &str,
        redirect_uri: &str,
        verifier: &str,
        now: Timestamp,
    ) -> Result<SessionId, OidcError> {
        let is_expired = now >= self.expires;
        let is_ours = self.client_id == client_id && self.redirect_uri == redirect_uri;
        if is_expired || !is_ours || self.challenge != URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) {
            return Err(OidcError::InvalidGrant("Invalid grant provided"));
        }
        Ok(self.session)
    }
}
