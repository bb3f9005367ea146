//! A device code on its way from pending to exchanged.

use jiff::{SignedDuration, Timestamp};

use super::OidcError;
use crate::sessions::SessionId;

pub(crate) const DEVICE_CODE_LIFE: SignedDuration = SignedDuration::from_secs(600);
pub(crate) const POLLING_INTERVAL: SignedDuration = SignedDuration::from_secs(1);
const SLOW_DOWN_STEP: SignedDuration = SignedDuration::from_secs(5);
/// Timers are never exact.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(100);
/// The AWS CLI asks twice at once before it begins to wait.
const HASTY_POLLS_FORGIVEN: u32 = 2;

pub(crate) struct DeviceGrant {
    pub(crate) client_id: String,
    pub(crate) user_code: String,
    pub(crate) start_url: String,
    expires: Timestamp,
    state: DeviceState,
}

enum DeviceState {
    Pending {
        last_poll: Option<Timestamp>,
        interval: SignedDuration,
        hasty_polls: u32,
    },
    Approved(SessionId),
    Denied,
    Exchanged,
}

/// The person was too late, or decided already.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotPending;

impl DeviceGrant {
    pub(crate) fn new(client_id: String, user_code: String, start_url: String, now: Timestamp) -> Self {
        let state = DeviceState::Pending {
            last_poll: None,
            interval: POLLING_INTERVAL,
            hasty_polls: 0,
        };
        Self {
            client_id,
            user_code,
            start_url,
            expires: now + DEVICE_CODE_LIFE,
            state,
        }
    }

    /// Expired codes are still known for a while, so that their clients learn why.
    pub(crate) fn forgotten_at(&self) -> Timestamp {
        self.expires + SignedDuration::from_hours(1)
    }

    pub(crate) fn is_pending(&self, now: Timestamp) -> bool {
        matches!(self.state, DeviceState::Pending { .. }) && now < self.expires
    }

    /// Allowed or denied, whether or not the program has come for it.
    pub(crate) fn is_decided(&self) -> bool {
        !matches!(self.state, DeviceState::Pending { .. })
    }

    pub(crate) fn approve(&mut self, session: SessionId, now: Timestamp) -> Result<(), NotPending> {
        self.decide(DeviceState::Approved(session), now)
    }

    pub(crate) fn deny(&mut self, now: Timestamp) -> Result<(), NotPending> {
        self.decide(DeviceState::Denied, now)
    }

    /// One CreateToken call: the session that approved, once.
    pub(crate) fn poll(&mut self, now: Timestamp) -> Result<SessionId, OidcError> {
        match &mut self.state {
            DeviceState::Exchanged => Err(OidcError::InvalidGrant("Invalid device code provided")),
            DeviceState::Denied => Err(OidcError::AccessDenied),
            _ if now >= self.expires => Err(OidcError::ExpiredToken("Device code has expired")),
            DeviceState::Approved(session) => {
                let session = std::mem::take(session);
                self.state = DeviceState::Exchanged;
                Ok(session)
            }
            DeviceState::Pending {
                last_poll,
                interval,
                hasty_polls,
            } => {
                let is_hasty = last_poll.is_some_and(|last| now.duration_since(last) + TOLERANCE < *interval);
                *last_poll = Some(now);
                *hasty_polls = if is_hasty { *hasty_polls + 1 } else { 0 };
                if *hasty_polls > HASTY_POLLS_FORGIVEN {
                    *interval += SLOW_DOWN_STEP;
                    return Err(OidcError::SlowDown);
                }
                Err(OidcError::AuthorizationPending)
            }
        }
    }

    fn decide(&mut self, decision: DeviceState, now: Timestamp) -> Result<(), NotPending> {
        if !self.is_pending(now) {
            return Err(NotPending);
        }
        self.state = decision;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    fn grant() -> DeviceGrant {
        DeviceGrant::new("client".into(), "BCDF-GHJK".into(), "https://start".into(), at(0))
    }

    #[test]
    fn a_second_call_at_once_is_still_pending_and_the_fourth_is_too_fast() {
        let mut grant = grant();
        for milliseconds in [0, 1, 2] {
            assert_eq!(grant.poll(at(milliseconds)), Err(OidcError::AuthorizationPending));
        }
        assert_eq!(grant.poll(at(3)), Err(OidcError::SlowDown));
        assert_eq!(
            grant.poll(at(1_500)),
            Err(OidcError::SlowDown),
            "the interval is six seconds by now"
        );
        assert_eq!(grant.poll(at(20_000)), Err(OidcError::AuthorizationPending));
    }

    #[test]
    fn polls_in_time_are_never_too_fast() {
        let mut grant = grant();
        for second in 0..599 {
            assert_eq!(
                grant.poll(at(second * 1_000 - second % 90)),
                Err(OidcError::AuthorizationPending)
            );
        }
    }

    #[test]
    fn an_approved_code_is_exchanged_once() {
        let mut grant = grant();
        grant.approve("session".into(), at(10)).unwrap();
        assert_eq!(grant.approve("other".into(), at(11)), Err(NotPending));
        assert_eq!(grant.poll(at(20)), Ok("session".into()));
        assert!(matches!(grant.poll(at(30)), Err(OidcError::InvalidGrant(_))));
    }

    #[test]
    fn a_code_expires_after_ten_minutes_even_if_approved() {
        let mut grant = grant();
        grant.approve("session".into(), at(10)).unwrap();
        assert!(matches!(grant.poll(at(600_000)), Err(OidcError::ExpiredToken(_))));
    }
}
