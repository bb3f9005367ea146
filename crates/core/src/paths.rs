//! Where our files, our socket and AWS's files are; every environment variable that we read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// The environment as it was when the process began. Nothing else reads variables.
#[derive(Debug, Clone, Default, Hash)]
pub struct Environment {
    variables: std::collections::BTreeMap<String, OsString>,
    #[cfg(unix)]
    temporary: PathBuf,
}

/// Every variable that Portray looks at. `AWS_ENDPOINT_URL*`, `AWS_PROFILE` and AWS keys are absent on purpose:
/// a desktop application started from a shell set up for something else must not send tokens there.
const READ: &[&str] = &[
    "PORTRAY_HOME",
    "PORTRAY_SECRET_STORE",
    "PORTRAY_PASSPHRASE_FILE",
    "PORTRAY_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "BROWSER",
    "HOME",
    "USERPROFILE",
    "USERNAME",
    "APPDATA",
    "LOCALAPPDATA",
    "PATH",
    "SHELL",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_STATE_HOME",
    "XDG_RUNTIME_DIR",
    "XDG_CURRENT_DESKTOP",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "SSH_CONNECTION",
    "SSH_CLIENT",
    "SSH_TTY",
    "WSL_DISTRO_NAME",
    "CI",
    "CODESPACES",
    "NO_COLOR",
    "RUST_LOG",
    "TAURI_WEBVIEW_AUTOMATION",
];

/// The socket's name in its folder.
const SOCKET: &str = "agent.sock";

/// Which store keeps the secrets (`PORTRAY_SECRET_STORE`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretStore {
    Keyring,
    Memory,
    /// A file that a passphrase encrypts.
    File,
}

/// An environment that cannot be used as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    #[error("PORTRAY_SECRET_STORE is “{0}”; it takes “keyring”, “memory” or “file”")]
    SecretStore(String),
    #[error("PORTRAY_ENDPOINT_URL is “{0}”; it takes an http or https URL on 127.0.0.1, ::1 or localhost")]
    Endpoint(String),
    #[error("PORTRAY_HOME is “{0}”; it takes an absolute path")]
    RelativeHome(String),
    #[error("neither PORTRAY_HOME nor a home directory is set; set HOME or PORTRAY_HOME")]
    NoHome,
}

