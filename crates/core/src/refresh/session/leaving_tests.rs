//! Sign-outs with a store and an AWS that fail: what is told, and what is deleted.

#[path = "next_process_tests.rs"]
mod next_process;

use std::time::Duration;

use identity_center_emulator::{Fault, Operation, Rotation, World};
use tokio::sync::mpsc;

use super::*;
use crate::clock::Clock;
use crate::identity_center::Priority;
use crate::identity_center::tests::{Stage, USER};
use crate::refresh::Change;
use crate::refresh::standing::Standing;
use crate::refresh::unfinished::Unfinished;
use crate::token_store::strict_store::StrictStore;
use crate::token_store::{SignIn, TokenStore};

const LOCKED: StoreFailure = StoreFailure::Locked;

const TWO_HOURS: Duration = Duration::from_secs(2 * 3600);

/// A keyring that holds a sign-in, and processes over it.
struct Scene {
    stage: Stage,
    keyring: StrictStore,
    store: TokenStore,
    sign_in: SignIn,
}

impl Scene {
    async fn signed_in() -> (Self, Arc<Session>) {
        Self::signed_in_to(World::acme()).await
    }

    async fn signed_in_to(world: World) -> (Self, Arc<Session>) {
        let stage = Stage::of(world).await;
        let keyring = StrictStore::with_limit(64 * 1024);
        let (registration, token) = stage.signed_in().await;
        let sign_in = SignIn {
            token,
            registration,
            signed_in_at: stage.clock.now(),
        };
        let store = TokenStore::over_strict(&keyring, Arc::new(stage.clock.clone()));
        let scene = Self {
            stage,
            keyring,
            store,
            sign_in,
        };
        let session = scene.session().0;
        session.adopt(scene.sign_in.clone()).await.unwrap();
        (scene, session)
    }

    /// Another one of the same process.
    fn session(&self) -> (Arc<Session>, mpsc::UnboundedReceiver<Change>) {
        let (changes, changed) = mpsc::unbounded_channel();
        let (center, store) = (self.stage.center.clone(), self.store.clone());
        let session = Session::new(center, store, Unfinished::default(), changes);
        (Arc::new(session), changed)
    }

    fn restart(&mut self) {
        self.store = TokenStore::over_strict(&self.keyring, Arc::new(self.stage.clock.clone()));
    }

    fn calls(&self, operation: Operation) -> u64 {
        self.stage.emulator.counters().calls(operation)
    }

    /// Whether AWS still takes the token.
    async fn is_alive(&self) -> bool {
        let token = &self.sign_in.token;
        self.stage
            .center
            .accounts(token, None, Priority::Interactive)
            .await
            .is_ok()
    }
}

#[tokio::test]
async fn r3_a_new_token_that_could_not_be_stored_is_used_told_and_stored_as_soon_as_that_works() {
    let (mut scene, session) = Scene::signed_in().await;
    scene.keyring.refuse_with(Some(LOCKED));
    let renewed = session.refresh(None, Priority::Background).await.unwrap();
    assert_ne!(renewed.access_token, scene.sign_in.token.access_token);
    assert_eq!(
        session.token(Priority::Background).await.unwrap().access_token,
        renewed.access_token
    );
    assert_eq!(session.view().standing, Standing::SignedIn);
    session.mend_store().await;
    assert_eq!(session.view().store_failure, Some(LOCKED), "as long as it is so");

    scene.keyring.refuse_with(None);
    session.mend_store().await;
    assert_eq!(session.view().store_failure, None);
    scene.restart();
    let (next, _changed) = scene.session();
    let stored = next.token(Priority::Background).await.unwrap();
    assert_eq!(stored.refresh_token, renewed.refresh_token);
}

#[tokio::test]
async fn r8_what_aws_knows_of_a_sign_out_is_known() {
    let untold = Ok(Farewell::Untold {
        session_ends_at: None,
    });
    let (scene, session) = Scene::signed_in().await;
    let away = Fault::status(Operation::Logout, 503);
    scene.stage.emulator.add_fault(away);
    assert_eq!(session.sign_out().await, untold);
    assert!(scene.is_alive().await);

    let (scene, session) = Scene::signed_in().await;
    scene.stage.emulator.end_sessions(USER).unwrap();
    assert_eq!(session.sign_out().await, Ok(Farewell::Told), "it was over before");

    let (scene, session) = Scene::signed_in().await;
    scene.stage.clock.suspend(TWO_HOURS);
    let away = Fault::status(Operation::CreateToken, 503);
    scene.stage.emulator.add_fault(away);
    assert_eq!(session.sign_out().await, untold, "only the token was over");
}

