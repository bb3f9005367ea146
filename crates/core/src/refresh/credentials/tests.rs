//! The shared map of credentials: what it holds, and for how long.

use std::sync::Arc;

use super::*;
use crate::clock::corrected::CorrectedClock;
use crate::clock::skew::Skew;
use crate::clock::{Clock, ManualClock};
use crate::identity_center::AccountId;
use crate::identity_center::tests::Stage;
use crate::refresh::life::after;
use crate::refresh::plan::HOT;
use crate::refresh::unfinished::Unfinished;
use crate::token_store::strict_store::StrictStore;
use crate::token_store::{SignIn, StoreFailure, TokenStore};

fn key(permission_set: &str) -> RoleKey {
    RoleKey {
        portal: PortalId("acme".to_owned()),
        account: AccountId("111122223333".to_owned()),
        permission_set: permission_set.to_owned(),
        chain: None,
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
    let corrected = CorrectedClock::shared(Arc::new(clock.clone()), Skew::default());
    let cache = RoleCache::new(corrected, changes);
    let held = |cache: &RoleCache| cache.entries().by_role.len();
    for name in ["Obtained", "Refused", "Kept"] {
        cache.note_asked(&key(name), cache.moment());
    }
    let obtained = an_hours_credentials(&clock);
    cache.landed(&key("Obtained"), 0, Ok(obtained), None).unwrap();
    let refused = cache.landed(&key("Refused"), 0, Err(RefreshFailure::NotAssigned), None);
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

#[tokio::test]
async fn k2_what_was_refused_for_want_of_a_sign_in_is_given_as_soon_as_there_is_one() {
    let stage = Stage::acme().await;
    let keyring = StrictStore::with_limit(64 * 1024);
    let session = || {
        let store = TokenStore::over_strict(&keyring, Arc::new(stage.clock.clone()));
        let (changes, _) = mpsc::unbounded_channel();
        let unfinished = Unfinished::default();
        Arc::new(Session::new(stage.center.clone(), store, unfinished, changes))
    };
    let (registration, token) = stage.signed_in().await;
    let sign_in = SignIn {
        token,
        registration,
        signed_in_at: stage.clock.now(),
    };
    session().adopt(sign_in.clone()).await.unwrap();
    let (changes, _) = mpsc::unbounded_channel();
    let cache = RoleCache::new(Arc::new(stage.clock.clone()), changes);
    let role = key("ReadOnly");

    keyring.refuse_with(Some(StoreFailure::Locked));
    let unlocked = session();
    let asked = async |session: &Arc<Session>| cache.credentials(session, &role, Duration::ZERO).await;
    let locked = RefreshFailure::Store(StoreFailure::Locked);
    assert_eq!(asked(&unlocked).await.unwrap_err(), locked);
    keyring.refuse_with(None);
    assert_eq!(
        asked(&unlocked).await.unwrap_err(),
        locked,
        "remembered for a moment"
    );
    unlocked.load().await.unwrap();
    let held_up = |is_signed_in| {
        cache.facts(Duration::MAX, |_| is_signed_in)[0]
            .not_before
            .is_some()
    };
    assert!(
        held_up(false) && !held_up(true),
        "the background need not wait either"
    );
    assert!(asked(&unlocked).await.is_ok());

    cache.forget_portal(&role.portal);
    unlocked.sign_out().await.unwrap();
    assert_eq!(asked(&unlocked).await.unwrap_err(), RefreshFailure::SignInNeeded);
    let (registration, token) = stage.signed_in().await;
    let again = SignIn {
        token,
        registration,
        ..sign_in
    };
    unlocked.adopt(again).await.unwrap();
    assert!(asked(&unlocked).await.is_ok());
}

#[test]
fn r7_what_is_tried_at_once_has_failed_until_it_works() {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let (changes, _) = mpsc::unbounded_channel();
    let cache = RoleCache::new(Arc::new(clock.clone()), changes);
    let role = key("ReadOnly");
    let failed = |cache: &RoleCache| cache.views()[0].failure.is_some();
    let not_before = || cache.facts(Duration::MAX, |_| true)[0].not_before;
    cache.note_asked(&role, cache.moment());
    cache
        .landed(&role, 0, Ok(an_hours_credentials(&clock)), None)
        .unwrap();
    clock.advance(2 * retry::REMEMBERED);
    let silence = RefreshFailure::no_answer("GetRoleCredentials");
    let forget_failures = || cache.forget_failures();
    let forget_silence = || cache.forget_silence(&role.portal);
    for forget in [&forget_failures as &dyn Fn(), &forget_silence] {
        assert!(cache.landed(&role, 0, Err(silence.clone()), None).is_err());
        assert!(not_before() > Some(clock.elapsed()));
        forget();
        assert!(failed(&cache) && not_before() <= Some(clock.elapsed()));
    }
    cache
        .landed(&role, 0, Ok(an_hours_credentials(&clock)), None)
        .unwrap();
    assert!(!failed(&cache));
}

#[test]
fn r1_what_was_in_use_when_the_session_ended_resumes_and_what_a_person_left_does_not() {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let (changes, _) = mpsc::unbounded_channel();
    let cache = RoleCache::new(Arc::new(clock.clone()), changes);
    let portal = key("ReadOnly").portal;
    let wanted = |cache: &RoleCache| {
        let facts = cache.facts(Duration::MAX, |_| true).into_iter();
        let wanted = facts.filter(|role| role.wanted && role.life.is_none());
        wanted.map(|role| role.key.permission_set).collect::<Vec<_>>()
    };
    let use_role = |name: &str| {
        cache.note_asked(&key(name), cache.moment());
        let epoch = cache.entries().epochs.of(&portal);
        let given = an_hours_credentials(&clock);
        cache.landed(&key(name), epoch, Ok(given), None).unwrap();
    };
    use_role("Cold");
    clock.advance(HOT);
    use_role("ReadOnly");
    cache.note_asked(&key("NeverGiven"), cache.moment());
    cache.resume_portal(&portal);
    assert_eq!(wanted(&cache), ["ReadOnly"]);
    use_role("ReadOnly");
    assert_eq!(
        wanted(&cache),
        Vec::<String>::new(),
        "once it is there it is as before"
    );

    cache.forget_portal(&portal);
    cache.note_asked(&key("ReadOnly"), cache.moment());
    cache.resume_portal(&portal);
    assert_eq!(wanted(&cache), Vec::<String>::new(), "somebody had signed out");
}

#[test]
fn t4_what_came_a_moment_ago_is_not_asked_for_again_and_holds_nothing_up_then() {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let (changes, _) = mpsc::unbounded_channel();
    let cache = RoleCache::new(Arc::new(clock.clone()), changes);
    let not_before = || cache.facts(Duration::MAX, |_| true)[0].not_before;
    cache
        .landed(&key("ReadOnly"), 0, Ok(an_hours_credentials(&clock)), None)
        .unwrap();
    assert_eq!(not_before(), Some(retry::REMEMBERED));
    clock.advance(retry::REMEMBERED);
    assert_eq!(not_before(), None);
}
