//! Settings and portals, in a TOML file that people edit too: comments and unknown keys survive.

mod asking;
pub mod chains;
mod reading;

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};
use url::Url;

use crate::paths::short_hash;
use crate::private_files;
pub use asking::{Confirm, ConfirmSettings, KeepSettings, UnusedFor};
pub use chains::ChainSettings;

/// What `settings.toml` says, and the document it came from.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub portals: Vec<PortalSettings>,
    pub console: ConsoleSettings,
    pub profiles: ProfileSettings,
    /// Whether the AWS CLI gets the sign-ins of portals that do not say otherwise.
    pub share_aws_cli_login: bool,
    pub confirm: ConfirmSettings,
    pub keep: KeepSettings,
    pub chains: Vec<ChainSettings>,
    /// What stands in the file, but does not hold.
    pub faults: Vec<Fault>,
    /// Keys that this version does not know.
    pub unknown_keys: Vec<Fault>,
    /// What became of a damaged file when these settings were loaded.
    pub set_aside: Option<SetAside>,
    document: DocumentMut,
    /// Which tables of the document the portals are.
    places: Vec<usize>,
    /// The file as it was read or written.
    source: Vec<u8>,
}

/// A part of a file that is well-formed, and yet cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    pub about: About,
    pub what: String,
}

/// Which part of the settings something is said of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A `[[portal]]`, by what can be read of its names.
    Portal {
        name: Option<String>,
        start_url: Option<String>,
    },
    /// A `[[chain]]`; without a name where none can be read, and for all of them.
    Chain(Option<String>),
    Profiles,
    /// What nothing is asked for by a name of it.
    Other,
}

/// A damaged file that was moved out of the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub path: PathBuf,
    /// What is wrong with it, and in which line.
    pub reason: String,
}

/// An access portal as the settings name it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PortalSettings {
    /// Stable; written when the portal is added. Derived from the name where a person left it out.
    #[serde(default)]
    pub id: String,
    /// A person left it out.
    #[serde(skip)]
    pub id_is_derived: bool,
    pub name: String,
    pub start_url: String,
    pub region: String,
    #[serde(default)]
    pub endpoints: EndpointSettings,
    /// A command line with `{url}`; the desktop's browser by default.
    pub sign_in_browser: Option<String>,
    /// Whether the AWS CLI gets the sign-in too; what the file says for all portals where it is left out.
    pub share_aws_cli_login: Option<bool>,
    /// Where it stands in the file, counted from 1; 0 for one that was added since.
    #[serde(skip)]
    pub line: usize,
}

/// A portal's own endpoints: tests and demo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointSettings {
    pub sso: Option<Url>,
    pub sso_oidc: Option<Url>,
    pub sts: Option<Url>,
    pub signin: Option<Url>,
    pub portal: Option<Url>,
}

/// How console sessions are opened.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub struct ConsoleSettings {
    #[serde(default)]
    pub via: Via,
    /// A command line with `{url}`, `{account}`, `{permission_set}`; the desktop's browser by default.
    pub browser: Option<String>,
}

/// `via = "federation"` or `"portal"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    #[default]
    Federation,
    Portal,
}

/// What `portray profiles` writes into `~/.aws/config` where no option says otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ProfileSettings {
    /// How profiles are named, for instance `{account}-{permission_set}`.
    pub template: Option<String>,
    #[serde(default)]
    pub kind: ProfileKind,
    pub region: Option<String>,
    pub output: Option<String>,
    /// Patterns for `ACCOUNT/PERMISSION_SET`; none of them is all of them.
    #[serde(default)]
    pub only: Vec<String>,
}

/// How a tool that reads a profile comes to credentials.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileKind {
    /// It runs `portray credential-process`.
    #[default]
    #[serde(alias = "credential_process")]
    CredentialProcess,
    /// It signs in by itself, after `aws sso login`.
    #[serde(alias = "sso_session")]
    SsoSession,
}

/// Settings that cannot be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{path} cannot be read: {error}")]
    Unreadable { path: PathBuf, error: io::Error },
    #[error("{path} cannot be understood ({reason})")]
    Damaged { path: PathBuf, reason: String },
    #[error("{path} cannot be written: {error}")]
    Unwritable { path: PathBuf, error: io::Error },
    #[error(
        "{path} has [[guard]] rules, which this version cannot keep; it will not run as if they were not there"
    )]
    GuardsNotKept { path: PathBuf },
}

impl Settings {
    /// Reads the file; none is the default. A file that cannot be understood is set aside, never overwritten.
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, SettingsError> {
        match Self::read(path) {
            Ok(settings) => Ok(settings.unwrap_or_default()),
            Err(SettingsError::Damaged { reason, .. }) => {
                let aside = private_files::set_aside(path, now).map_err(unreadable(path))?;
                Ok(Self {
                    set_aside: Some(SetAside { path: aside, reason }),
                    ..Self::default()
                })
            }
            Err(error) => Err(error),
        }
    }

