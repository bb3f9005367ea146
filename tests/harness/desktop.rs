//! A desktop session of a test's own, without a display: X server, session bus, keyring, home and runtime folders.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Pid;
use tempfile::TempDir;

use crate::logs::Logs;
use crate::process::{Finished, Process};
use crate::programs::{Program, Programs};
use crate::reaper::{MARK, Reaper};

/// How long a part of the desktop may take to come up on a busy machine.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(20);

/// Programs that come with the system; the desktop's own folder of stand-ins comes before them.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

pub(crate) const KEYRING_PASSWORD: &[u8] = b"the password of a throw-away keyring";

/// What the desktop offers.
#[derive(Clone, Copy, Debug)]
pub struct DesktopOptions {
    /// Start an unlocked Secret Service (gnome-keyring).
    pub keyring: bool,
    /// Start an X server; without it `DISPLAY` is unset.
    pub display: bool,
    /// The size of the screen in pixels.
    pub screen: (u32, u32),
}

impl Default for DesktopOptions {
    fn default() -> Self {
        DesktopOptions {
            keyring: true,
            display: true,
            screen: (1280, 800),
        }
    }
}

impl DesktopOptions {
    /// Neither screen nor keyring.
    pub fn bare() -> Self {
        DesktopOptions {
            keyring: false,
            display: false,
            ..DesktopOptions::default()
        }
    }
}

/// A running session. Dropping it ends everything that was started in it and removes its folders.
pub struct Desktop {
    // Fields are dropped in this order: programs first, then what they stand on.
    _parts: Vec<Process>,
    bus: zbus::Connection,
    session: Arc<Session>,
}

/// What the parts of a desktop share: folders, environment, logs and the promise to leave nothing behind.
pub(crate) struct Session {
    reaper: Reaper,
    environment: Vec<(&'static str, String)>,
    pub(crate) logs: Logs,
    programs: Programs,
    folder: TempDir,
}

impl Desktop {
    /// A desktop with display and unlocked keyring.
    pub async fn start() -> Result<Desktop> {
        Desktop::start_with(DesktopOptions::default()).await
    }

    /// A computer without a display, with an unlocked keyring: where people have the command line only.
    pub async fn without_display() -> Result<Desktop> {
        Desktop::start_with(DesktopOptions {
            display: false,
            ..DesktopOptions::default()
        })
        .await
    }

    /// A desktop with what `options` say.
    pub async fn start_with(options: DesktopOptions) -> Result<Desktop> {
        let mut session = Session::new()?;
        let mut parts = Vec::new();
        if options.display {
            let (server, display) = start_display(&session, options.screen).await?;
            session.environment.push(("DISPLAY", display));
            parts.push(server);
        }
        let (daemon, address) = start_bus(&session).await?;
        session
            .environment
            .push(("DBUS_SESSION_BUS_ADDRESS", address.clone()));
        parts.push(daemon);
        let bus = connect(&address).await?;
        if options.keyring {
            parts.push(start_keyring(&session, &bus).await?);
        }
        Ok(Desktop {
            _parts: parts,
            bus,
            session: Arc::new(session),
        })
    }

    /// The folder of this session: `home`, `run`, `bin`, `logs` and `portray` (the `PORTRAY_HOME`) lie in it.
    pub fn folder(&self) -> &Path {
        self.session.folder.path()
    }

    /// The home folder of the person at this desktop.
    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    /// The `PORTRAY_HOME` of the programs started here.
    pub fn portray_home(&self) -> PathBuf {
        self.folder().join("portray")
    }

    /// A connection of the test's own to the session bus. Parts that own a bus name use one of their own.
    pub fn bus(&self) -> &zbus::Connection {
        &self.bus
    }

    /// What the programs wrote.
    pub fn logs(&self) -> &Logs {
        &self.session.logs
    }

    /// A command for a program of ours, with this session's environment and nothing of the test's own.
    pub fn command(&self, program: Program) -> Result<Command> {
        Ok(self.session.command(self.session.programs.path(program)?))
    }

    /// A command for a program of the system, with this session's environment.
    pub fn system_command(&self, program: &str) -> Command {
        self.session.command(program)
    }

    /// A command for Python with boto3, with this session's environment.
    pub fn python(&self) -> Result<Command> {
        Ok(self.session.command(self.session.programs.python()?))
    }

    /// Starts `command`; its output goes to the logs under `name`.
    pub fn start_process(&self, name: &str, command: Command) -> Result<Process> {
        self.session.start(name, command)
    }

    /// As [`Desktop::start_process`], with the standard input and standard error that `command` says.
    pub(crate) fn start_at_terminal(&self, name: &str, command: Command) -> Result<Process> {
        Process::start_at_terminal(name, command, &self.session.logs, &self.session.reaper)
    }

    /// Runs `command` to its end.
    pub async fn run(&self, name: &str, command: Command, within: Duration) -> Result<Finished> {
        self.start_process(name, command)?.finished(within).await
    }

    /// The numbers of the processes on this desktop, children of children included, whose name begins so.
    pub fn running(&self, name: &str) -> Vec<i32> {
        let all = self.session.running().into_iter();
        all.filter(|(_, other)| other.starts_with(name))
            .map(|(process, _)| process.as_raw_nonzero().get())
            .collect()
    }

    /// [`crate::wait_until`], whose failure ends with what the programs wrote.
    pub async fn wait_until<T, Answer>(
        &self,
        what: &str,
        within: Duration,
        condition: impl FnMut() -> Answer,
    ) -> Result<T>
    where
        Answer: Future<Output = Result<Option<T>>>,
    {
        self.session.logs.wait_until(what, within, condition).await
    }

