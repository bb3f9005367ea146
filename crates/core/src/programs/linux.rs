//! Processes as Linux tells of them, in `/proc`.

use std::fs;

use super::Process;

/// A process; none where it has ended.
pub fn process(pid: u32) -> Option<Process> {
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    parse(pid, &line)
}

/// `PID (NAME) STATE PARENT GROUP SESSION …`, where the name may hold anything, parentheses too.
fn parse(pid: u32, line: &[u8]) -> Option<Process> {
    let line = String::from_utf8_lossy(line);
    let (before, after) = line.rsplit_once(") ")?;
    let (_, name) = before.split_once(" (")?;
    let mut numbers = after.split_ascii_whitespace().skip(1);
    let parent = numbers.next()?.parse().ok()?;
    let session: u32 = numbers.nth(1)?.parse().ok()?;
    Some(Process {
        pid,
        name: name.to_owned(),
        parent: Some(parent),
        leads_session: session == pid,
    })
}

/// What runs in a process. A program that was replaced while it ran keeps its path.
pub fn executable(pid: u32) -> Option<String> {
    let path = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    let path = path.to_str()?;
    Some(path.strip_suffix(" (deleted)").unwrap_or(path).to_owned())
}

/// What tells a process from every other one that had its number, or will: the start of the system, and its own start
/// in ticks after that.
pub fn identity(pid: u32) -> Option<String> {
    let system = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let line = fs::read(format!("/proc/{pid}/stat")).ok()?;
    Some(format!("{}/{}", system.trim(), started(&line)?))
}

/// The 22nd of all, the 20th behind the name.
fn started(line: &[u8]) -> Option<u64> {
    let line = String::from_utf8_lossy(line);
    let (_, after) = line.rsplit_once(") ")?;
    after.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// The process of our user that holds a socket, by the socket's number in `/proc/net`: one of the `likely` ones, else
/// the newest of all. Gives up as soon as `is_over` says so.
pub fn holder(socket: u64, likely: &[u32], is_over: impl Fn() -> bool) -> Option<u32> {
    let link = format!("socket:[{socket}]");
    let holds = |pid: &u32| {
        // Those of other users cannot be looked into, and are not ours to tell.
        let open = fs::read_dir(format!("/proc/{pid}/fd"));
        let mut open = open.into_iter().flatten().flatten();
        open.any(|file| fs::read_link(file.path()).is_ok_and(|target| target.as_os_str() == link.as_str()))
    };
    if let Some(pid) = likely.iter().copied().find(holds) {
        return Some(pid);
    }
    let listed = fs::read_dir("/proc").ok()?.flatten();
    let mut pids: Vec<u32> = listed
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect();
    pids.sort_unstable_by(|one, other| other.cmp(one));
    pids.into_iter().take_while(|_| !is_over()).find(holds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a6_a_name_with_parentheses_and_line_breaks_cannot_pass_for_another_process() {
        let line = b"77 (x) S 1 (\n) R 42 77 77 0 -1 4194304";
        let process = parse(77, line).unwrap();
        assert_eq!((process.name.as_str(), process.parent), ("x) S 1 (\n", Some(42)));
        assert!(process.leads_session);
        for broken in [&b""[..], b"77", b"77 (x", b"77 (x) R", b"77 (x) R y 1 2"] {
            assert_eq!(parse(77, broken), None);
        }
    }

    #[test]
    fn r2_a_process_is_told_from_the_next_one_with_its_number_by_its_start() {
        let line = b"77 (x) 2 (y) R 1 77 77 0 -1 4194560 90 0 0 0 0 0 0 0 20 0 1 0 8675309 6053888 242";
        assert_eq!(started(line), Some(8_675_309));
        assert_eq!(started(b"77 (x) R 1 77"), None);
        let ours = identity(std::process::id()).unwrap();
        assert_eq!(identity(std::process::id()), Some(ours.clone()));
        assert_ne!(identity(1), Some(ours), "the first process of all began before");
        assert_eq!(identity(u32::MAX), None);
    }

    #[test]
    fn a6_the_process_that_holds_a_socket_is_found_whether_or_not_it_was_likely() {
        use std::os::linux::fs::MetadataExt;
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let us = std::process::id();
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(&socket);
        let number = fs::metadata(format!("/proc/self/fd/{descriptor}"))
            .unwrap()
            .st_ino();
        assert_eq!(holder(number, &[us], || true), Some(us));
        assert_eq!(holder(number, &[1], || false), Some(us));
        assert_eq!(
            holder(number, &[], || true),
            None,
            "whoever has no time is told nothing"
        );
        drop(socket);
        assert_eq!(holder(number, &[us], || false), None);
    }
}
