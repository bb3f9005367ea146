//! Serves the agent's socket: one task per connection, one request after the other, bounded in size and time.

use std::any::Any;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::agent::claim::Claim;
use crate::agent::handler::{Handler, Host};
use crate::agent::harden::allow_many_connections;
use crate::agent::listener::Caller;
use crate::agent::lookout::Lookout;
use crate::agent::protocol::{MAX_REQUEST, Reply, RequestLine, ResponseLine, VERSION, parse_request};
use crate::app::App;
use crate::app::contract::ProblemView;
use crate::clock::{SharedClock, Sleep};

/// How long a connection may take to send a request or to read an answer.
const IDLE: Duration = Duration::from_secs(10);

/// Credentials are shorter, in bytes.
const USUAL: usize = 4096;

/// How long answers under way may take when the agent stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// Answers requests: the application, or a double. One request gives one reply, or several where the
/// operation says so; the receiver is gone when the client is.
pub trait Answering: Clone + Send + Sync + 'static {
    fn answer(
        &self,
        request: RequestLine,
        caller: Caller,
        replies: Replies,
    ) -> impl Future<Output = ()> + Send;
}

/// Where the lines of an answer go.
#[derive(Debug, Clone)]
pub struct Replies {
    /// Boxed, because a channel makes room for many at once, and most answers are one.
    lines: mpsc::Sender<Box<Reply>>,
}

/// The client has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left;

impl Replies {
    pub async fn send(&self, reply: Reply) -> Result<(), Left> {
        self.lines.send(Box::new(reply)).await.map_err(|_| Left)
    }

    /// Ends when the client has left.
    pub async fn left(&self) {
        self.lines.closed().await;
    }
}

impl Claim {
    /// Serves the application until it stops; then the socket is gone and the lock free.
    pub async fn serve(self, app: App, host: Host, clock: SharedClock) -> io::Result<()> {
        let handler = Handler::new(app.clone(), host);
        let stopped = async move { app.stopped().await };
        self.serve_until(handler, clock, stopped).await
    }

    /// Serves whatever answers, until `stop` ends.
    pub async fn serve_until(
        self,
        answering: impl Answering,
        clock: SharedClock,
        stop: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        allow_many_connections();
        let Self { listener, place } = self;
        let socket = place.socket();
        let mut lookout = Lookout::over(place, clock.clone());
        let mut listener = listener.into_async()?;
        let (stopping, stopped) = watch::channel(false);
        let mut connections = JoinSet::new();
        let mut stop = std::pin::pin!(stop);
        loop {
            let accepted = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => accepted,
                Some(_) = connections.join_next() => continue,
                again = lookout.new_socket() => {
                    listener = again.into_async()?;
                    continue;
                }
            };
            match accepted {
                Ok(Some((stream, caller))) => {
                    let conversation = Conversation::new(caller, clock.clone(), stopped.clone());
                    connections.spawn(conversation.hold(stream, answering.clone()));
                }
                Ok(None) => {}
                Err(error) => wait_for_better_times(&error, &clock).await,
            }
        }
        let place = lookout.end(FAREWELL).await;
        // From here on a new agent may bind as soon as the lock is free, so the socket goes first.
        remove(&socket);
        drop(listener);
        stopping.send_replace(true);
        farewell(connections, &clock).await;
        if let Some(place) = place {
            place.leave();
        }
        Ok(())
    }
}

/// One client's connection.
pub(super) struct Conversation {
    caller: Caller,
    clock: SharedClock,
    stopped: watch::Receiver<bool>,
}

impl Conversation {
    pub(super) fn new(caller: Caller, clock: SharedClock, stopped: watch::Receiver<bool>) -> Self {
        Self {
            caller,
            clock,
            stopped,
        }
    }

