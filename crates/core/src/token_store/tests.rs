//! The token store over a strict keyring and a clock that stands still.

mod left_behind;

use std::time::Duration;

use url::Url;

use super::store_thread::{READ_DEADLINE, WRITE_DEADLINE};
use super::strict_store::StrictStore;
use super::*;
use crate::clock::ManualClock;
use crate::identity_center::{Endpoints, PortalId, StartUrl};

const LIMIT: usize = 2560;

pub(super) fn registration(flow: Flow) -> Registration {
    Registration {
        flow,
        client_id: "client-1".to_owned(),
        client_secret: Secret::new("s".repeat(4096)),
        expires_at: "2026-06-01T12:00:00Z".parse().unwrap(),
    }
}

pub(super) fn sign_in(access_token: &str) -> SignIn {
    let now = "2026-03-02T12:00:00Z".parse().unwrap();
    SignIn {
        token: Token {
            access_token: Secret::from(access_token),
            refresh_token: Some(Secret::new("r".repeat(1800))),
            issued_at: now,
            expires_at: "2026-03-02T13:00:00Z".parse().unwrap(),
        },
        registration: registration(Flow::Browser),
        signed_in_at: now,
    }
}

fn portal(sso_oidc: &str) -> Portal {
    let url = Url::parse(sso_oidc).unwrap();
    Portal {
        id: PortalId("acme".to_owned()),
        name: "acme".to_owned(),
        start_url: StartUrl("https://acme.awsapps.com/start".to_owned()),
        region: "eu-west-1".to_owned(),
        endpoints: Endpoints {
            sso_oidc: url.clone(),
            sso: url.clone(),
            sts: url.clone(),
            signin: url.clone(),
            portal: url,
            custom: false,
        },
    }
}

pub(super) fn acme() -> Portal {
    portal("https://oidc.eu-west-1.amazonaws.com")
}

fn clock() -> ManualClock {
    ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap())
}

/// A process that uses this keyring.
fn start(store: &StrictStore, clock: &ManualClock) -> TokenStore {
    let clock: SharedClock = Arc::new(clock.clone());
    let records = Records::new("portray", LIMIT, store.opener(), Arc::clone(&clock));
    TokenStore::over(Box::new(records), clock)
}

#[tokio::test]
async fn r3_what_was_saved_is_there_after_a_restart() {
    let store = StrictStore::with_limit(LIMIT);
    let first = start(&store, &clock());
    assert_eq!(first.sign_in(&acme()).await, Ok(None));
    first.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    let browser = registration(Flow::Browser);
    first.save_registration(&acme(), &browser).await.unwrap();
    let second = start(&store, &clock());
    assert_eq!(second.sign_in(&acme()).await, Ok(Some(sign_in("aoa-1"))));
    assert_eq!(
        second.registration(&acme(), Flow::Browser).await,
        Ok(Some(browser))
    );
    assert_eq!(second.registration(&acme(), Flow::DeviceCode).await, Ok(None));
}

#[tokio::test]
async fn r3_a_write_that_failed_leaves_the_token_before_it() {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start(&store, &clock());
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    store.die_after_changes(1);
    let failed = tokens.save_sign_in(&acme(), &sign_in("aoa-2")).await;
    assert_eq!(failed, Err(StoreFailure::Failed));
    store.revive();
    let restarted = start(&store, &clock());
    assert_eq!(restarted.sign_in(&acme()).await, Ok(Some(sign_in("aoa-1"))));
    tokens.save_sign_in(&acme(), &sign_in("aoa-2")).await.unwrap();
    let restarted = start(&store, &clock());
    assert_eq!(restarted.sign_in(&acme()).await, Ok(Some(sign_in("aoa-2"))));
}

#[tokio::test]
async fn r8_forgetting_leaves_nothing_in_the_keyring() {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start(&store, &clock());
    let browser = registration(Flow::Browser);
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    tokens.save_registration(&acme(), &browser).await.unwrap();
    tokens.forget_sign_in(&acme()).await.unwrap();
    tokens.forget_registration(&acme(), Flow::Browser).await.unwrap();
    assert_eq!(store.names(), Vec::<String>::new());
    assert_eq!(tokens.sign_in(&acme()).await, Ok(None));
}

#[tokio::test]
async fn a_test_endpoint_never_meets_a_real_token() {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start(&store, &clock());
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    let emulated = portal("http://127.0.0.1:4567");
    assert_eq!(tokens.sign_in(&emulated).await, Ok(None));
    let mut elsewhere = acme();
    elsewhere.region = "us-east-1".to_owned();
    assert_eq!(tokens.sign_in(&elsewhere).await, Ok(None));
    assert!(
        store
            .names()
            .iter()
            .all(|name| name.starts_with("acme/eu-west-1/token ")),
        "{:?}",
        store.names()
    );
}

