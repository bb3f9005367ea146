//! Which program is at the other end of a request to an endpoint: found while its connection is open.

use std::sync::{Arc, Mutex};
#[cfg(target_os = "linux")]
use std::time::Duration;

use crate::clock::SharedClock;
use crate::programs::{self, Program};

/// How long a program is looked for: it has to get its answer within a second.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_millis(150);

/// How many processes are remembered that may ask again.
const REMEMBERED: usize = 8;

/// Whoever asks at one endpoint. Clones are the same.
#[derive(Debug, Clone)]
pub struct Clients {
    #[cfg_attr(
        not(target_os = "linux"),
        expect(dead_code, reason = "only where programs are looked for that takes time")
    )]
    clock: SharedClock,
    /// Where to look first: the command that was started, and who asked before.
    likely: Arc<Mutex<Vec<u32>>>,
}

impl Clients {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            likely: Arc::default(),
        }
    }

    /// This process is likely to ask.
    pub fn expect(&self, pid: u32) {
        let mut likely = self.likely.lock().expect("no panic under this lock");
        likely.retain(|other| *other != pid);
        likely.insert(0, pid);
        likely.truncate(REMEMBERED);
    }

    /// The program whose socket this is, by the kernel's number for it. None where that does not come out in time.
    pub async fn program(&self, socket: Option<u64>) -> Option<Program> {
        let clients = self.clone();
        let found = tokio::task::spawn_blocking(move || {
            let pid = clients.holder(socket)?;
            clients.expect(pid);
            programs::program(pid).map(programs::with_what_started_it)
        });
        found.await.ok().flatten()
    }

    #[cfg(target_os = "linux")]
    fn holder(&self, socket: Option<u64>) -> Option<u32> {
        let began = self.clock.elapsed();
        let is_over = || self.clock.elapsed().saturating_sub(began) > PATIENCE;
        programs::holder(socket?, &self.likely(), is_over)
    }

    /// Other systems do not say whose connection it is: it is taken for that of the command that was started.
    #[cfg(not(target_os = "linux"))]
    fn holder(&self, _socket: Option<u64>) -> Option<u32> {
        self.likely().first().copied()
    }

    fn likely(&self) -> Vec<u32> {
        self.likely.lock().expect("no panic under this lock").clone()
    }
}
