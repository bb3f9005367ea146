//! A command that stops, by Ctrl-Z or by itself: whoever waits for it stops likewise, so that the shell above sees it,
//! and goes on with it.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use portray_core::clock::{Clock, SystemClock};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, WaitIdStatus, getpid, kill_process, waitid};
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
    /// It stood when we stopped after it. That stop is taken: one that is seen later is another one.
    stood: bool,
}

impl Stops {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            changed: signal(SignalKind::child())?,
            continued: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
            stood: false,
        })
    }

    async fn follow(&mut self, child: Pid) -> Infallible {
        loop {
            let seen = change_of(child, WaitIdOptions::STOPPED | WaitIdOptions::NOWAIT);
            if seen.is_some()
                && self.stays_stopped(child).await
                && let Some(stop) = change_of(child, WaitIdOptions::STOPPED)
            {
                self.stood = true;
                let signal = stop.stopping_signal().and_then(Signal::from_named_raw);
                // Comes back when somebody lets us go on; at once where nobody could (no shell is above).
                let _ = signal.map(|signal| kill_process(getpid(), signal));
            }
            tokio::select! {
                biased;
                _ = self.continued.recv() => self.go_on(child),
                _ = self.changed.recv() => {}
            }
        }
    }

    /// False where somebody has let us go on meanwhile, and with us the command.
    async fn stays_stopped(&mut self, child: Pid) -> bool {
        tokio::select! {
            biased;
            _ = self.continued.recv() => {
                self.go_on(child);
                false
            }
            () = SystemClock::new().sleep(SETTLED) => true,
        }
    }

    /// A shell lets its whole job go on; a process may mean us alone. What has gone on already, and stopped again, is not
    /// meant.
    fn go_on(&mut self, child: Pid) {
        let changes = WaitIdOptions::STOPPED | WaitIdOptions::CONTINUED | WaitIdOptions::NOWAIT;
        let stood = std::mem::take(&mut self.stood);
        let stands = change_of(child, changes).map_or(stood, |seen| seen.stopped() && !stood);
        if stands {
            let _ = kill_process(child, Signal::CONT);
        }
    }
}

/// What has happened to it that nobody has taken yet. With `NOWAIT` it is only looked at.
fn change_of(child: Pid, which: WaitIdOptions) -> Option<WaitIdStatus> {
    waitid(WaitId::Pid(child), which | WaitIdOptions::NOHANG)
        .ok()
        .flatten()
}
