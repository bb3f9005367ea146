//! Our own files: folders 0700, files 0600, replaced atomically, set aside when damaged.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use jiff::Timestamp;
use tempfile::NamedTempFile;

mod unfinished;

pub use unfinished::remove_leftovers;

/// How many links may lead from one to the next, as on Linux.
const MOST_LINKS: usize = 40;

/// Makes a folder (and its parents) that only we can enter, whatever the umask.
#[cfg(unix)]
pub fn make_folder(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    const OURS: u32 = 0o700;
    let make = || std::fs::DirBuilder::new().mode(OURS).create(path);
    let made = match (make(), path.parent()) {
        (Err(error), Some(parent)) if error.kind() == io::ErrorKind::NotFound => {
            make_folder(parent)?;
            make()
        }
        (made, _) => made,
    };
    match made {
        Ok(()) => std::fs::set_permissions(path, PermissionsExt::from_mode(OURS)),
        Err(_) if path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes a folder (and its parents); in a profile it is its user's.
#[cfg(windows)]
pub fn make_folder(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)
}

/// How files of ours are opened for writing: made for us alone, and never through a link that was put in their place.
pub fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        let no_link = rustix::fs::OFlags::NOFOLLOW.bits();
        options.mode(0o600).custom_flags(no_link.cast_signed());
    }
    options
}

/// Opens a file that is there to be locked, and makes it where there is none.
pub fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let lock = private(&mut options).open(path)?;
    close_to_others(&lock)?;
    Ok(lock)
}

/// A file that has just been opened is ours to read and write, and nobody else's, whatever the umask and whoever opened
/// it up.
pub fn close_to_others(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        const OURS: u32 = 0o600;
        if file.metadata()?.permissions().mode() & 0o777 != OURS {
            file.set_permissions(PermissionsExt::from_mode(OURS))?;
        }
    }
    #[cfg(windows)]
    let _ = file;
    Ok(())
}

/// Locks it for us alone, and waits no longer than `at_most` for whoever has it ([`io::ErrorKind::TimedOut`]).
pub fn lock_within(lock: File, at_most: Duration) -> io::Result<File> {
    match lock.try_lock() {
        Ok(()) => return Ok(lock),
        Err(TryLockError::Error(error)) => return Err(error),
        Err(TryLockError::WouldBlock) => {}
    }
    let (said, heard) = mpsc::channel();
    // Whoever has it may have been stopped: a lock has no deadline, and a thread that waits for it may be left. One
    // that is taken too late is let go at once.
    std::thread::spawn(move || said.send(lock.lock().map(|()| lock)));
    heard
        .recv_timeout(at_most)
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Whether a lock failed because the file system knows none.
pub fn has_no_locks(error: &io::Error) -> bool {
    #[cfg(unix)]
    if error.raw_os_error() == Some(rustix::io::Errno::NOLCK.raw_os_error()) {
        return true;
    }
    error.kind() == io::ErrorKind::Unsupported
}

/// Opens a log to write at its end. One that has grown beyond `largest` bytes is put aside as `NAME.old.log` first, in
/// the place of the one before it.
pub fn open_log(folder: &Path, name: &str, largest: u64) -> io::Result<File> {
    make_folder(folder)?;
    let path = folder.join(format!("{name}.log"));
    open_at_end(&path, &path.with_extension("old.log"), largest)
}

/// Opens a file to write at its end. One that has grown beyond `largest` bytes becomes `aside` first.
pub fn open_at_end(path: &Path, aside: &Path, largest: u64) -> io::Result<File> {
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file() && found.len() > largest) {
        std::fs::rename(path, aside)?;
    }
    let mut options = OpenOptions::new();
    let file = private(options.append(true).create(true)).open(path)?;
    close_to_others(&file)?;
    Ok(file)
}

/// Why a folder cannot hold what nobody else may reach.
#[derive(Debug, thiserror::Error)]
pub enum FolderFault {
    #[error("cannot be made or entered: {0}")]
    OutOfReach(io::Error),
    #[error("cannot be written to: {0}")]
    Unwritable(io::Error),
    #[error("is no folder, or only a link to one")]
    NoFolder,
    #[error("belongs to another user")]
    Foreign,
    #[error("can be entered by others")]
    Open,
}

/// What keeps a folder from being ours, and nobody else's. The link itself is looked at, not what it points to.
#[cfg(unix)]
pub fn folder_fault(path: &Path) -> Option<FolderFault> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::symlink_metadata(path) {
        Err(error) => Some(FolderFault::OutOfReach(error)),
        Ok(found) if !found.is_dir() => Some(FolderFault::NoFolder),
        Ok(found) if found.uid() != rustix::process::geteuid().as_raw() => Some(FolderFault::Foreign),
        Ok(found) if found.mode() & 0o077 != 0 => Some(FolderFault::Open),
        Ok(_) => None,
    }
}

