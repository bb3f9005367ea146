//! Files that a launch has put somewhere: known by their number, and looked after. One that is held open shares its number
//! with nothing else, wherever somebody moves it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portray_core::clock::SharedClock;
use portray_core::private_files;
use portray_core::secret::Secret;
#[cfg(unix)]
use rustix::{
    fs::{AtFlags, CWD, Stat, fstat, lstat, statat, unlinkat},
    io::Errno,
};

/// How often it is looked whether a file is there.
pub const LOOK: Duration = Duration::from_secs(2);

/// A secret in a file that goes with this value, unless another one stands in its place then.
pub struct OwnFile {
    path: PathBuf,
    #[cfg(unix)]
    file: File,
    #[cfg(unix)]
    ours: Stat,
    /// There is no such number: what is in it tells.
    #[cfg(windows)]
    ours: Secret,
}

impl OwnFile {
    /// Makes it where there is none.
    pub fn create(path: &Path, content: &Secret) -> io::Result<Self> {
        let path = std::path::absolute(path)?;
        let file = private_files::create(&path, content.expose().as_bytes())?;
        Self::made(path, file, content)
    }

    #[cfg(unix)]
    fn made(path: PathBuf, file: File, _content: &Secret) -> io::Result<Self> {
        let ours = fstat(&file)?;
        Ok(Self { path, file, ours })
    }

    #[cfg(windows)]
    fn made(path: PathBuf, _file: File, content: &Secret) -> io::Result<Self> {
        let ours = content.clone();
        Ok(Self { path, ours })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Comes when it is not found any more where it was put.
    pub async fn until_gone(&self, clock: &SharedClock) {
        until_gone(&self.path, &self.ours, clock).await;
    }
}

impl Drop for OwnFile {
    #[cfg(unix)]
    fn drop(&mut self) {
        remove(CWD, &self.path, fstat(&self.file).ok());
    }

    #[cfg(windows)]
    fn drop(&mut self) {
        if !is_gone(&self.path, &self.ours)
            && let Err(error) = std::fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "the file stays");
        }
    }
}

/// What a file is known by.
#[cfg(unix)]
type Known = Stat;
#[cfg(windows)]
type Known = Secret;

/// Comes when this file is not found any more at its place.
pub async fn until_gone(place: &Path, ours: &Known, clock: &SharedClock) {
    loop {
        clock.sleep(LOOK).await;
        let (place, ours) = (place.to_owned(), Known::clone(ours));
        // Aside: a disk that hangs keeps nobody from being served.
        let looked = tokio::task::spawn_blocking(move || is_gone(&place, &ours)).await;
        if looked.unwrap_or(false) {
            return;
        }
    }
}

/// Nobody finds it there any more. Where that cannot be seen, it may well be there.
#[cfg(unix)]
pub fn is_gone(place: &Path, ours: &Stat) -> bool {
    match lstat(place) {
        Ok(found) => !is_same(&found, ours),
        Err(error) => matches!(error, Errno::NOENT | Errno::NOTDIR),
    }
}

#[cfg(windows)]
fn is_gone(place: &Path, ours: &Secret) -> bool {
    match std::fs::read(place) {
        Ok(found) => found != ours.expose().as_bytes(),
        Err(error) => matches!(
            error.kind(),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
        ),
    }
}

/// Removes a file where it is this one.
#[cfg(unix)]
pub fn remove(folder: impl std::os::fd::AsFd, name: impl AsRef<Path>, ours: Option<Stat>) {
    let (folder, name) = (folder.as_fd(), name.as_ref());
    let found = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    let (Ok(found), Some(ours)) = (found, ours) else {
        return;
    };
    if is_same(&found, &ours)
        && let Err(error) = unlinkat(folder, name, AtFlags::empty())
    {
        tracing::debug!(%error, ?name, "the file stays");
    }
}

#[cfg(unix)]
pub fn is_same(one: &Stat, other: &Stat) -> bool {
    (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;
    use std::sync::Arc;

    use portray_core::clock::ManualClock;

    use super::*;

    type TakeAway = fn(&Path) -> io::Result<()>;

    const WAYS: [(&str, TakeAway); 3] = [
        ("deleted", |path| fs::remove_file(path)),
        ("another one", |path| {
            fs::remove_file(path)?;
            fs::write(path, "foreign")
        }),
        ("moved, and the same in its place", |path| {
            fs::rename(path, path.with_extension("aside"))?;
            fs::copy(path.with_extension("aside"), path).map(drop)
        }),
    ];

    fn created(path: &Path) -> io::Result<OwnFile> {
        OwnFile::create(path, &Secret::from("token"))
    }

    #[test]
    fn h4_a_launch_that_ends_removes_its_own_file_and_no_other() {
        for (what, take_away) in WAYS {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("token");
            drop(created(&path).unwrap());
            assert!(!path.exists(), "{what}");
            let first = created(&path).unwrap();
            take_away(&path).unwrap();
            let second = (!path.exists()).then(|| created(&path).unwrap());
            drop(first);
            assert!(path.exists(), "{what}");
            if second.is_some() {
                drop(second);
                assert!(!path.exists(), "{what}");
            }
        }
    }

    #[tokio::test]
    async fn h4_a_file_that_has_gone_or_was_replaced_is_noticed_within_seconds() {
        for (what, take_away) in WAYS {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("token");
            let file = created(&path).unwrap();
            assert!(!is_gone(&path, &file.ours), "{what}");
            take_away(&path).unwrap();
            let manual = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
            let clock: SharedClock = Arc::new(manual.clone());
            let passing = async {
                loop {
                    manual.advance(LOOK);
                    tokio::task::yield_now().await;
                }
            };
            let gone = async {
                tokio::select! {
                    () = file.until_gone(&clock) => {}
                    () = passing => {}
                }
            };
            let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
            gone.unwrap_or_else(|_| panic!("{what} is noticed"));
        }
    }
}
