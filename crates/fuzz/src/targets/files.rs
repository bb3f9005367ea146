//! The listing and the file of favourites, whatever was done to them. The first byte says which.

use portray_core::paths::short_hash;
use portray_core::role_catalog::{CatalogueFiles, MarksFile};

use crate::bounds::bounded;
use crate::scene;

pub fn run(input: &[u8]) {
    let Some((which, content)) = input.split_first() else {
        return;
    };
    let home = tempfile::tempdir().expect("a temporary folder");
    let (_, paths) = scene::paths_in(home.path());
    let portal = scene::portal_id();
    let listing = format!("listing-{}.json", short_hash(portal.0.as_bytes()));
    let is_listing = which % 2 == 0;
    let path = match is_listing {
        true => paths.cache.join(listing),
        false => paths.state.join("roles.json"),
    };
    std::fs::create_dir_all(path.parent().expect("it lies in a folder")).expect("a folder");
    std::fs::write(&path, content).expect("the disk is not full");
    let files = CatalogueFiles::of(&paths);
    let loaded = bounded(input, || files.load(std::slice::from_ref(&portal), scene::noon()));
    let aside = match &loaded.marks {
        MarksFile::SetAside(aside) => Some(aside),
        MarksFile::Read => loaded.set_aside.first(),
        MarksFile::Unreadable(path, error) => panic!("{} can be read: {error}", path.display()),
    };
    assert!(loaded.unreadable.is_empty());
    let kept = std::fs::read(aside.unwrap_or(&path)).expect("nothing gets lost");
    assert_eq!(kept, content, "what is set aside is whole");
    if !is_listing && aside.is_none() {
        files
            .save_marks(&loaded.catalogue)
            .expect("what was read can be written");
        let (again, aside) = files
            .load_marks(scene::noon())
            .expect("what was written can be read");
        assert!(aside.is_none(), "what was written is good");
        assert!(again.favourites.len() <= loaded.catalogue.favourites.len());
    }
}
