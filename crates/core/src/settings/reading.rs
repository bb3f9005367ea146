//! Reads a settings file part by part: what is wrong with one takes nothing else away.

use std::collections::BTreeSet;
use std::ops::Range;

use serde::de::DeserializeOwned;
use toml_edit::{Document, DocumentMut, Item, Table, TableLike, Value};

use super::chains::{CHAIN, ChainSettings, is_ignored};
use super::{
    About, Confirm, ConfirmSettings, ConsoleSettings, Fault, KeepSettings, PortalSettings, ProfileSettings,
};
use crate::paths::short_hash;

const TOP: &[&str] = &[
    "portal", "console", "profiles", "confirm", "keep", "chain", "guard", SHARE,
];

/// Whether the AWS CLI gets sign-ins: of all portals, or of one.
const SHARE: &str = "share_aws_cli_login";
const PORTAL: &[&str] = &[
    "id",
    "name",
    "start_url",
    "region",
    "endpoints",
    "sign_in_browser",
    SHARE,
];
const ENDPOINTS: &[&str] = &["sso", "sso_oidc", "sts", "signin", "portal"];
const CONSOLE: &[&str] = &["via", "browser"];
const PROFILES: &[&str] = &["template", "kind", "region", "output", "only"];
const CONFIRM: &[&str] = &["programs"];
const KEEP: &[&str] = &["unused_for"];

/// A file as it was understood.
pub struct Reading {
    pub document: DocumentMut,
    /// With their place among the portals' tables.
    pub portals: Vec<(usize, PortalSettings)>,
    pub console: ConsoleSettings,
    pub profiles: ProfileSettings,
    pub share_aws_cli_login: bool,
    pub confirm: ConfirmSettings,
    pub keep: KeepSettings,
    pub chains: Vec<ChainSettings>,
    pub has_guards: bool,
    pub faults: Vec<Fault>,
    pub unknown_keys: Vec<Fault>,
}

/// A text in which lines are counted, and what was found in it.
struct Reader<'a> {
    text: &'a str,
    faults: Vec<Fault>,
    unknown_keys: Vec<Fault>,
}

/// Else why the file as a whole cannot be understood.
pub fn read(content: &[u8]) -> Result<Reading, String> {
    let text = std::str::from_utf8(content).map_err(|error| error.to_string())?;
    let mut reader = Reader {
        text,
        faults: Vec::new(),
        unknown_keys: Vec::new(),
    };
    let document = Document::parse(text.to_owned()).map_err(|error| {
        let line = reader.line(error.span());
        format!("line {line}: {}", error.message().replace('\n', ", "))
    })?;
    reader.look_for_unknown_keys(document.as_table(), "", TOP);
    let portals = reader.portals(document.get("portal"))?;
    let console = reader.table(document.get("console"), "console", CONSOLE);
    let profiles = reader.table(document.get("profiles"), "profiles", PROFILES);
    let share_aws_cli_login = reader.flag(document.get(SHARE), SHARE);
    let confirm = reader.confirm(document.get("confirm"));
    let keep = reader.table(document.get("keep"), "keep", KEEP);
    let chains = reader.chains(document.get("chain"));
    Ok(Reading {
        share_aws_cli_login,
        portals,
        console,
        profiles,
        confirm,
        keep,
        chains,
        has_guards: document.get("guard").is_some_and(|guards| !is_empty(guards)),
        faults: reader.faults,
        unknown_keys: reader.unknown_keys,
        document: document.into_mut(),
    })
}

