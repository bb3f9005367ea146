//! The connections to an endpoint: none of another user, each with a deadline, and not more than the system has room for.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::response::Response;
use http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::clock::SharedClock;
use crate::loopback_peer::{Peer, peer};

/// How long a connection may take to send the head of a request, and may wait for another one to begin: as long as at
/// the agent's socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// An SDK opens one for each request, and one that is not used any more costs nothing to give up.
const MOST: usize = 128;

/// After the system had no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// SDKs send a few hundred bytes.
const LARGEST_HEAD: usize = 32 * 1024;

/// What another user is told, as far as it comes through before the connection is closed.
pub(super) const NOT_OURS: &str = "Only processes of the same user are served here.";

/// Everybody who is connected. Clones are the same.
#[derive(Debug, Clone)]
pub(super) struct Connections {
    clock: SharedClock,
    most: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    last_number: u64,
    connections: BTreeMap<u64, Connection>,
}

#[derive(Debug)]
struct Connection {
    state: watch::Receiver<State>,
    task: AbortHandle,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// No request has come whole since this moment, by the clock.
    Waits(Duration),
    Answers,
}

/// The place of one connection; free again with this value.
#[derive(Debug)]
struct Place {
    number: u64,
    connections: Connections,
    state: watch::Sender<State>,
}

impl Connections {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            most: most(),
            open: Arc::default(),
        }
    }

    /// Takes connections to `ours` until it is dropped. `answer` gets the head of a request and the kernel's number of
    /// the client's socket; bodies are not read.
    pub async fn serve<A, F>(
        self,
        listener: TcpListener,
        ours: SocketAddrV4,
        answer: A,
        turned_away: impl Fn(),
    ) -> Infallible
    where
        A: Fn(Parts, Option<u64>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        loop {
            let (stream, from) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::debug!(%error, "no connection could be taken");
                    self.give_up_oldest();
                    self.clock.sleep(PAUSE).await;
                    continue;
                }
            };
            match peer(from, ours) {
                Peer::Ours { socket } => self.begin(stream, socket, answer.clone()),
                Peer::NotOurs => {
                    turned_away();
                    turn_away(stream, from);
                }
            }
        }
    }

    /// Where all places are taken, the connection that has waited longest is given up; where none waits, the new one.
    fn begin<A, F>(&self, stream: TcpStream, socket: Option<u64>, answer: A)
    where
        A: Fn(Parts, Option<u64>) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let are_all_taken = self.open().connections.len() >= self.most;
        if are_all_taken && !self.give_up_oldest() {
            return;
        }
        let (state, seen) = watch::channel(State::Waits(self.clock.elapsed()));
        // Held until the connection is listed: its task may be over before.
        let mut open = self.open();
        open.last_number += 1;
        let number = open.last_number;
        let place = Place {
            number,
            connections: self.clone(),
            state,
        };
        let task = tokio::spawn(converse(stream, socket, answer, place)).abort_handle();
        open.connections.insert(number, Connection { state: seen, task });
    }

    /// False where none waits.
    fn give_up_oldest(&self) -> bool {
        let mut open = self.open();
        let waiting =
            open.connections
                .iter()
                .filter_map(|(number, connection)| match *connection.state.borrow() {
                    State::Waits(since) => Some((since, *number)),
                    State::Answers => None,
                });
        let oldest = waiting.min().map(|(_, number)| number);
        let given_up = oldest.and_then(|number| open.connections.remove(&number));
        drop(open);
        if let Some(connection) = &given_up {
            connection.task.abort();
        }
        given_up.is_some()
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().expect("no panic under this lock")
    }
}

impl Place {
    /// Comes when it has waited too long.
    async fn is_forsaken(&self) {
        let mut state = self.state.subscribe();
        loop {
            let now = *state.borrow_and_update();
            let deadline = async {
                match now {
                    State::Waits(_) => self.connections.clock.sleep(PATIENCE).await,
                    State::Answers => std::future::pending().await,
                }
            };
            tokio::select! {
                // The sender lives as long as this does.
                _ = state.changed() => {}
                () = deadline => return,
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().connections.remove(&self.number);
    }
}

async fn converse<A, F>(stream: TcpStream, socket: Option<u64>, answer: A, place: Place)
where
    A: Fn(Parts, Option<u64>) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let (place, answer) = (&place, &answer);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        place.state.send_replace(State::Answers);
        let (head, _body) = request.into_parts();
        let response = answer(head, socket);
        async move {
            let response = response.await;
            let since = place.connections.clock.elapsed();
            place.state.send_replace(State::Waits(since));
            Ok::<_, Infallible>(response)
        }
    });
    let conversation = http1::Builder::new()
        // The deadline is ours, by the clock that everything has.
        .header_read_timeout(None)
        .max_buf_size(LARGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // What goes wrong on such a connection is the peer's affair.
        _ = conversation => {}
        () = place.is_forsaken() => {}
    }
}

