//! What a file has besides its content, and the one in its place gets too.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// Owner, mode and extended attributes of the file that is replaced.
#[cfg(unix)]
pub fn as_before(file: &File, target: &Path, old: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    let new = file.metadata()?;
    if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
        std::os::unix::fs::fchown(file, Some(old.uid()), Some(old.gid()))?;
    }
    copy_attributes(&File::open(target)?, file)?;
    file.set_permissions(old.permissions())
}

#[cfg(not(unix))]
pub fn as_before(_file: &File, _target: &Path, _old: &Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(any(target_os = "linux", target_os = "macos"))]
fn copy_attributes(from: &File, to: &File) -> io::Result<()> {
    use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
    /// The longest list and the longest value that Linux has.
    const LONGEST: usize = 64 * 1024;
    let mut names = Vec::with_capacity(LONGEST);
    if flistxattr(from, rustix::buffer::spare_capacity(&mut names)).is_err() {
        // This file system has none.
        return Ok(());
    }
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = Vec::with_capacity(LONGEST);
        let copied = fgetxattr(from, name, rustix::buffer::spare_capacity(&mut value))
            .and_then(|_| fsetxattr(to, name, &value, XattrFlags::empty()));
        // The other name spaces are the system's, which sets them by itself.
        if name.starts_with(b"user.") {
            copied?;
        }
    }
    Ok(())
}

#[cfg(all(unix, not(any(target_os = "linux", target_os = "macos"))))]
fn copy_attributes(_from: &File, _to: &File) -> io::Result<()> {
    Ok(())
}

#[cfg(unix)]
pub fn links_of(found: &Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(found)
}

#[cfg(not(unix))]
pub fn links_of(_found: &Metadata) -> u64 {
    1
}