impl Reader<'_> {
    fn portals(&mut self, item: Option<&Item>) -> Result<Vec<(usize, PortalSettings)>, String> {
        let Some(item) = item else { return Ok(Vec::new()) };
        let line = self.line(item.span());
        let no_list = || format!("line {line}: the portals are no list; each one begins with [[portal]]");
        let mut portals = Vec::new();
        let mut names = BTreeSet::new();
        for (place, table) in tables(item).ok_or_else(no_list)?.into_iter().enumerate() {
            if let Some(portal) = self.portal(&table) {
                if names.insert(portal.name.clone()) {
                    portals.push((place, portal));
                } else {
                    let what = format!("a second portal named “{}” is ignored", portal.name);
                    self.fault(portal.line, about_portal(&table), what);
                }
            }
        }
        Ok(portals)
    }

    fn portal(&mut self, table: &Table) -> Option<PortalSettings> {
        self.look_for_unknown_keys(table, "portal.", PORTAL);
        if let Some(endpoints) = table.get("endpoints").and_then(Item::as_table_like) {
            self.look_for_unknown_keys(endpoints, "endpoints.", ENDPOINTS);
        }
        let line = self.line(span_of(table));
        let name = table.get("name").and_then(Item::as_str);
        let ignored = match name {
            Some(name) => format!("the portal “{name}” is ignored"),
            None => "a portal is ignored".to_owned(),
        };
        let mut portal: PortalSettings = self.part(table, about_portal(table), &ignored)?;
        portal.line = line;
        if portal.id.is_empty() {
            portal.id_is_derived = true;
            portal.id = short_hash(portal.name.as_bytes());
        }
        Some(portal)
    }

    fn chains(&mut self, item: Option<&Item>) -> Vec<ChainSettings> {
        let Some(item) = item else { return Vec::new() };
        let Some(tables) = tables(item) else {
            let line = self.line(item.span());
            let what = "the chained roles are no list, and are ignored; each one begins with [[chain]]";
            self.fault(line, About::Chain(None), what.to_owned());
            return Vec::new();
        };
        tables.iter().filter_map(|table| self.chain(table)).collect()
    }

    fn chain(&mut self, table: &Table) -> Option<ChainSettings> {
        self.look_for_unknown_keys(table, "chain.", CHAIN);
        let name = table.get("name").and_then(Item::as_str);
        let ignored = match name {
            Some(name) => is_ignored(name),
            None => "a chained role is ignored".to_owned(),
        };
        let about = About::Chain(name.map(str::to_owned));
        let mut chain: ChainSettings = self.part(table, about, &ignored)?;
        chain.line = self.line(span_of(table));
        for (key, _) in table {
            let span = table.key(key).and_then(toml_edit::Key::span);
            if span.is_some() {
                chain.lines.insert(key.to_owned(), self.line(span));
            }
        }
        Some(chain)
    }

    /// `[name]`; its defaults where it is not there or does not hold.
    fn table<T: DeserializeOwned + Default>(&mut self, item: Option<&Item>, name: &str, keys: &[&str]) -> T {
        let ignored = format!("what [{name}] says is ignored");
        let about = match name {
            "profiles" => About::Profiles,
            _ => About::Other,
        };
        let Some(item) = item else {
            return T::default();
        };
        let Some(table) = item.clone().into_table().ok() else {
            let line = self.line(item.span());
            self.fault(line, about, format!("{ignored}: it is no table"));
            return T::default();
        };
        self.look_for_unknown_keys(&table, &format!("{name}."), keys);
        self.part(&table, about, &ignored).unwrap_or_default()
    }

    /// `[confirm]`. Whoever has written something there wants to be asked, so what cannot be read is not “never”.
    fn confirm(&mut self, item: Option<&Item>) -> ConfirmSettings {
        let Some(item) = item else {
            return ConfirmSettings::default();
        };
        let read = match item.as_table_like() {
            Some(table) => self.programs(table),
            None => Err((item.span(), format!("confirm = {}", item.to_string().trim()))),
        };
        let programs = read.unwrap_or_else(|(span, written)| {
            let line = self.line(span);
            let written = written.replace('\n', " ");
            let what = format!(
                "“{written}” cannot be read; [confirm] takes programs = \"ask\", \"never\" or a list of patterns \
                 like [\"*prod*\"]. Until then the last rule that could be read goes on; without one, programs wait \
                 for your word for every role"
            );
            self.fault(line, About::Other, what);
            Confirm::Unreadable
        });
        ConfirmSettings { programs }
    }

    /// Else what cannot be read, and where it stands.
    fn programs(&mut self, table: &dyn TableLike) -> Result<Confirm, (Option<Range<usize>>, String)> {
        let span_of = |key: &str, item: &Item| {
            table
                .key(key)
                .and_then(toml_edit::Key::span)
                .or_else(|| item.span())
        };
        if let Some(item) = table.get(CONFIRM[0]) {
            self.look_for_unknown_keys(table, "confirm.", CONFIRM);
            let unread = |written| (span_of(CONFIRM[0], item), format!("{} = {written}", CONFIRM[0]));
            return Confirm::read(item).map_err(unread);
        }
        match table.iter().next() {
            Some((key, item)) => Err((span_of(key, item), format!("{key} = {}", item.to_string().trim()))),
            None => Ok(Confirm::Never),
        }
    }

    /// `name = true`; false where it is not there or is something else.
    fn flag(&mut self, item: Option<&Item>, name: &str) -> bool {
        let Some(item) = item else { return false };
        item.as_bool().unwrap_or_else(|| {
            let line = self.line(item.span());
            let what = format!("what {name} says is ignored: it takes true or false");
            self.fault(line, About::Other, what);
            false
        })
    }

    fn part<T: DeserializeOwned>(&mut self, table: &Table, about: About, ignored: &str) -> Option<T> {
        let part = toml_edit::de::from_document(DocumentMut::from(table.clone()));
        part.map_err(|error| {
            let line = self.line(error.span().or_else(|| span_of(table)));
            let what = format!("{ignored}: {}", error.message().replace('\n', ", "));
            self.fault(line, about, what);
        })
        .ok()
    }

    fn look_for_unknown_keys(&mut self, table: &dyn TableLike, prefix: &str, known: &[&str]) {
        for (key, item) in table.iter().filter(|(key, _)| !known.contains(key)) {
            let span = table.key(key).and_then(toml_edit::Key::span);
            let line = self.line(span.or_else(|| item.span()));
            let what = format!("“{prefix}{key}” is not known to this version; it is kept, and does nothing");
            let about = About::Other;
            self.unknown_keys.push(Fault { line, about, what });
        }
    }

    fn fault(&mut self, line: usize, about: About, what: String) {
        self.faults.push(Fault { line, about, what });
    }

    fn line(&self, span: Option<Range<usize>>) -> usize {
        let start = span.map_or(0, |span| span.start);
        let before = self.text.bytes().take(start);
        before.filter(|byte| *byte == b'\n').count() + 1
    }
}

fn about_portal(table: &Table) -> About {
    let text = |key: &str| table.get(key).and_then(Item::as_str).map(str::to_owned);
    About::Portal {
        name: text("name"),
        start_url: text("start_url"),
    }
}

/// None: something among them is none.
fn tables(item: &Item) -> Option<Vec<Table>> {
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().cloned().collect());
    }
    let values = item.as_array()?.iter();
    let table = |value: &Value| {
        value
            .as_inline_table()
            .cloned()
            .map(toml_edit::InlineTable::into_table)
    };
    values.map(table).collect()
}

fn is_empty(item: &Item) -> bool {
    item.as_array().is_some_and(toml_edit::Array::is_empty)
}

/// A table that stood in a line has no place of its own any more, but its values have.
fn span_of(table: &Table) -> Option<Range<usize>> {
    let first = || table.iter().find_map(|(_, item)| item.span());
    table.span().or_else(first)
}
