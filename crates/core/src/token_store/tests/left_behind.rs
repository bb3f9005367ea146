//! What a sign-out could not delete, and what the next start makes of it.

use super::*;

/// Where it is noted what could not be deleted.
const NOTE: &str = "left-in-keyring.json";

/// A process with a state folder.
fn start_in(folder: &Path, store: &StrictStore) -> TokenStore {
    start(store, &clock()).noting_in(folder)
}

/// Somebody has signed out while the keyring was locked.
async fn left_behind(folder: &Path) -> StrictStore {
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start_in(folder, &store);
    tokens
        .save_sign_in(&acme(), &sign_in("aoa-canary"))
        .await
        .unwrap();
    store.refuse_with(Some(StoreFailure::Locked));
    let locked = Err(StoreFailure::Locked);
    assert_eq!(tokens.forget_sign_in(&acme()).await, locked);
    assert_eq!(tokens.lives_on(&acme()), None, "it is noted");
    store
}

#[tokio::test]
async fn r8_what_could_not_be_deleted_is_not_read_by_the_next_process_but_deleted() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let store = left_behind(&folder).await;
    let noted = std::fs::read_to_string(folder.join(NOTE)).unwrap();
    assert!(!noted.contains("canary") && !noted.contains("rrrr"), "{noted}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(folder.join(NOTE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // Locked still: however often it starts, and whatever it deletes in vain.
    for _ in 0..2 {
        let next = start_in(&folder, &store);
        assert_eq!(next.sign_in(&acme()).await, Err(StoreFailure::Locked));
        assert!(folder.join(NOTE).exists());
    }
    store.refuse_with(None);
    // It can be read, and still not be deleted.
    store.die_after_changes(0);
    let next = start_in(&folder, &store);
    assert_eq!(next.sign_in(&acme()).await, Err(StoreFailure::Failed));
    assert_eq!(next.lives_on(&acme()), None, "it is noted");
    store.revive();
    assert_eq!(next.sign_in(&acme()).await, Ok(None));
    assert_eq!(store.names(), Vec::<String>::new());
    assert!(!folder.join(NOTE).exists(), "nothing is left to be noted");
}

#[tokio::test]
async fn r8_that_a_sign_in_is_to_be_deleted_is_noted_before_a_keyring_is_asked_that_hangs() {
    let (home, killed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start_in(home.path(), &store);
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    store.hang(true);
    let leaving = tokens.clone();
    let leaving = tokio::spawn(async move { leaving.forget_sign_in(&acme()).await });
    store.wait_for_hanging_aside(1).await;
    // What a process finds for which this one was killed now.
    std::fs::copy(home.path().join(NOTE), killed.path().join(NOTE)).unwrap();
    assert_eq!(tokens.lives_on(&acme()), None, "nothing has failed yet");
    store.die_after_changes(0);
    store.hang(false);
    leaving.await.unwrap().unwrap_err();
    store.revive();
    let next = start_in(killed.path(), &store);
    assert_eq!(next.sign_in(&acme()).await, Ok(None));
    assert_eq!(store.names(), Vec::<String>::new());
    assert!(!killed.path().join(NOTE).exists());
}

#[tokio::test]
async fn r8_a_renewed_token_that_is_stored_while_its_person_leaves_is_deleted_by_the_next_process() {
    let home = tempfile::tempdir().unwrap();
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start_in(home.path(), &store);
    let (first, renewed) = (sign_in("aoa-1"), sign_in("aoa-2"));
    tokens.save_sign_in(&acme(), &first).await.unwrap();
    tokens.leave(&acme(), first.signed_in_at, true);
    tokens.note_leaving().await;
    tokens.save_renewed(&acme(), &renewed).await.unwrap();
    // It is killed.
    let next = start_in(home.path(), &store);
    assert_eq!(next.untold(&acme()).await, Ok(Some(renewed)), "AWS is told");
    assert_eq!(next.sign_in(&acme()).await, Ok(None));
    assert_eq!(store.names(), Vec::<String>::new());
}

#[tokio::test]
async fn r8_who_has_signed_in_since_is_not_taken_for_who_has_signed_out() {
    let home = tempfile::tempdir().unwrap();
    let store = left_behind(home.path()).await;
    store.refuse_with(None);
    // By a clock that was set back meanwhile, and by a process that does not know of the note.
    let mut later = sign_in("aoa-2");
    later.signed_in_at -= jiff::SignedDuration::from_secs(3600);
    start(&store, &clock())
        .save_sign_in(&acme(), &later)
        .await
        .unwrap();
    let next = start_in(home.path(), &store);
    assert_eq!(next.sign_in(&acme()).await, Ok(Some(later.clone())));
    assert!(!home.path().join(NOTE).exists());

    // A renewed token is of the same sign-in.
    let store = left_behind(home.path()).await;
    store.refuse_with(None);
    start(&store, &clock())
        .save_sign_in(&acme(), &sign_in("aoa-3"))
        .await
        .unwrap();
    let next = start_in(home.path(), &store);
    assert_eq!(next.sign_in(&acme()).await, Ok(None));
    // Whoever signs in again is not kept from it.
    next.save_sign_in(&acme(), &later).await.unwrap();
    let next = start_in(home.path(), &store);
    assert_eq!(next.sign_in(&acme()).await, Ok(Some(later)));
}

#[tokio::test]
async fn r8_what_can_be_neither_deleted_nor_noted_is_known_to_live_on() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("state");
    let store = StrictStore::with_limit(LIMIT);
    let tokens = start_in(&folder, &store);
    // A file is where the folder would have to be.
    std::fs::write(&folder, "").unwrap();
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    store.refuse_with(Some(StoreFailure::Locked));
    tokens.forget_sign_in(&acme()).await.unwrap_err();
    assert_eq!(tokens.lives_on(&acme()), Some(StoreFailure::Locked));
    // It is noted as soon as that works.
    std::fs::remove_file(&folder).unwrap();
    tokens.forget_again(&acme()).await.unwrap_err();
    assert_eq!(tokens.lives_on(&acme()), None);
    store.refuse_with(None);
    assert_eq!(start_in(&folder, &store).sign_in(&acme()).await, Ok(None));
}

#[tokio::test]
async fn r9_a_damaged_note_of_what_is_to_be_deleted_is_set_aside_and_one_that_cannot_be_read_stays() {
    let home = tempfile::tempdir().unwrap();
    let note = home.path().join(NOTE);
    std::fs::write(&note, "{\"version\":1,\"rec").unwrap();
    let store = StrictStore::with_limit(LIMIT);
    assert_eq!(start_in(home.path(), &store).sign_in(&acme()).await, Ok(None));
    assert!(!note.exists());
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 1, "set aside");
    std::fs::create_dir(&note).unwrap();
    let tokens = start_in(home.path(), &store);
    tokens.save_sign_in(&acme(), &sign_in("aoa-1")).await.unwrap();
    store.refuse_with(Some(StoreFailure::Locked));
    tokens.forget_sign_in(&acme()).await.unwrap_err();
    assert_eq!(tokens.lives_on(&acme()), Some(StoreFailure::Locked));
    assert!(note.is_dir());
}
