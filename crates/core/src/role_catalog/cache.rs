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
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{catalogue, listed, portal, role};
    use super::*;

    fn files(scratch: &tempfile::TempDir) -> CatalogueFiles {
        CatalogueFiles {
            cache: scratch.path().join("cache"),
            state: scratch.path().join("state"),
        }
    }

    fn now() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    /// A saved catalogue with marks and an unfinished sync.
    fn saved(scratch: &tempfile::TempDir) -> (CatalogueFiles, Catalogue, Unfinished) {
        let files = files(scratch);
        let mut catalogue = catalogue();
        catalogue.set_favourite(&role("p-acme", "111122223333", "ReadOnly"), true);
        catalogue.mark_recent(&role("p-other", "444455556666", "Billing"));
        catalogue.set_kept(&role("p-acme", "222233334444", "ReadOnly"), true);
        let unfinished = Unfinished {
            started_at: now(),
            accounts: vec![listed("111122223333", "acme-dev", &["ReadOnly"])],
        };
        for (portal, listing) in &catalogue.listings {
            let stored = StoredListing {
                listing: listing.clone(),
                unfinished: (portal.0 == "p-acme").then(|| unfinished.clone()),
            };
            files.save_listing(portal, stored).unwrap();
        }
        files.save_marks(&catalogue).unwrap();
        (files, catalogue, unfinished)
    }

    fn portals() -> Vec<PortalId> {
        vec![portal("p-acme"), portal("p-other")]
    }

    #[test]
    fn what_was_saved_is_shown_at_the_next_start() {
        let scratch = tempfile::tempdir().unwrap();
        let (files, catalogue, unfinished) = saved(&scratch);
        let loaded = files.load(&portals(), now());
        assert_eq!(loaded.catalogue.listings, catalogue.listings);
        assert_eq!(loaded.catalogue.favourites, catalogue.favourites);
        assert_eq!(loaded.catalogue.recents, catalogue.recents);
        assert_eq!(loaded.catalogue.kept, catalogue.kept);
        assert_eq!(loaded.unfinished, [(portal("p-acme"), unfinished)]);
        assert!(loaded.set_aside.is_empty() && loaded.unreadable.is_empty());
    }

    #[test]
    fn r9_every_torn_file_loads_and_is_set_aside() {
        let scratch = tempfile::tempdir().unwrap();
        let (files, ..) = saved(&scratch);
        for path in [files.listing(&portal("p-acme")), files.roles()] {
            let whole = std::fs::read(&path).unwrap();
            for length in 0..whole.len() {
                let torn = whole.get(..length).unwrap();
                std::fs::write(&path, torn).unwrap();
                let loaded = files.load(&portals(), now());
                assert_eq!(loaded.set_aside.len(), 1, "{length} bytes");
                assert_eq!(std::fs::read(&loaded.set_aside[0]).unwrap(), torn);
                assert!(!path.exists());
            }
            std::fs::write(&path, whole).unwrap();
        }
        assert!(files.load(&portals(), now()).set_aside.is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn r9_flipped_bits_load_or_are_set_aside(at in any::<prop::sample::Index>(), bit in 0..8u8) {
            let scratch = tempfile::tempdir().unwrap();
            let (files, ..) = saved(&scratch);
            let path = files.listing(&portal("p-acme"));
            let mut bytes = std::fs::read(&path).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
            std::fs::write(&path, &bytes).unwrap();
            let loaded = files.load(&portals(), now());
            prop_assert_eq!(loaded.catalogue.listings.len() + loaded.set_aside.len(), 2);
            prop_assert!(loaded.unreadable.is_empty());
        }
    }

    #[test]
    fn r9_the_first_versions_files_stay_readable() {
        let scratch = tempfile::tempdir().unwrap();
        let files = files(&scratch);
        private_files::replace(
            &files.listing(&portal("p")),
            br#"{"version":1,"portal":"p","listing":{"synced_at":"2026-03-02T12:00:00Z","complete":true,
                "accounts":[{"id":"000000000001","name":"a","email":"a@example.com","permission_sets":["X"]}]}}"#,
        )
        .unwrap();
        private_files::replace(
            &files.roles(),
            br#"{"version":1,"favourites":[{"portal":"p","account":"000000000001","permission_set":"X"}]}"#,
        )
        .unwrap();
        let loaded = files.load(&[portal("p")], now());
        assert!(loaded.set_aside.is_empty());
        assert_eq!(loaded.catalogue.favourites, [role("p", "000000000001", "X")]);
        assert!(loaded.catalogue.lists(&role("p", "000000000001", "X")));
    }

    #[test]
    fn a_listing_of_another_portal_is_not_taken_for_this_ones() {
        let scratch = tempfile::tempdir().unwrap();
        let (files, ..) = saved(&scratch);
        std::fs::copy(
            files.listing(&portal("p-acme")),
            files.listing(&portal("p-other")),
        )
        .unwrap();
        assert_eq!(files.load(&portals(), now()).set_aside.len(), 1);
    }

    #[test]
    fn what_cannot_be_read_is_neither_empty_nor_overwritten() {
        let scratch = tempfile::tempdir().unwrap();
        let files = files(&scratch);
        std::fs::create_dir_all(files.roles()).unwrap();
        let loaded = files.load(&[], now());
        assert_eq!(loaded.unreadable.len(), 1);
        assert!(files.save_marks(&loaded.catalogue).is_err());
        assert!(files.roles().is_dir());
    }

    #[test]
    fn a_portals_name_never_leads_out_of_the_folder() {
        let scratch = tempfile::tempdir().unwrap();
        let files = files(&scratch);
        let hostile = portal("../../etc/passwd");
        files.save_listing(&hostile, StoredListing::default()).unwrap();
        assert_eq!(files.listing(&hostile).parent(), Some(files.cache.as_path()));
        files.forget(&hostile).unwrap();
        files.forget(&hostile).unwrap();
        assert_eq!(std::fs::read_dir(&files.cache).unwrap().count(), 0);
    }

    #[test]
    #[cfg(unix)]
    fn x4_the_files_are_private() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let (files, ..) = saved(&scratch);
        for path in [files.listing(&portal("p-acme")), files.roles()] {
            assert_eq!(
                std::fs::metadata(path).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }
    }
}
