//! Who becomes the agent: what stands at the socket's place, who holds the lock, and who gives way to whom.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::agent::double::{Double, ask, paths_in};
use crate::clock::SystemClock;

#[tokio::test]
async fn a4_a_folder_that_is_not_ours_alone_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    std::fs::create_dir(&paths.runtime).unwrap();
    std::fs::set_permissions(&paths.runtime, std::fs::Permissions::from_mode(0o755)).unwrap();
    let fault = |claimed| match claimed {
        Err(ClaimError::Folder { fault, .. }) => fault.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(fault(claim(&paths)), "can be entered by others");
    std::fs::remove_dir(&paths.runtime).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(elsewhere.path(), &paths.runtime).unwrap();
    assert_eq!(fault(claim(&paths)), "is no folder, or only a link to one");
    assert!(
        std::fs::read_dir(elsewhere.path()).unwrap().next().is_none(),
        "nothing was made behind the link"
    );
}

#[tokio::test]
async fn a3_a_stale_socket_is_replaced() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    drop(claim(&paths).unwrap());
    assert!(paths.socket().exists(), "an agent that dies leaves its socket");
    assert!(matches!(Client::connect(&paths), Err(ClientError::NotRunning)));
    claim(&paths).unwrap();
}

#[tokio::test]
async fn a3_whatever_a_dead_agent_left_keeps_nobody_away() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    assert!(!paths.runtime.exists());
    drop(claim(&paths).unwrap());
    // It was killed while it bound, and its lock says more than a lock does.
    private_files::make_folder(&paths.runtime.join(".new")).unwrap();
    drop(std::os::unix::net::UnixListener::bind(paths.runtime.join(".new/s")).unwrap());
    std::fs::write(paths.lock(), "4711").unwrap();
    drop(claim(&paths).unwrap());
    std::fs::remove_dir_all(&paths.runtime).unwrap();
    drop(claim(&paths).unwrap());
}

#[tokio::test]
async fn a3_a_socket_whose_owner_hangs_is_not_replaced() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    make_runtime_folder(&paths.runtime).unwrap();
    // It takes connections, and never says a word.
    let hangs = std::os::unix::net::UnixListener::bind(paths.socket()).unwrap();
    let taken = claim_aside(&paths).await;
    assert!(matches!(taken, Err(ClaimError::Taken(None))), "{taken:?}");
    drop(hangs);
    assert!(claim(&paths).is_ok(), "its owner is dead");
}

#[tokio::test]
async fn a3_a_socket_that_answers_is_not_replaced_even_without_its_lock() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    Double::default().serve(&paths, &SystemClock::shared());
    std::fs::remove_file(paths.lock()).unwrap();
    let taken = claim_aside(&paths).await;
    assert!(matches!(taken, Err(ClaimError::Taken(Some(_)))), "{taken:?}");
    assert!(ask(&paths, Operation::Status).await.is_ok());
}

#[tokio::test]
async fn a3_what_is_no_socket_is_never_deleted() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    private_files::replace(&paths.socket(), b"precious").unwrap();
    assert!(matches!(
        claim(&paths),
        Err(ClaimError::Socket { .. } | ClaimError::Taken(None))
    ));
    assert_eq!(std::fs::read(paths.socket()).unwrap(), b"precious");
}

#[tokio::test]
async fn a3_of_many_that_want_to_be_the_agent_one_is() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    let claims = (0..20).map(|_| {
        let paths = paths.clone();
        tokio::task::spawn_blocking(move || claim(&paths))
    });
    let claims: Vec<_> = futures_util::future::join_all(claims).await;
    let won = claims.iter().filter(|claim| matches!(claim, Ok(Ok(_)))).count();
    assert_eq!(won, 1);
}

#[tokio::test]
async fn a3_whoever_finds_the_place_taken_finds_a_socket_there() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    make_runtime_folder(&paths.runtime).unwrap();
    for _ in 0..50 {
        let claims = (0..4).map(|_| {
            let paths = paths.clone();
            tokio::task::spawn_blocking(move || match claim_in_turn(&paths) {
                Ok(claim) => (Some(claim), true),
                Err(ClaimError::Taken(_)) => (
                    None,
                    std::os::unix::net::UnixStream::connect(paths.socket()).is_ok(),
                ),
                Err(error) => panic!("{error}"),
            })
        });
        let claims = futures_util::future::join_all(claims).await;
        let claims: Vec<_> = claims.into_iter().map(Result::unwrap).collect();
        assert!(claims.iter().all(|(_, is_there)| *is_there));
        assert_eq!(claims.iter().filter(|(claim, _)| claim.is_some()).count(), 1);
        drop(claims);
        std::fs::remove_file(paths.socket()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn w6_the_tray_application_takes_over_from_a_headless_agent() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    let clock = SystemClock::shared();
    let served = Double::default().serve(&paths, &clock);
    let taken_over = take_over(&paths, &clock, SecretStore::Keyring).await.unwrap();
    served.await.unwrap();
    assert!(paths.socket().exists(), "the new agent's socket stands");
    drop(taken_over);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_that_lives_in_memory_is_not_taken_over_without_asking() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    let clock = SystemClock::shared();
    let double = Double {
        memory_store: true,
        ..Double::default()
    };
    double.serve(&paths, &clock);
    let taken = take_over(&paths, &clock, SecretStore::Keyring).await;
    assert!(matches!(taken, Err(ClaimError::Taken(Some(agent))) if agent.memory_store));
}

#[tokio::test(flavor = "multi_thread")]
async fn k3_an_agent_whose_sign_ins_are_kept_elsewhere_is_not_taken_over_without_asking() {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    let clock = SystemClock::shared();
    let double = Double {
        secret_store: Some(SecretStore::File),
        ..Double::default()
    };
    double.serve(&paths, &clock);
    let taken = take_over(&paths, &clock, SecretStore::Keyring).await;
    assert!(matches!(taken, Err(ClaimError::Taken(Some(agent))) if agent.keeps_in() == SecretStore::File));
    let taken_over = take_over(&paths, &clock, SecretStore::File).await.unwrap();
    drop(taken_over);
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_an_agent_of_another_session_is_found_and_stays_the_only_one() {
    let home = tempfile::tempdir().unwrap();
    let here = paths_in(home.path());
    let there = Paths {
        runtime: home.path().join("other-session"),
        ..here.clone()
    };
    let clock = SystemClock::shared();
    let double = Double::default();
    let served = double.serve(&here, &clock);
    let found = there.clone();
    let answer = tokio::task::spawn_blocking(move || Client::connect(&found).unwrap().hello().unwrap().pid);
    assert_eq!(answer.await.unwrap(), std::process::id());
    let claimed = there.clone();
    let taken = tokio::task::spawn_blocking(move || claim(&claimed))
        .await
        .unwrap();
    assert!(matches!(taken, Err(ClaimError::Taken(Some(_)))), "{taken:?}");
    // Also where nobody says where it is: it is not the socket that keeps the second one away.
    std::fs::remove_file(here.agent_note()).unwrap();
    let (asked, claimed) = (there.clone(), there.clone());
    let silent = tokio::task::spawn_blocking(move || (Client::connect(&asked).err(), claim(&claimed)));
    let (found, taken) = silent.await.unwrap();
    assert!(matches!(found, Some(ClientError::NotRunning)), "{found:?}");
    assert!(matches!(taken, Err(ClaimError::Taken(None))), "{taken:?}");
    double.stop.notify_one();
    served.await.unwrap();
    claim(&there).unwrap();
}
