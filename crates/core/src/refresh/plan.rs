//! What is due, when and why: a pure function of the time and of what is known.

use std::hash::{DefaultHasher, Hash, Hasher as _};
use std::time::Duration;

use jiff::Timestamp;

use crate::identity_center::{PortalId, RoleKey};
use crate::refresh::life::{Life, Moment, after};

/// A role that somebody asked for within this time is kept fresh.
pub const HOT: Duration = Duration::from_secs(60 * 60);

const MINUTE: Duration = Duration::from_secs(60);

/// Something to renew.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    Token(PortalId),
    Role(RoleKey),
}

/// What is to be done, when, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    pub subject: Subject,
    pub at: Timestamp,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// Its life goes to its end.
    ExpiresSoon,
    /// A wanted role without credentials.
    Missing,
    /// The last attempt failed.
    Retry,
}

/// What the plan has to know about a portal's token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenFacts {
    pub portal: PortalId,
    pub life: Life,
    /// False where AWS gave no refresh token.
    pub renewable: bool,
    /// The portal session ends with it, as far as is known: no renewal makes it last longer.
    pub ends_with_session: bool,
    /// After a failure: not before this monotonic time.
    pub not_before: Option<Duration>,
    /// It stands in a file of the AWS CLI's too: the runner knows that, a session does not.
    pub shared: bool,
}

/// What the plan has to know about a role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleFacts {
    pub key: RoleKey,
    pub life: Option<Life>,
    /// The age of the clock when somebody asked for it last.
    pub asked_at: Option<Duration>,
    /// A person keeps it fresh, or it was in use when the session ended.
    pub wanted: bool,
    /// Not before this monotonic time: the last attempt failed, or was a moment ago.
    pub not_before: Option<Duration>,
    /// Its portal has a token, and the role is assigned.
    pub obtainable: bool,
}

/// Everything that has to be renewed, the earliest first. What stands at or before `moment` is due now.
pub fn plan(moment: Moment, tokens: &[TokenFacts], roles: &[RoleFacts]) -> Vec<Due> {
    let tokens = tokens.iter().map(|token| token_due(moment, token));
    let roles = roles.iter().filter_map(|role| role_due(moment, role));
    let mut due: Vec<_> = tokens.chain(roles).collect();
    due.sort_by(|one, other| (one.at, &one.subject).cmp(&(other.at, &other.subject)));
    due
}

/// How long before its end a role's credentials are renewed: 25 min less up to 5 min of spread for the usual hour.
pub fn role_lead(life: &Life, key: &RoleKey) -> Duration {
    let lead = (25 * MINUTE).min(life.length / 2);
    lead - spread(life, key)
}

/// How long before its end an access token is renewed: 20 min less up to 5 min of spread for the usual hour. One that
/// other tools read from a file has 20 min left at least, because they renew by themselves what has less than 15.
pub fn token_lead(life: &Life, portal: &PortalId, shared: bool) -> Duration {
    let most = if shared { 26 } else { 20 };
    (most * MINUTE).min(life.length / 2) - spread(life, portal)
}

/// Below this nothing is handed out any more.
pub fn serve_floor(life: &Life) -> Duration {
    MINUTE.min(life.length / 10)
}

/// Whether what was asked for at that age of the clock is kept fresh.
pub fn is_hot(asked_at: Duration, moment: Moment) -> bool {
    moment.age.saturating_sub(asked_at) < HOT
}

fn token_due(moment: Moment, token: &TokenFacts) -> Due {
    // A token that is renewed ahead of the session's end ends there again, and would be renewed again half-way.
    // One that cannot be renewed is looked at when it has run out: then the sign-in is over.
    let lead = match token.ends_with_session || !token.renewable {
        true => Duration::ZERO,
        false => token_lead(&token.life, &token.portal, token.shared),
    };
    let due_in = token.life.left(moment).saturating_sub(lead);
    let subject = Subject::Token(token.portal.clone());
    postponed(moment, subject, due_in, Reason::ExpiresSoon, token.not_before)
}

fn role_due(moment: Moment, role: &RoleFacts) -> Option<Due> {
    let hot = role.asked_at.is_some_and(|asked| is_hot(asked, moment));
    if !role.obtainable || !(role.wanted || hot) {
        return None;
    }
    let (due_in, reason) = match &role.life {
        Some(life) => (
            life.left(moment).saturating_sub(role_lead(life, &role.key)),
            Reason::ExpiresSoon,
        ),
        None if role.wanted => (Duration::ZERO, Reason::Missing),
        // It was asked for, failed, and whoever asked got the answer: the next one who asks tries again.
        None => return None,
    };
    let subject = Subject::Role(role.key.clone());
    Some(postponed(moment, subject, due_in, reason, role.not_before))
}

fn postponed(
    moment: Moment,
    subject: Subject,
    due_in: Duration,
    reason: Reason,
    not_before: Option<Duration>,
) -> Due {
    let pause = not_before.unwrap_or_default().saturating_sub(moment.elapsed);
    let reason = if pause > due_in { Reason::Retry } else { reason };
    Due {
        subject,
        at: after(moment.now, due_in.max(pause)),
        reason,
    }
}

