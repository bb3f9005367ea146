//! What whoever wishes to sign in is told: that there is nothing to do, or what a person has to open.

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::app::command::Began;
use crate::app::contract::ProblemView;
use crate::secret::Secret;

/// What became of the wish to sign in.
#[derive(Debug)]
pub enum SignInStart {
    /// There was nothing to do.
    AlreadySignedIn,
    Started(SignInStarted),
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct SignInStarted {
    /// What a browser has to open (authorize URL, or verification page with the code filled in).
    pub url: Secret,
    pub user_code: Option<String>,
    /// The page to which the code belongs, without it.
    pub verification_url: Option<String>,
    pub expires_at: Timestamp,
    /// Somebody else had begun it.
    pub joined: bool,
    /// The name of the portal, where a session that lived there has ended for this sign-in.
    pub signed_out_of: Option<String>,
    /// Resolves when the person is done, or the sign-in failed.
    pub finished: oneshot::Receiver<Result<(), ProblemView>>,
}

impl SignInStarted {
    pub(super) fn of(
        began: &Began,
        joined: bool,
        signed_out_of: Option<String>,
        finished: oneshot::Receiver<Result<(), ProblemView>>,
    ) -> Self {
        Self {
            url: began.url.clone(),
            user_code: began.user_code.clone(),
            verification_url: began.verification_url.clone(),
            expires_at: began.expires_at,
            joined,
            signed_out_of,
            finished,
        }
    }
}
