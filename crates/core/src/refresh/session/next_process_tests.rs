//! What a sign-out leaves to the next process: deleted and told then, and once.

use std::path::Path;

use super::*;

impl Scene {
    /// The next process, which notes in `folder` what it leaves in the keyring.
    fn restart_noting_in(&mut self, folder: &Path) {
        self.restart();
        self.store = self.store.clone().noting_in(folder);
    }
}

/// A process that has found somebody's sign-in, and the folder in which it notes what it leaves in the keyring.
async fn noting() -> (tempfile::TempDir, Scene, Arc<Session>) {
    let home = tempfile::tempdir().unwrap();
    let (mut scene, _) = Scene::signed_in().await;
    scene.restart_noting_in(home.path());
    let (session, _changed) = scene.session();
    session.load().await.unwrap();
    (home, scene, session)
}

#[tokio::test]
async fn r8_a_sign_out_that_could_neither_delete_nor_tell_aws_holds_after_a_restart_and_is_made_whole() {
    let (home, mut scene, session) = noting().await;
    let away = Fault::status(Operation::Logout, 503);
    scene.stage.emulator.add_fault(away);
    scene.keyring.refuse_with(Some(LOCKED));
    let left = SignOutFailure::NotDeleted {
        why: LOCKED,
        farewell: Farewell::Untold {
            session_ends_at: None,
        },
        noted: true,
    };
    assert_eq!(session.sign_out().await, Err(left));
    assert_eq!(session.view().store_failure, None, "it may end now");

    // The next process, while the keyring is locked.
    scene.restart_noting_in(home.path());
    let (next, _changed) = scene.session();
    assert_eq!(next.load().await, Err(LOCKED));
    assert!(next.token(Priority::Interactive).await.is_err());
    // The one after it, and AWS is back: the token has run out, and tells it all the same.
    scene.keyring.refuse_with(None);
    scene.stage.emulator.clear_faults();
    scene.stage.clock.suspend(TWO_HOURS);
    scene.restart_noting_in(home.path());
    let (last, _changed) = scene.session();
    last.load().await.unwrap();
    assert_eq!(last.view().standing, Standing::SignedOut);
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    let SignIn {
        token, registration, ..
    } = &scene.sign_in;
    let dead = scene.stage.center.refresh(registration, token).await.unwrap_err();
    assert_eq!(dead.meaning, Meaning::GrantRefused, "the session has ended");
    assert_eq!(last.sign_out().await, Ok(Farewell::Told));
}

#[tokio::test]
async fn r8_aws_that_was_told_of_a_sign_out_is_not_told_again_by_the_process_that_deletes_the_token() {
    let (home, mut scene, session) = noting().await;
    scene.keyring.refuse_with(Some(LOCKED));
    let left = SignOutFailure::NotDeleted {
        why: LOCKED,
        farewell: Farewell::Told,
        noted: true,
    };
    assert_eq!(session.sign_out().await, Err(left));
    scene.keyring.refuse_with(None);
    scene.restart_noting_in(home.path());
    let (next, _changed) = scene.session();
    next.load().await.unwrap();
    assert_eq!(next.view().standing, Standing::SignedOut);
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    assert_eq!(scene.calls(Operation::Logout), 1);
}

#[tokio::test]
async fn r8_a_sign_out_that_is_cut_off_while_the_keyring_hangs_is_made_whole_by_the_next_process() {
    let (home, mut scene, session) = noting().await;
    let killed = tempfile::tempdir().unwrap();
    // A renewed token is being stored, which is in the way of everything else.
    scene.keyring.hang(true);
    let renewing = session.clone();
    let renewal = tokio::spawn(async move { renewing.refresh(None, Priority::Background).await });
    scene.keyring.wait_for_hanging_aside(1).await;
    scene.stage.emulator.add_fault(Fault::hang(Operation::Logout));
    let leaving = tokio::spawn(async move { session.sign_out().await });
    while scene.calls(Operation::Logout) == 0 {
        tokio::task::yield_now().await;
    }
    // What a process finds for which this one was killed now.
    let note = "left-in-keyring.json";
    std::fs::copy(home.path().join(note), killed.path().join(note)).unwrap();
    leaving.abort();
    scene.stage.emulator.clear_faults();
    scene.keyring.hang(false);
    renewal.await.unwrap().unwrap_err();
    assert_eq!(scene.keyring.names().len(), 1, "what AWS gave last");

    scene.restart_noting_in(killed.path());
    let (next, _changed) = scene.session();
    next.load().await.unwrap();
    assert_eq!(next.view().standing, Standing::SignedOut);
    assert_eq!(scene.keyring.names(), Vec::<String>::new());
    assert!(!scene.is_alive().await, "AWS was told");
}

#[tokio::test]
async fn r8_what_can_be_neither_deleted_nor_noted_is_shown_until_it_is() {
    let (scene, session) = Scene::signed_in().await;
    scene.keyring.refuse_with(Some(LOCKED));
    session.sign_out().await.unwrap_err();
    assert_eq!(session.view().store_failure, Some(LOCKED));
    scene.keyring.refuse_with(None);
    session.mend_store().await;
    assert_eq!(session.view().store_failure, None);
}
