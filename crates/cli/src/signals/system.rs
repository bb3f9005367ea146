//! What only the system's own calls do with signals: tell which are ignored and whether a process has sent one, and end
//! this process by one.
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

/// Ends this process as the signal ends one that does not hear it, whatever was done about it here. Comes back where the
/// signal ends nobody.
pub fn end_by(signal: i32) {
    // SAFETY: zeros are an action, and it becomes the one by default, which runs nothing of ours; the set is written
    // before it is read.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = libc::SIG_DFL;
        // What cannot be heard (SIGKILL) has no other action.
        let _ = libc::sigaction(signal, &raw const action, std::ptr::null_mut());
        let mut itself = MaybeUninit::<libc::sigset_t>::zeroed();
        libc::sigemptyset(itself.as_mut_ptr());
        libc::sigaddset(itself.as_mut_ptr(), signal);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, itself.as_ptr(), std::ptr::null_mut());
        libc::raise(signal);
    }
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
