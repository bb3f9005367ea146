//! The commands that wait for the loop, and what becomes of it when one of them makes it panic.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;

use crate::app::command::Command;
use crate::app::contract::{ProblemView, Request};
use crate::app::controller::Controller;
use crate::app::syncing::Interrupted;
use crate::clock::SharedClock;
use crate::refresh::RefreshFailure;
use crate::supervised::{Panicked, survive};

/// Commands in the order in which they came.
pub struct Inbox {
    commands: UnboundedReceiver<Command>,
    /// What came while the loop rested.
    waiting: VecDeque<Command>,
}

impl Inbox {
    pub fn new(commands: UnboundedReceiver<Command>) -> Self {
        Self {
            commands,
            waiting: VecDeque::new(),
        }
    }

    /// None: nobody can send one any more.
    pub async fn next(&mut self) -> Option<Command> {
        match self.waiting.pop_front() {
            Some(command) => Some(command),
            None => self.commands.recv().await,
        }
    }

    /// Lets time pass. A wish to quit ends that, and comes first.
    async fn rest(&mut self, clock: &SharedClock, pause: Duration) {
        let mut rested = clock.sleep(pause);
        loop {
            tokio::select! {
                () = &mut rested => return,
                command = self.commands.recv() => match command {
                    Some(command) if is_quit(&command) => return self.waiting.push_front(command),
                    Some(command) => self.waiting.push_back(command),
                    None => return,
                },
            }
        }
    }
}

impl Controller {
    /// Does a part of the loop's work. A panic in it ends nothing else: it is told, and the loop goes on, at once for
    /// the first few and then slowly.
    pub(super) async fn guarded(&mut self, inbox: &mut Inbox, work: impl FnOnce(&mut Self)) {
        if survive(|| work(self)) != Err(Panicked) {
            return;
        }
        let pause = self.restarts.pause(self.clock.elapsed());
        tracing::error!(?pause, "the loop goes on after a panic");
        self.problem = Some(ProblemView::own_mistake());
        if !pause.is_zero() {
            inbox.rest(&self.clock.clone(), pause).await;
        }
    }
}

/// A sync that panicked. What it had is not gone on with: that may be why.
impl From<Panicked> for Interrupted {
    fn from(_: Panicked) -> Self {
        Self {
            failure: RefreshFailure::Panicked,
            unfinished: None,
        }
    }
}

pub fn is_quit(command: &Command) -> bool {
    matches!(
        command,
        Command::Ask {
            request: Request::Quit,
            ..
        }
    )
}