impl Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        let variables = READ
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)));
        Self {
            variables: variables.collect(),
            #[cfg(unix)]
            temporary: std::env::temp_dir(),
        }
    }

    /// An environment made up for a test.
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
        Self {
            variables: variables.collect(),
            #[cfg(unix)]
            temporary: std::env::temp_dir(),
        }
    }

    /// A variable's text; unset, empty or not Unicode count as absent.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .and_then(|value| value.to_str())
            .filter(|value| !value.is_empty())
    }

    /// Whether a variable is set, if only to nothing.
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.contains_key(name)
    }

    /// A variable as an absolute path; a relative one counts as absent, as the XDG specification asks.
    pub fn path(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.variables.get(name)?);
        path.is_absolute().then_some(path)
    }

    /// The variables that name files by where this process works, and what they name: for a process that works elsewhere.
    pub fn relative_files(&self) -> Vec<(&'static str, PathBuf)> {
        const FILES: [&str; 6] = [
            "AWS_CA_BUNDLE",
            "AWS_CONFIG_FILE",
            "AWS_SHARED_CREDENTIALS_FILE",
            "PORTRAY_PASSPHRASE_FILE",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
        ];
        let relative = FILES.into_iter().filter_map(|name| {
            let path = Path::new(self.variables.get(name)?);
            // Tools take a tilde for the home folder.
            let is_relative = path.is_relative() && !path.starts_with("~");
            // Nothing is no path.
            let absolute = std::path::absolute(path).ok().filter(|_| is_relative)?;
            Some((name, absolute))
        });
        relative.collect()
    }

    pub fn home(&self) -> Option<PathBuf> {
        self.path(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
    }

    /// The one folder for everything; an empty one counts as absent. A relative one would name another folder for
    /// every program that is started elsewhere.
    fn portray_home(&self) -> Result<Option<PathBuf>, EnvironmentError> {
        const NAME: &str = "PORTRAY_HOME";
        match self.variables.get(NAME).filter(|home| !home.is_empty()) {
            None => Ok(None),
            Some(home) => self
                .path(NAME)
                .map(Some)
                .ok_or_else(|| EnvironmentError::RelativeHome(home.to_string_lossy().into_owned())),
        }
    }

    pub fn secret_store(&self) -> Result<SecretStore, EnvironmentError> {
        match self.text("PORTRAY_SECRET_STORE") {
            None | Some("keyring") => Ok(SecretStore::Keyring),
            Some("memory") => Ok(SecretStore::Memory),
            Some("file") => Ok(SecretStore::File),
            Some(other) => Err(EnvironmentError::SecretStore(other.to_owned())),
        }
    }

    /// The file that holds the passphrase of the encrypted sign-ins (`PORTRAY_PASSPHRASE_FILE`).
    pub fn passphrase_file(&self) -> Option<&Path> {
        let named = self.variables.get("PORTRAY_PASSPHRASE_FILE");
        named.filter(|path| !path.is_empty()).map(Path::new)
    }

    /// The base URL of an emulator. Refused unless it is on this machine.
    pub fn endpoint(&self) -> Result<Option<Url>, EnvironmentError> {
        let Some(text) = self.text("PORTRAY_ENDPOINT_URL") else {
            return Ok(None);
        };
        let url = Url::parse(text).ok().filter(is_loopback);
        url.map(Some)
            .ok_or_else(|| EnvironmentError::Endpoint(text.to_owned()))
    }
}

/// Whether a URL can only reach this machine.
pub fn is_loopback(url: &Url) -> bool {
    let local = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    local && matches!(url.scheme(), "http" | "https")
}

/// Where Portray keeps its things. All folders are 0700 and all files 0600.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// `settings.toml`.
    pub config: PathBuf,
    /// The listing; nothing secret.
    pub cache: PathBuf,
    /// Log, favourites, recents; sign-ins in an encrypted file, where that was asked for.
    pub state: PathBuf,
    /// The agent's socket and its lock.
    pub runtime: PathBuf,
    /// The service name under which the keyring keeps our entries.
    pub keyring_service: String,
}

impl Paths {
    pub fn of(environment: &Environment) -> Result<Self, EnvironmentError> {
        if let Some(home) = environment.portray_home()? {
            return Ok(Self::in_one_folder(&home));
        }
        let home = environment.home().ok_or(EnvironmentError::NoHome)?;
        let [config, cache, state] = platform_folders(environment, &home);
        let runtime = environment.path("XDG_RUNTIME_DIR").map_or_else(
            || fallback_runtime(environment, &state),
            |path| path.join("portray"),
        );
        Ok(Self {
            config,
            cache,
            state,
            runtime,
            keyring_service: "portray".to_owned(),
        })
    }

    fn in_one_folder(home: &Path) -> Self {
        Self {
            config: home.to_owned(),
            cache: home.join("cache"),
            state: home.join("state"),
            runtime: home.join("run"),
            keyring_service: format!("portray-{}", short_hash(home.as_os_str().as_encoded_bytes())),
        }
    }

    pub fn settings(&self) -> PathBuf {
        self.config.join("settings.toml")
    }

    /// The sign-ins, where they are kept in an encrypted file.
    pub fn sign_ins(&self) -> PathBuf {
        self.state.join("sign-ins.age")
    }

    /// The agent's socket; on Windows the name of its pipe is derived from this path.
    pub fn socket(&self) -> PathBuf {
        self.runtime.join(SOCKET)
    }

    /// Held by the one agent that uses the sign-ins, wherever its socket is.
    pub fn agent_lock_of_sign_ins(&self) -> PathBuf {
        self.state.join("agent.lock")
    }

