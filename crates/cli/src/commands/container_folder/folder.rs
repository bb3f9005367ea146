//! The folder on the disk: made, held, looked after, and emptied of what is ours.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use portray_core::agent::Grant;
use portray_core::agent::role_socket::RoleSocket;
use portray_core::app::contract::ProblemView;
use portray_core::clock::{SharedClock, SystemClock};
use portray_core::private_files::{self, folder_fault};
use rustix::fs::{AtFlags, Stat, fstat, lstat, statat};
use rustix::io::Errno;

use super::{CONFIG, HELPER, SOCKET, mount_of};
use crate::commands::own_files::{is_same, remove, until_gone};
use crate::failure::Failure;

/// How often a lock is taken that its last holder was just removing.
const TRIES: usize = 10;

const LOCK: &str = "lock";

/// A folder that is ready. The files in it go with this value; the folders stay, because a container that has them
/// mounted finds the next launch there. What is ours is known by its number, wherever somebody moves it: it is held open,
/// so that nothing else has that number.
pub struct Folder {
    path: PathBuf,
    mount: PathBuf,
    inside: File,
    mounted: File,
    files: Vec<(&'static str, File)>,
    socket: Option<Stat>,
    /// Held for as long as the folder is ours.
    lock: File,
}

impl Folder {
    pub fn prepare(path: &Path, configuration: &str) -> Result<Self, Failure> {
        let unmade = |error: io::Error| ProblemView::container_folder_unmade(path, &error);
        let path = &std::path::absolute(path).map_err(unmade)?;
        private_files::make_folder(path).map_err(unmade)?;
        if let Some(fault) = folder_fault(path) {
            return Err(ProblemView::container_folder_open(path, &fault).into());
        }
        let lock = locked(path)?;
        let mount = mount_of(path);
        private_files::make_folder(&mount).map_err(unmade)?;
        let mut folder = Self {
            inside: File::open(path).map_err(unmade)?,
            mounted: File::open(&mount).map_err(unmade)?,
            files: Vec::new(),
            socket: None,
            mount,
            path: path.clone(),
            lock,
        };
        folder.fill(configuration).map_err(unmade)?;
        Ok(folder)
    }

    pub fn bind(&mut self, grant: Grant) -> Result<RoleSocket, Failure> {
        let bound = RoleSocket::bind(&self.mount.join(SOCKET), grant, SystemClock::shared());
        let bound = bound.map_err(|error| ProblemView::container_folder_unmade(&self.path, &error))?;
        let there = statat(&self.mounted, SOCKET, AtFlags::SYMLINK_NOFOLLOW);
        let unmade = |error: Errno| ProblemView::container_folder_unmade(&self.path, &error.into());
        self.socket = Some(there.map_err(unmade)?);
        Ok(bound)
    }

    /// Comes when the socket is not found any more where containers are to find it.
    pub async fn until_gone(&self, clock: &SharedClock) -> Failure {
        let Some(bound) = self.socket else {
            return std::future::pending().await;
        };
        until_gone(&self.mount.join(SOCKET), &bound, clock).await;
        self.gone()
    }

    pub fn gone(&self) -> Failure {
        ProblemView::container_folder_gone(&self.path).into()
    }

    fn fill(&mut self, configuration: &str) -> io::Result<()> {
        fs::set_permissions(&self.mount, Permissions::from_mode(0o755))?;
        // A copy, and no link: a container with rights to write would change the program that is installed here.
        self.place(HELPER, 0o755, |to| {
            fs::copy(std::env::current_exe()?, to).map(drop)
        })?;
        self.place(CONFIG, 0o644, |to| fs::write(to, configuration))
    }