/// Why nothing can be made in a folder: its mode, or a file system that is read-only.
#[cfg(unix)]
pub fn write_fault(path: &Path) -> Option<FolderFault> {
    use rustix::fs::{Access, access};
    let fault = access(path, Access::WRITE_OK | Access::EXEC_OK).err()?;
    Some(FolderFault::Unwritable(fault.into()))
}

/// Only trying tells there.
#[cfg(windows)]
pub fn write_fault(_path: &Path) -> Option<FolderFault> {
    None
}

/// On Windows a folder in a profile is its user's.
#[cfg(windows)]
pub fn folder_fault(path: &Path) -> Option<FolderFault> {
    (!path.is_dir()).then_some(FolderFault::NoFolder)
}

/// Replaces a file as a whole: readers see the old one or the new one, also after a crash. Where a link stands in its
/// place (as programs make that keep people's settings elsewhere), the link stays, and what it leads to is replaced or
/// made.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = &target(path)?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    make_folder(folder)?;
    put_in_place(unfinished::begin(folder, None)?, path, folder, content)
}

/// The same, for whoever alone may write that file: what was left of it by one that was killed is removed first.
pub fn replace_alone(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = &target(path)?;
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let name = name_of(path);
    make_folder(folder)?;
    unfinished::remove_leftovers_of(folder, &name);
    put_in_place(unfinished::begin(folder, Some(&name))?, path, folder, content)
}

/// Removes what was left of one file by processes that were killed while they wrote it. Only for whoever alone may write
/// it. A failure is logged, and holds up nothing.
pub fn remove_leftovers_of(path: &Path) {
    match target(path) {
        Ok(path) => {
            if let Some(folder) = path.parent() {
                unfinished::remove_leftovers_of(folder, &name_of(&path));
            }
        }
        Err(error) => tracing::warn!(%error, "whether a killed process left anything is not known"),
    }
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn put_in_place(file: NamedTempFile, path: &Path, folder: &Path, content: &[u8]) -> io::Result<()> {
    close_to_others(file.as_file())?;
    file.as_file().write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Makes a file that is not there yet, for us alone. What stands in its place, a link too, is left as it is.
pub fn create(path: &Path, content: &[u8]) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let mut file = private(options.write(true).create_new(true)).open(path)?;
    close_to_others(&file)?;
    file.write_all(content)?;
    Ok(file)
}

/// The same, and nobody sees it before it is whole.
pub fn create_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    let mut file = unfinished::begin(folder, None)?;
    close_to_others(file.as_file())?;
    file.write_all(content)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    Ok(())
}

/// The name of a file that never was tells nobody anything.
fn without_place(error: &io::Error) -> io::Error {
    error.kind().into()
}

