//! The socket of a launch over real connections: one role, nothing else, until its person signs out.

use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::Ordering;

use super::*;
use crate::agent::client::{Client, ClientError};
use crate::agent::double::{Double, paths_in, role, terms};
use crate::agent::protocol::{Asker, CredentialsReply};
use crate::app::contract::ProblemCode;
use crate::clock::SystemClock;
use crate::uses::Door;

struct Scene {
    home: tempfile::TempDir,
    socket: PathBuf,
    double: Double,
}

impl Scene {
    fn new(permission_set: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (paths, clock) = (paths_in(home.path()), SystemClock::shared());
        let double = Double::default();
        double.serve(&paths, &clock);
        let socket = home.path().join("credentials.sock");
        let asker = Asker {
            terms: Some(terms()),
            ..Asker::through(Door::Container)
        };
        let grant = Grant::new(paths, role(permission_set), asker);
        let bound = RoleSocket::bind(&socket, grant, clock).unwrap();
        tokio::spawn(bound.serve());
        Self { home, socket, double }
    }

    async fn ask(&self) -> Result<CredentialsReply, ClientError> {
        let socket = self.socket.clone();
        let asked = move || Client::of_a_launch(&socket)?.credentials_of_its_role(PATIENCE);
        tokio::task::spawn_blocking(asked).await.unwrap()
    }

    async fn send(&self, operation: Operation) -> Result<Reply, ClientError> {
        let socket = self.socket.clone();
        let asked = move || Client::of_a_launch(&socket)?.ask(&operation);
        tokio::task::spawn_blocking(asked).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_socket_of_a_launch_gives_its_role_and_nothing_else() {
    let scene = Scene::new("ReadOnly");
    let credentials = scene.ask().await.unwrap();
    assert_eq!(credentials.role.permission_set, "ReadOnly");
    let other = Operation::Credentials {
        asker: Asker::default(),
        role: role("Administrator"),
        min_ttl_seconds: 0,
    };
    let version = "0.1.0".to_owned();
    for operation in [
        other,
        Operation::Status,
        Operation::Stop,
        Operation::Hello { version },
    ] {
        let Err(ClientError::Problem { problem, .. }) = scene.send(operation.clone()).await else {
            panic!("{operation:?} was answered");
        };
        assert_eq!(problem, ProblemView::one_role_only());
    }
    // The agent was asked to stop through this socket, and goes on.
    assert!(scene.ask().await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_after_a_sign_out_the_socket_of_a_launch_is_void_whoever_signs_in() {
    let scene = Scene::new("ReadOnly");
    assert!(scene.ask().await.is_ok());
    for departures in [1, 1, 0] {
        scene.double.departures.store(departures, Ordering::SeqCst);
        let problem = scene.ask().await.unwrap_err().into_problem();
        assert_eq!(problem.code, ProblemCode::SignInNeeded);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_comes_through_the_socket_in_the_agents_words() {
    let problem = Scene::new("not_assigned").ask().await.unwrap_err().into_problem();
    assert_eq!(problem.code, ProblemCode::NotAssigned);
    assert_eq!(problem.what_to_do, "Do something.");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_socket_is_replaced_and_anything_else_stays() {
    let scene = Scene::new("ReadOnly");
    let mode = std::fs::metadata(&scene.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666, "users of a container have other numbers");
    let place = scene.home.path().join("other");
    drop(std::os::unix::net::UnixListener::bind(&place).unwrap());
    let bind = || {
        let (paths, asker) = (paths_in(scene.home.path()), Asker::through(Door::Container));
        let grant = Grant::new(paths, role("ReadOnly"), asker);
        RoleSocket::bind(&place, grant, SystemClock::shared())
    };
    let gone = Client::of_a_launch(&place).unwrap_err().into_problem();
    assert_eq!(gone.code, ProblemCode::NoAgent, "{gone:?}");
    drop(bind().unwrap());
    assert!(!place.exists(), "the socket goes with its launch");
    std::fs::write(&place, "somebody's").unwrap();
    assert!(bind().is_err());
    assert_eq!(std::fs::read(&place).unwrap(), b"somebody's");
}
