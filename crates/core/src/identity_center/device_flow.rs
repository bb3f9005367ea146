//! Device authorization: poll, slow down, expire.

use jiff::Timestamp;

use crate::identity_center::{Failure, IdentityCenter, Registration, Token};
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
}

impl IdentityCenter {
    pub async fn begin_device_sign_in(&self, registration: &Registration) -> Result<DeviceSignIn, Failure> {
        let _ = registration;
        todo!()
    }

    /// Polls until the person has approved or denied, or the code has expired.
    pub async fn finish_device_sign_in(
        &self,
        sign_in: DeviceSignIn,
        registration: &Registration,
    ) -> Result<Token, Failure> {
        let _ = (sign_in, registration);
        todo!()
    }
}
