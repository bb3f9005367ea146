//! The listings and the person's marks on disk: shown at once at the next start, rebuilt when damaged.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Catalogue, Listing, Unfinished};
use crate::identity_center::{PortalId, RoleKey};
use crate::paths::{Paths, short_hash};
use crate::private_files;

/// Where the catalogue is kept between starts. Calls read and write files: not for the async threads.
#[derive(Debug, Clone)]
pub struct CatalogueFiles {
    cache: PathBuf,
    state: PathBuf,
}

/// A portal's listing as it was saved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoredListing {
    pub listing: Arc<Listing>,
    /// How far a sync came that had not ended.
    pub unfinished: Option<Unfinished>,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Loaded {
    pub catalogue: Catalogue,
    /// Syncs that had not ended, to go on with.
    pub unfinished: Vec<(PortalId, Unfinished)>,
    pub marks: MarksFile,
    /// Where damaged listings were moved to. The next sync makes them anew.
    pub set_aside: Vec<PathBuf>,
    /// Listings that are there and cannot be read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

/// What a person made of the roles.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    #[serde(default)]
    pub favourites: Vec<RoleKey>,
    #[serde(default)]
    pub recents: Vec<RoleKey>,
    #[serde(default)]
    pub kept: Vec<RoleKey>,
    #[serde(default)]
    pub kept_uses: Vec<KeptUse>,
}

/// For how long nobody had used a kept role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptUse {
    pub role: RoleKey,
    /// When that was known.
    pub at: Timestamp,
    /// So many seconds by then, without those in which the machine slept. Files of earlier versions do not say it:
    /// there `at` is the last use.
    #[serde(default)]
    pub idle_seconds: u64,
}

/// What became of the file of marks, which nobody can make anew.
#[derive(Debug, Default)]
pub enum MarksFile {
    /// Read, or there is none.
    #[default]
    Read,
    /// Damaged, and moved here.
    SetAside(PathBuf),
    /// It is there and cannot be read: it must be read, not replaced.
    Unreadable(PathBuf, io::Error),
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct ListingFile<L> {
    version: u32,
    portal: PortalId,
    listing: L,
    #[serde(skip_serializing_if = "Option::is_none")]
    unfinished: Option<Unfinished>,
}

#[derive(Serialize, Deserialize)]
struct RolesFile {
    version: u32,
    #[serde(flatten)]
    marks: Marks,
}

/// A file's content, or where it was moved to because nobody understands it.
enum Read<T> {
    Content(Option<T>),
    SetAside(PathBuf),
}

impl CatalogueFiles {
    pub fn of(paths: &Paths) -> Self {
        Self {
            cache: paths.cache.clone(),
            state: paths.state.clone(),
        }
    }

    /// Everything about these portals. What is damaged is set aside and left out; what cannot be read is left
    /// out and named.
    pub fn load(&self, portals: &[PortalId], now: Timestamp) -> Loaded {
        let mut loaded = Loaded::default();
        for portal in portals {
            let path = self.listing(portal);
            let read = read(&path, now, |file: &ListingFile<Listing>| {
                file.version == VERSION && file.portal == *portal
            });
            if let Some(file) = loaded.take(path, read) {
                loaded
                    .catalogue
                    .set_listing(portal.clone(), Arc::new(file.listing));
                let unfinished = file.unfinished.map(|it| (portal.clone(), it));
                loaded.unfinished.extend(unfinished);
            }
        }
        match self.load_marks(now) {
            Ok((marks, aside)) => {
                loaded.catalogue.add_marks(marks);
                loaded.marks = aside.map_or(MarksFile::Read, MarksFile::SetAside);
            }
            Err(error) => loaded.marks = MarksFile::Unreadable(self.roles(), error),
        }
        loaded
    }

    /// None where there is no file. A damaged one is set aside.
    pub fn load_marks(&self, now: Timestamp) -> io::Result<(Marks, Option<PathBuf>)> {
        match read(&self.roles(), now, |file: &RolesFile| file.version == VERSION)? {
            Read::Content(file) => Ok((file.map(|file| file.marks).unwrap_or_default(), None)),
            Read::SetAside(aside) => Ok((Marks::default(), Some(aside))),
        }
    }

    pub fn save_listing(&self, portal: &PortalId, stored: StoredListing) -> io::Result<()> {
        let file = ListingFile {
            version: VERSION,
            portal: portal.clone(),
            listing: stored.listing.as_ref(),
            unfinished: stored.unfinished,
        };
        private_files::replace(&self.listing(portal), &serde_json::to_vec(&file)?)
    }

    /// Favourites, recents and kept roles. A file that is there and cannot be read is not overwritten.
    pub fn save_marks(&self, catalogue: &Catalogue) -> io::Result<()> {
        let path = self.roles();
        private_files::read(&path)?;
        let file = RolesFile {
            version: VERSION,
            marks: Marks {
                favourites: catalogue.favourites.clone(),
                recents: catalogue.recents.clone(),
                kept: catalogue.kept.clone(),
                kept_uses: catalogue.kept_uses.clone(),
            },
        };
        private_files::replace(&path, &serde_json::to_vec_pretty(&file)?)
    }

    /// Removes a portal's listing.
    pub fn forget(&self, portal: &PortalId) -> io::Result<()> {
        match std::fs::remove_file(self.listing(portal)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// The id is a person's text and may not be a file name.
    fn listing(&self, portal: &PortalId) -> PathBuf {
        self.cache
            .join(format!("listing-{}.json", short_hash(portal.0.as_bytes())))
    }

    /// The file of favourites, recents and kept roles.
    pub fn roles(&self) -> PathBuf {
        self.state.join("roles.json")
    }
}

impl Catalogue {
    /// Takes in what was kept on disk; what was marked since stays.
    pub fn add_marks(&mut self, marks: Marks) {
        let since = Marks {
            favourites: std::mem::replace(&mut self.favourites, marks.favourites),
            recents: std::mem::replace(&mut self.recents, marks.recents),
            kept: std::mem::replace(&mut self.kept, marks.kept),
            kept_uses: std::mem::replace(&mut self.kept_uses, marks.kept_uses),
        };
        for key in &since.favourites {
            self.set_favourite(key, true);
        }
        for key in since.recents.iter().rev() {
            self.mark_recent(key);
        }
        for key in &since.kept {
            self.set_kept(key, true);
        }
        for used in &since.kept_uses {
            self.note_kept_use(used.clone());
        }
        self.revision += 1;
    }
}

impl Loaded {
    fn take<T>(&mut self, path: PathBuf, read: io::Result<Read<T>>) -> Option<T> {
        match read {
            Ok(Read::Content(content)) => content,
            Ok(Read::SetAside(aside)) => {
                self.set_aside.push(aside);
                None
            }
            Err(error) => {
                self.unreadable.push((path, error));
                None
            }
        }
    }
}

fn read<T: DeserializeOwned>(
    path: &Path,
    now: Timestamp,
    understood: impl Fn(&T) -> bool,
) -> io::Result<Read<T>> {
    let Some(bytes) = private_files::read(path)? else {
        return Ok(Read::Content(None));
    };
    match serde_json::from_slice(&bytes) {
        Ok(content) if understood(&content) => Ok(Read::Content(Some(content))),
        Ok(_) | Err(_) => private_files::set_aside(path, now).map(Read::SetAside),
    }
}

#[cfg(test)]
mod tests;
