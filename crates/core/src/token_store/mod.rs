//! Keeps registrations and tokens in the operating system's keyring, on a thread of its own, with deadlines.

use jiff::Timestamp;

use crate::clock::SharedClock;
use crate::identity_center::{Flow, Portal, Registration, Token};

/// Why nothing could be read or written. None of these means "empty".
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreFailure {
    #[error("the keyring is locked")]
    Locked,
    #[error("there is no keyring service")]
    Absent,
    #[error("the keyring's question was dismissed")]
    Dismissed,
    #[error("the keyring does not take an entry of this size")]
    TooLarge,
    #[error("what the keyring holds cannot be understood")]
    Corrupt,
    #[error("the keyring did not answer in time")]
    TimedOut,
    #[error("the keyring failed")]
    Failed,
}

/// What is kept of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    pub token: Token,
    /// The registration that the refresh token is bound to.
    pub registration: Registration,
    /// When the person signed in: the portal session began then, or before.
    pub signed_in_at: Timestamp,
}

/// A handle to the store. Clones share one thread and one cache.
#[derive(Debug, Clone)]
pub struct TokenStore {}

impl TokenStore {
    /// The operating system's keyring under the service name `service`.
    pub fn keyring(service: &str, clock: SharedClock) -> Self {
        let _ = (service, clock);
        todo!()
    }

    /// Nothing outlives the process.
    pub fn memory() -> Self {
        todo!()
    }

    /// `Ok(None)`: nobody is signed in. An error says nothing about that.
    pub async fn sign_in(&self, portal: &Portal) -> Result<Option<SignIn>, StoreFailure> {
        let _ = portal;
        todo!()
    }

    pub async fn save_sign_in(&self, portal: &Portal, sign_in: &SignIn) -> Result<(), StoreFailure> {
        let _ = (portal, sign_in);
        todo!()
    }

    pub async fn forget_sign_in(&self, portal: &Portal) -> Result<(), StoreFailure> {
        let _ = portal;
        todo!()
    }

    pub async fn registration(
        &self,
        portal: &Portal,
        flow: Flow,
    ) -> Result<Option<Registration>, StoreFailure> {
        let _ = (portal, flow);
        todo!()
    }

    pub async fn save_registration(
        &self,
        portal: &Portal,
        registration: &Registration,
    ) -> Result<(), StoreFailure> {
        let _ = (portal, registration);
        todo!()
    }

    pub async fn forget_registration(&self, portal: &Portal, flow: Flow) -> Result<(), StoreFailure> {
        let _ = (portal, flow);
        todo!()
    }
}