#[tokio::test]
async fn k1_a_hung_keyring_costs_one_deadline_and_then_nothing() {
    let (store, clock) = (StrictStore::with_limit(LIMIT), clock());
    start(&store, &clock)
        .save_sign_in(&acme(), &sign_in("aoa-1"))
        .await
        .unwrap();
    let tokens = start(&store, &clock);
    store.hang(true);
    let waiting = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.sign_in(&acme()).await }
    });
    tokio::task::yield_now().await;
    store.wait_for_hanging(1);
    clock.advance(READ_DEADLINE - Duration::from_millis(1));
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    clock.advance(Duration::from_millis(1));
    assert_eq!(waiting.await.unwrap(), Err(StoreFailure::TimedOut));
    // The clock stands still: these answer at once or never.
    assert_eq!(tokens.sign_in(&acme()).await, Err(StoreFailure::TimedOut));
    let save = tokens.save_sign_in(&acme(), &sign_in("aoa-2")).await;
    assert_eq!(save, Err(StoreFailure::TimedOut));
    store.hang(false);
}

#[tokio::test]
async fn k2_a_keyring_that_comes_back_is_used_again() {
    let (store, clock) = (StrictStore::with_limit(LIMIT), clock());
    let tokens = start(&store, &clock);
    store.hang(true);
    let waiting = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await }
    });
    tokio::task::yield_now().await;
    store.wait_for_hanging(1);
    clock.advance(WRITE_DEADLINE);
    assert_eq!(waiting.await.unwrap(), Err(StoreFailure::TimedOut));
    store.hang(false);
    // The write goes through after all, and memory agrees with the keyring.
    while tokens.sign_in(&acme()).await == Err(StoreFailure::TimedOut) {
        tokio::task::yield_now().await;
    }
    assert_eq!(tokens.sign_in(&acme()).await, Ok(Some(sign_in("aoa-1"))));
    let restarted = start(&store, &clock);
    assert_eq!(restarted.sign_in(&acme()).await, Ok(Some(sign_in("aoa-1"))));
}

#[tokio::test]
async fn k3_a_question_that_was_turned_down_after_the_deadline_counts_too() {
    let (store, clock) = (StrictStore::with_limit(LIMIT), clock());
    let tokens = start(&store, &clock);
    store.turn_down_with(Some(clock.clone()));
    store.hang(true);
    let waiting = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.sign_in(&acme()).await }
    });
    tokio::task::yield_now().await;
    store.wait_for_hanging(1);
    clock.advance(READ_DEADLINE);
    assert_eq!(waiting.await.unwrap(), Err(StoreFailure::TimedOut));
    assert!(tokens.is_open_to_the_clock().await);
    store.hang(false);
    while tokens.is_open_to_the_clock().await {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.refusals(), 1, "looking asks nobody");
    store.turn_down_with(None);
    assert_eq!(tokens.sign_in(&acme()).await, Ok(None));
    assert!(tokens.is_open_to_the_clock().await);
}

#[tokio::test]
async fn k2_a_call_that_had_not_begun_at_its_deadline_is_not_begun() {
    let (store, clock) = (StrictStore::with_limit(LIMIT), clock());
    let tokens = start(&store, &clock);
    store.hang(true);
    let read = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.sign_in(&acme()).await }
    });
    tokio::task::yield_now().await;
    store.wait_for_hanging(1);
    let write = tokio::spawn({
        let tokens = tokens.clone();
        async move { tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await }
    });
    tokio::task::yield_now().await;
    clock.advance(WRITE_DEADLINE);
    assert_eq!(read.await.unwrap(), Err(StoreFailure::TimedOut));
    assert_eq!(write.await.unwrap(), Err(StoreFailure::TimedOut));
    store.hang(false);
    while tokens.registration(&acme(), Flow::Browser).await == Err(StoreFailure::TimedOut) {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.names(), Vec::<String>::new());
}

#[tokio::test]
async fn k3_every_state_of_the_keyring_is_told_apart() {
    let store = StrictStore::with_limit(LIMIT);
    let clock = clock();
    let tokens = start(&store, &clock);
    for failure in [StoreFailure::Locked, StoreFailure::Absent, StoreFailure::Failed] {
        store.refuse_with(Some(failure));
        assert_eq!(tokens.sign_in(&acme()).await, Err(failure));
        assert_eq!(
            tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await,
            Err(failure)
        );
        assert_eq!(tokens.forget_sign_in(&acme()).await, Err(failure));
    }
    store.turn_down_with(Some(clock));
    assert_eq!(tokens.sign_in(&acme()).await, Err(StoreFailure::Dismissed));
    store.turn_down_with(None);
    assert_eq!(
        tokens.sign_in(&acme()).await,
        Ok(None),
        "a failure is not remembered"
    );
    store.put(&keys::registration(&acme(), Flow::Browser), b"nonsense".to_vec());
    let corrupt = tokens.registration(&acme(), Flow::Browser).await;
    assert_eq!(corrupt, Err(StoreFailure::Corrupt));
    assert_eq!(store.names().len(), 1, "what is corrupt is kept");
}

