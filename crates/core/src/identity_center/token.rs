//! Access and refresh token: the refresh grant and signing out.

use crate::identity_center::{Failure, IdentityCenter, Registration, Token};

impl IdentityCenter {
    /// A new access token. Where AWS returns no new refresh token the old one is kept.
    pub async fn refresh(&self, registration: &Registration, token: &Token) -> Result<Token, Failure> {
        let _ = (registration, token);
        todo!()
    }

    /// Ends the session at AWS (3 s at most).
    pub async fn sign_out(&self, token: &Token) -> Result<(), Failure> {
        let _ = token;
        todo!()
    }
}
