//! What a waiting login hears: the agent's replies, and Ctrl-C.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use portray_core::agent::ClientError;
use portray_core::agent::protocol::Reply;

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

/// Both, one after the other.
pub struct Events {
    heard: Receiver<Option<Event>>,
}

impl Events {
    pub fn of(replies: impl Iterator<Item = Result<Reply, ClientError>> + Send + 'static) -> Self {
        let (say, heard) = channel();
        let interrupts = say.clone();
        std::thread::spawn(move || say_interrupts(&interrupts));
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
}

fn say_interrupts(events: &Sender<Option<Event>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let interrupted = runtime.and_then(|runtime| runtime.block_on(tokio::signal::ctrl_c()));
    match interrupted {
        Ok(()) => drop(events.send(Some(Event::Interrupted))),
        Err(error) => tracing::debug!(%error, "Ctrl-C ends this command without a word"),
    }
}