/// Up to five minutes (a tenth of a short life), so that not everything is renewed in the same second. The same for
/// the same credentials, whenever the plan is asked.
fn spread(life: &Life, of: &impl Hash) -> Duration {
    let most = (5 * MINUTE).min(life.length / 10);
    let mut hasher = DefaultHasher::new();
    (of, life.expires_at).hash(&mut hasher);
    // Asked for every role at every look: no more than this.
    let share = hasher.finish() & 0xffff;
    most.mul_f64(share as f64 / f64::from(0xffff))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity_center::AccountId;
    use crate::refresh::life::until;

    fn key() -> RoleKey {
        RoleKey {
            portal: PortalId("p".to_owned()),
            account: AccountId("111122223333".to_owned()),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        }
    }

    fn noon() -> Moment {
        let now = "2026-03-02T12:00:00Z".parse().unwrap();
        Moment {
            now,
            shown: now,
            elapsed: Duration::from_secs(1_000_000),
            age: Duration::from_secs(2_000_000),
        }
    }

    fn later(moment: Moment, seconds: u64) -> Moment {
        let by = Duration::from_secs(seconds);
        Moment {
            now: after(moment.now, by),
            shown: after(moment.shown, by),
            elapsed: moment.elapsed + by,
            age: moment.age + by,
        }
    }

    fn role(life_seconds: u64) -> RoleFacts {
        let life = Life::begins(noon(), after(noon().now, Duration::from_secs(life_seconds)));
        RoleFacts {
            key: key(),
            life: Some(life),
            asked_at: Some(noon().age),
            wanted: false,
            not_before: None,
            obtainable: true,
        }
    }

    #[test]
    fn r1_an_hours_credentials_are_renewed_with_20_to_25_minutes_left() {
        let due = plan(noon(), &[], &[role(3600)]);
        let left = until(due[0].at, "2026-03-02T13:00:00Z".parse().unwrap());
        assert!((20 * MINUTE..=25 * MINUTE).contains(&left), "{left:?}");
    }

    #[test]
    fn r4_a_token_that_ends_with_its_session_is_renewed_at_the_end_and_not_over_and_over_before() {
        let life = Life::begins(noon(), after(noon().now, 30 * MINUTE));
        let due = |renewable, ends_with_session| {
            let token = TokenFacts {
                portal: PortalId("p".to_owned()),
                life,
                renewable,
                ends_with_session,
                not_before: None,
                shared: false,
            };
            until(noon().now, plan(noon(), &[token], &[])[0].at)
        };
        assert_eq!(due(true, true), 30 * MINUTE);
        assert!(due(true, false) <= 18 * MINUTE);
        assert_eq!(due(false, false), 30 * MINUTE, "what nothing renews is over then");
    }

    #[test]
    fn r2_a_shared_token_is_renewed_before_any_other_tool_wants_to_renew_it() {
        let life = Life::begins(noon(), after(noon().now, 60 * MINUTE));
        for portal in 0..100 {
            let portal = PortalId(portal.to_string());
            let lead = token_lead(&life, &portal, true);
            assert!(lead > 20 * MINUTE && lead <= 26 * MINUTE, "{lead:?}");
            let lead = token_lead(&life, &portal, false);
            assert!(lead >= 15 * MINUTE && lead <= 20 * MINUTE, "{lead:?}");
        }
    }

    #[test]
    fn r1_cold_roles_wait_for_a_request_and_kept_ones_do_not() {
        let cold = RoleFacts {
            asked_at: None,
            ..role(3600)
        };
        assert!(plan(noon(), &[], std::slice::from_ref(&cold)).is_empty());
        let kept = RoleFacts {
            wanted: true,
            life: None,
            ..cold
        };
        assert_eq!(plan(noon(), &[], &[kept])[0].reason, Reason::Missing);
    }

    #[test]
    fn a_role_goes_cold_after_an_hour() {
        let asked = role(12 * 3600);
        assert!(!plan(later(noon(), 3599), &[], std::slice::from_ref(&asked)).is_empty());
        assert!(plan(later(noon(), 3600), &[], &[asked]).is_empty());
    }

    #[test]
    fn r4_a_failed_attempt_is_repeated_after_its_pause() {
        let pause = Duration::from_secs(40);
        let failed = RoleFacts {
            life: None,
            wanted: true,
            not_before: Some(noon().elapsed + pause),
            ..role(3600)
        };
        let due = plan(noon(), &[], &[failed]);
        assert_eq!(
            (due[0].at, due[0].reason),
            (after(noon().now, pause), Reason::Retry)
        );
    }

    #[test]
    fn t4_setting_the_clock_makes_no_pause_longer_or_shorter_and_nothing_hot_for_ever() {
        let pause = Duration::from_secs(40);
        let facts = RoleFacts {
            life: None,
            wanted: true,
            not_before: Some(noon().elapsed + pause),
            ..role(3600)
        };
        for wall in [
            "1970-01-01T00:00:00Z",
            "2026-03-02T11:00:00Z",
            "2026-03-03T12:00:00Z",
        ] {
            let set = Moment {
                now: wall.parse().unwrap(),
                ..noon()
            };
            let due = &plan(set, &[], std::slice::from_ref(&facts))[0];
            assert_eq!(until(set.now, due.at), pause, "{wall}");
            let an_hour_later = Moment {
                age: set.age + HOT,
                ..set
            };
            assert!(plan(an_hour_later, &[], &[role(12 * 3600)]).is_empty(), "{wall}");
        }
    }

    proptest! {
        #[test]
        fn r1_renewal_comes_before_the_serving_floor(seconds in 30_u64..43_200, at in 0_u64..43_200) {
            let facts = role(seconds);
            let life = facts.life.unwrap();
            prop_assert!(role_lead(&life, &facts.key) > serve_floor(&life));
            let token = PortalId("p".to_owned());
            for shared in [false, true] {
                prop_assert!(token_lead(&life, &token, shared) > serve_floor(&life));
            }
            let moment = later(noon(), at);
            for due in plan(moment, &[], &[RoleFacts { wanted: true, ..facts }]) {
                prop_assert!(due.at >= moment.now);
            }
        }
    }
}
