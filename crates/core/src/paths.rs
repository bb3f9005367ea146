//! Where our files, our socket and AWS's files are.

use std::path::{Path, PathBuf};

mod environment;

pub use environment::{Environment, EnvironmentError, SecretStore, is_loopback};

/// The socket's name in its folder.
const SOCKET: &str = "agent.sock";

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
