//! `settings.toml`, as any editor may have left it.

use std::path::Path;

use portray_core::identity_center::Portal;
use portray_core::settings::Settings;

use crate::bounds::bounded;

pub fn run(input: &[u8]) {
    let path = Path::new("settings.toml");
    let Ok(read) = bounded(input, || Settings::parse(input, path)) else {
        return;
    };
    let lines = input.iter().filter(|byte| **byte == b'\n').count() + 1;
    for fault in read.faults.iter().chain(&read.unknown_keys) {
        assert!((1..=lines).contains(&fault.line), "{fault:?} of {lines} lines");
    }
    for portal in &read.portals {
        let _ = Portal::from_settings(portal, None);
    }
    assert!(read.is_from(input));
    change(input, &read);
}

/// A change keeps every other portal, and can be read again.
fn change(input: &[u8], read: &Settings) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("settings.toml");
    std::fs::write(&path, input).expect("the disk is not full");
    let added = read.change(&path, |settings| {
        let added = settings.add_portal("acme", "https://acme.awsapps.com/start", "eu-west-1");
        added.id.clone()
    });
    let (changed, id) = added.expect("what was read can be changed");
    assert_eq!(changed.portals.len(), read.portals.len() + 1);
    let again = std::fs::read(&path).expect("it was written");
    let again = Settings::parse(&again, &path).expect("what was written can be read");
    assert!(again.portal(&id).is_some(), "the new portal is there");
    let mut before: Vec<_> = read.portals.iter().map(|portal| &portal.name).collect();
    let after: Vec<_> = again.portals.iter().map(|portal| &portal.name).collect();
    before.retain(|name| !after.contains(name));
    assert!(before.is_empty(), "{before:?} got lost");
    let removed = again.change(&path, |settings| settings.remove_portal(&id));
    let (removed, ()) = removed.expect("what was written can be changed");
    assert!(removed.portal(&id).is_none());
    assert_eq!(removed.portals.len(), read.portals.len());
}