    pub(super) async fn hold<S>(self, stream: S, answering: impl Answering)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let (reading, mut writing) = tokio::io::split(stream);
        let mut reading = BufReader::new(reading);
        let mut patience = Patience::of(self.clock.clone());
        let mut stopped = self.stopped.clone();
        while let Some(line) = next_line(&mut reading, &mut patience, &mut stopped).await {
            let outcome = match line {
                Line::TooLong => {
                    let _ = self
                        .write(&mut writing, Reply::problem(ProblemView::request_too_long()))
                        .await;
                    return;
                }
                Line::Complete(line) => self.reply(&mut reading, &mut writing, &line, &answering).await,
            };
            if let Err(error) = outcome {
                tracing::debug!(%error, "a client left before its answer");
                return;
            }
        }
    }

    async fn reply(
        &self,
        reading: &mut (impl AsyncBufReadExt + Unpin),
        writing: &mut (impl AsyncWrite + Unpin),
        line: &[u8],
        answering: &impl Answering,
    ) -> io::Result<()> {
        let request = match parse_request(line) {
            Ok(request) => request,
            Err(problem) => return self.write(writing, Reply::problem(problem)).await,
        };
        if request.operation.changes_something() && has_left(reading, writing).await {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let open_ended = request.operation.is_open_ended();
        let (lines, mut replies) = mpsc::channel(4);
        let answering = answering.clone();
        let caller = self.caller.clone();
        // A panic there costs this answer, not the connection's clean end.
        let answer =
            AssertUnwindSafe(async move { answering.answer(request, caller, Replies { lines }).await });
        let answer = Answer::begun(Box::pin(answer.catch_unwind()));
        let mut end = std::pin::pin!(self.end_of_open_ended(reading));
        loop {
            let reply = tokio::select! {
                biased;
                reply = replies.recv() => reply,
                () = &mut end, if open_ended => None,
            };
            let Some(reply) = reply else { break };
            self.write(writing, *reply).await?;
        }
        drop(replies);
        if open_ended {
            return Ok(());
        }
        match answer.panicked().await {
            true => {
                self.write(writing, Reply::problem(ProblemView::own_mistake()))
                    .await
            }
            false => Ok(()),
        }
    }

    /// An open-ended answer lasts until the agent stops or the client closes its side.
    async fn end_of_open_ended(&self, reading: &mut (impl AsyncBufReadExt + Unpin)) {
        let mut stopped = self.stopped.clone();
        let client_left = async {
            // A request that waits already shows that the client is there; it is read when this answer ends.
            if reading.fill_buf().await.is_ok_and(|waiting| !waiting.is_empty()) {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => {}
            () = client_left => {}
        }
    }

    async fn write(&self, writing: &mut (impl AsyncWrite + Unpin), reply: Reply) -> io::Result<()> {
        // What grows leaves copies behind.
        let mut line = Vec::with_capacity(USUAL);
        serde_json::to_writer(&mut line, &ResponseLine { v: VERSION, reply })?;
        line.push(b'\n');
        let written = tokio::select! {
            biased;
            written = async { writing.write_all(&line).await?; writing.flush().await } => written,
            () = self.clock.sleep(IDLE) => Err(io::ErrorKind::TimedOut.into()),
        };
        zeroize::Zeroize::zeroize(line.as_mut_slice());
        written
    }
}

/// How long a connection's next request is waited for. One timer for all of them: one for each would cost more than
/// most answers.
struct Patience {
    clock: SharedClock,
    since: Duration,
    timer: Sleep,
}

impl Patience {
    fn of(clock: SharedClock) -> Self {
        Self {
            since: clock.elapsed(),
            timer: clock.sleep(IDLE),
            clock,
        }
    }

    fn begin(&mut self) {
        self.since = self.clock.elapsed();
    }

    async fn end(&mut self) {
        loop {
            self.timer.as_mut().await;
            let waited = self.clock.elapsed().saturating_sub(self.since);
            let left = IDLE.saturating_sub(waited);
            if left.is_zero() {
                return;
            }
            self.timer = self.clock.sleep(left);
        }
    }
}

/// None: the client is done, took too long, or the agent stops.
async fn next_line(
    reading: &mut (impl AsyncBufReadExt + Unpin),
    patience: &mut Patience,
    stopped: &mut watch::Receiver<bool>,
) -> Option<Line> {
    let mut line = Vec::new();
    let mut limited = reading.take(MAX_REQUEST as u64);
    patience.begin();
    let read = tokio::select! {
        read = limited.read_until(b'\n', &mut line) => read,
        () = patience.end() => return None,
        _ = stopped.wait_for(|stopped| *stopped) => return None,
    };
    match read {
        Ok(0) | Err(_) => None,
        Ok(_) if line.last() != Some(&b'\n') && line.len() == MAX_REQUEST => Some(Line::TooLong),
        // The last line of a half-closed connection may lack its newline.
        Ok(_) => Some(Line::Complete(line)),
    }
}

/// Whether the client waits for no answer any more. One that has only closed its writing side still reads.
#[cfg(unix)]
async fn has_left(
    _reading: &mut (impl AsyncBufReadExt + Unpin),
    writing: &mut (impl AsyncWrite + Unpin),
) -> bool {
    // Nothing, written to a socket that is closed at the other end, fails like anything else.
    writing.write(&[]).await.is_err()
}

/// Whether the client waits for no answer any more. A pipe is closed as a whole; nothing, written to it, would arrive as
/// an end.
#[cfg(windows)]
async fn has_left(
    reading: &mut (impl AsyncBufReadExt + Unpin),
    _writing: &mut (impl AsyncWrite + Unpin),
) -> bool {
    let next = reading.fill_buf().now_or_never();
    next.is_some_and(|next| next.map_or(true, <[u8]>::is_empty))
}

/// An answer, given at once or under way. What is under way is a task of its own, which a client that leaves does not
/// end; what is in memory needs none, and is handed out three times as fast.
enum Answer {
    Given { panicked: bool },
    UnderWay(JoinHandle<Result<(), Panic>>),
}

type Panic = Box<dyn Any + Send>;

impl Answer {
    fn begun(mut answer: Pin<Box<impl Future<Output = Result<(), Panic>> + Send + 'static>>) -> Self {
        match answer.as_mut().now_or_never() {
            Some(outcome) => Self::Given {
                panicked: outcome.is_err(),
            },
            None => Self::UnderWay(tokio::spawn(answer)),
        }
    }

    async fn panicked(self) -> bool {
        match self {
            Self::Given { panicked } => panicked,
            Self::UnderWay(answer) => matches!(answer.await, Ok(Err(_))),
        }
    }
}

enum Line {
    Complete(Vec<u8>),
    TooLong,
}

/// Too many open files, most likely: they become fewer by themselves.
pub(super) async fn wait_for_better_times(error: &io::Error, clock: &SharedClock) {
    tracing::warn!(%error, "a connection could not be accepted");
    clock.sleep(Duration::from_millis(100)).await;
}

async fn farewell(mut connections: JoinSet<()>, clock: &SharedClock) {
    tokio::select! {
        () = async { while connections.join_next().await.is_some() {} } => {}
        () = clock.sleep(FAREWELL) => tracing::warn!("some answers were cut off"),
    }
}

#[cfg(unix)]
fn remove(socket: &Path) {
    if let Err(error) = std::fs::remove_file(socket) {
        tracing::debug!(%error, "the socket was gone already");
    }
}

#[cfg(windows)]
fn remove(_socket: &Path) {}

#[cfg(test)]
#[cfg(unix)]
mod tests;
