//! What only the system's own calls tell of signals: which are ignored, and whether a process has sent one.
#![expect(
    unsafe_code,
    reason = "nobody offers sigaction's answers safely: tokio hears that a signal came, not from whom"
)]

use std::io;
use std::mem::MaybeUninit;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::process::Signal;

/// The signals that processes have sent since somebody asked, a bit for each.
static SENT: AtomicU64 = AtomicU64::new(0);

/// Whether this process ignores it, as `nohup` and a script's `&` have it begin.
pub fn is_ignored(signal: Signal) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action nothing changes, and the place for the one that holds is ours.
    let answered = unsafe { libc::sigaction(signal.as_raw(), std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: zeros are an action too, should the system have written none.
    answered == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// From now on it is noted whether a process sends it: it comes from a terminal otherwise.
pub fn note_sender(signal: Signal) -> io::Result<()> {
    let bit = bit(signal);
    let note = move |info: &libc::siginfo_t| {
        if is_of_a_process(info) {
            SENT.fetch_or(bit, Ordering::SeqCst);
        }
    };
    // SAFETY: at whatever moment it runs, it reads a number that is its own and sets a bit of another.
    unsafe { signal_hook_registry::register_sigaction(signal.as_raw(), note) }?;
    Ok(())
}

/// Whether a process has sent it since this was asked last.
pub fn was_sent(signal: Signal) -> bool {
    let bit = bit(signal);
    SENT.fetch_and(!bit, Ordering::SeqCst) & bit != 0
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}

/// What the kernel sends has a number above zero.
#[cfg(target_os = "linux")]
fn is_of_a_process(info: &libc::siginfo_t) -> bool {
    info.si_code <= 0
}

/// What the kernel sends is from nobody.
#[cfg(not(target_os = "linux"))]
fn is_of_a_process(info: &libc::siginfo_t) -> bool {
    info.si_pid != 0
}
