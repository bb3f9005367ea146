//! Settings and portals, in a TOML file that people edit too: comments and unknown keys survive.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, TomlError, value};
use url::Url;

use crate::paths::short_hash;
use crate::private_files;

/// What `settings.toml` says, and the document it came from.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    pub portals: Vec<PortalSettings>,
    pub console: ConsoleSettings,
    /// Keys that this version does not know, as a person would name them (`portal[0].colour`).
    pub unknown_keys: Vec<String>,
    /// Where a damaged file was moved to when these settings were loaded.
    pub set_aside: Option<PathBuf>,
    document: DocumentMut,
    /// The file as it was read or written.
    source: Vec<u8>,
}

/// An access portal as the settings name it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PortalSettings {
    /// Stable; written when the portal is added. Derived from the name where a person left it out.
    #[serde(default)]
    pub id: String,
    pub name: String,
    pub start_url: String,
    pub region: String,
    #[serde(default)]
    pub endpoints: EndpointSettings,
    /// A command line with `{url}`; the desktop's browser by default.
    pub sign_in_browser: Option<String>,
    #[serde(flatten)]
    unknown: BTreeMap<String, serde::de::IgnoredAny>,
}

/// A portal's own endpoints: tests and demo.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
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
    #[serde(flatten)]
    unknown: BTreeMap<String, serde::de::IgnoredAny>,
}

/// `via = "federation"` or `"portal"`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Via {
    #[default]
    Federation,
    Portal,
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
    #[error("there are two portals named “{0}”")]
    DuplicateName(String),
}

#[derive(Deserialize)]
struct Raw {
    #[serde(default)]
    portal: Vec<PortalSettings>,
    #[serde(default)]
    console: ConsoleSettings,
    #[serde(default)]
    guard: Vec<serde::de::IgnoredAny>,
    #[serde(flatten)]
    unknown: BTreeMap<String, serde::de::IgnoredAny>,
}

impl Settings {
    /// Reads the file; none is the default. A file that cannot be understood is set aside, never overwritten.
    pub fn load(path: &Path, now: Timestamp) -> Result<Self, SettingsError> {
        match Self::read(path) {
            Ok(settings) => Ok(settings.unwrap_or_default()),
            Err(SettingsError::Damaged { .. }) => {
                let aside = private_files::set_aside(path, now).map_err(unreadable(path))?;
                Ok(Self {
                    set_aside: Some(aside),
                    ..Self::default()
                })
            }
            Err(error) => Err(error),
        }
    }

    /// What the bytes of the file say.
    pub fn parse(content: &[u8], path: &Path) -> Result<Self, SettingsError> {
        let (document, raw) = understood(content).map_err(|reason| SettingsError::Damaged {
            path: path.to_owned(),
            reason,
        })?;
        if !raw.guard.is_empty() {
            return Err(SettingsError::GuardsNotKept {
                path: path.to_owned(),
            });
        }
        let unknown_keys = unknown_keys(&raw);
        let mut portals = raw.portal;
        for portal in &mut portals {
            if portal.id.is_empty() {
                portal.id = short_hash(portal.name.as_bytes());
            }
        }
        if let Some(name) = duplicate_name(&portals) {
            return Err(SettingsError::DuplicateName(name));
        }
        Ok(Self {
            portals,
            console: raw.console,
            unknown_keys,
            set_aside: None,
            document,
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

    /// None: there is no file.
    fn read(path: &Path) -> Result<Option<Self>, SettingsError> {
        let content = private_files::read(path).map_err(unreadable(path))?;
        content.map(|content| Self::parse(&content, path)).transpose()
    }

    pub fn portal(&self, id: &str) -> Option<&PortalSettings> {
        self.portals.iter().find(|portal| portal.id == id)
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
        self.portals.push(PortalSettings {
            id,
            name,
            start_url: start_url.to_owned(),
            region: region.to_owned(),
            endpoints: EndpointSettings::default(),
            sign_in_browser: None,
            unknown: BTreeMap::new(),
        });
        self.portals.last().expect("one was pushed just now")
    }

    pub fn remove_portal(&mut self, id: &str) {
        let Some(index) = self.portals.iter().position(|portal| portal.id == id) else {
            return;
        };
        self.portals.remove(index);
        self.tables().remove(index);
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
        let taken = |name: &str| self.portals.iter().any(|portal| portal.name == name);
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

/// Else why not.
fn understood(content: &[u8]) -> Result<(DocumentMut, Raw), String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    let document: DocumentMut = text.parse().map_err(|error| in_one_line(&error, text))?;
    let raw = toml_edit::de::from_document(document.clone()).map_err(|error| error.message().to_owned())?;
    Ok((document, raw))
}

fn in_one_line(error: &TomlError, text: &str) -> String {
    let start = error.span().map_or(0, |span| span.start);
    let line = text.bytes().take(start).filter(|byte| *byte == b'\n').count() + 1;
    format!("line {line}: {}", error.message().replace('\n', ", "))
}

fn unknown_keys(raw: &Raw) -> Vec<String> {
    let top = raw.unknown.keys().cloned();
    let console = raw.console.unknown.keys().map(|key| format!("console.{key}"));
    let portals = raw.portal.iter().enumerate().flat_map(|(index, portal)| {
        portal
            .unknown
            .keys()
            .map(move |key| format!("portal[{index}].{key}"))
    });
    top.chain(console).chain(portals).collect()
}

fn duplicate_name(portals: &[PortalSettings]) -> Option<String> {
    let mut seen = std::collections::BTreeSet::new();
    portals
        .iter()
        .find(|portal| !seen.insert(&portal.name))
        .map(|portal| portal.name.clone())
}

#[cfg(test)]
mod tests;