/// Says why and closes, without waiting for what was to be asked.
fn turn_away(stream: TcpStream, from: SocketAddr) {
    let told = stream.into_std().and_then(|mut stream| {
        // What lies there unread would take the answer back.
        let _ = stream.read(&mut [0; 4096]);
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nCache-Control: no-store\r\n\
                    Connection: close\r\n";
        let body = format!(r#"{{"Code":"AccessDenied","Message":"{NOT_OURS}"}}"#);
        let length = body.len();
        stream.write_all(format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes())
    });
    if let Err(error) = told {
        tracing::debug!(%error, %from, "a connection of another user is closed without a word");
    }
}

/// A part of the descriptors that this process may have: each answer needs some more, for the agent and for `/proc`.
#[cfg(unix)]
fn most() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|limit| usize::try_from(limit).ok());
    limit.map_or(MOST, |limit| (limit / 4).clamp(4, MOST))
}

#[cfg(not(unix))]
fn most() -> usize {
    MOST
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::super::tests::Scene;
    use super::*;
    use crate::clock::ManualClock;

    /// A connection that begins and does not go on.
    async fn half_a_request(scene: &Scene) -> TcpStream {
        let mut stream = TcpStream::connect(scene.address).await.unwrap();
        stream.write_all(b"GET /cred").await.unwrap();
        stream
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h4_half_a_request_is_given_up_after_ten_seconds_and_an_idle_connection_too() {
        let manual = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let scene = Scene::new("ReadOnly", Arc::new(manual.clone()))
            .await
            .with_agent();
        let half = half_a_request(&scene).await;
        let mut idle = TcpStream::connect(scene.address).await.unwrap();
        let request = format!(
            "GET /credentials HTTP/1.1\r\n{}Authorization: {}\r\n\r\n",
            scene.host(),
            scene.token
        );
        for _ in ["first", "second"] {
            idle.write_all(request.as_bytes()).await.unwrap();
            let mut answer = Vec::new();
            while !answer.ends_with(b"}") {
                assert_ne!(
                    idle.read_buf(&mut answer).await.unwrap(),
                    0,
                    "the connection is kept"
                );
            }
            assert!(answer.starts_with(b"HTTP/1.1 200"));
        }
        manual.advance(PATIENCE - Duration::from_secs(1));
        assert_eq!(scene.get(&scene.host()).await.0, 200);
        for stream in [&half, &idle] {
            let end = stream.try_read(&mut [0]);
            let has_time = end.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
            assert!(has_time, "it is given up early");
        }
        let (mut open, mut soon) = (vec![half, idle], PATIENCE);
        while let Some(mut stream) = open.pop() {
            let mut byte = [0];
            let mut read = std::pin::pin!(stream.read(&mut byte));
            // Whoever waits has begun to sooner or later.
            let moving = async {
                for _ in 0..10_000_000 {
                    tokio::task::yield_now().await;
                    manual.advance(std::mem::replace(&mut soon, Duration::from_secs(1)));
                }
                panic!("it is kept open");
            };
            tokio::select! {
                end = &mut read => assert!(matches!(end, Ok(0) | Err(_)), "nothing more is said"),
                () = moving => {}
            }
        }
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn h4_more_connections_than_there_are_places_give_up_the_one_that_waited_longest() {
        let manual = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let scene = Scene::new("ReadOnly", Arc::new(manual.clone()))
            .await
            .with_agent();
        let mut oldest = half_a_request(&scene).await;
        let mut held = Vec::new();
        for _ in 0..300 {
            held.push(half_a_request(&scene).await);
            if held.len() % 50 == 0 {
                assert_eq!(scene.get(&scene.host()).await.0, 200, "a good client is answered");
            }
        }
        let mut byte = [0];
        let end = tokio::time::timeout(PATIENCE, oldest.read(&mut byte));
        let end = end.await.expect("it is given up");
        assert!(
            matches!(end, Ok(0) | Err(_)),
            "it is closed before its time: {end:?}"
        );
    }
}