#[tokio::test]
async fn r8_whoever_signs_out_once_more_is_told_what_became_of_the_first_time() {
    let untold = Farewell::Untold {
        session_ends_at: None,
    };
    let (scene, session) = Scene::signed_in().await;
    scene
        .stage
        .emulator
        .add_fault(Fault::status(Operation::Logout, 503));
    scene.keyring.refuse_with(Some(LOCKED));
    let neither = Err(SignOutFailure::NotDeleted {
        why: LOCKED,
        farewell: untold,
        noted: false,
    });
    assert_eq!(session.sign_out().await, neither);
    assert_eq!(session.sign_out().await, neither, "nothing has ended since");
    scene.keyring.refuse_with(None);
    assert_eq!(session.sign_out().await, Ok(untold), "it is deleted now");
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    assert_eq!(session.sign_out().await, Ok(untold));

    // Another sign-in has an end of its own.
    scene.stage.emulator.clear_faults();
    session.adopt(scene.sign_in.clone()).await.unwrap();
    assert_eq!(session.sign_out().await, Ok(Farewell::Told));
    assert_eq!(session.sign_out().await, Ok(Farewell::Told));
}

#[tokio::test]
async fn r8_a_session_of_which_aws_was_not_told_is_over_when_its_time_is() {
    let (scene, session) = Scene::signed_in().await;
    let end = scene.stage.clock.now() + TWO_HOURS;
    let untold = Farewell::Untold {
        session_ends_at: Some(end),
    };
    *session.last_farewell() = Some((7, untold));
    assert_eq!(session.farewell_of(7), untold);
    assert_eq!(session.farewell_of(8), Farewell::Told, "of another sign-in");
    scene.stage.clock.suspend(TWO_HOURS);
    assert_eq!(session.farewell_of(7), Farewell::Told);
}

#[tokio::test]
async fn r8_with_a_token_that_has_run_out_aws_is_told_by_a_newer_one_that_nobody_keeps() {
    let (scene, session) = Scene::signed_in().await;
    scene.stage.clock.suspend(TWO_HOURS);
    assert_eq!(session.sign_out().await, Ok(Farewell::Told));
    let SignIn {
        token, registration, ..
    } = &scene.sign_in;
    let dead = scene.stage.center.refresh(registration, token).await.unwrap_err();
    assert_eq!(dead.meaning, Meaning::GrantRefused, "the session has ended");
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    assert_eq!(session.view().standing, Standing::SignedOut);
}

#[tokio::test]
async fn r8_a_refresh_under_way_brings_the_token_by_which_aws_is_told_of_the_sign_out() {
    let mut world = World::acme();
    world.rotation = Rotation::Strict;
    let (scene, session) = Scene::signed_in_to(world).await;
    scene.stage.clock.suspend(TWO_HOURS);
    // In real time: AWS has replaced the token, and nobody has the new one when the person signs out.
    let slow = Fault::delay(Operation::CreateToken, Duration::from_millis(500)).times(1);
    scene.stage.emulator.add_fault(slow.after_processing());
    let refreshing = session.clone();
    let refresh = tokio::spawn(async move { refreshing.refresh(None, Priority::Background).await });
    while scene.calls(Operation::CreateToken) < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(session.sign_out().await, Ok(Farewell::Told));
    assert!(refresh.await.unwrap().is_err(), "nobody gets it");
    assert_eq!(scene.calls(Operation::CreateToken), 2);
    assert_eq!(scene.calls(Operation::Logout), 2);
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
}

#[tokio::test]
async fn a_session_makes_room_only_once_aws_was_told() {
    let (scene, session) = Scene::signed_in().await;
    scene
        .stage
        .emulator
        .add_fault(Fault::status(Operation::Logout, 503));
    let left = session.make_room().await;
    assert!(matches!(left, Ok(Farewell::Untold { .. })), "{left:?}");
    assert!(session.is_signed_in() && scene.is_alive().await);
    assert_eq!(scene.keyring.names().len(), 1);
    scene.stage.emulator.clear_faults();
    assert_eq!(session.make_room().await, Ok(Farewell::Told));
    assert!(!session.is_signed_in() && !scene.is_alive().await);
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
}

#[tokio::test]
async fn k3_a_session_makes_no_room_for_one_that_could_not_be_stored() {
    let (scene, session) = Scene::signed_in().await;
    scene.keyring.refuse_with(Some(LOCKED));
    let refused = Err(SignOutFailure::Unwritable(LOCKED));
    assert_eq!(session.make_room().await, refused);
    assert_eq!(scene.calls(Operation::Logout), 0);
    assert!(session.is_signed_in() && scene.is_alive().await);
    assert_eq!(session.view().store_failure, None, "what is stored is still that");
    assert_eq!(scene.keyring.names().len(), 1);
    scene.keyring.refuse_with(None);
    assert_eq!(session.make_room().await, Ok(Farewell::Told));
}