    /// Puts a finished file there, in the place of what a dead launch has left.
    fn place(
        &mut self,
        name: &'static str,
        mode: u32,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let begun = self.path.join(name);
        let _ = fs::remove_file(&begun);
        write(&begun)?;
        fs::set_permissions(&begun, Permissions::from_mode(mode))?;
        let file = File::open(&begun)?;
        fs::rename(begun, self.mount.join(name))?;
        self.files.push((name, file));
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        for (name, file) in &self.files {
            remove(&self.mounted, name, fstat(file).ok());
        }
        // It has gone with its listener, unless somebody has moved the folder.
        remove(&self.mounted, SOCKET, self.socket);
        remove(&self.inside, LOCK, fstat(&self.lock).ok());
    }
}

fn lock_of(folder: &Path) -> PathBuf {
    folder.join(LOCK)
}

fn locked(folder: &Path) -> Result<File, Failure> {
    let unmade = |error: io::Error| ProblemView::container_folder_unmade(folder, &error);
    let path = lock_of(folder);
    for _ in 0..TRIES {
        let lock = private_files::open_lock(&path).map_err(unmade)?;
        match lock.try_lock() {
            // Whoever had it may have removed it after it was opened here.
            Ok(()) if stands(&lock, &path) => return Ok(lock),
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => {
                return Err(ProblemView::container_folder_taken(folder).into());
            }
            Err(fs::TryLockError::Error(error)) => return Err(unmade(error).into()),
        }
    }
    Err(ProblemView::container_folder_taken(folder).into())
}

fn stands(file: &File, path: &Path) -> bool {
    let (Ok(ours), Ok(there)) = (fstat(file), lstat(path)) else {
        return false;
    };
    is_same(&ours, &there)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use portray_core::agent::protocol::{Asker, Target};
    use portray_core::app::contract::ProblemCode;
    use portray_core::clock::ManualClock;
    use portray_core::paths::{Environment, Paths};

    use super::*;
    use crate::commands::own_files::{LOOK, is_gone};

    fn prepared(path: &Path) -> Folder {
        Folder::prepare(path, "[default]\n").unwrap()
    }

    fn grant(home: &Path) -> Grant {
        let home = home.to_str().unwrap();
        let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", home)])).unwrap();
        let target = Target::Words {
            words: "111122223333/ReadOnly".to_owned(),
        };
        Grant::new(paths, target, Asker::default())
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn x4_the_folder_is_ours_alone_and_what_is_mounted_is_open_to_the_container() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("container");
        let folder = prepared(&path);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        let mount = path.join("mount");
        for (name, expected) in [("", 0o755), (HELPER, 0o755), (CONFIG, 0o644)] {
            assert_eq!(mode(&mount.join(name)), expected, "{name}");
        }
        let taken = Folder::prepare(&path, "").err().unwrap();
        assert_eq!(taken.problem, ProblemView::container_folder_taken(&path));
        drop(folder);
        assert_eq!((names(&mount), names(&path)), (vec![], vec!["mount".to_owned()]));
        assert!(
            Folder::prepare(&path, "").is_ok(),
            "a container that has it mounted finds the next one"
        );
    }

    #[test]
    fn x4_a_folder_that_others_can_enter_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        fs::set_permissions(scratch.path(), Permissions::from_mode(0o755)).unwrap();
        let refused = Folder::prepare(scratch.path(), "").err().unwrap();
        assert_eq!(refused.problem.code, ProblemCode::WrongUse);
        assert!(fs::read_dir(scratch.path()).unwrap().next().is_none());
    }

    #[tokio::test]
    async fn a_launch_that_ends_removes_nothing_of_another_one() {
        type TakeAway = fn(&Path, &Path);
        let ways: [TakeAway; 3] = [
            |path, aside| fs::rename(path, aside).unwrap(),
            |path, _| fs::remove_dir_all(path).unwrap(),
            // Only what kept the folder for the first one.
            |path, _| fs::remove_file(path.join(LOCK)).unwrap(),
        ];
        for take_away in ways {
            let scratch = tempfile::tempdir().unwrap();
            let (path, aside) = (scratch.path().join("served"), scratch.path().join("aside"));
            let mut first = prepared(&path);
            let first_socket = first.bind(grant(scratch.path())).unwrap();
            take_away(&path, &aside);
            let mut second = prepared(&path);
            let second_socket = second.bind(grant(scratch.path())).unwrap();
            drop(first_socket);
            drop(first);
            let served = [CONFIG, SOCKET, HELPER];
            assert_eq!(names(&path.join("mount")), served);
            assert!(lock_of(&path).exists());
            assert!(std::os::unix::net::UnixStream::connect(path.join("mount").join(SOCKET)).is_ok());
            if aside.exists() {
                assert_eq!(
                    (names(&aside), names(&aside.join("mount"))),
                    (vec!["mount".to_owned()], vec![])
                );
            }
            drop(second_socket);
            drop(second);
            assert_eq!(
                (names(&path), names(&path.join("mount"))),
                (vec!["mount".to_owned()], vec![])
            );
        }
    }

    #[tokio::test]
    async fn a_folder_that_has_gone_or_was_replaced_is_noticed_within_seconds() {
        type TakeAway = fn(&Path);
        let ways: [(&str, TakeAway); 4] = [
            ("moved", |path| {
                fs::rename(path, path.with_extension("aside")).unwrap();
            }),
            ("deleted", |path| fs::remove_dir_all(path).unwrap()),
            ("another one", |path| {
                fs::rename(path.join("mount"), path.join("aside")).unwrap();
                fs::create_dir(path.join("mount")).unwrap();
                fs::write(path.join("mount").join(SOCKET), "").unwrap();
            }),
            ("a file above", |path| {
                fs::rename(path, path.with_extension("aside")).unwrap();
                fs::write(path, "").unwrap();
            }),
        ];
        for (what, take_away) in ways {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("served");
            let mut folder = prepared(&path);
            let _socket = folder.bind(grant(scratch.path())).unwrap();
            let manual = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
            let clock: SharedClock = std::sync::Arc::new(manual.clone());
            let place = path.join("mount").join(SOCKET);
            assert!(!is_gone(&place, &folder.socket.unwrap()), "{what}");
            take_away(&path);
            let gone = async {
                let passing = async {
                    loop {
                        manual.advance(LOOK);
                        tokio::task::yield_now().await;
                    }
                };
                tokio::select! {
                    gone = folder.until_gone(&clock) => gone,
                    () = passing => unreachable!("time does not end"),
                }
            };
            let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
            let gone = gone.unwrap_or_else(|_| panic!("{what} is noticed"));
            assert_eq!(gone.problem, ProblemView::container_folder_gone(&path), "{what}");
        }
    }
}
