//! One plain thread makes every keyring call, one after the other; whoever waits for it has a deadline.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use tokio::sync::oneshot;

use super::records::Records;
use super::{Known, Record, StoreFailure};
use crate::clock::SharedClock;

/// How long a read may take.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(5);

/// How long a write or a deletion may take.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// What is to be done with a record. What comes of it is in [`Known`].
#[derive(Debug)]
pub(super) enum Work {
    Read,
    Write(Record),
    Delete,
}

/// The way to the thread. The thread is never joined: one that hangs in a call does not hold up the end of the
/// process, and one that does not ends when the last handle is dropped.
pub(super) struct StoreThread {
    jobs: mpsc::Sender<Job>,
    pace: Arc<Mutex<Pace>>,
    clock: SharedClock,
}

struct Job {
    key: String,
    work: Work,
    /// Set when the caller was told that it took too long: what has not begun by then is not begun.
    given_up: Arc<AtomicBool>,
    reply: oneshot::Sender<Result<(), StoreFailure>>,
}

/// How the thread gets on.
#[derive(Default)]
struct Pace {
    /// A call is under way.
    busy: bool,
    /// The call under way has outlasted somebody's deadline.
    stuck: bool,
}

impl StoreThread {
    pub(super) fn start(records: Records, known: Known, clock: SharedClock) -> Self {
        let (jobs, queue) = mpsc::channel();
        let pace = Arc::<Mutex<Pace>>::default();
        let of_thread = Arc::clone(&pace);
        let started = std::thread::Builder::new()
            .name("keyring".to_owned())
            .spawn(move || work_through(&queue, records, &known, &of_thread));
        if let Err(error) = started {
            // The queue has gone with the closure: every call will answer that the keyring failed.
            tracing::error!(%error, "no thread for the keyring");
        }
        Self { jobs, pace, clock }
    }

    /// Answers at once with `TimedOut` while an earlier call hangs.
    pub(super) async fn run(&self, key: &str, work: Work) -> Result<(), StoreFailure> {
        if lock(&self.pace).stuck {
            return Err(StoreFailure::TimedOut);
        }
        let deadline = match work {
            Work::Read => READ_DEADLINE,
            Work::Write(_) | Work::Delete => WRITE_DEADLINE,
        };
        let deadline = self.clock.sleep(deadline);
        let given_up = Arc::new(AtomicBool::new(false));
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key: key.to_owned(),
            work,
            given_up: Arc::clone(&given_up),
            reply,
        };
        self.jobs.send(job).map_err(|_| StoreFailure::Failed)?;
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(StoreFailure::Failed)),
            () = deadline => {
                given_up.store(true, Ordering::SeqCst);
                let mut pace = lock(&self.pace);
                pace.stuck = pace.busy;
                Err(StoreFailure::TimedOut)
            }
        }
    }
}

fn work_through(queue: &mpsc::Receiver<Job>, mut records: Records, known: &Known, pace: &Mutex<Pace>) {
    for job in queue {
        lock(pace).busy = true;
        let done = if job.given_up.load(Ordering::SeqCst) {
            Err(StoreFailure::TimedOut)
        } else {
            do_guarded(&mut records, known, &job.key, job.work)
        };
        *lock(pace) = Pace::default();
        // Nobody may be waiting any more; then what came of it is in `known` all the same.
        let _ = job.reply.send(done);
    }
}

/// A keyring library that panics must not take the thread with it.
fn do_guarded(records: &mut Records, known: &Known, key: &str, work: Work) -> Result<(), StoreFailure> {
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| do_work(records, known, key, work)));
    done.unwrap_or_else(|_| {
        records.close();
        Err(StoreFailure::Failed)
    })
}

fn do_work(records: &mut Records, known: &Known, key: &str, work: Work) -> Result<(), StoreFailure> {
    match work {
        // Somebody before us in the queue asked for the same.
        Work::Read if known.has(key) => {}
        Work::Read => known.set(key, records.read(key)?),
        Work::Write(record) => {
            records.write(key, &record)?;
            known.set(key, Some(record));
        }
        Work::Delete => {
            records.delete(key)?;
            known.set(key, None);
        }
    }
    Ok(())
}

fn lock(pace: &Mutex<Pace>) -> MutexGuard<'_, Pace> {
    // Two flags: whole whatever happened beside them.
    pace.lock().unwrap_or_else(PoisonError::into_inner)
}
