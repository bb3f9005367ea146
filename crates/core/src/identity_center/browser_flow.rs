//! Authorization code with PKCE: a loopback listener, the authorize URL, the exchange.

use jiff::Timestamp;

use crate::identity_center::{Failure, IdentityCenter, Registration, Token};
use crate::secret::Secret;

/// A sign-in that waits for the person's browser. Dropping it closes the listener.
#[derive(Debug)]
pub struct BrowserSignIn {
    /// What the browser has to open. Carries `state`: never in an argument list or a log.
    pub authorize_url: Secret,
    pub expires_at: Timestamp,
}

impl IdentityCenter {
    /// Binds the listener and makes the authorize URL; nothing is sent yet.
    pub async fn begin_browser_sign_in(&self, registration: &Registration) -> Result<BrowserSignIn, Failure> {
        let _ = registration;
        todo!()
    }

    /// Waits for the browser to come back (10 minutes at most) and exchanges the code.
    pub async fn finish_browser_sign_in(
        &self,
        sign_in: BrowserSignIn,
        registration: &Registration,
    ) -> Result<Token, Failure> {
        let _ = (sign_in, registration);
        todo!()
    }
}
