//! An agent that lives and has lost its socket to whoever cleans folders up: it is waited for, else named.

use std::time::Duration;

use crate::agent::client::{Client, ClientError};
use crate::agent::whereabouts;
use crate::clock::{Clock, SystemClock};
use crate::paths::Paths;

/// How long an agent without a socket is waited for: one that looks after it has it back in two seconds, and one that is
/// ending has ended by then.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often it is tried meanwhile.
const BETWEEN: Duration = Duration::from_millis(50);

impl Client {
    /// As [`Client::connect`], for whoever can wait for an agent that has the sign-ins and cannot be reached: its socket
    /// is coming back, or it is ending. Blocks.
    pub fn find(paths: &Paths) -> Result<Self, ClientError> {
        Self::find_within(paths, PATIENCE)
    }

    fn find_within(paths: &Paths, patience: Duration) -> Result<Self, ClientError> {
        let clock = SystemClock::new();
        let deadline = clock.elapsed() + patience;
        loop {
            let outcome = Self::connect(paths);
            let is_missed = matches!(outcome, Err(ClientError::NotRunning));
            let holder = || whereabouts::holder(paths);
            let Some(pid) = is_missed.then(holder).flatten() else {
                return outcome;
            };
            if clock.elapsed() >= deadline {
                let theirs = whereabouts::elsewhere(paths);
                let socket = theirs.as_ref().unwrap_or(paths).socket();
                return Err(ClientError::SocketGone { pid, socket });
            }
            // Woken early, it looks early.
            std::thread::park_timeout(BETWEEN);
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use crate::agent::claim::claim;
    use crate::agent::double::{Double, paths_in};
    use crate::clock::SystemClock;

    #[tokio::test(flavor = "multi_thread")]
    async fn r2_an_agent_whose_socket_is_taken_away_is_waited_for_and_found() {
        let home = tempfile::tempdir().unwrap();
        let paths = paths_in(home.path());
        Double::default().serve(&paths, &SystemClock::shared());
        std::fs::remove_dir_all(&paths.runtime).unwrap();
        let found = tokio::task::spawn_blocking(move || Client::find(&paths)?.hello());
        assert_eq!(found.await.unwrap().unwrap().pid, std::process::id());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn r2_an_agent_whose_socket_stays_away_is_named_and_no_agent_is_not() {
        let home = tempfile::tempdir().unwrap();
        let paths = paths_in(home.path());
        // It serves nobody, as one that was stopped.
        let claimed = claim(&paths).unwrap();
        std::fs::remove_file(paths.socket()).unwrap();
        let look = |paths: &Paths| {
            let paths = paths.clone();
            tokio::task::spawn_blocking(move || Client::find_within(&paths, Duration::ZERO).err())
        };
        let lost = look(&paths).await.unwrap().unwrap();
        let ClientError::SocketGone { pid, ref socket } = lost else {
            panic!("{lost:?}");
        };
        assert_eq!((pid, socket), (std::process::id(), &paths.socket()));
        let problem = lost.into_problem();
        let us = std::process::id().to_string();
        assert!(problem.what_happened.contains(&us), "{problem:?}");
        drop(claimed);
        let none = look(&paths).await.unwrap();
        assert!(matches!(none, Some(ClientError::NotRunning)), "{none:?}");
    }
}
