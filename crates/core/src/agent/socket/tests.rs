//! The socket with real clients: what they may do, and for how long.

#[path = "given_up.rs"]
mod given_up;
#[path = "taken_away.rs"]
mod taken_away;

use std::io::{BufRead, BufReader as Lines, Read, Write};
use std::net::Shutdown;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

use super::*;
use crate::agent::claim::claim;
use crate::agent::client::{Client, ClientError};
use crate::agent::double::{Double, ask, credentials_of, paths_in};
use crate::clock::ManualClock;
use crate::paths::Paths;

struct Scene {
    _home: tempfile::TempDir,
    paths: Paths,
    clock: ManualClock,
    double: Double,
    served: JoinHandle<()>,
}

fn scene() -> Scene {
    let home = tempfile::tempdir().unwrap();
    let paths = paths_in(home.path());
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let double = Double::default();
    let shared: SharedClock = Arc::new(clock.clone());
    let served = double.serve(&paths, &shared);
    Scene {
        _home: home,
        paths,
        clock,
        double,
        served,
    }
}

/// Runs blocking client code off the runtime's threads.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn connect(paths: &Paths) -> UnixStream {
    let stream = UnixStream::connect(paths.socket()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn mode(path: &Path) -> u32 {
    std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn one_connection_takes_several_requests() {
    let scene = scene();
    let paths = scene.paths.clone();
    aside(move || {
        let mut client = Client::connect(&paths).unwrap();
        for _ in 0..3 {
            assert_eq!(client.hello().unwrap().pid, std::process::id());
            assert!(matches!(
                client.ask(&credentials_of("ReadOnly")),
                Ok(Reply::Credentials(_))
            ));
        }
    })
    .await;
}

#[tokio::test]
async fn a4_socket_and_folder_are_for_their_owner_alone() {
    let scene = scene();
    assert_eq!(mode(&scene.paths.socket()), 0o600);
    assert_eq!(mode(&scene.paths.lock()), 0o600);
    assert_eq!(mode(&scene.paths.runtime), 0o700);
    assert!(!scene.paths.runtime.join(".new").exists());
}

#[tokio::test]
async fn a4_a_client_does_not_trust_a_folder_that_others_can_enter() {
    let scene = scene();
    std::fs::set_permissions(&scene.paths.runtime, std::fs::Permissions::from_mode(0o777)).unwrap();
    let answer = ask(&scene.paths, credentials_of("ReadOnly")).await;
    let Err(error @ ClientError::Folder { .. }) = answer else {
        panic!("the folder is open to others: {answer:?}");
    };
    let problem = error.into_problem();
    let folder = scene.paths.runtime.display().to_string();
    assert!(problem.what_happened.contains(&folder), "{problem:?}");
    assert!(
        problem.what_to_do.contains(&format!("chmod 700 {folder}")),
        "{problem:?}"
    );
    assert!(!problem.what_to_do.contains("XDG_RUNTIME_DIR"), "{problem:?}");
}

#[tokio::test]
async fn a5_a_request_that_is_too_long_is_answered_and_ends_the_connection() {
    let scene = scene();
    let paths = scene.paths.clone();
    let answer = aside(move || {
        let mut stream = connect(&paths);
        stream.write_all(&vec![b'x'; MAX_REQUEST]).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    })
    .await;
    assert!(
        answer.contains("64 KiB") && answer.lines().count() == 1,
        "{answer}"
    );
}

#[tokio::test]
async fn a5_silent_and_dripping_clients_are_closed_after_ten_seconds() {
    let scene = scene();
    let (paths, clock) = (scene.paths.clone(), scene.clock.clone());
    let left = aside(move || {
        let mut silent = connect(&paths);
        let mut dripping = connect(&paths);
        dripping.write_all(b"{\"v\":1,").unwrap();
        // Whoever is served after them shows that both are being waited for.
        Client::connect(&paths).unwrap().hello().unwrap();
        clock.advance(Duration::from_secs(9));
        dripping.write_all(b"\"op\":").unwrap();
        clock.advance(Duration::from_secs(1));
        [silent.read(&mut [0]), dripping.read(&mut [0])]
    })
    .await;
    for read in left {
        // Closing with the last drop unread is a reset.
        let is_closed = match read {
            Ok(length) => length == 0,
            Err(error) => error.kind() == io::ErrorKind::ConnectionReset,
        };
        assert!(is_closed);
    }
}

#[tokio::test]
async fn a5_a_subscriber_may_stay_silent() {
    let scene = scene();
    let (paths, clock) = (scene.paths.clone(), scene.clock.clone());
    aside(move || {
        let mut subscriber = connect(&paths);
        subscriber.write_all(b"{\"v\":1,\"op\":\"subscribe\"}\n").unwrap();
        Client::connect(&paths).unwrap().hello().unwrap();
        clock.advance(Duration::from_secs(60));
        Client::connect(&paths).unwrap().hello().unwrap();
        subscriber
            .set_read_timeout(Some(Duration::from_millis(100)))
            .unwrap();
        let error = subscriber.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "it is still connected");
    })
    .await;
}

/// Whether the other side has closed the connection; what it had sent before is read and thrown away.
fn is_closed(mut stream: &UnixStream) -> bool {
    let mut scrap = [0; 4096];
    loop {
        match stream.read(&mut scrap) {
            Ok(0) => return true,
            Ok(_) => {}
            // Closing with something unread is a reset.
            Err(error) => return error.kind() == io::ErrorKind::ConnectionReset,
        }
    }
}

/// Whether the other side closes a connection that blocks nobody, though nothing of what it has said is read: whoever
/// reads gets it going again.
fn is_given_up(mut stream: &UnixStream) -> bool {
    for _ in 0..1000 {
        match stream.write(b"\n") {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                std::thread::park_timeout(Duration::from_millis(20));
            }
            Err(_) => return true,
        }
    }
    false
}

