//! `exec` in the foreground of a terminal: what is typed there reaches its command once, and so does what a process sends
//! to `exec` alone.

use std::fs::File;
use std::io::Write as _;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::home::{Home, Lines, credentials};

/// Says which signals it gets, and ends at USR1.
const COMMAND: &str = "for name in INT QUIT HUP; do trap \"echo $name\" $name; done; trap 'echo end; exit 9' USR1; \
                       echo ready; while :; do sleep 0.1; done";

/// `exec` as the leader of a session at a terminal.
struct AtTerminal {
    _home: Home,
    keys: File,
    said: Lines,
    exec: Child,
}

impl AtTerminal {
    fn start() -> Self {
        let home = Home::new();
        let _requests = home.with_agent(vec![credentials()]);
        let exec = home.portray(&["exec", "acme-dev/ReadOnly", "--", "sh", "-c", COMMAND]);
        let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keys).unwrap();
        unlockpt(&keys).unwrap();
        let path = ptsname(&keys, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let terminal = rustix::fs::open(path, flags, Mode::empty()).unwrap();
        let mut at_terminal = Command::new("setsid");
        at_terminal
            .arg("--ctty")
            .arg(exec.get_program())
            .args(exec.get_args())
            .env_clear()
            .stdin(terminal.try_clone().unwrap())
            .stdout(Stdio::piped())
            .stderr(terminal);
        for (name, value) in exec.get_envs() {
            at_terminal.env(name, value.unwrap_or_default());
        }
        let mut exec = at_terminal.spawn().unwrap();
        let said = Lines::of(exec.stdout.take().unwrap());
        let scene = Self {
            _home: home,
            keys: File::from(keys),
            said,
            exec,
        };
        assert_eq!(scene.said.next(), "ready");
        scene
    }

    fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.exec), signal).unwrap();
    }

    /// What came once more would come before this.
    fn expect_the_end(mut self) {
        self.send(Signal::USR1);
        assert_eq!(self.said.next(), "end");
        assert_eq!(self.exec.wait().unwrap().code(), Some(9));
    }
}

#[test]
fn what_is_typed_reaches_the_command_once() {
    for (key, name) in [(b"\x03", "INT"), (b"\x1c", "QUIT")] {
        let mut scene = AtTerminal::start();
        scene.keys.write_all(key).unwrap();
        assert_eq!(scene.said.next(), name);
        scene.expect_the_end();
    }
}

#[test]
fn what_a_process_sends_to_exec_alone_reaches_the_command_once() {
    for (signal, name) in [(Signal::INT, "INT"), (Signal::QUIT, "QUIT"), (Signal::HUP, "HUP")] {
        let scene = AtTerminal::start();
        scene.send(signal);
        assert_eq!(scene.said.next(), name);
        scene.expect_the_end();
    }
}