    /// The address of the session bus.
    pub(crate) fn bus_address(&self) -> Result<&str> {
        let address = self
            .session
            .environment
            .iter()
            .find(|(name, _)| *name == "DBUS_SESSION_BUS_ADDRESS");
        Ok(&address.context("every desktop has a bus")?.1)
    }

    pub(crate) fn session(&self) -> Arc<Session> {
        Arc::clone(&self.session)
    }
}

impl Drop for Desktop {
    #[expect(clippy::print_stderr, reason = "a failed test shows what it printed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("What the programs wrote:\n{}", self.session.logs.tail());
        }
    }
}

impl Session {
    fn new() -> Result<Session> {
        // Directly below /tmp: the paths of sockets have room for 108 bytes.
        let folder = tempfile::Builder::new().prefix("portray-").tempdir_in("/tmp")?;
        let path = |name: &str| folder.path().join(name);
        for name in ["home", "run", "bin", "logs", "portray"] {
            fs::create_dir(path(name))?;
            fs::set_permissions(path(name), fs::Permissions::from_mode(0o700))?;
        }
        fs::create_dir_all(path("home/.config/fontconfig"))?;
        fs::write(
            path("home/.config/fontconfig/fonts.conf"),
            include_str!("fonts.conf"),
        )?;
        let text = |name: &str| path(name).to_string_lossy().into_owned();
        let environment = vec![
            (MARK, folder.path().to_string_lossy().into_owned()),
            ("PATH", format!("{}:{SYSTEM_PATH}", text("bin"))),
            ("HOME", text("home")),
            ("XDG_CONFIG_HOME", text("home/.config")),
            ("XDG_DATA_HOME", text("home/.local/share")),
            ("XDG_CACHE_HOME", text("home/.cache")),
            ("XDG_STATE_HOME", text("home/.local/state")),
            ("XDG_RUNTIME_DIR", text("run")),
            ("PORTRAY_HOME", text("portray")),
            ("XDG_SESSION_TYPE", "x11".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("GTK_USE_PORTAL", "0".to_owned()),
            ("LIBGL_ALWAYS_SOFTWARE", "1".to_owned()),
            ("RUST_BACKTRACE", "1".to_owned()),
        ];
        Ok(Session {
            reaper: Reaper::start(&folder.path().to_string_lossy())?,
            environment,
            logs: Logs::in_folder(&path("logs")),
            programs: Programs::beside_this_executable()?,
            folder,
        })
    }

    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.folder.path().join("home"));
        command
    }

    /// What runs now of what was started here, by whomever.
    pub(crate) fn running(&self) -> Vec<(Pid, String)> {
        self.reaper.running()
    }

    pub(crate) fn program(&self, program: Program) -> Result<PathBuf> {
        self.programs.path(program)
    }

    pub(crate) fn start(&self, name: &str, command: Command) -> Result<Process> {
        Process::start(name, command, &self.logs, &self.reaper)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// A new connection to the bus at `address`.
pub(crate) async fn connect(address: &str) -> Result<zbus::Connection> {
    Ok(zbus::connection::Builder::address(address)?.build().await?)
}

/// Waits until somebody owns `name` on the bus.
pub(crate) async fn wait_for_name(bus: &zbus::Connection, logs: &Logs, name: &'static str) -> Result<()> {
    let names = zbus::fdo::DBusProxy::new(bus).await?;
    let what = format!("{name} on the bus");
    logs.wait_until(&what, START_DEADLINE, async || {
        let owned = names.name_has_owner(name.try_into()?).await?;
        Ok(owned.then_some(()))
    })
    .await
}

async fn start_display(session: &Session, (width, height): (u32, u32)) -> Result<(Process, String)> {
    let mut command = session.command("Xvfb");
    // The number that the server chose comes on its standard output, when it is ready.
    command.args(["-displayfd", "1", "-nolisten", "tcp", "-noreset", "-screen", "0"]);
    command.arg(format!("{width}x{height}x24"));
    let server = session.start("xvfb", command)?;
    let number = server.first_line(START_DEADLINE).await?;
    Ok((server, format!(":{}", number.trim())))
}

async fn start_bus(session: &Session) -> Result<(Process, String)> {
    let configuration = session.path("bus.conf");
    fs::write(&configuration, include_str!("bus.conf"))?;
    let mut command = session.command("dbus-daemon");
    command
        .arg(format!("--config-file={}", configuration.display()))
        .args(["--nofork", "--print-address=1"]);
    let daemon = session.start("dbus-daemon", command)?;
    let address = daemon.first_line(START_DEADLINE).await?;
    if !address.starts_with("unix:") {
        bail!("dbus-daemon printed {address:?} instead of its address");
    }
    Ok((daemon, address))
}

pub(crate) async fn start_keyring(session: &Session, bus: &zbus::Connection) -> Result<Process> {
    let (reader, mut writer) = std::io::pipe()?;
    let mut command = session.command("gnome-keyring-daemon");
    command
        .args(["--foreground", "--unlock", "--components=secrets"])
        .stdin(Stdio::from(reader));
    let daemon = Process::start_with_input("gnome-keyring-daemon", command, &session.logs, &session.reaper)?;
    writer.write_all(KEYRING_PASSWORD)?;
    drop(writer);
    wait_for_name(bus, &session.logs, "org.freedesktop.secrets").await?;
    Ok(daemon)
}
