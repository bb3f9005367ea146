//! The folder that a container is shown: a socket for one role, this program as its helper, and a configuration that
//! leads AWS's tools to both.
//!
//! `DIR` is its owner's alone, so nobody else on this machine comes near the socket. `DIR/mount` is what is mounted:
//! users of the container have other numbers, so what is in it is open to all who are let in.

use std::path::{Path, PathBuf};

use portray_core::agent::protocol::PreparedReply;
use portray_core::identity_center::portal::is_region;

use super::Invocation;
use super::launch::Beginning;
use crate::failure::Failure;

/// Where the folder is in the container.
pub const IN_CONTAINER: &str = "/run/portray";

/// The names in it.
pub const SOCKET: &str = "credentials.sock";
#[cfg(any(unix, test))]
const HELPER: &str = "portray";
pub const CONFIG: &str = "config";

/// What is mounted.
pub fn mount_of(folder: &Path) -> PathBuf {
    folder.join("mount")
}

/// The configuration's path inside of the container.
pub fn config_in_container() -> String {
    format!("{IN_CONTAINER}/{CONFIG}")
}

/// What AWS's tools read in the container.
#[cfg(any(unix, test))]
fn configuration(region: Option<&str>) -> String {
    let region = region.map(|region| format!("region = {region}\n"));
    format!(
        "[default]\n{}credential_process = {IN_CONTAINER}/{HELPER} credential-process --socket {IN_CONTAINER}/{SOCKET}\n",
        region.unwrap_or_default()
    )
}

/// The region that such a configuration names.
pub fn region_in(configuration: &str) -> Option<&str> {
    let region = configuration
        .lines()
        .find_map(|line| line.strip_prefix("region = "));
    region.filter(|region| is_region(region))
}

/// Prepares the folder and gives what serves it. When that is dropped, the folder is empty again.
#[cfg(unix)]
pub fn serve(
    invocation: &Invocation,
    folder: &Path,
    prepared: &PreparedReply,
    launch: &Beginning,
    region: Option<&str>,
) -> Result<impl Future<Output = std::io::Result<()>> + Send + use<>, Failure> {
    let folder = unix::Folder::prepare(folder, &configuration(region))?;
    let grant = super::endpoint::grant(invocation, prepared, launch);
    let socket = folder.bind(grant)?;
    Ok(async move {
        let served = socket.serve().await;
        drop(folder);
        served
    })
}

#[cfg(not(unix))]
pub fn serve(
    _invocation: &Invocation,
    _folder: &Path,
    _prepared: &PreparedReply,
    _launch: &Beginning,
    _region: Option<&str>,
) -> Result<std::future::Pending<std::io::Result<()>>, Failure> {
    Err(portray_core::app::contract::ProblemView::containers_elsewhere().into())
}

#[cfg(unix)]
mod unix {
    use std::fs::{self, File, Permissions};
    use std::io;
    use std::os::unix::fs::PermissionsExt;
    use std::path::{Path, PathBuf};

    use portray_core::agent::Grant;
    use portray_core::agent::role_socket::RoleSocket;
    use portray_core::app::contract::ProblemView;
    use portray_core::clock::SystemClock;
    use portray_core::private_files::{self, folder_fault};

    use super::{CONFIG, HELPER, SOCKET, mount_of};
    use crate::failure::Failure;

    /// A folder that is ready. The files in it go with this value; the folders stay, because a container that has them
    /// mounted finds the next launch there.
    pub struct Folder {
        mount: PathBuf,
        path: PathBuf,
        /// Held for as long as the folder is ours.
        _lock: File,
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
            let folder = Self {
                mount,
                path: path.clone(),
                _lock: lock,
            };
            folder.fill(configuration).map_err(unmade)?;
            Ok(folder)
        }

        pub fn bind(&self, grant: Grant) -> Result<RoleSocket, Failure> {
            let bound = RoleSocket::bind(&self.mount.join(SOCKET), grant, SystemClock::shared());
            Ok(bound.map_err(|error| ProblemView::container_folder_unmade(&self.path, &error))?)
        }

        fn fill(&self, configuration: &str) -> io::Result<()> {
            fs::set_permissions(&self.mount, Permissions::from_mode(0o755))?;
            // A copy, and no link: a container with rights to write would change the program that is installed here.
            self.place(HELPER, 0o755, |to| {
                fs::copy(std::env::current_exe()?, to).map(drop)
            })?;
            self.place(CONFIG, 0o644, |to| fs::write(to, configuration))
        }

        /// Puts a finished file there, in the place of what a dead launch has left.
        fn place(
            &self,
            name: &str,
            mode: u32,
            write: impl FnOnce(&Path) -> io::Result<()>,
        ) -> io::Result<()> {
            let begun = self.path.join(name);
            let _ = fs::remove_file(&begun);
            write(&begun)?;
            fs::set_permissions(&begun, Permissions::from_mode(mode))?;
            fs::rename(begun, self.mount.join(name))
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            for name in [HELPER, CONFIG, SOCKET] {
                let _ = fs::remove_file(self.mount.join(name));
            }
            let _ = fs::remove_file(lock_of(&self.path));
        }
    }

    fn lock_of(folder: &Path) -> PathBuf {
        folder.join("lock")
    }

    fn locked(folder: &Path) -> Result<File, Failure> {
        let unmade = |error: io::Error| ProblemView::container_folder_unmade(folder, &error);
        let lock = private_files::open_lock(&lock_of(folder)).map_err(unmade)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(fs::TryLockError::WouldBlock) => Err(ProblemView::container_folder_taken(folder).into()),
            Err(fs::TryLockError::Error(error)) => Err(unmade(error).into()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use portray_core::app::contract::ProblemCode;

        #[test]
        fn x4_the_folder_is_ours_alone_and_what_is_mounted_is_open_to_the_container() {
            let scratch = tempfile::tempdir().unwrap();
            let path = scratch.path().join("container");
            let folder = Folder::prepare(&path, "[default]\n").unwrap();
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&path), 0o700);
            let mount = path.join("mount");
            for (name, expected) in [("", 0o755), (HELPER, 0o755), (CONFIG, 0o644)] {
                assert_eq!(mode(&mount.join(name)), expected, "{name}");
            }
            let taken = Folder::prepare(&path, "").err().unwrap();
            assert_eq!(taken.problem, ProblemView::container_folder_taken(&path));
            drop(folder);
            let left: Vec<_> = fs::read_dir(&mount).unwrap().collect();
            assert!(left.is_empty() && !lock_of(&path).exists(), "{left:?}");
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_leads_to_helper_and_socket_as_the_container_sees_them() {
        let expected = "[default]\nregion = eu-west-1\ncredential_process = /run/portray/portray credential-process \
                        --socket /run/portray/credentials.sock\n";
        assert_eq!(configuration(Some("eu-west-1")), expected);
        assert!(!configuration(None).contains("region"));
        assert_eq!(region_in(&configuration(Some("eu-west-1"))), Some("eu-west-1"));
        assert_eq!(region_in(&configuration(None)), None);
    }
}