#[tokio::test]
async fn k3_a_service_that_comes_late_is_seen() {
    let store = StrictStore::with_limit(LIMIT);
    store.refuse_with(Some(StoreFailure::Absent));
    let tokens = start(&store, &clock());
    assert_eq!(tokens.sign_in(&acme()).await, Err(StoreFailure::Absent));
    store.refuse_with(None);
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    assert_eq!(
        store.openings(),
        2,
        "opened anew after the failure, then kept open"
    );
}

#[tokio::test]
async fn k3_a_keyring_library_that_panics_is_a_failure() {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start(&store, &clock());
    store.panic_on_calls(true);
    assert_eq!(tokens.sign_in(&acme()).await, Err(StoreFailure::Failed));
    store.panic_on_calls(false);
    assert_eq!(tokens.sign_in(&acme()).await, Ok(None));
}

#[tokio::test]
async fn k4_the_largest_secrets_fit_into_windows_entries() {
    let store = StrictStore::with_limit(LIMIT);
    let mut large = sign_in(&"a".repeat(8192));
    large.token.refresh_token = Some(Secret::new("r".repeat(8192)));
    start(&store, &clock())
        .save_sign_in(&acme(), &large)
        .await
        .unwrap();
    let restarted = start(&store, &clock());
    assert_eq!(restarted.sign_in(&acme()).await, Ok(Some(large)));
}

#[tokio::test]
async fn k5_each_secret_is_read_at_most_once_a_start() {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start(&store, &clock());
    let portal = acme();
    let (one, two) = tokio::join!(tokens.sign_in(&portal), tokens.sign_in(&portal));
    assert_eq!((one, two), (Ok(None), Ok(None)));
    assert_eq!(store.reads(), 1);
    tokens.clone().sign_in(&portal).await.unwrap();
    assert_eq!(store.reads(), 1, "also that there is none is remembered");
    tokens.save_sign_in(&portal, &sign_in("aoa-1")).await.unwrap();
    let after_write = store.reads();
    assert_eq!(tokens.sign_in(&portal).await, Ok(Some(sign_in("aoa-1"))));
    assert_eq!(store.reads(), after_write);
}

#[tokio::test]
async fn the_memory_store_keeps_until_the_last_handle_is_gone() {
    let tokens = TokenStore::memory();
    assert_eq!(tokens.sign_in(&acme()).await, Ok(None));
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    assert_eq!(tokens.clone().sign_in(&acme()).await, Ok(Some(sign_in("aoa-1"))));
    tokens.forget_sign_in(&acme()).await.unwrap();
    assert_eq!(tokens.sign_in(&acme()).await, Ok(None));
    assert_eq!(TokenStore::memory().sign_in(&acme()).await, Ok(None));
}

#[tokio::test]
async fn x2_no_secret_is_in_what_can_be_printed() {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start(&store, &clock());
    tokens
        .save_sign_in(&acme(), &sign_in("aoa-canary"))
        .await
        .unwrap();
    let printed = format!("{tokens:?} {:?}", tokens.sign_in(&acme()).await);
    assert!(!printed.contains("aoa-canary") && !printed.contains("rrrr"));
}

proptest::proptest! {
    /// Any bytes where the head is, and any text in a record that is whole.
    #[test]
    fn f1_whatever_the_keyring_holds_is_a_sign_in_or_corrupt(
        head in "(portray/1 [0-9]{1,20} [0-9]{1,20} [0-9]{1,20} [0-9a-f]{0,64}\n)?.{0,40}",
        record in "(\\{\"version\":1,.{0,30}\\}|[\\[{\",:0-9a-z\\]}]{0,60})",
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let name = keys::token(&acme());
        let store = StrictStore::with_limit(LIMIT);
        let read = |store: &StrictStore| {
            let tokens = start(store, &clock());
            runtime.block_on(tokens.sign_in(&acme()))
        };
        store.put(&name, head.clone().into_bytes());
        proptest::prop_assert_eq!(read(&store), Err(StoreFailure::Corrupt));
        proptest::prop_assert_eq!(store.entry(&name), Some(head.into_bytes()));
        let shared: SharedClock = Arc::new(clock());
        let mut records = Records::new("portray", LIMIT, store.opener(), shared);
        records.write(&name, &Secret::new(record.into_bytes())).unwrap();
        proptest::prop_assert_eq!(read(&store), Err(StoreFailure::Corrupt));
    }
}