#[tokio::test]
async fn k3_a_sign_out_that_cannot_read_the_store_changes_nothing() {
    let (mut scene, _) = Scene::signed_in().await;
    scene.restart();
    scene.keyring.refuse_with(Some(LOCKED));
    let (session, _changed) = scene.session();
    let refused = Err(SignOutFailure::Unread(LOCKED));
    assert_eq!(session.sign_out().await, refused);
    let view = session.view();
    assert_eq!(
        (view.standing, view.store_failure),
        (Standing::Unknown, Some(LOCKED))
    );
    assert_eq!(session.sign_out().await, refused, "not at the second time either");

    scene.keyring.refuse_with(None);
    session.load().await.unwrap();
    assert!(session.is_signed_in() && scene.is_alive().await);
    assert_eq!(session.sign_out().await, Ok(Farewell::Told));
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    assert!(!scene.is_alive().await, "AWS was told");
}

#[tokio::test]
async fn k3_what_could_not_be_deleted_at_the_sign_out_is_deleted_once_the_store_works() {
    let (scene, session) = Scene::signed_in().await;
    scene.keyring.refuse_with(Some(LOCKED));
    let left = Err(SignOutFailure::NotDeleted {
        why: LOCKED,
        farewell: Farewell::Told,
        noted: false,
    });
    assert_eq!(session.sign_out().await, left);
    assert!(!scene.is_alive().await, "AWS was told");
    assert_eq!(session.view().standing, Standing::SignedOut);
    assert_eq!(session.sign_out().await, left, "it is still there");
    session.mend_store().await;
    assert_eq!(scene.keyring.names().len(), 1);

    let (next, _changed) = scene.session();
    assert_eq!(
        next.load().await,
        Err(LOCKED),
        "nobody is signed in again with it"
    );
    scene.keyring.refuse_with(None);
    session.mend_store().await;
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    next.load().await.unwrap();
    assert_eq!(next.view().standing, Standing::SignedOut);
}

#[tokio::test]
async fn k3_whoever_turned_the_keyrings_question_down_is_asked_again_only_for_somebody() {
    let (mut scene, _) = Scene::signed_in().await;
    scene.keyring.turn_down_with(Some(scene.stage.clock.clone()));
    scene.restart();
    let (session, _changed) = scene.session();
    let turned_down = StoreFailure::Dismissed;
    let several = tokio::join!(session.load(), session.load(), session.load());
    assert_eq!(several, (Err(turned_down), Err(turned_down), Err(turned_down)));
    let asked = scene.keyring.refusals();
    assert_eq!(asked, 1, "once for all who waited");
    session.mend_store().await;
    assert!(!scene.store.is_open_to_the_clock().await);
    assert_eq!(scene.keyring.refusals(), asked, "time passes, nobody asks");
    assert!(session.token(Priority::Background).await.is_err());
    assert_eq!(scene.keyring.refusals(), asked + 1, "somebody wants a token");

    // Unlocked by other means: now time is enough.
    scene.keyring.turn_down_with(None);
    assert!(scene.store.is_open_to_the_clock().await);
    session.load().await.unwrap();
    assert!(session.is_signed_in());

    // Locked again: the question comes with the next renewal, and not with every one.
    scene.keyring.turn_down_with(Some(scene.stage.clock.clone()));
    let asked = scene.keyring.refusals();
    for _ in 0..3 {
        session.refresh(None, Priority::Background).await.unwrap();
        assert!(session.view().store_failure.is_some());
    }
    assert_eq!(scene.keyring.refusals(), asked + 1);
    session.save_again().await.unwrap_err();
    assert_eq!(scene.keyring.refusals(), asked + 2, "a person's login");
    scene.keyring.turn_down_with(None);
    session.mend_store().await;
    assert_eq!(session.view().store_failure, None);
}

#[tokio::test]
async fn k3_a_new_sign_in_is_not_deleted_for_the_one_before_it() {
    let (scene, session) = Scene::signed_in().await;
    scene.keyring.refuse_with(Some(LOCKED));
    assert!(session.sign_out().await.is_err());
    scene.keyring.refuse_with(None);
    session.adopt(scene.sign_in.clone()).await.unwrap();
    session.mend_store().await;
    let (next, _changed) = scene.session();
    next.load().await.unwrap();
    assert!(next.is_signed_in());
    assert_eq!(scene.keyring.names().len(), 1);
}

#[tokio::test]
async fn k3_that_a_sign_in_could_be_read_at_last_is_told_whoever_asked_the_store() {
    let (mut scene, _) = Scene::signed_in().await;
    scene.restart();
    scene.keyring.refuse_with(Some(LOCKED));
    let (session, mut changed) = scene.session();
    let told = |changed: &mut mpsc::UnboundedReceiver<Change>| {
        std::iter::from_fn(|| changed.try_recv().ok())
            .filter(|change| matches!(change, Change::SignInRead(_)))
            .count()
    };
    assert_eq!(session.load().await, Err(LOCKED));
    assert_eq!(told(&mut changed), 0);
    scene.keyring.refuse_with(None);
    // A tool asks before the next look at the store.
    session.token(Priority::Background).await.unwrap();
    session.load().await.unwrap();
    assert_eq!(told(&mut changed), 1);
}