/// A file's content; none where there is no file. Every other error is an error, never "empty".
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match std::fs::read(path) {
        Ok(content) => Ok(Some(content)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Moves a damaged file out of the way, to `NAME.bad-TIME`, so that nothing in it is lost. A link to it stays.
pub fn set_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let path = &target(path)?;
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".bad-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let aside = path.with_file_name(name);
    std::fs::rename(path, &aside)?;
    Ok(aside)
}

/// Where the file is that a path names, at the end of all links. There may be none.
pub fn target(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match std::fs::symlink_metadata(&path) {
            Ok(found) if found.is_symlink() => {
                let leads_to = std::fs::read_link(&path)?;
                path = path.parent().unwrap_or(Path::new("")).join(leads_to);
            }
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("its links lead to each other"))
}

/// What stands in a folder is on the disk from now on.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn x4_files_are_0600_and_folders_0700() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("a/b/settings.toml");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(read(&path).unwrap().unwrap(), b"two");
    }

    #[test]
    #[cfg(unix)]
    fn x4_whatever_is_made_is_its_users_to_read() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::Builder::new()
            .permissions(PermissionsExt::from_mode(0o700))
            .tempdir()
            .unwrap();
        std::fs::set_permissions(scratch.path(), PermissionsExt::from_mode(0o700)).unwrap();
        let state = scratch.path().join("home/state");
        let at = |name: &str| state.join(name);
        replace(&at("replaced"), b"").unwrap();
        create(&at("created"), b"").unwrap();
        create_whole(&at("whole"), b"").unwrap();
        open_lock(&at("lock")).unwrap();
        open_log(&state, "agent", 10).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        for file in ["replaced", "created", "whole", "lock", "agent.log"] {
            assert_eq!(mode(&at(file)), 0o600, "{file}");
        }
        for folder in [state.parent().unwrap(), &state] {
            assert_eq!(mode(folder), 0o700, "{}", folder.display());
        }
    }

    /// A process has one umask, so that the test before this one runs in others.
    #[test]
    #[cfg(unix)]
    fn x4_whatever_is_made_is_its_users_to_read_under_any_umask() {
        for umask in ["0777", "0377", "0000"] {
            let run = std::process::Command::new("sh")
                .args(["-c", "umask \"$1\"; exec \"$0\" --exact \"$2\""])
                .arg(std::env::current_exe().unwrap())
                .args([
                    umask,
                    "private_files::tests::x4_whatever_is_made_is_its_users_to_read",
                ])
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&run.stdout);
            assert!(
                run.status.success() && said.contains("1 passed"),
                "{umask}: {said}"
            );
        }
    }

    #[test]
    #[cfg(unix)]
    fn x4_a_log_is_written_through_no_link_and_closed_to_others() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let scratch = tempfile::tempdir().unwrap();
        let state = scratch.path().join("state");
        let log = state.join("portray.log");
        open_log(&state, "portray", 10)
            .unwrap()
            .write_all(b"one")
            .unwrap();
        let mode = || std::fs::metadata(&log).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&log, PermissionsExt::from_mode(0o644)).unwrap();
        open_log(&state, "portray", 10).unwrap();
        assert_eq!(mode(), 0o600);
        let victim = scratch.path().join("victim");
        std::fs::write(&victim, "untouched").unwrap();
        std::fs::remove_file(&log).unwrap();
        symlink(&victim, &log).unwrap();
        assert!(open_log(&state, "portray", 10).is_err());
        assert_eq!(std::fs::read(&victim).unwrap(), b"untouched");
    }

    #[test]
    fn a_large_log_is_put_aside() {
        let scratch = tempfile::tempdir().unwrap();
        let open = || open_log(scratch.path(), "agent", 3).unwrap();
        open().write_all(b"four").unwrap();
        assert_eq!(open().metadata().unwrap().len(), 0);
        assert_eq!(
            std::fs::read(scratch.path().join("agent.old.log")).unwrap(),
            b"four"
        );
        open().write_all(b"two").unwrap();
        assert_eq!(open().metadata().unwrap().len(), 3);
    }

    #[test]
    #[cfg(unix)]
    fn x4_a_link_stays_and_what_it_leads_to_is_replaced() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let scratch = tempfile::tempdir().unwrap();
        let (link, dotfiles) = (
            scratch.path().join("settings.toml"),
            scratch.path().join("dotfiles"),
        );
        std::fs::create_dir(&dotfiles).unwrap();
        let file = dotfiles.join("portray.toml");
        std::fs::write(&file, "old").unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
        symlink("portray.toml", dotfiles.join("current")).unwrap();
        symlink("dotfiles/current", &link).unwrap();
        let reads = |path: &Path| std::fs::read_to_string(path).unwrap();
        let links = || [&link, &dotfiles.join("current")].map(|path| path.is_symlink());

        replace(&link, b"new").unwrap();
        assert_eq!((reads(&file), links()), ("new".to_owned(), [true, true]));
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let aside = set_aside(&link, "2026-03-02T12:00:00Z".parse().unwrap()).unwrap();
        assert!(aside.ends_with("dotfiles/portray.toml.bad-20260302T120000Z"));
        assert_eq!((reads(&aside), links()), ("new".to_owned(), [true, true]));

        assert!(read(&link).unwrap().is_none(), "a link to nothing is no file");
        replace(&link, b"again").unwrap();
        assert_eq!((reads(&file), links()), ("again".to_owned(), [true, true]));
    }

    #[test]
    #[cfg(unix)]
    fn a_link_to_a_folder_that_is_not_there_yet_makes_it_and_a_circle_is_an_error() {
        use std::os::unix::fs::symlink;
        let scratch = tempfile::tempdir().unwrap();
        let link = scratch.path().join("settings.toml");
        symlink("dotfiles/portray/settings.toml", &link).unwrap();
        replace(&link, b"new").unwrap();
        let made = scratch.path().join("dotfiles/portray/settings.toml");
        assert_eq!(std::fs::read(made).unwrap(), b"new");

        let circle = scratch.path().join("circle");
        symlink("circle", &circle).unwrap();
        assert!(replace(&circle, b"new").is_err());
        assert!(circle.is_symlink());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_cannot_be_written_is_told_without_the_name_of_a_temporary_file() {
        // Nobody makes files there.
        let error = replace(Path::new("/proc/self/settings.toml"), b"x").unwrap_err();
        assert!(!error.to_string().contains(".portray-"), "{error}");
    }

    #[test]
    fn an_unreadable_file_is_not_an_empty_one() {
        let scratch = tempfile::tempdir().unwrap();
        assert!(read(&scratch.path().join("absent")).unwrap().is_none());
        assert!(read(scratch.path()).is_err(), "a folder cannot be read as a file");
    }

    #[test]
    fn r9_a_damaged_file_is_set_aside_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("listing.json");
        std::fs::write(&path, "{").unwrap();
        let aside = set_aside(&path, "2026-03-02T12:00:00Z".parse().unwrap()).unwrap();
        assert!(aside.ends_with("listing.json.bad-20260302T120000Z"));
        assert_eq!(std::fs::read(aside).unwrap(), b"{");
        assert!(!path.exists());
    }
}
