//! Processes as macOS and Windows tell of them.

use std::path::Path;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};

use super::Process;

/// A process; none where it has ended.
pub fn process(pid: u32) -> Option<Process> {
    let system = looked_at(pid, ProcessRefreshKind::nothing())?;
    let found = system.process(Pid::from_u32(pid))?;
    Some(Process {
        pid,
        name: found.name().to_string_lossy().into_owned(),
        parent: found.parent().map(Pid::as_u32),
        leads_session: found.session_id() == Some(found.pid()),
    })
}

/// What runs in a process.
pub fn executable(pid: u32) -> Option<String> {
    let kind = ProcessRefreshKind::nothing().with_exe(UpdateKind::Always);
    let system = looked_at(pid, kind)?;
    let path = system.process(Pid::from_u32(pid))?.exe().and_then(Path::to_str)?;
    Some(path.to_owned())
}

/// What tells a process from every other one that had its number, or will: when it was started.
pub fn identity(pid: u32) -> Option<String> {
    let system = looked_at(pid, ProcessRefreshKind::nothing())?;
    let found = system.process(Pid::from_u32(pid))?;
    Some(found.start_time().to_string())
}

/// None where the system tells of no processes.
fn looked_at(pid: u32, kind: ProcessRefreshKind) -> Option<System> {
    let mut system = System::new().ok()?;
    let only = [Pid::from_u32(pid)];
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&only), true, kind);
    Some(system)
}
