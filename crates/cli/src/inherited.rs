//! What a process that outlives its starter has inherited and lets go of: pipes that somebody reads to their end, locks.
#![cfg_attr(
    unix,
    expect(
        unsafe_code,
        reason = "what nobody in this process has opened has no owner here that could close it"
    )
)]

/// Closes all but the standard streams. To be called before this process has opened anything of its own.
#[cfg(unix)]
pub fn let_go() {
    for descriptor in descriptors().into_iter().filter(|descriptor| *descriptor > 2) {
        // SAFETY: nothing in this process holds it; one that is closed already is refused by the system.
        unsafe { libc::close(descriptor) };
    }
}

/// On Windows a process inherits what it is given, and no more.
#[cfg(windows)]
pub fn let_go() {}

/// Those that are open, and the one by which they were listed.
#[cfg(unix)]
fn descriptors() -> Vec<i32> {
    let listed = ["/proc/self/fd", "/dev/fd"].map(std::fs::read_dir);
    let entries = listed.into_iter().flatten().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.collect()
}
