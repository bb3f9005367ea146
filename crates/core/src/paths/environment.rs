//! The environment that the process began with: every variable that we read, and nothing else.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use url::Url;

/// The environment as it was when the process began. Nothing else reads variables.
#[derive(Debug, Clone, Default, Hash)]
pub struct Environment {
    pub(super) variables: std::collections::BTreeMap<String, OsString>,
    #[cfg(unix)]
    pub(super) temporary: PathBuf,
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
    "BOTO_CONFIG",
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
    pub(super) fn portray_home(&self) -> Result<Option<PathBuf>, EnvironmentError> {
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
