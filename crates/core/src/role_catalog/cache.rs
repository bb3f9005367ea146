//! The listings and the person's marks on disk: shown at once at the next start, rebuilt when damaged.

use std::io;
use std::path::{Path, PathBuf};

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
    pub listing: Listing,
    /// How far a sync came that had not ended.
    pub unfinished: Option<Unfinished>,
}

/// What was found at the start.
#[derive(Debug, Default)]
pub struct Loaded {
    pub catalogue: Catalogue,
    /// Syncs that had not ended, to go on with.
    pub unfinished: Vec<(PortalId, Unfinished)>,
    /// Where damaged files were moved to.
    pub set_aside: Vec<PathBuf>,
    /// Files that are there and cannot be read.
    pub unreadable: Vec<(PathBuf, io::Error)>,
}

const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct ListingFile {
    version: u32,
    portal: PortalId,
    listing: Listing,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unfinished: Option<Unfinished>,
}

#[derive(Default, Serialize, Deserialize)]
struct RolesFile {
    version: u32,
    #[serde(default)]
    favourites: Vec<RoleKey>,
    #[serde(default)]
    recents: Vec<RoleKey>,
    #[serde(default)]
    kept: Vec<RoleKey>,
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
            let read = read(&path, now, |file: &ListingFile| {
                file.version == VERSION && file.portal == *portal
            });
            if let Some(file) = loaded.take(path, read) {
                loaded.catalogue.listings.insert(portal.clone(), file.listing);
                let unfinished = file.unfinished.map(|it| (portal.clone(), it));
                loaded.unfinished.extend(unfinished);
            }
        }
        let path = self.roles();
        let read = read(&path, now, |file: &RolesFile| file.version == VERSION);
        if let Some(file) = loaded.take(path, read) {
            loaded.catalogue.favourites = file.favourites;
            loaded.catalogue.recents = file.recents;
            loaded.catalogue.kept = file.kept;
        }
        loaded
    }

    pub fn save_listing(&self, portal: &PortalId, stored: StoredListing) -> io::Result<()> {
        let file = ListingFile {
            version: VERSION,
            portal: portal.clone(),
            listing: stored.listing,
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
            favourites: catalogue.favourites.clone(),
            recents: catalogue.recents.clone(),
            kept: catalogue.kept.clone(),
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

    fn roles(&self) -> PathBuf {
        self.state.join("roles.json")
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
