//! A program at a terminal: keys go in, and what it draws comes out. Its standard output is not the terminal, as in
//! `eval "$(portray …)"`.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::desktop::Desktop;
use crate::process::{Finished, Process};

/// A program whose standard input and standard error are a terminal.
pub struct Terminal {
    keys: File,
    drawn: Arc<Mutex<Vec<u8>>>,
    process: Process,
    reader: JoinHandle<()>,
}

impl Terminal {
    pub(crate) fn start(desktop: &Desktop, name: &str, mut command: Command) -> Result<Terminal> {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
        grantpt(&ours)?;
        unlockpt(&ours)?;
        let path = ptsname(&ours, Vec::new())?;
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let theirs: OwnedFd = rustix::fs::open(path, flags, Mode::empty())?;
        tcsetwinsize(
            &ours,
            Winsize {
                ws_row: 40,
                ws_col: 120,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )?;
        command.stdin(theirs.try_clone()?).stderr(theirs);
        let process = desktop.start_at_terminal(name, command)?;
        let ours = File::from(ours);
        let drawn = Arc::default();
        let (mut screen, written) = (ours.try_clone()?, Arc::clone(&drawn));
        let reader = std::thread::spawn(move || read_all(&mut screen, &written));
        Ok(Terminal {
            keys: ours,
            drawn,
            process,
            reader,
        })
    }

    /// Presses these keys, as a terminal sends them.
    pub fn press(&mut self, keys: &str) -> Result<()> {
        self.keys
            .write_all(keys.as_bytes())
            .context("nobody reads the keys")
    }

    /// Everything that was drawn so far, with its control sequences.
    pub fn drawn(&self) -> String {
        let drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&drawn).into_owned()
    }

    /// Waits until a text was drawn behind the first `from` bytes; answers how many bytes there are.
    pub async fn wait_for(&self, text: &str, from: usize, within: Duration) -> Result<usize> {
        let seen = crate::wait_until(text, within, async || {
            let drawn = self.drawn();
            let new = drawn.get(from..).unwrap_or_default();
            Ok(new.contains(text).then_some(drawn.len()))
        });
        let seen = seen.await;
        seen.with_context(|| format!("the terminal shows {:?}", self.drawn()))
    }

    /// Waits until the program has ended by itself. Its standard error is what it drew.
    pub async fn finished(&self, within: Duration) -> Result<Finished> {
        let finished = self.process.finished(within).await?;
        let all_read = async || Ok(self.reader.is_finished().then_some(()));
        crate::wait_until("the last of what was drawn", within, all_read).await?;
        Ok(Finished {
            stderr: self.drawn(),
            ..finished
        })
    }
}

/// Until nobody has the other side any more.
fn read_all(screen: &mut File, drawn: &Mutex<Vec<u8>>) {
    let mut some = [0; 4096];
    while let Ok(count @ 1..) = screen.read(&mut some) {
        let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
        drawn.extend_from_slice(&some[..count]);
    }
}
