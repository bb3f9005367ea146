//! The client's end of the agent's socket or pipe: opened only where it is ours, with a deadline for what it does.

#[cfg(unix)]
pub use unix::{Connection, open, open_launch, server, set_patience};
#[cfg(windows)]
pub use windows::{Connection, open, open_launch, server, set_patience};

#[cfg(unix)]
mod unix {
    use std::io;
    use std::os::unix::net::UnixStream;
    use std::path::Path;
    use std::time::Duration;

    use crate::agent::client::ClientError;
    use crate::paths::Paths;
    use crate::private_files::folder_fault;

    pub type Connection = UnixStream;

    /// A folder that others can enter could hold somebody else's socket, and give us somebody else's credentials. Waits
    /// as long as `patience` where too many wait already.
    pub fn open(paths: &Paths, patience: Duration) -> Result<Connection, ClientError> {
        let connection =
            connect(&paths.socket(), patience).map_err(|error| ClientError::not_opened(paths, error))?;
        match folder_fault(&paths.runtime) {
            None => Ok(connection),
            Some(fault) => Err(ClientError::Folder {
                path: paths.runtime.clone(),
                fault,
            }),
        }
    }

    /// What waits for a queue to become shorter is what has a deadline for writing.
    #[cfg(target_os = "linux")]
    fn connect(socket: &Path, patience: Duration) -> io::Result<Connection> {
        use rustix::net::sockopt::{Timeout, set_socket_timeout};
        use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
        let address = SocketAddrUnix::new(socket)?;
        let flags = SocketFlags::CLOEXEC;
        let connection = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
        set_socket_timeout(&connection, Timeout::Send, Some(patience))?;
        connect(&connection, &address)?;
        Ok(connection.into())
    }

    /// Elsewhere a full queue refuses.
    #[cfg(not(target_os = "linux"))]
    fn connect(socket: &Path, _patience: Duration) -> io::Result<Connection> {
        Connection::connect(socket)
    }

    /// The process at the other end.
    #[cfg(target_os = "linux")]
    pub fn server(connection: &Connection) -> Option<u32> {
        let peer = rustix::net::sockopt::socket_peercred(connection).ok()?;
        peer.pid.as_raw_nonzero().get().try_into().ok()
    }

    /// Other systems tell it in ways of their own; the lock of the agent has its number too.
    #[cfg(not(target_os = "linux"))]
    pub fn server(_connection: &Connection) -> Option<u32> {
        None
    }

    /// The socket of one launch, inside of the container that it was shown to.
    pub fn open_launch(socket: &Path) -> io::Result<Connection> {
        Connection::connect(socket)
    }

    /// Bounds every further read and write; `None` waits for ever.
    pub fn set_patience(connection: &mut Connection, patience: Option<Duration>) -> io::Result<()> {
        connection.set_read_timeout(patience)?;
        connection.set_write_timeout(patience)
    }
}

#[cfg(windows)]
mod windows {
    use std::io::{self, Read, Write};
    use std::path::Path;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient};
    use tokio::runtime::{Builder, Runtime};
    use tokio::time::timeout;

    use crate::agent::client::ClientError;
    use crate::agent::listener::pipe_name;
    use crate::agent::windows_rights;
    use crate::clock::{Clock, SystemClock};
    use crate::paths::Paths;

    /// All instances of the pipe have a client, and the agent has not made the next one yet.
    const PIPE_BUSY: i32 = 231;

    /// A pipe with a runtime of its own, because only so a read can have a deadline. Not to be used on a thread of
    /// another runtime that runs tasks.
    #[derive(Debug)]
    pub struct Connection {
        // Goes before the runtime that drives it.
        pipe: NamedPipeClient,
        runtime: Runtime,
        patience: Option<Duration>,
    }

    /// A pipe that somebody else has made could give us somebody else's credentials. Nothing is sent before its
    /// owner is known, and what serves it may learn who we are but not act for us.
    pub fn open(paths: &Paths, patience: Duration) -> Result<Connection, ClientError> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(ClientError::Broken)?;
        let waited = runtime.block_on(async { timeout(patience, instance(&pipe_name(paths))).await });
        let pipe = waited
            .map_err(|_| ClientError::Hung { pid: None })?
            .map_err(|error| ClientError::not_opened(paths, error))?;
        if !is_ours(&pipe).map_err(ClientError::Broken)? {
            return Err(ClientError::NotOurs);
        }
        Ok(Connection {
            pipe,
            runtime,
            patience: None,
        })
    }

    /// The process at the other end is not asked for.
    pub fn server(_connection: &Connection) -> Option<u32> {
        None
    }

    /// Containers of Linux run in a machine of their own there, which reaches no pipe.
    pub fn open_launch(_socket: &Path) -> io::Result<Connection> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Bounds every further read and write; `None` waits for ever.
    #[expect(clippy::unnecessary_wraps, reason = "a socket may refuse")]
    pub fn set_patience(connection: &mut Connection, patience: Option<Duration>) -> io::Result<()> {
        connection.patience = patience;
        Ok(())
    }

    /// Waits until the pipe has an instance without a client.
    async fn instance(name: &str) -> io::Result<NamedPipeClient> {
        let clock = SystemClock::new();
        loop {
            // Its default lets the other side identify us, and no more.
            match ClientOptions::new().open(name) {
                Err(error) if error.raw_os_error() == Some(PIPE_BUSY) => {
                    clock.sleep(Duration::from_millis(5)).await;
                }
                opened => return opened,
            }
        }
    }

    fn is_ours(pipe: &NamedPipeClient) -> io::Result<bool> {
        Ok(windows_rights::owner(pipe)? == windows_rights::user()?)
    }

    impl Connection {
        fn within<T>(
            runtime: &Runtime,
            patience: Option<Duration>,
            work: impl Future<Output = io::Result<T>>,
        ) -> io::Result<T> {
            runtime.block_on(async {
                match patience {
                    Some(patience) => timeout(patience, work).await?,
                    None => work.await,
                }
            })
        }
    }

    impl Read for Connection {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            Self::within(&self.runtime, self.patience, self.pipe.read(buffer))
        }
    }

    impl Write for Connection {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            Self::within(&self.runtime, self.patience, self.pipe.write(bytes))
        }

        fn flush(&mut self) -> io::Result<()> {
            Self::within(&self.runtime, self.patience, self.pipe.flush())
        }
    }
}