/// Has something long to say: once, or to a subscriber as often as it is listened to.
#[derive(Clone, Default)]
struct Talkative {
    said: Arc<AtomicU32>,
    unheard: Arc<Notify>,
}

impl Answering for Talkative {
    async fn answer(&self, request: RequestLine, _caller: Caller, replies: Replies) {
        let mut long = ProblemView::own_mistake();
        long.what_happened = "x".repeat(16 * 1024);
        while replies.send(Reply::problem(long.clone())).await.is_ok() {
            self.said.fetch_add(1, Ordering::SeqCst);
            if !request.operation.is_open_ended() {
                return;
            }
        }
        self.unheard.notify_one();
    }
}

impl Talkative {
    /// Serves, on a clock that stands still; what holds the files is to be kept.
    fn serve(&self) -> (tempfile::TempDir, Paths, ManualClock) {
        let home = tempfile::tempdir().unwrap();
        let paths = paths_in(home.path());
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let claim = claim(&paths).unwrap();
        let shared: SharedClock = Arc::new(clock.clone());
        tokio::spawn(claim.serve_until(self.clone(), shared, std::future::pending()));
        (home, paths, clock)
    }

    /// How much has been said once nothing more is: the buffers of the socket are full. In real time, which the
    /// kernel's buffers go by.
    async fn all_that_is_said(&self) -> u32 {
        let mut before = 0;
        loop {
            let said = self.said.load(Ordering::SeqCst);
            if said > 0 && said == before {
                return said;
            }
            before = said;
            aside(|| std::thread::park_timeout(Duration::from_millis(200))).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_who_asks_and_does_not_read_the_answers_is_heard_no_more_and_let_go() {
    let talkative = Talkative::default();
    let (_home, paths, clock) = talkative.serve();
    let greedy = connect(&paths);
    greedy.set_nonblocking(true).unwrap();
    let request = b"{\"v\":1,\"op\":\"status\"}\n";
    let mut asked = 0;
    while (&greedy).write_all(request).is_ok() {
        asked += 1;
        assert!(asked < 1_000_000, "everything is taken though no answer is read");
    }
    let answered = talkative.all_that_is_said().await;
    assert!(
        answered < 256,
        "{answered} answers of 16 KiB wait for one who does not read"
    );

    let modest = connect(&paths);
    let heard = aside(move || {
        (&modest).write_all(request).unwrap();
        Lines::new(modest).lines().next().is_some()
    });
    assert!(heard.await, "others are answered meanwhile");
    clock.advance(IDLE);
    assert!(aside(move || is_given_up(&greedy)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_subscriber_that_never_reads_makes_nothing_grow_and_is_let_go() {
    let talkative = Talkative::default();
    let (_home, paths, clock) = talkative.serve();
    let deaf = connect(&paths);
    (&deaf).write_all(b"{\"v\":1,\"op\":\"subscribe\"}\n").unwrap();
    let said = talkative.all_that_is_said().await;
    assert!(
        said < 256,
        "{said} answers of 16 KiB wait for one who does not read"
    );
    clock.advance(IDLE);
    talkative.unheard.notified().await;
    assert!(aside(move || is_closed(&deaf)).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a5_a_thousand_idle_connections_leave_room_for_others() {
    let scene = scene();
    allow_many_connections();
    let paths = scene.paths.clone();
    aside(move || {
        let idle: Vec<_> = (0..1000).map(|_| connect(&paths)).collect();
        for _ in 0..20 {
            Client::connect(&paths).unwrap().hello().unwrap();
        }
        drop(idle);
    })
    .await;
}

#[tokio::test]
async fn w6_a_client_of_another_version_is_told_so_and_may_go_on() {
    let scene = scene();
    let paths = scene.paths.clone();
    aside(move || {
        let stream = connect(&paths);
        let mut lines = Lines::new(stream.try_clone().unwrap()).lines();
        (&stream).write_all(b"{\"v\":9,\"op\":\"teleport\"}\n").unwrap();
        assert!(lines.next().unwrap().unwrap().contains("protocol 1, not 9"));
        (&stream).write_all(b"{\"v\":1,\"op\":\"status\"}\n").unwrap();
        assert!(lines.next().unwrap().unwrap().contains("done"));
    })
    .await;
}

#[tokio::test]
async fn an_answer_under_way_is_finished_before_the_agent_ends() {
    let scene = scene();
    let asked = tokio::spawn({
        let paths = scene.paths.clone();
        async move { ask(&paths, credentials_of("Slow")).await }
    });
    scene.double.begun.notified().await;
    scene.double.stop.notify_one();
    while scene.paths.socket().exists() {
        tokio::task::yield_now().await;
    }
    scene.double.go_on.notify_one();
    assert!(matches!(asked.await.unwrap(), Ok(Reply::Credentials(_))));
    scene.served.await.unwrap();
    claim(&scene.paths).unwrap();
}
