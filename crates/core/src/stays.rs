//! How long a launch may go on: until its person signs out. What tells one stay at a portal from the next outlives the
//! agent, so that no agent gives the launches of one person what the next one signs in to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, io};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::identity_center::PortalId;
use crate::paths::{Paths, short_hash};
use crate::private_files;

const VERSION: u32 = 1;

/// Between two sign-outs at one portal that a person ordered: no secret, and the same never twice.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Stay(String);

/// Why a stay is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Its person has signed out.
    SignedOut,
    /// What was noted of it is lost, so that nobody knows whether they have.
    Lost,
}

/// The stay at every portal. Clones are the same.
#[derive(Debug, Clone)]
pub struct Stays(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// None: nothing outlives the process.
    path: Option<PathBuf>,
    known: Mutex<Noted>,
    /// What stands in the file, as far as that is known. Held while it is written.
    written: Mutex<Option<Noted>>,
    /// Nothing of an earlier process could be read.
    is_anew: bool,
    /// Grows with every end.
    ended: watch::Sender<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    version: u32,
    /// The stay at every portal that nobody has left since this note was begun.
    first: Stay,
    /// The stay at those that somebody has left, by the portal's id.
    portals: BTreeMap<String, Stay>,
}

impl Stay {
    /// One that is over wherever it is shown.
    pub fn over() -> Self {
        Self("over".to_owned())
    }

    /// For doubles of an agent.
    #[cfg(test)]
    pub fn number(number: u64) -> Self {
        Self(number.to_string())
    }

    fn after(before: &Self) -> Self {
        let mut bytes = [0; 16];
        match getrandom::fill(&mut bytes) {
            Ok(()) => Self(format!("{:032x}", u128::from_be_bytes(bytes))),
            // Another one all the same.
            Err(_) => Self(short_hash(
                format!("{} {}", std::process::id(), before.0).as_bytes(),
            )),
        }
    }
}

impl Stays {
    /// What the process before this one has noted. Where that is not to be had, every stay is over, and new ones begin.
    /// Reads and writes a file; only the agent may.
    pub fn load(paths: &Paths, now: Timestamp) -> Self {
        let path = paths.state.join("stays.json");
        let found = read(&path, now).unwrap_or_else(|error| {
            tracing::warn!(%error, "whether people have signed out is not known: running launches are over");
            None
        });
        let stays = Self::new(Some(path), found);
        stays.save();
        stays
    }

    /// Nothing outlives the process.
    pub fn in_memory() -> Self {
        Self::new(None, None)
    }

    fn new(path: Option<PathBuf>, found: Option<Noted>) -> Self {
        let noted = found.clone().unwrap_or_else(|| Noted {
            version: VERSION,
            first: Stay::after(&Stay::default()),
            portals: BTreeMap::new(),
        });
        Self(Arc::new(Inner {
            path,
            known: Mutex::new(noted),
            is_anew: found.is_none(),
            written: Mutex::new(found),
            ended: watch::Sender::new(0),
        }))
    }

    /// The stay of whoever is signed in to this portal, or will be next.
    pub fn of(&self, portal: &PortalId) -> Stay {
        self.known().of(portal).clone()
    }

    /// Whether what began with this stay gets nothing any more, and why.
    pub fn over(&self, portal: &PortalId, stay: &Stay) -> Option<Over> {
        let known = self.known();
        if known.of(portal) == stay {
            return None;
        }
        let was_left_here = known.portals.contains_key(&portal.0);
        Some(match self.0.is_anew && !was_left_here {
            true => Over::Lost,
            false => Over::SignedOut,
        })
    }

    /// A person leaves the portal: this holds from now on. [`Self::kept`] brings it to the disk.
    pub fn end(&self, portal: &PortalId) {
        let mut known = self.known();
        let next = Stay::after(known.of(portal));
        known.portals.insert(portal.0.clone(), next);
        drop(known);
        self.0.ended.send_modify(|count| *count += 1);
    }

    /// Is told of every end.
    pub fn ended(&self) -> watch::Receiver<u64> {
        self.0.ended.subscribe()
    }

    /// Notes for the next process what has ended, and waits for that.
    pub async fn kept(&self) {
        if self.0.path.is_none() {
            return;
        }
        let stays = self.clone();
        if tokio::task::spawn_blocking(move || stays.save()).await.is_err() {
            tracing::warn!("what has ended could not be noted");
        }
    }

    /// The same on a thread that may wait for the disk. What could not be written is written the next time; until then
    /// nothing stands there, if that can be had: the next process believes no note that is too old.
    pub fn save(&self) {
        let Some(path) = &self.0.path else {
            return;
        };
        let mut written = self.0.written.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.known().clone();
        if written.as_ref() == Some(&now) {
            return;
        }
        let saved = serde_json::to_vec_pretty(&now).map_err(io::Error::from);
        match saved.and_then(|content| private_files::replace(path, &content)) {
            Ok(()) => *written = Some(now),
            Err(error) => {
                tracing::warn!(%error, "who has signed out could not be noted");
                if written.take().is_some()
                    && let Err(error) = fs::remove_file(path)
                {
                    tracing::warn!(%error, "an older note of it stays");
                }
            }
        }
    }

    fn known(&self) -> MutexGuard<'_, Noted> {
        // Every change is one insertion.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Noted {
    fn of(&self, portal: &PortalId) -> &Stay {
        self.portals.get(&portal.0).unwrap_or(&self.first)
    }
}

