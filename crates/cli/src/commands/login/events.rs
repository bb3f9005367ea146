//! What a waiting login hears: the agent's replies, and Ctrl-C.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use portray_core::agent::ClientError;
use portray_core::agent::protocol::Reply;
use portray_core::app::contract::ProblemCode;
use tokio::runtime::{Builder, Runtime};
#[cfg(windows)]
use tokio::signal::windows::{CtrlC as Listener, ctrl_c as listener};

use crate::failure::Failure;

pub enum Event {
    Reply(Box<Result<Reply, ClientError>>),
    /// Ctrl-C.
    Interrupted,
}

/// Who has begun the sign-in that this login waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begun {
    NotYet,
    /// This login.
    Here,
    /// Another one, which goes on without this one.
    Elsewhere,
}

impl Begun {
    pub fn of(joined: bool) -> Self {
        if joined { Self::Elsewhere } else { Self::Here }
    }
}

/// Ctrl-C, which from here on ends nothing without a word.
pub struct Interrupts {
    runtime: Runtime,
    listener: Listener,
}

impl Interrupts {
    /// To be made before anything is begun: whoever sees its first line may press Ctrl-C, also on a machine that has much
    /// to do.
    pub fn listen() -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            listener()?
        };
        Ok(Self { runtime, listener })
    }

    /// Waits for the first one.
    fn wait(mut self) {
        self.runtime.block_on(self.listener.recv());
    }
}

#[cfg(unix)]
type Listener = tokio::signal::unix::Signal;

#[cfg(unix)]
fn listener() -> io::Result<Listener> {
    tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt())
}

/// Both, one after the other.
pub struct Events {
    heard: Receiver<Option<Event>>,
}

impl Events {
    pub fn of(
        interrupts: Interrupts,
        replies: impl Iterator<Item = Result<Reply, ClientError>> + Send + 'static,
    ) -> Self {
        let (say, heard) = channel();
        let interrupted = say.clone();
        std::thread::spawn(move || say_interrupt(interrupts, &interrupted));
        std::thread::spawn(move || {
            for reply in replies {
                if say.send(Some(Event::Reply(Box::new(reply)))).is_err() {
                    return;
                }
            }
            // Nobody listens any more when the last reply was the last.
            let _ = say.send(None);
        });
        Self { heard }
    }

    /// None: the agent has nothing more to say.
    pub fn next(&self) -> Option<Event> {
        self.heard.recv().ok().flatten()
    }

    /// Waits for the word that a sign-in has begun.
    pub fn begun_within(&self, patience: Duration) -> Begun {
        let Ok(Some(Event::Reply(reply))) = self.heard.recv_timeout(patience) else {
            return Begun::NotYet;
        };
        match *reply {
            Ok(Reply::SignIn { joined, .. }) => Begun::of(joined),
            Ok(_) | Err(_) => Begun::NotYet,
        }
    }

    /// Waits for what the agent says of a sign-in that was cancelled.
    pub fn cancelled_within(&self, patience: Duration) -> Option<Failure> {
        while let Ok(Some(event)) = self.heard.recv_timeout(patience) {
            let Event::Reply(reply) = event else { continue };
            match *reply {
                Err(ClientError::Problem {
                    problem,
                    candidates: _,
                }) if problem.code == ProblemCode::Cancelled => return Some(problem.into()),
                Ok(_) | Err(_) => {}
            }
        }
        None
    }
}

fn say_interrupt(interrupts: Interrupts, events: &Sender<Option<Event>>) {
    interrupts.wait();
    // Nobody listens any more when the last reply was the last.
    let _ = events.send(Some(Event::Interrupted));
}
