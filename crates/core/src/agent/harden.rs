//! Keeps secrets in memory out of core dumps and out of other processes' reach.

/// For a process that holds tokens or credentials: no core file, no `ptrace` by processes of the same user. On
/// macOS the signature's hardened runtime keeps debuggers away.
/// Best effort: what the system refuses is logged.
pub fn harden_process() {
    #[cfg(windows)]
    if let Err(error) = super::windows_rights::close_process() {
        tracing::warn!(%error, "this process stays open to other programs of its user");
    }
    #[cfg(unix)]
    if let Err(error) = without_core_files() {
        tracing::warn!(%error, "core files stay possible");
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        if let Err(error) = set_dumpable_behavior(DumpableBehavior::NotDumpable) {
            tracing::warn!(%error, "this process stays dumpable");
        }
    }
}

#[cfg(unix)]
fn without_core_files() -> Result<(), rustix::io::Errno> {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)
}

/// For a process whose libraries write files (the webview): they are its user's alone. What the user's other
/// programs inherit is not changed, so it is not for a process that starts them.
pub fn keep_files_private() {
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// Lets an agent answer many clients at once: the limit that most systems set for open files is low, and may be
/// raised without asking.
#[cfg(unix)]
pub fn allow_many_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    const WANTED: u64 = 8192;
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.unwrap_or(WANTED).min(WANTED);
    if limit.current.is_some_and(|current| current < most) {
        limit.current = Some(most);
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::debug!(%error, "the limit of open files stays as it is");
        }
    }
}

#[cfg(not(unix))]
pub fn allow_many_connections() {}

/// Before a program is started that outlives us: it gets no standard stream of ours that it was not given. Elsewhere
/// than on Windows that goes without saying.
pub fn keep_standard_streams() {
    #[cfg(windows)]
    super::windows_rights::keep_standard_streams();
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    #[test]
    fn x5_a_hardened_process_leaves_no_core_file() {
        super::harden_process();
        let core = rustix::process::getrlimit(rustix::process::Resource::Core);
        assert_eq!((core.current, core.maximum), (Some(0), Some(0)));
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            rustix::process::DumpableBehavior::NotDumpable
        );
    }
}
