//! What an input may cost: memory in proportion to its length, and an end.

use std::future::Future;
use std::time::Duration;

/// What any input may take, in bytes: a short one must not fill the memory.
const MEMORY: u64 = 1024 * 1024;

/// And what each byte of it may.
const MEMORY_OF_A_BYTE: u64 = 256;

/// Whatever runs longer hangs: generous, because it is real time on a machine that does other things.
const HANG: Duration = Duration::from_secs(20);

/// Does it, and panics if it needed more memory at once than an input of this length may.
pub fn bounded<T>(input: &[u8], work: impl FnOnce() -> T) -> T {
    let mut outcome = None;
    let used = allocation_counter::measure(|| outcome = Some(work()));
    let length = u64::try_from(input.len()).unwrap_or(u64::MAX);
    let most = MEMORY.saturating_add(length.saturating_mul(MEMORY_OF_A_BYTE));
    assert!(
        used.bytes_max <= most,
        "{} bytes of memory for an input of {length}",
        used.bytes_max
    );
    outcome.expect("it was done")
}

/// The same for work that waits, on a runtime of its own.
pub fn bounded_async<T>(input: &[u8], work: impl Future<Output = T>) -> T {
    bounded(input, || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let within = async { tokio::time::timeout(HANG, work).await };
        let outcome = runtime.block_on(within).expect("an input must not hang");
        runtime.shutdown_background();
        outcome
    })
}

/// The processor time of this thread: what a loop without end uses up, whatever else the machine does.
pub fn processor_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
