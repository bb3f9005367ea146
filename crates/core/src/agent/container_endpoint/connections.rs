//! The connections to an endpoint: each with a deadline, and not more than the system has room for. Another user may
//! open as many as he likes: whoever has not shown the token has a place only as long as nobody else wants it, and
//! costs nothing more.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::response::Response;
use http::HeaderValue;
use http::header::CONNECTION;
use http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use crate::clock::SharedClock;

/// How long a connection may take to send the head of a request, and may wait for another one to begin: as long as at
/// the agent's socket.
const PATIENCE: Duration = Duration::from_secs(10);

/// An SDK opens one for each request, and one that is not used any more costs nothing to give up.
const MOST: usize = 128;

/// After the system had no descriptor for a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// SDKs send a few hundred bytes.
const LARGEST_HEAD: usize = 32 * 1024;

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
struct State {
    /// Has shown the token: only then it keeps its place against others.
    is_known: bool,
    /// Gets this answer and no other one.
    ends: bool,
    doing: Doing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    /// No request has come whole since this moment, by the clock.
    Waits(Duration),
    Answers,
}

/// Who sends a request.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    /// The other end of the connection.
    pub from: SocketAddr,
    state: watch::Sender<State>,
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

    /// Takes connections until it is dropped. `answer` gets the head of a request and who sent it; bodies are not read.
    pub async fn serve<A, F>(self, listener: TcpListener, answer: A) -> Infallible
    where
        A: Fn(Parts, Caller) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        loop {
            match listener.accept().await {
                Ok((stream, from)) => self.begin(stream, from, answer.clone()),
                Err(error) => {
                    tracing::debug!(%error, "no connection could be taken");
                    self.give_up_one();
                    self.clock.sleep(PAUSE).await;
                }
            }
            // What has come on this one is read before others can take its place.
            tokio::task::yield_now().await;
        }
    }

    /// Where all places are taken, another connection is given up; where none can be, the new one.
    fn begin<A, F>(&self, stream: TcpStream, from: SocketAddr, answer: A)
    where
        A: Fn(Parts, Caller) -> F + Send + Sync + 'static,
        F: Future<Output = Response> + Send + 'static,
    {
        let are_all_taken = self.open().connections.len() >= self.most;
        if are_all_taken && !self.give_up_one() {
            return;
        }
        let (state, seen) = watch::channel(State {
            is_known: false,
            ends: false,
            doing: Doing::Waits(self.clock.elapsed()),
        });
        // Held until the connection is listed: its task may be over before.
        let mut open = self.open();
        open.last_number += 1;
        let number = open.last_number;
        let place = Place {
            number,
            connections: self.clone(),
            state,
        };
        let task = tokio::spawn(converse(stream, from, answer, place)).abort_handle();
        open.connections.insert(number, Connection { state: seen, task });
    }

    /// First the oldest of those that have not shown the token, whatever they do; then that of the others which has
    /// waited longest. False where all have shown it and are being answered.
    fn give_up_one(&self) -> bool {
        let mut open = self.open();
        let in_turn = |(number, connection): (&u64, &Connection)| match *connection.state.borrow() {
            State { is_known: false, .. } => Some((None, *number)),
            State {
                doing: Doing::Waits(since),
                ..
            } => Some((Some(since), *number)),
            State {
                doing: Doing::Answers,
                ..
            } => None,
        };
        let first = open.connections.iter().filter_map(in_turn).min();
        let given_up = first.and_then(|(_, number)| open.connections.remove(&number));
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

impl Caller {
    /// It has shown the token and keeps its place, or turned out to be somebody else.
    pub fn is_known(&self, is_known: bool) {
        self.state.send_modify(|state| state.is_known = is_known);
    }

    /// Its connection is closed after the answer.
    pub fn ends(&self) {
        self.state.send_modify(|state| state.ends = true);
    }
}

impl Place {
    fn is(&self, doing: Doing) {
        self.state.send_modify(|state| state.doing = doing);
    }

    /// Comes when it has waited too long.
    async fn is_forsaken(&self) {
        let mut state = self.state.subscribe();
        loop {
            let now = *state.borrow_and_update();
            let deadline = async {
                match now.doing {
                    Doing::Waits(_) => self.connections.clock.sleep(PATIENCE).await,
                    Doing::Answers => std::future::pending().await,
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

async fn converse<A, F>(stream: TcpStream, from: SocketAddr, answer: A, place: Place)
where
    A: Fn(Parts, Caller) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let (place, answer) = (&place, &answer);
    let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
        place.is(Doing::Answers);
        let (head, _body) = request.into_parts();
        let state = place.state.clone();
        let response = answer(head, Caller { from, state });
        async move {
            let mut response = response.await;
            if place.state.borrow().ends {
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            place.is(Doing::Waits(place.connections.clock.elapsed()));
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
    use crate::loopback_peer::Peer;

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
            ask(&mut idle, &request).await;
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

    #[tokio::test]
    async fn h4_who_has_shown_the_token_keeps_its_place_against_all_who_have_not() {
        let manual = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let scene = Scene::new("ReadOnly", Arc::new(manual.clone()))
            .await
            .with_agent();
        let mut known = TcpStream::connect(scene.address).await.unwrap();
        let good = format!(
            "GET /credentials HTTP/1.1\r\n{}Authorization: {}\r\n\r\n",
            scene.host(),
            scene.token
        );
        let bad = format!("GET /credentials HTTP/1.1\r\n{}\r\n", scene.host());
        ask(&mut known, &good).await;
        // By the clock it has waited longer than all of those, which wait for the answer to a wrong token.
        manual.advance(Duration::from_secs(1));
        let mut held = Vec::new();
        for _ in 0..2 * MOST {
            let mut stream = TcpStream::connect(scene.address).await.unwrap();
            stream.write_all(bad.as_bytes()).await.unwrap();
            held.push(stream);
        }
        assert_eq!(
            scene.get(&scene.host()).await.0,
            200,
            "a new client finds a place"
        );
        ask(&mut known, &good).await;
        let end = held[0].read(&mut [0]).await;
        assert!(matches!(end, Ok(0) | Err(_)), "its place was taken: {end:?}");
    }

    #[tokio::test]
    async fn h4_only_who_has_the_token_is_looked_up_and_that_holds_up_nobody_else() {
        let (asked, asking) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, waits) = std::sync::mpsc::channel();
        let waits = Mutex::new(waits);
        let scene = Scene::looking_up("ReadOnly", move |_, _| {
            asked.send(()).unwrap();
            waits.lock().unwrap().recv().unwrap()
        });
        let (scene, mut asking) = (scene.await.with_agent(), asking);
        let mut held = Vec::new();
        for _ in 0..10 {
            held.push(half_a_request(&scene).await);
        }
        let wrong = format!("{}Authorization: wrong\r\n", scene.host());
        assert_eq!(scene.get(&wrong).await.0, 403);
        assert!(asking.try_recv().is_err(), "nobody was looked up");
        let host = scene.host();
        let mut slow = std::pin::pin!(scene.get(&host));
        tokio::select! {
            answer = &mut slow => panic!("answered before it was looked up: {answer:?}"),
            _ = asking.recv() => {}
        }
        assert_eq!(
            scene.get(&wrong).await.0,
            403,
            "the others are answered meanwhile"
        );
        go_on.send(Peer::NotOurs).unwrap();
        let (status, answer) = slow.await;
        assert_eq!(status, 403);
        assert!(
            answer.contains("same user") && answer.contains("connection: close"),
            "{answer}"
        );
        go_on.send(Peer::Ours { socket: None }).unwrap();
        assert_eq!(scene.get(&host).await.0, 200);
    }

    /// Sends a request and reads its answer, which gives credentials.
    async fn ask(stream: &mut TcpStream, request: &str) {
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "it is kept");
        }
        assert!(answer.starts_with(b"HTTP/1.1 200"));
    }
}
