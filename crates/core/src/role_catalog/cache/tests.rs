//! What is on disk after every kind of accident, and what is loaded then.

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
    for (portal, listing) in catalogue.listings() {
        let stored = StoredListing {
            listing: listing.clone(),
            unfinished: (portal.0 == "p-acme").then(|| unfinished.clone()),
        };
        files.save_listing(portal, stored).unwrap();
    }
    files.save_marks(&catalogue).unwrap();
    (files, catalogue, unfinished)
}

/// Where damaged files were moved to when everything was loaded.
fn aside(files: &CatalogueFiles) -> Vec<PathBuf> {
    let loaded = files.load(&portals(), now());
    let marks = match loaded.marks {
        MarksFile::SetAside(path) => Some(path),
        MarksFile::Read | MarksFile::Unreadable(..) => None,
    };
    loaded.set_aside.into_iter().chain(marks).collect()
}

fn portals() -> Vec<PortalId> {
    vec![portal("p-acme"), portal("p-other")]
}

#[test]
fn what_was_saved_is_shown_at_the_next_start() {
    let scratch = tempfile::tempdir().unwrap();
    let (files, catalogue, unfinished) = saved(&scratch);
    let loaded = files.load(&portals(), now());
    assert!(loaded.catalogue.listings().eq(catalogue.listings()));
    assert_eq!(loaded.catalogue.favourites, catalogue.favourites);
    assert_eq!(loaded.catalogue.recents, catalogue.recents);
    assert_eq!(loaded.catalogue.kept, catalogue.kept);
    assert_eq!(loaded.unfinished, [(portal("p-acme"), unfinished)]);
    assert!(loaded.set_aside.is_empty() && loaded.unreadable.is_empty());
    assert!(matches!(loaded.marks, MarksFile::Read));
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
            let aside = aside(&files);
            assert_eq!(aside.len(), 1, "{length} bytes");
            assert_eq!(std::fs::read(&aside[0]).unwrap(), torn);
            assert!(!path.exists());
        }
        std::fs::write(&path, whole).unwrap();
    }
    assert_eq!(aside(&files), Vec::<PathBuf>::new());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn r9_flipped_bits_load_or_are_set_aside(
        is_listing in any::<bool>(), at in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let scratch = tempfile::tempdir().unwrap();
        let (files, ..) = saved(&scratch);
        let path = if is_listing { files.listing(&portal("p-acme")) } else { files.roles() };
        let mut bytes = std::fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        std::fs::write(&path, &bytes).unwrap();
        let loaded = files.load(&portals(), now());
        prop_assert_eq!(loaded.catalogue.listings().count() + loaded.set_aside.len(), 2);
        prop_assert!(loaded.unreadable.is_empty());
        let marks_aside = match loaded.marks {
            MarksFile::SetAside(aside) => Some(aside),
            MarksFile::Read => None,
            MarksFile::Unreadable(path, error) => panic!("{}: {error}", path.display()),
        };
        let kept = loaded.set_aside.into_iter().chain(marks_aside).next().unwrap_or(path);
        prop_assert_eq!(std::fs::read(kept).unwrap(), bytes, "nothing of it is lost");
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
    assert!(loaded.set_aside.is_empty() && matches!(loaded.marks, MarksFile::Read));
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
    assert_eq!(aside(&files).len(), 1);
}

#[test]
fn what_cannot_be_read_is_neither_empty_nor_overwritten() {
    let scratch = tempfile::tempdir().unwrap();
    let files = files(&scratch);
    std::fs::create_dir_all(files.roles()).unwrap();
    let loaded = files.load(&[], now());
    assert!(matches!(loaded.marks, MarksFile::Unreadable(..)));
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