fn read(path: &Path, now: Timestamp) -> io::Result<Option<Noted>> {
    let Some(content) = private_files::read(path)? else {
        return Ok(None);
    };
    match serde_json::from_slice::<Noted>(&content) {
        Ok(noted) if noted.version == VERSION => Ok(Some(noted)),
        Ok(_) | Err(_) => {
            private_files::set_aside(path, now)?;
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Environment;

    struct Scene {
        home: tempfile::TempDir,
        portal: PortalId,
    }

    impl Scene {
        fn new() -> Self {
            let home = tempfile::tempdir().unwrap();
            let portal = PortalId("p1".to_owned());
            Self { home, portal }
        }

        fn paths(&self) -> Paths {
            let home = self.home.path().to_str().unwrap();
            Paths::of(&Environment::of(&[("PORTRAY_HOME", home)])).unwrap()
        }

        fn file(&self) -> PathBuf {
            self.paths().state.join("stays.json")
        }

        /// As the next agent reads them.
        fn stays(&self) -> Stays {
            Stays::load(&self.paths(), "2026-03-02T12:00:00Z".parse().unwrap())
        }

        fn over(&self, stays: &Stays, stay: &Stay) -> Option<Over> {
            stays.over(&self.portal, stay)
        }
    }

    #[test]
    fn r8_a_stay_goes_on_with_the_next_agent_until_its_person_leaves() {
        let scene = Scene::new();
        let stay = scene.stays().of(&scene.portal);
        let next = scene.stays();
        assert_eq!(scene.over(&next, &stay), None);
        let (other, told) = (PortalId("p2".to_owned()), next.ended());
        next.end(&scene.portal);
        assert!(told.has_changed().unwrap());
        assert_eq!(scene.over(&next, &stay), Some(Over::SignedOut));
        let new = next.of(&scene.portal);
        next.save();
        let third = scene.stays();
        assert_eq!(scene.over(&third, &stay), Some(Over::SignedOut));
        assert_eq!(scene.over(&third, &new), None);
        assert_eq!(third.over(&other, &stay), None, "nobody has left that one");
        assert_eq!(scene.over(&third, &Stay::over()), Some(Over::SignedOut));
        assert_eq!(scene.over(&third, &Stay::default()), Some(Over::SignedOut));
    }

    #[test]
    fn r8_where_the_note_of_stays_is_gone_damaged_or_cannot_be_read_they_are_over_and_new_ones_begin() {
        type Break = fn(&Path);
        let breaks: [(&str, Break); 4] = [
            ("gone", |file| fs::remove_file(file).unwrap()),
            ("damaged", |file| fs::write(file, "{").unwrap()),
            ("of another version", |file| {
                let text = fs::read_to_string(file).unwrap();
                fs::write(file, text.replace("\"version\": 1", "\"version\": 2")).unwrap();
            }),
            ("no file", |file| {
                fs::remove_file(file).unwrap();
                fs::create_dir_all(file.join("in-the-way")).unwrap();
            }),
        ];
        for (what, broken) in breaks {
            let scene = Scene::new();
            let first = scene.stays();
            first.end(&scene.portal);
            first.save();
            let stay = first.of(&scene.portal);
            broken(&scene.file());
            let next = scene.stays();
            assert_eq!(scene.over(&next, &stay), Some(Over::Lost), "{what}");
            let new = next.of(&scene.portal);
            assert_eq!(scene.over(&next, &new), None, "{what}");
            let third = scene.stays();
            let is_noted = what != "no file";
            assert_eq!(scene.over(&third, &new).is_none(), is_noted, "{what}");
            assert!(scene.over(&third, &stay).is_some(), "{what}");
        }
    }

    #[test]
    fn r8_what_cannot_be_noted_has_ended_all_the_same_and_is_noted_as_soon_as_it_can_be() {
        let scene = Scene::new();
        let stays = scene.stays();
        let stay = stays.of(&scene.portal);
        let (state, aside) = (scene.paths().state, scene.home.path().join("aside"));
        fs::rename(&state, &aside).unwrap();
        fs::write(&state, "no folder").unwrap();
        stays.end(&scene.portal);
        stays.save();
        assert_eq!(scene.over(&stays, &stay), Some(Over::SignedOut));
        fs::remove_file(&state).unwrap();
        fs::rename(&aside, &state).unwrap();
        stays.save();
        let next = scene.stays();
        assert_eq!(scene.over(&next, &stay), Some(Over::SignedOut));
        assert_eq!(scene.over(&next, &stays.of(&scene.portal)), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn r8_a_note_that_is_too_old_is_taken_away_where_no_new_one_can_be_written() {
        let scene = Scene::new();
        let stays = scene.stays();
        let stay = stays.of(&scene.portal);
        // As on a disk that is full: nothing can be begun there, and names can be taken away.
        let (before, file) = (scene.file(), scene.paths().state.join("full.json"));
        fs::rename(&before, &file).unwrap();
        std::os::unix::fs::symlink("/proc/self/stays.json", &before).unwrap();
        stays.end(&scene.portal);
        stays.save();
        assert!(fs::symlink_metadata(&before).is_err(), "it is gone");
        assert_eq!(scene.over(&scene.stays(), &stay), Some(Over::Lost));
    }

    #[test]
    #[cfg(unix)]
    fn x4_the_note_of_stays_is_its_users_alone() {
        use std::os::unix::fs::PermissionsExt;
        let scene = Scene::new();
        scene.stays();
        let mode = fs::metadata(scene.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
