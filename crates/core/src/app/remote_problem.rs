//! The sentences about credentials that go elsewhere: into containers, and over SSH to other machines.

use std::fmt::Display;
use std::io;
use std::path::Path;

use crate::app::contract::{ProblemCode, ProblemView};
use crate::private_files::FolderFault;
use crate::stays::Over;

/// What is given to one launch.
impl ProblemView {
    /// What a launch was given ended with the stay of its person.
    pub fn launch_left(why: Over) -> Self {
        match why {
            Over::SignedOut => Self::new(
                ProblemCode::SignInNeeded,
                "You have signed out since this command was started, or changed its portal in settings.toml: it gets no credentials any more, whoever signs in.",
                "Sign in, then start it again.",
            ),
            Over::Lost => Self::new(
                ProblemCode::Revoked,
                "Whether you have signed out since this command was started is not known any more: it gets no credentials.",
                "Start it again.",
            ),
        }
    }

    /// The socket of a launch was asked for something else.
    pub fn one_role_only() -> Self {
        Self::new(
            ProblemCode::Denied,
            "This socket gives the credentials of one role, and nothing else.",
            "Ask Portray where it runs, outside of the container.",
        )
    }

    /// Inside of a container: nobody serves the socket that was put there.
    pub fn no_launch(socket: &Path, error: &io::Error) -> Self {
        Self::new(
            ProblemCode::NoAgent,
            format!("Nobody gives credentials at {}: {error}.", socket.display()),
            "Outside of the container, see that “portray serve TARGET --container-dir DIR” runs and that DIR/mount is mounted here.",
        )
    }
}

/// The token of an endpoint, in a file.
impl ProblemView {
    /// Whoever is to read it finds none, or one that opens another endpoint.
    pub fn token_file_gone(path: &Path) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "The file with the endpoint's token, {}, is gone, or something else stands in its place.",
                path.display()
            ),
            "Start “portray serve” again, with a file that nobody else removes or writes, and give programs what it prints then.",
        )
    }
}

/// The folder that a container is shown.
impl ProblemView {
    /// Another launch serves the same folder.
    pub fn container_folder_taken(folder: &Path) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "Another “portray” gives credentials in {} already.",
                folder.display()
            ),
            "End it, or name another folder: one serves one role.",
        )
    }

    /// What was served there is there no more.
    pub fn container_folder_gone(folder: &Path) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!(
                "What containers are given in {} is gone, or something else stands in its place.",
                folder.display()
            ),
            "Start it again, and let the containers mount the folder that is there then.",
        )
    }

    /// It is not its user's alone.
    pub fn container_folder_open(folder: &Path, fault: &FolderFault) -> Self {
        let folder = folder.display();
        Self::new(
            ProblemCode::WrongUse,
            format!("The folder {folder} {fault}."),
            "Name one that does not exist yet, or that is yours alone (chmod 700).",
        )
    }

    /// Its path has no place in the words that mount it.
    pub fn container_folder_unmountable(folder: &Path) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("{} cannot be mounted into a container.", folder.display()),
            "Name a folder whose path has no “:”, no “,” and only Unicode characters: Docker takes these two for its own.",
        )
    }

    /// Something in it could not be made.
    pub fn container_folder_unmade(folder: &Path, error: &io::Error) -> Self {
        let is_too_long = matches!(
            error.kind(),
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename
        );
        let what_to_do = match is_too_long {
            true => "Name a folder with a shorter path: a socket's has about 100 bytes at most.",
            false => "Name a folder of your own that can be written to.",
        };
        Self::new(
            ProblemCode::WrongUse,
            format!(
                "{} cannot be prepared for a container: {error}.",
                folder.display()
            ),
            what_to_do,
        )
    }

    /// Containers are another machine's where the system is no Linux.
    pub fn containers_elsewhere() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "On this system containers run in a machine of their own, which reaches no socket of ours.",
            "Give them variables: portray exec TARGET --env -- docker run -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY -e AWS_SESSION_TOKEN …",
        )
    }
}

/// SSH.
impl ProblemView {
    /// What stands after the two dashes does not name a host.
    pub fn no_ssh_host() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "No host is named.",
            "Write it as for ssh, after two dashes: portray ssh TARGET -- [OPTIONS] HOST [COMMAND]",
        )
    }

    /// An option of ssh that makes something else of the connection.
    pub fn ssh_option(option: &str) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("ssh's {option} does not go together with “portray ssh”."),
            "Leave it out, or forward a port by yourself: portray serve TARGET --authority 127.0.0.1:PORT",
        )
    }

    /// The system's ssh is not there, or cannot be run.
    pub fn ssh_not_started(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Self::new(
                ProblemCode::WrongUse,
                "There is no ssh on this machine, or not where PATH leads.",
                "Install OpenSSH's client (Debian, Ubuntu: openssh-client); “portray ssh” works through it.",
            );
        }
        Self::new(
            ProblemCode::WrongUse,
            format!("The ssh of this machine could not be started: {error}."),
            "See that “ssh -V” works; “portray ssh” works through it.",
        )
    }

    /// ssh has said itself, on the terminal, why.
    pub fn ssh_not_connected(host: &str) -> Self {
        Self::new(
            ProblemCode::Unreachable,
            format!("ssh did not connect to {host}, or no POSIX shell answered there."),
            "See what it says above; “ssh HOST” by itself has to work first.",
        )
    }

    /// The server forwards no ports.
    pub fn ssh_not_forwarded(host: &str) -> Self {
        Self::new(
            ProblemCode::Denied,
            format!("{host} does not lead a port of its own to this machine."),
            "Its administrator allows that in sshd_config (AllowTcpForwarding, PermitListen); without it: portray exec TARGET --env.",
        )
    }

    /// The port on the other machine can be reached by others (`GatewayPorts yes`), or nothing there tells.
    pub fn ssh_port_is_open(host: &str, is_known: bool) -> Self {
        let what_happened = match is_known {
            true => format!("{host} opens forwarded ports to its network (GatewayPorts), so none is used."),
            false => format!(
                "{host} does not tell whether forwarded ports are open to its network, so none is used."
            ),
        };
        Self::new(
            ProblemCode::Denied,
            what_happened,
            "Its administrator closes them in sshd_config: GatewayPorts no, or clientspecified.",
        )
    }

    /// The other machine has no place for the variables.
    pub fn ssh_not_prepared(host: &str) -> Self {
        Self::new(
            ProblemCode::Failed,
            format!("{host} has no room for a file of yours alone, neither in XDG_RUNTIME_DIR nor in /tmp."),
            "See what it says above.",
        )
    }

    /// `--authority` is something else than a port of the loopback interface.
    pub fn no_authority(given: &dyn Display) -> Self {
        Self::new(
            ProblemCode::WrongUse,
            format!("“{given}” is no port of the loopback interface."),
            "AWS's tools take 127.0.0.1:PORT, localhost:PORT and [::1]:PORT, as they stand on the machine that asks.",
        )
    }

    /// Windows' ssh shares no connection.
    pub fn no_ssh_here() -> Self {
        Self::new(
            ProblemCode::WrongUse,
            "The ssh of Windows cannot share a connection, which “portray ssh” needs.",
            "Use it in WSL, or forward a port by yourself: portray serve TARGET --authority 127.0.0.1:PORT",
        )
    }
}