    /// In which folder its socket is.
    pub fn agent_note(&self) -> PathBuf {
        self.state.join("agent-socket")
    }

    /// Held by the one agent of this folder.
    pub fn lock(&self) -> PathBuf {
        self.runtime.join("agent.lock")
    }
}

/// The files that AWS's tools share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsFiles {
    pub config: PathBuf,
    pub credentials: PathBuf,
}

impl AwsFiles {
    /// Where the variables say, else below the home folder. Tools take `~` for it, too.
    pub fn of(environment: &Environment) -> Result<Self, EnvironmentError> {
        let file = |variable: &str, usual: &str| {
            let named = environment
                .variables
                .get(variable)
                .filter(|path| !path.is_empty());
            let named = named.map(PathBuf::from);
            match named {
                Some(path) => match path.strip_prefix("~") {
                    Ok(below) => environment.home().map(|home| home.join(below)),
                    Err(_) => std::path::absolute(path).ok(),
                },
                None => environment.home().map(|home| home.join(".aws").join(usual)),
            }
            .ok_or(EnvironmentError::NoHome)
        };
        Ok(Self {
            config: file("AWS_CONFIG_FILE", "config")?,
            credentials: file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?,
        })
    }
}

/// The first 16 hexadecimal digits of a SHA-256.
pub fn short_hash(bytes: &[u8]) -> String {
    use sha2::Digest;
    sha2::Sha256::digest(bytes)
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(all(unix, not(target_os = "macos")))]
fn platform_folders(environment: &Environment, home: &Path) -> [PathBuf; 3] {
    let folder = |variable, default: &str| {
        environment
            .path(variable)
            .unwrap_or_else(|| home.join(default))
            .join("portray")
    };
    [
        folder("XDG_CONFIG_HOME", ".config"),
        folder("XDG_CACHE_HOME", ".cache"),
        folder("XDG_STATE_HOME", ".local/state"),
    ]
}

#[cfg(target_os = "macos")]
fn platform_folders(_environment: &Environment, home: &Path) -> [PathBuf; 3] {
    let support = home.join("Library/Application Support/Portray");
    [
        support.clone(),
        home.join("Library/Caches/Portray"),
        support.join("State"),
    ]
}

#[cfg(windows)]
fn platform_folders(environment: &Environment, home: &Path) -> [PathBuf; 3] {
    let roaming = environment
        .path("APPDATA")
        .unwrap_or_else(|| home.join("AppData").join("Roaming"));
    let local = environment
        .path("LOCALAPPDATA")
        .unwrap_or_else(|| home.join("AppData").join("Local"));
    [
        roaming.join("Portray"),
        local.join("Portray").join("Cache"),
        local.join("Portray").join("State"),
    ]
}

/// A folder of ours under the temporary folder where there is no XDG_RUNTIME_DIR; whoever makes it refuses one
/// that is not ours.
#[cfg(all(unix, not(target_os = "macos")))]
fn fallback_runtime(environment: &Environment, _state: &Path) -> PathBuf {
    temporary_runtime(environment)
}

/// Beside our other files: macOS empties the temporary folder of what was not used for three days, and not every
/// program of the user is told the same one. A socket's path has a short limit, which a long home may reach.
#[cfg(target_os = "macos")]
fn fallback_runtime(environment: &Environment, state: &Path) -> PathBuf {
    const LONGEST_SOCKET: usize = 103;
    let beside = state.with_file_name("Run");
    if beside.join(SOCKET).as_os_str().len() <= LONGEST_SOCKET {
        return beside;
    }
    temporary_runtime(environment)
}

#[cfg(unix)]
fn temporary_runtime(environment: &Environment) -> PathBuf {
    environment
        .temporary
        .join(format!("portray-{}", rustix::process::getuid().as_raw()))
}

#[cfg(windows)]
fn fallback_runtime(_environment: &Environment, state: &Path) -> PathBuf {
    state.join("Run")
}

#[cfg(test)]
mod tests;
