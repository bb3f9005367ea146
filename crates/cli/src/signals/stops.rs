//! A command that stops, by Ctrl-Z or by itself: whoever waits for it stops likewise, so that the shell above sees it,
//! and goes on with it.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use portray_core::clock::{Clock, SystemClock};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, getpid, kill_process, waitid};
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};

/// A terminal stops both at once, and lets both go on at once: only what still stands after this has stopped alone.
const SETTLED: Duration = Duration::from_millis(20);

/// Stops and goes on as this process of ours does, which nobody else waits for to stop.
pub async fn follow(child: Pid) -> Infallible {
    match Stops::listen() {
        Ok(mut stops) => stops.follow(child).await,
        Err(error) => {
            tracing::debug!(%error, "a command that stops is not noticed");
            std::future::pending().await
        }
    }
}

struct Stops {
    /// Something happened to a process of ours.
    changed: Listener,
    /// We go on.
    continued: Listener,
}

impl Stops {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            changed: signal(SignalKind::child())?,
            continued: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
        })
    }

    async fn follow(&mut self, child: Pid) -> Infallible {
        loop {
            if stopped_by(child).is_some() && self.stays_stopped(child).await {
                // Comes back when somebody lets us go on; at once where nobody could (no shell is above).
                let _ = stopped_by(child).map(|signal| kill_process(getpid(), signal));
            }
            tokio::select! {
                biased;
                _ = self.continued.recv() => go_on(child),
                _ = self.changed.recv() => {}
            }
        }
    }

    /// False where somebody has let us go on meanwhile, and with us the command.
    async fn stays_stopped(&mut self, child: Pid) -> bool {
        tokio::select! {
            biased;
            _ = self.continued.recv() => {
                go_on(child);
                false
            }
            () = SystemClock::new().sleep(SETTLED) => true,
        }
    }
}

/// A shell lets its whole job go on; a process may mean us alone.
fn go_on(child: Pid) {
    if stopped_by(child).is_some() {
        let _ = kill_process(child, Signal::CONT);
    }
}

/// The signal that it stands by now. It is only looked at, so that it is told again for as long as it stands.
fn stopped_by(child: Pid) -> Option<Signal> {
    let look = WaitIdOptions::STOPPED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let status = waitid(WaitId::Pid(child), look).ok().flatten()?;
    Signal::from_named_raw(status.stopping_signal()?)
}
