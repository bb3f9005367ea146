//! Where clients connect: a Unix socket that only its owner can reach, or a named pipe of the user's.

use std::sync::{Arc, OnceLock};

use crate::programs::{self, Program};

#[cfg(unix)]
pub use unix::{Listener, SocketFile, Stream};
#[cfg(windows)]
pub use windows::{Listener, Stream, pipe_name};

/// Who is at the other end of a connection. Looked at while that is open, so that no other process has the number.
#[derive(Debug, Clone)]
pub struct Caller {
    pub pid: Option<u32>,
    known: Arc<Known>,
}

/// What was looked up of a caller: once for each connection.
#[derive(Debug, Default)]
struct Known {
    itself: OnceLock<Option<Program>>,
    behind: OnceLock<Option<Program>>,
    /// One of them, with what started it.
    whole: OnceLock<Program>,
}

impl Caller {
    pub fn of(pid: Option<u32>) -> Self {
        Self {
            pid,
            known: Arc::default(),
        }
    }

    /// The program that has connected, without what started it.
    pub fn itself(&self) -> Option<Program> {
        let known = self.known.itself.get_or_init(|| programs::program(self.pid?));
        known.clone()
    }

    /// The program on whose behalf it has, without what started that.
    pub fn behind(&self) -> Option<Program> {
        let known = self.known.behind.get_or_init(|| programs::behind(self.pid?));
        known.clone()
    }

    /// A program with what started it: looked up once, however often it asks on this connection.
    pub fn with_what_started_it(&self, program: Program) -> Program {
        let look = || programs::with_what_started_it(program.clone());
        let whole = self.known.whole.get_or_init(look);
        match whole.pid == program.pid && whole.executable == program.executable {
            true => whole.clone(),
            false => programs::with_what_started_it(program),
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::io;
    use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
    use std::path::Path;

    use super::Caller;
    use crate::paths::Paths;
    use crate::private_files::make_folder;

    pub type Stream = tokio::net::UnixStream;

    /// A bound socket. Whoever makes one holds the agent's lock.
    #[derive(Debug)]
    pub struct Listener {
        socket: std::os::unix::net::UnixListener,
        file: SocketFile,
    }

    /// The file of a socket. While that is bound, no other file has its number.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct SocketFile {
        device: u64,
        number: u64,
    }

    impl SocketFile {
        /// The one that stands there now.
        pub fn at(path: &Path) -> io::Result<Self> {
            let found = fs::symlink_metadata(path)?;
            Ok(Self {
                device: found.dev(),
                number: found.ino(),
            })
        }
    }

    impl Listener {
        /// Binds in a folder that nobody else can enter and moves the finished socket to its place, so that it is
        /// 0600 from the moment it can be seen. What a dead agent left there is replaced; anything but a
        /// socket stays.
        pub fn bind(paths: &Paths) -> io::Result<Self> {
            let target = paths.socket();
            refuse_what_is_no_socket(&target)?;
            let nursery = paths.runtime.join(".new");
            remove_nursery(&nursery)?;
            make_folder(&nursery)?;
            let path = nursery.join("s");
            let socket = std::os::unix::net::UnixListener::bind(&path)?;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
            let file = SocketFile::at(&path)?;
            fs::rename(&path, &target)?;
            fs::remove_dir(&nursery)?;
            socket.set_nonblocking(true)?;
            Ok(Self { socket, file })
        }

        /// By which it is told from whatever else stands in its place later.
        pub fn file(&self) -> SocketFile {
            self.file
        }

        /// Needs a tokio runtime.
        pub fn into_async(self) -> io::Result<AsyncListener> {
            let listener = tokio::net::UnixListener::from_std(self.socket)?;
            Ok(AsyncListener { listener })
        }
    }

    /// The same socket on a runtime.
    #[derive(Debug)]
    pub struct AsyncListener {
        listener: tokio::net::UnixListener,
    }

    impl AsyncListener {
        /// The next connection of a process of ours. `Ok(None)`: of somebody else; it is closed unread.
        pub async fn accept(&self) -> io::Result<Option<(Stream, Caller)>> {
            let (stream, _) = self.listener.accept().await?;
            let peer = stream.peer_cred()?;
            if peer.uid() != rustix::process::geteuid().as_raw() {
                tracing::warn!(uid = peer.uid(), "refused a connection of another user");
                return Ok(None);
            }
            let pid = peer.pid().and_then(|pid| u32::try_from(pid).ok());
            Ok(Some((stream, Caller::of(pid))))
        }
    }

    fn refuse_what_is_no_socket(path: &Path) -> io::Result<()> {
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.file_type().is_socket() => Ok(()),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "something that is no socket stands in its place",
            )),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// An agent that died while it bound may have left its folder.
    fn remove_nursery(nursery: &Path) -> io::Result<()> {
        match fs::remove_dir_all(nursery) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

#[cfg(windows)]
mod windows {
    use std::io;

    use interprocess::os::windows::named_pipe::tokio::{DuplexPipeStream, PipeListener};
    use interprocess::os::windows::named_pipe::{PipeListenerOptions, pipe_mode};
    use interprocess::os::windows::security_descriptor::SecurityDescriptor;
    use widestring::U16CString;

    use super::Caller;
    use crate::agent::windows_rights;
    use crate::paths::{Paths, short_hash};

    pub type Stream = DuplexPipeStream<pipe_mode::Bytes>;

    /// The pipe of this home; the folder's path is the user's own.
    pub fn pipe_name(paths: &Paths) -> String {
        let hash = short_hash(paths.socket().as_os_str().as_encoded_bytes());
        format!(r"\\.\pipe\portray-{hash}")
    }

    /// The pipe. Whoever makes one holds the agent's lock.
    #[derive(Debug)]
    pub struct Listener {
        pipe: PipeListener<pipe_mode::Bytes, pipe_mode::Bytes>,
    }

    impl Listener {
        /// Makes the pipe's first instance, or fails where one exists. Needs a tokio runtime. Only programs of the
        /// same user may open it, from this machine only. The user owns it by name, because what an elevated
        /// process makes would belong to all administrators, and clients trust the owner.
        pub fn bind(paths: &Paths) -> io::Result<Self> {
            let user = windows_rights::user()?;
            let ours_alone = U16CString::from_str(format!("O:{user}D:P(A;;GA;;;{user})"));
            let ours_alone = SecurityDescriptor::deserialize(&ours_alone.map_err(io::Error::other)?)?;
            let pipe = PipeListenerOptions::new()
                .path(pipe_name(paths))
                .accept_remote(false)
                .security_descriptor(Some(ours_alone))
                .create_tokio_duplex::<pipe_mode::Bytes>()?;
            Ok(Self { pipe })
        }

        /// On Unix the socket still has to be handed to the runtime.
        #[expect(clippy::unnecessary_wraps, reason = "handing a socket over may fail")]
        pub fn into_async(self) -> io::Result<AsyncListener> {
            Ok(AsyncListener { pipe: self.pipe })
        }
    }

    #[derive(Debug)]
    pub struct AsyncListener {
        pipe: PipeListener<pipe_mode::Bytes, pipe_mode::Bytes>,
    }

    impl AsyncListener {
        /// The next connection; the pipe's security descriptor has kept everybody else away.
        pub async fn accept(&self) -> io::Result<Option<(Stream, Caller)>> {
            let stream = self.pipe.accept().await?;
            let pid = stream.client_process_id().ok();
            Ok(Some((stream, Caller::of(pid))))
        }
    }
}
