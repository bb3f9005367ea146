//! A socket, or a lock, that somebody takes away under an agent that lives.

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn r2_a_socket_that_was_taken_away_comes_back_and_no_second_agent_meanwhile() {
    let scene = scene();
    let runtime = scene.paths.runtime.clone();
    let socket = scene.paths.socket();
    let paths = scene.paths.clone();
    aside(move || Client::connect(&paths).unwrap().hello().unwrap()).await;
    let is_there = || UnixStream::connect(&socket).is_ok();
    let take_away: [&dyn Fn(); 3] = [
        &|| std::fs::remove_dir_all(&runtime).unwrap(),
        &|| std::fs::remove_file(&socket).unwrap(),
        // Another file stands there, and nobody behind it.
        &|| {
            std::fs::remove_file(&socket).unwrap();
            drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        },
    ];
    for take_away in take_away {
        take_away();
        let paths = scene.paths.clone();
        let second = aside(move || claim(&paths).map(drop)).await;
        assert!(second.is_err(), "the sign-ins have their agent");
        // Nor in another session, where neither the socket nor its lock would be in the way.
        let elsewhere = Paths {
            runtime: scene.paths.runtime.with_extension("elsewhere"),
            ..scene.paths.clone()
        };
        let second = aside(move || claim(&elsewhere).map(drop)).await;
        assert!(second.is_err(), "the sign-ins have their agent");
        scene.clock.advance(Duration::from_secs(2));
        let back = async {
            while !is_there() {
                tokio::task::yield_now().await;
            }
        };
        let back = tokio::time::timeout(Duration::from_secs(20), back).await;
        back.expect("a socket after two seconds of its clock");
        let paths = scene.paths.clone();
        aside(move || Client::connect(&paths).unwrap().hello().unwrap()).await;
        assert_eq!(mode(&socket), 0o600);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_a_lock_of_the_sign_ins_that_was_taken_away_is_taken_again() {
    let scene = scene();
    let paths = scene.paths.clone();
    aside(move || Client::connect(&paths).unwrap().hello().unwrap()).await;
    std::fs::remove_dir_all(&scene.paths.state).unwrap();
    scene.clock.advance(Duration::from_secs(2));
    // Written when the lock is held.
    let note = scene.paths.agent_note();
    let back = async {
        while !note.exists() {
            tokio::task::yield_now().await;
        }
    };
    let back = tokio::time::timeout(Duration::from_secs(20), back).await;
    back.expect("a lock after two seconds of its clock");
    let elsewhere = Paths {
        runtime: scene.paths.runtime.with_extension("elsewhere"),
        ..scene.paths.clone()
    };
    let second = aside(move || claim(&elsewhere).map(drop)).await;
    assert!(second.is_err(), "the sign-ins have their agent");
}
