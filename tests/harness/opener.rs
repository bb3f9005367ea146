//! The desktop's way to open a page: a stand-in for xdg-open that only writes down what it was asked to open.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use url::Url;

use crate::desktop::{Desktop, Session};

/// Writes one line for each call: its arguments, so that a URL that was torn apart shows.
const SCRIPT: &str = "#!/bin/sh\nprintf '%s\\n' \"$*\" >>'LOG'\n";

/// The stand-in, first on the session's `PATH`.
pub struct Opener {
    log: PathBuf,
    taken: AtomicUsize,
    session: Arc<Session>,
}

impl Opener {
    /// Puts the stand-in in place. To be done before the program that is to use it starts.
    pub fn install(desktop: &Desktop) -> Result<Opener> {
        let session = desktop.session();
        let log = session.path("opened.log");
        fs::write(&log, "")?;
        for name in ["xdg-open", "x-www-browser", "gio", "sensible-browser"] {
            let program = session.path("bin").join(name);
            fs::write(&program, SCRIPT.replace("LOG", &log.to_string_lossy()))?;
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
        }
        Ok(Opener {
            log,
            taken: AtomicUsize::new(0),
            session,
        })
    }

    /// How many pages programs wanted to open so far.
    pub fn count(&self) -> usize {
        self.lines().len()
    }

    /// Every call so far.
    pub fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.log)
            .unwrap_or_default()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The next page that a program wants to open and that was not taken yet; waits for it. Hand it to a
    /// [`crate::Person`] to really open it.
    pub async fn next_url(&self, within: Duration) -> Result<Url> {
        let number = self.taken.load(Ordering::Relaxed);
        let condition = async || Ok(self.lines().into_iter().nth(number));
        let line = self
            .session
            .logs
            .wait_until("a page to be opened", within, condition)
            .await?;
        self.taken.store(number + 1, Ordering::Relaxed);
        // `gio open URL` has the URL last; xdg-open has nothing else.
        let url = line.rsplit(' ').next().unwrap_or_default();
        Url::parse(url).with_context(|| format!("asked to open {line:?}"))
    }
}
