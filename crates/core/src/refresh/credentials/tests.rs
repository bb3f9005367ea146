//! The shared map of credentials: what it holds, and for how long.

use std::sync::Arc;

use super::*;
use crate::clock::{Clock, ManualClock};
use crate::identity_center::AccountId;

fn key(permission_set: &str) -> RoleKey {
    RoleKey {
        portal: PortalId("acme".to_owned()),
        account: AccountId("111122223333".to_owned()),
        permission_set: permission_set.to_owned(),
    }
}

fn an_hours_credentials(clock: &ManualClock) -> RoleCredentials {
    RoleCredentials {
        access_key_id: "ASIA".to_owned(),
        secret_access_key: "secret".into(),
        session_token: "token".into(),
        expires_at: after(clock.now(), Duration::from_secs(3600)),
    }
}

#[test]
fn what_nobody_uses_any_more_is_not_kept_for_ever() {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let (changes, _) = mpsc::unbounded_channel();
    let cache = RoleCache::new(Arc::new(clock.clone()), changes);
    let held = |cache: &RoleCache| cache.entries().by_role.len();
    for name in ["Obtained", "Refused", "Kept"] {
        cache.note_asked(&key(name), cache.moment());
    }
    let obtained = an_hours_credentials(&clock);
    cache.landed(&key("Obtained"), 0, Ok(obtained)).unwrap();
    let refused = cache.landed(&key("Refused"), 0, Err(RefreshFailure::NotAssigned));
    assert!(refused.is_err());
    cache.set_kept(&key("Kept"), true);

    clock.advance(HOT - Duration::from_secs(1));
    cache.prune();
    assert_eq!(held(&cache), 3, "all were asked for within the hour");
    cache.note_asked(&key("Obtained"), cache.moment());
    clock.advance(Duration::from_secs(2));
    cache.prune();
    assert_eq!(held(&cache), 2, "the refused one is forgotten");
    clock.suspend(2 * HOT);
    cache.prune();
    assert_eq!(held(&cache), 1, "only what a person wants to keep is left");
}
