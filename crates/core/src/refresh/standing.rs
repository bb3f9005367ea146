//! What is known of a portal's sign-in, and how it is shown.

use std::time::Duration;

use jiff::Timestamp;

use crate::identity_center::Failure;
use crate::refresh::life::Life;
use crate::token_store::{SignIn, StoreFailure};

/// What is known of the sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Status {
    #[default]
    NotRead,
    /// The store did not answer: nothing is known, and nothing is thrown away.
    Unreadable(StoreFailure),
    SignedOut {
        /// AWS ended it (and not a person on this machine).
        ended: Option<Ended>,
    },
    SignedIn(Box<SignedIn>),
}

/// A session that AWS has ended, as far as its answers tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// When that was noticed.
    pub at: Timestamp,
    pub why: WhyEnded,
}

/// What AWS does not say is not guessed: it refuses in the same words whoever was disabled, whose session somebody has
/// ended and whose time is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhyEnded {
    /// Its time was over: AWS had said when, or gave nothing to renew it with.
    ItsTime,
    /// AWS does not renew it any more.
    NotRenewed,
    /// AWS does not take a token that was new.
    TokenRefused,
    /// The registration of this application has expired, or AWS does not know it any more.
    Registration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    pub sign_in: SignIn,
    pub life: Life,
    /// Learned when AWS gave a shorter token than before.
    pub session_ends_at: Option<Timestamp>,
    /// The last refresh could not be written to the store.
    pub unsaved: Option<StoreFailure>,
    pub failing: Option<Failing>,
    /// The monotonic time before which the token that was just renewed is not renewed again, however little of it a
    /// clock that was put right makes of it.
    pub quiet_until: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub failure: Failure,
    pub in_a_row: u32,
    /// The monotonic time of the first failure in a row.
    pub since: Duration,
    /// The monotonic time before which it is not tried again by itself.
    pub not_before: Duration,
    /// The monotonic time until which this failure is the answer to whoever is refused something because the token has
    /// run out.
    pub answer_until: Duration,
}

impl Failing {
    /// No later than the background tries again.
    pub fn answer_until(&self) -> Duration {
        self.not_before.min(self.answer_until)
    }
}

/// A session as the application shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    pub standing: Standing,
    pub token_expires_at: Option<Timestamp>,
    pub session_ends_at: Option<Timestamp>,
    pub signed_in_at: Option<Timestamp>,
    /// Of a session that AWS has ended.
    pub ended: Option<Ended>,
    /// The last refresh failed, and since which monotonic time that has been so.
    pub failing: Option<(Failure, Duration)>,
    /// Where nobody is signed in, what has ended is still stored, and that could not even be noted.
    pub store_failure: Option<StoreFailure>,
    /// The portal gives no answer, and since which monotonic time that has been so.
    pub silent: Option<(Failure, Duration)>,
    pub renewing: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Not read yet, or the store does not answer.
    Unknown,
    SignedOut,
    /// AWS ended the session.
    Ended,
    SignedIn,
}

impl Status {
    /// As the application shows it. `renewing`: a refresh is under way.
    pub fn view(&self, renewing: bool) -> SessionView {
        let empty = SessionView {
            standing: Standing::Unknown,
            token_expires_at: None,
            session_ends_at: None,
            signed_in_at: None,
            ended: None,
            failing: None,
            store_failure: None,
            silent: None,
            renewing,
        };
        match self {
            Self::NotRead => empty,
            Self::Unreadable(failure) => SessionView {
                store_failure: Some(*failure),
                ..empty
            },
            Self::SignedOut { ended } => SessionView {
                standing: match ended {
                    Some(_) => Standing::Ended,
                    None => Standing::SignedOut,
                },
                ended: *ended,
                ..empty
            },
            Self::SignedIn(signed_in) => SessionView {
                standing: Standing::SignedIn,
                token_expires_at: Some(signed_in.sign_in.token.expires_at),
                session_ends_at: signed_in.session_ends_at,
                signed_in_at: Some(signed_in.sign_in.signed_in_at),
                failing: signed_in
                    .failing
                    .as_ref()
                    .map(|failing| (failing.failure.clone(), failing.since)),
                store_failure: signed_in.unsaved,
                ..empty
            },
        }
    }
}

impl SignedIn {
    pub fn new(sign_in: SignIn, life: Life) -> Self {
        let token = &sign_in.token;
        Self {
            // What nothing renews ends the sign-in.
            session_ends_at: token.refresh_token.is_none().then_some(token.expires_at),
            sign_in,
            life,
            unsaved: None,
            failing: None,
            quiet_until: Duration::ZERO,
        }
    }

    /// The monotonic time before which the background does not renew the token.
    pub fn not_before(&self) -> Duration {
        let after_failure = self.failing.as_ref().map(|failing| failing.not_before);
        after_failure.unwrap_or_default().max(self.quiet_until)
    }

    /// The next attempt need not wait for its pause, and pauses begin anew.
    pub fn try_at_once(&mut self) {
        self.quiet_until = Duration::ZERO;
        if let Some(failing) = &mut self.failing {
            (failing.not_before, failing.answer_until) = (Duration::ZERO, Duration::ZERO);
            failing.in_a_row = 0;
        }
    }
}