    /// What the bytes of the file say. What is wrong in a part of it takes nothing else away.
    pub fn parse(content: &[u8], path: &Path) -> Result<Self, SettingsError> {
        let reading = reading::read(content).map_err(|reason| SettingsError::Damaged {
            path: path.to_owned(),
            reason,
        })?;
        if reading.has_guards {
            return Err(SettingsError::GuardsNotKept {
                path: path.to_owned(),
            });
        }
        let (places, portals) = reading.portals.into_iter().unzip();
        Ok(Self {
            portals,
            console: reading.console,
            profiles: reading.profiles,
            share_aws_cli_login: reading.share_aws_cli_login,
            confirm: reading.confirm,
            keep: reading.keep,
            chains: reading.chains,
            faults: reading.faults,
            unknown_keys: reading.unknown_keys,
            set_aside: None,
            document: reading.document,
            places,
            source: content.to_owned(),
        })
    }

    /// Makes a change in the file as it is now, with all that a person put into it since it was read. A file that
    /// cannot be read or understood is left as it is. Where the file is gone, these settings are changed.
    pub fn change<T>(
        &self,
        path: &Path,
        change: impl FnOnce(&mut Self) -> T,
    ) -> Result<(Self, T), SettingsError> {
        let mut settings = Self::read(path)?.unwrap_or_else(|| self.clone());
        let before = settings.document.to_string();
        let changed = change(&mut settings);
        let after = settings.document.to_string();
        if after != before {
            settings.source = after.into_bytes();
            let written = private_files::replace(path, &settings.source);
            written.map_err(|error| SettingsError::Unwritable {
                path: path.to_owned(),
                error,
            })?;
        }
        Ok((settings, changed))
    }

    /// Whether a file with this content is what these settings were read from, or written to.
    pub fn is_from(&self, content: &[u8]) -> bool {
        self.source == content
    }

    /// What the file says now; `None` where there is none. A damaged one stays where it is.
    pub fn read(path: &Path) -> Result<Option<Self>, SettingsError> {
        let content = private_files::read(path).map_err(unreadable(path))?;
        content.map(|content| Self::parse(&content, path)).transpose()
    }

    pub fn portal(&self, id: &str) -> Option<&PortalSettings> {
        self.portals.iter().find(|portal| portal.id == id)
    }

    /// Whether the AWS CLI gets this portal's sign-in.
    pub fn shares_login(&self, portal: &PortalSettings) -> bool {
        portal.share_aws_cli_login.unwrap_or(self.share_aws_cli_login)
    }

    /// Adds a portal under a name that is still free, made from `name`.
    pub fn add_portal(&mut self, name: &str, start_url: &str, region: &str) -> &PortalSettings {
        let name = self.free_name(name);
        let id = self.free_id(&format!("{name}\n{start_url}\n{region}"));
        let mut table = Table::new();
        for (key, text) in [
            ("id", id.as_str()),
            ("name", &name),
            ("start_url", start_url),
            ("region", region),
        ] {
            table[key] = value(text);
        }
        self.tables().push(table);
        let place = self.tables().len() - 1;
        self.places.push(place);
        self.portals.push(PortalSettings {
            id,
            id_is_derived: false,
            name,
            start_url: start_url.to_owned(),
            region: region.to_owned(),
            endpoints: EndpointSettings::default(),
            sign_in_browser: None,
            share_aws_cli_login: None,
            line: 0,
        });
        self.portals.last().expect("one was pushed just now")
    }

    pub fn remove_portal(&mut self, id: &str) {
        let Some(index) = self.portals.iter().position(|portal| portal.id == id) else {
            return;
        };
        self.portals.remove(index);
        let place = self.places.remove(index);
        self.tables().remove(place);
        for later in self.places.iter_mut().filter(|later| **later > place) {
            *later -= 1;
        }
    }

    /// The portal of this name; names that differ only in case cannot be told apart everywhere.
    pub fn named(&self, name: &str) -> Option<&PortalSettings> {
        let name = name.to_lowercase();
        self.portals
            .iter()
            .find(|portal| portal.name.to_lowercase() == name)
    }

    fn tables(&mut self) -> &mut ArrayOfTables {
        let item = self
            .document
            .entry("portal")
            .or_insert_with(|| Item::ArrayOfTables(ArrayOfTables::new()));
        if let Some(inline) = item.as_array().cloned() {
            // `portal = [{…}]` says the same; only tables can be appended to.
            let tables = inline
                .into_iter()
                .filter_map(|value| value.as_inline_table().cloned());
            *item = Item::ArrayOfTables(tables.map(toml_edit::InlineTable::into_table).collect());
        }
        item.as_array_of_tables_mut()
            .expect("parsed as a list of tables, or made one just now")
    }

    fn free_name(&self, wanted: &str) -> String {
        let taken = |name: &str| self.named(name).is_some();
        let numbered = (2..).map(|number| format!("{wanted}-{number}"));
        std::iter::once(wanted.to_owned())
            .chain(numbered)
            .find(|name| !taken(name))
            .expect("numbers do not run out")
    }

    /// A portal that is removed and added again finds its old sign-in only if nothing else has taken its id.
    fn free_id(&self, text: &str) -> String {
        let taken = |id: &str| self.portals.iter().any(|portal| portal.id == id);
        (0..)
            .map(|round| short_hash(format!("{text}\n{round}").as_bytes()))
            .find(|id| !taken(id))
            .expect("numbers do not run out")
    }
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> SettingsError {
    |error| SettingsError::Unreadable {
        path: path.to_owned(),
        error,
    }
}

#[cfg(test)]
mod tests;
