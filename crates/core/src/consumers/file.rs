//! What a person has revoked, on disk: it holds also after a restart.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::paths::Paths;
use crate::private_files;

/// No launch runs for so long; its id is forgotten then.
const LONGEST_LAUNCH: SignedDuration = SignedDuration::from_hours(365 * 24);

const VERSION: u32 = 1;

/// Programs by their path, launches by their id, and since when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revocations {
    #[serde(default)]
    pub programs: BTreeMap<String, Timestamp>,
    #[serde(default)]
    pub launches: BTreeMap<String, Timestamp>,
}

/// The file of it. Calls read and write files: not for the async threads.
#[derive(Debug, Clone)]
pub struct ConsumersFile {
    path: PathBuf,
}

/// What became of the file.
#[derive(Debug)]
pub enum Loaded {
    /// Read, or there is none.
    Read(Revocations),
    /// Damaged, and moved here.
    SetAside(PathBuf),
    Unreadable(io::Error),
}

#[derive(Serialize, Deserialize)]
struct Content {
    version: u32,
    #[serde(flatten)]
    revoked: Revocations,
}

impl Revocations {
    /// Those of `more` hold too.
    pub fn add(&mut self, more: Self) {
        self.programs.extend(more.programs);
        self.launches.extend(more.launches);
    }
}

impl ConsumersFile {
    pub fn of(paths: &Paths) -> Self {
        Self {
            path: paths.state.join("revoked.json"),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn load(&self, now: Timestamp) -> Loaded {
        let content = match private_files::read(&self.path) {
            Ok(None) => return Loaded::Read(Revocations::default()),
            Ok(Some(content)) => content,
            Err(error) => return Loaded::Unreadable(error),
        };
        match serde_json::from_slice::<Content>(&content) {
            Ok(Content {
                version: VERSION,
                mut revoked,
            }) => {
                let is_old = |since: &Timestamp| now.duration_since(*since) > LONGEST_LAUNCH;
                revoked.launches.retain(|_, since| !is_old(since));
                Loaded::Read(revoked)
            }
            Ok(_) | Err(_) => match private_files::set_aside(&self.path, now) {
                Ok(aside) => Loaded::SetAside(aside),
                Err(error) => Loaded::Unreadable(error),
            },
        }
    }

    pub fn save(&self, revoked: Revocations) -> io::Result<()> {
        let content = Content {
            version: VERSION,
            revoked,
        };
        private_files::replace(&self.path, &serde_json::to_vec_pretty(&content)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a6_what_was_revoked_is_read_again_and_a_damaged_file_is_set_aside_and_said() {
        let home = tempfile::tempdir().unwrap();
        let file = ConsumersFile {
            path: home.path().join("revoked.json"),
        };
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let read = || match file.load(now) {
            Loaded::Read(revoked) => revoked,
            other @ (Loaded::SetAside(_) | Loaded::Unreadable(_)) => panic!("{other:?}"),
        };
        assert_eq!(read(), Revocations::default());
        let mut revoked = Revocations::default();
        revoked.programs.insert("/usr/bin/aws".to_owned(), now);
        revoked.launches.insert("1f2e3d4c".to_owned(), now);
        file.save(revoked.clone()).unwrap();
        assert_eq!(read(), revoked);
        std::fs::write(&file.path, "{").unwrap();
        assert!(matches!(file.load(now), Loaded::SetAside(_)));
        std::fs::create_dir(&file.path).unwrap();
        assert!(matches!(file.load(now), Loaded::Unreadable(_)));
    }
}
