//! One plain thread makes every call to the keyring or the file, one after the other; whoever waits has a deadline.

use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{oneshot, watch};

use super::{Known, Record, StoreFailure};
use crate::clock::SharedClock;

/// How long a read may take.
pub(super) const READ_DEADLINE: Duration = Duration::from_secs(5);

/// How long a write or a deletion may take.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(10);

/// Where records are: the keyring, or the encrypted file.
pub(super) trait Storage: Send {
    /// `Ok(None)`: there is none.
    fn read(&mut self, key: &str) -> Result<Option<Record>, StoreFailure>;
    fn write(&mut self, key: &str, record: &Record) -> Result<(), StoreFailure>;
    fn delete(&mut self, key: &str) -> Result<(), StoreFailure>;
    /// Whether a call would put a question to a person. Puts none itself.
    fn would_ask(&self) -> bool;
    /// Lets go of what may be broken, so that the next call begins anew.
    fn close(&mut self);
    /// What it means that no answer came in time.
    fn is_late(&self) -> StoreFailure;
    /// What it means that its library panicked, or that there is no thread for it.
    fn is_broken(&self) -> StoreFailure;
}

/// What is to be done with a record. What comes of it is in [`Known`].
#[derive(Debug)]
pub(super) enum Work {
    Read,
    /// Also where it is known already.
    ReadAnew,
    Write(Record),
    Delete,
    /// Fails with `Dismissed` where a person who has turned down a question would be asked again.
    Look,
}

/// The way to the thread. The thread is never joined: one that hangs in a call does not hold up the end of the
/// process, and one that does not ends when the last handle is dropped.
pub(super) struct StoreThread {
    jobs: mpsc::Sender<Job>,
    pace: Arc<Mutex<Pace>>,
    clock: SharedClock,
    given_up: watch::Sender<bool>,
    pub(super) late: StoreFailure,
    broken: StoreFailure,
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
    /// A person has turned down the last question that the keyring asked, perhaps after everybody's deadline.
    turned_down: bool,
}

impl Pace {
    fn ended(&mut self, done: &Result<(), StoreFailure>) {
        self.turned_down = match done {
            Ok(()) => false,
            Err(StoreFailure::Dismissed) => true,
            Err(_) => self.turned_down,
        };
        self.busy = false;
        self.stuck = false;
    }
}

impl StoreThread {
    pub(super) fn start(storage: Box<dyn Storage>, known: Known, clock: SharedClock) -> Self {
        let (jobs, queue) = mpsc::channel();
        let (late, broken) = (storage.is_late(), storage.is_broken());
        let pace = Arc::<Mutex<Pace>>::default();
        let of_thread = Arc::clone(&pace);
        let started = std::thread::Builder::new()
            .name("sign-ins".to_owned())
            .spawn(move || work_through(&queue, storage, &known, &of_thread));
        if let Err(error) = started {
            // The queue has gone with the closure: every call will answer that the store failed.
            tracing::error!(%error, "no thread for the store");
        }
        Self {
            jobs,
            pace,
            clock,
            given_up: watch::Sender::new(false),
            late,
            broken,
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whoever waits is told now that it is late, and nothing more is begun.
    pub(super) fn give_up(&self) {
        self.given_up.send_replace(true);
    }

    pub(super) fn is_turned_down(&self) -> bool {
        lock(&self.pace).turned_down
    }

    /// Answers at once that it is late while an earlier call hangs.
    pub(super) async fn run(&self, key: &str, work: Work) -> Result<(), StoreFailure> {
        if lock(&self.pace).stuck || *self.given_up.borrow() {
            return Err(self.late);
        }
        let deadline = match work {
            Work::Read | Work::ReadAnew | Work::Look => READ_DEADLINE,
            Work::Write(_) | Work::Delete => WRITE_DEADLINE,
        };
        let deadline = self.clock.sleep(deadline);
        let mut all_given_up = self.given_up.subscribe();
        let given_up = Arc::new(AtomicBool::new(false));
        let (reply, answer) = oneshot::channel();
        let job = Job {
            key: key.to_owned(),
            work,
            given_up: Arc::clone(&given_up),
            reply,
        };
        self.jobs.send(job).map_err(|_| self.broken)?;
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(self.broken)),
            _ = all_given_up.wait_for(|given_up| *given_up) => {
                given_up.store(true, Ordering::SeqCst);
                Err(self.late)
            }
            () = deadline => {
                given_up.store(true, Ordering::SeqCst);
                let mut pace = lock(&self.pace);
                pace.stuck = pace.busy;
                Err(self.late)
            }
        }
    }
}

fn work_through(
    queue: &mpsc::Receiver<Job>,
    mut storage: Box<dyn Storage>,
    known: &Known,
    pace: &Mutex<Pace>,
) {
    for job in queue {
        lock(pace).busy = true;
        let done = if job.given_up.load(Ordering::SeqCst) {
            Err(storage.is_late())
        } else {
            do_guarded(&mut *storage, known, &job.key, job.work)
        };
        lock(pace).ended(&done);
        // Nobody may be waiting any more; then what came of it is in `known` all the same.
        let _ = job.reply.send(done);
    }
}

/// A keyring library that panics must not take the thread with it.
fn do_guarded(storage: &mut dyn Storage, known: &Known, key: &str, work: Work) -> Result<(), StoreFailure> {
    let done = std::panic::catch_unwind(AssertUnwindSafe(|| do_work(storage, known, key, work)));
    done.unwrap_or_else(|_| {
        storage.close();
        Err(storage.is_broken())
    })
}

fn do_work(storage: &mut dyn Storage, known: &Known, key: &str, work: Work) -> Result<(), StoreFailure> {
    match work {
        // Somebody before us in the queue asked for the same.
        Work::Read if known.has(key) => {}
        Work::Read | Work::ReadAnew => known.set(key, storage.read(key)?),
        Work::Write(record) => {
            storage.write(key, &record)?;
            known.set(key, Some(record));
        }
        Work::Delete => {
            storage.delete(key)?;
            known.set(key, None);
        }
        Work::Look if storage.would_ask() => return Err(StoreFailure::Dismissed),
        Work::Look => {}
    }
    Ok(())
}

fn lock(pace: &Mutex<Pace>) -> MutexGuard<'_, Pace> {
    // Some flags: whole whatever happened beside them.
    pace.lock().unwrap_or_else(PoisonError::into_inner)
}
