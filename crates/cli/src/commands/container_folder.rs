//! The folder that a container is shown: a socket for one role, this program as its helper, and a configuration that
//! leads AWS's tools to both.
//!
//! `DIR` is its owner's alone, so nobody else on this machine comes near the socket. `DIR/mount` is what is mounted:
//! users of the container have other numbers, so what is in it is open to all who are let in.

#[cfg(unix)]
mod folder;

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

/// Prepares the folder and gives what serves it, which comes with why it ends. When that is dropped, the folder is empty
/// again.
#[cfg(unix)]
pub fn serve(
    invocation: &Invocation,
    path: &Path,
    prepared: &PreparedReply,
    launch: &Beginning,
    region: Option<&str>,
) -> Result<impl Future<Output = Failure> + Send + use<>, Failure> {
    let mut folder = folder::Folder::prepare(path, &configuration(region))?;
    let grant = super::endpoint::grant(invocation, prepared, launch);
    let socket = folder.bind(grant)?;
    Ok(async move {
        let clock = portray_core::clock::SystemClock::shared();
        tokio::select! {
            served = socket.serve() => match served {
                Ok(()) => folder.gone(),
                Err(error) => Failure::system("Serving containers", &error),
            },
            gone = folder.until_gone(&clock) => gone,
        }
    })
}

#[cfg(not(unix))]
pub fn serve(
    _invocation: &Invocation,
    _folder: &Path,
    _prepared: &PreparedReply,
    _launch: &Beginning,
    _region: Option<&str>,
) -> Result<std::future::Pending<Failure>, Failure> {
    Err(portray_core::app::contract::ProblemView::containers_elsewhere().into())
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
