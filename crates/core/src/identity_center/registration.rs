//! Our OIDC client registration and its expiry.

use jiff::Timestamp;

use crate::identity_center::{Failure, Flow, IdentityCenter, Registration};

impl Registration {
    /// Whether a sign-in may start with it: more than seven days of its 90 are left.
    pub fn usable(&self, now: Timestamp) -> bool {
        let _ = now;
        todo!()
    }
}

impl IdentityCenter {
    /// RegisterClient for one flow, with the scope `sso:account:access`.
    pub async fn register(&self, flow: Flow) -> Result<Registration, Failure> {
        let _ = flow;
        todo!()
    }
}
