//! What in AWS's files keeps one tool or another from reading them as they are meant. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Kind, Line, Name, Property, Section};

/// Something in a file that not every tool reads in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub file: File,
    /// Counted from 1.
    pub line: usize,
    pub trouble: Trouble,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    Config,
    Credentials,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("the file is not UTF-8: the AWS CLI and boto3 refuse it, the SDK for Rust takes it for empty")]
    NotUtf8,
    #[error("the file begins with a byte order mark: the AWS CLI, boto3 and the SDK for Rust refuse it")]
    ByteOrderMark,
    #[error("“{0}:” has a colon where the SDK for Rust wants “=”, and refuses the file")]
    Colon(String),
    #[error("what follows “#” or “;” is a part of the value to the AWS CLI and boto3")]
    InlineComment,
    #[error("[{name}] stands in line {first} already: the AWS CLI and boto3 refuse the file")]
    SectionTwice { name: String, first: usize },
    #[error("“{key}” stands in line {first} already: the AWS CLI and boto3 refuse the file")]
    KeyTwice { key: String, first: usize },
    #[error("the SDKs for Rust and JavaScript do not see [{0}], because of the characters in its name")]
    NameNotForAll(String),
    #[error("the SDK for JavaScript does not see “{0}”, because of its capital letters")]
    CapitalKey(String),
    #[error("the SDK for Rust refuses the file, because this line is indented")]
    Indented,
    #[error("the line is no “key = value”: the AWS CLI, boto3 and the SDK for Rust refuse the file")]
    NoEquals,
    #[error("the header of a section is not closed, or goes on behind it: the SDK for Rust refuses the file")]
    UnclearHeader,
    #[error("the header of a section is empty: the AWS CLI and boto3 refuse the file")]
    EmptyHeader,
    #[error("the line stands before any section: the AWS CLI, boto3 and the SDK for Rust refuse the file")]
    NoSection,
    #[error("[default] and [profile default] are both here: tools take one or the other")]
    DefaultTwice,
    #[error("no tool reads [{0}] as a profile")]
    NotAProfile(String),
    #[error("the AWS CLI and boto3 give what [DEFAULT] says to every profile")]
    DefaultForAll,
    #[error("[{0}] is in the credentials file too, where the same keys win over these")]
    InBothFiles(String),
    #[error("the profile has an sso_session and “{0}” of its own: the SDK for Rust refuses it")]
    SessionAndOwn(&'static str),
    #[error(
        "the profile has credential_process and sso settings: the SDK for JavaScript takes the one, all others the other"
    )]
    TwoWays,
}

/// Which tools cannot read anything of the file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stops {
    /// The AWS CLI and boto3.
    pub botocore: bool,
    pub rust: bool,
}

impl Trouble {
    pub fn stops(&self) -> Stops {
        let (botocore, rust) = match self {
            Self::NotUtf8 | Self::ByteOrderMark | Self::NoEquals | Self::NoSection => (true, true),
            Self::SectionTwice { .. } | Self::KeyTwice { .. } | Self::EmptyHeader => (true, false),
            Self::Colon(_) | Self::Indented | Self::UnclearHeader => (false, true),
            Self::InlineComment
            | Self::NameNotForAll(_)
            | Self::CapitalKey(_)
            | Self::DefaultTwice
            | Self::NotAProfile(_)
            | Self::DefaultForAll
            | Self::InBothFiles(_)
            | Self::SessionAndOwn(_)
            | Self::TwoWays => (false, false),
        };
        Stops { botocore, rust }
    }
}

/// In the order of the lines, the configuration file first.
pub fn of(config: &[u8], credentials: &[u8]) -> Vec<Finding> {
    let mut all = in_file(File::Config, config);
    let document = Document::read(config);
    let sections = document.sections();
    let foreign = Document::read(credentials)
        .sections()
        .into_iter()
        .map(|section| section.name);
    let foreign: BTreeSet<_> = foreign
        .filter_map(|name| profile_of(File::Credentials, name))
        .collect();
    let mut finder = Finder::new(File::Config);
    for section in &sections {
        finder.meaning(&document, section, &foreign);
    }
    if let Some(line) = default_twice(&document, &sections) {
        finder.found(line, Trouble::DefaultTwice);
    }
    all.extend(finder.findings);
    all.sort_by_key(|finding| finding.line);
    all.extend(in_file(File::Credentials, credentials));
    all
}

/// The first of the default profile's headers, where it has both forms.
fn default_twice(document: &Document<'_>, sections: &[Section]) -> Option<usize> {
    let is_short = |section: &&Section| document.lines[section.header].kind == Kind::Section(b"default");
    let defaults = sections
        .iter()
        .filter(|section| section.name == Name::Profile("default".to_owned()));
    let (short, long): (Vec<_>, Vec<_>) = defaults.partition(is_short);
    Some(short.first()?.header.min(long.first()?.header))
}

fn in_file(file: File, bytes: &[u8]) -> Vec<Finding> {
    let mut finder = Finder::new(file);
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = bytes[..error.valid_up_to()]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count();
        finder.found(line, Trouble::NotUtf8);
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        finder.found(0, Trouble::ByteOrderMark);
    }
    for (index, line) in Document::read(bytes).lines.iter().enumerate() {
        finder.line(index, line);
    }
    finder.findings
}

/// The profile that a section is, in the file where it stands.
fn profile_of(file: File, name: Name) -> Option<String> {
    match (name, file) {
        (Name::Profile(name), _) | (Name::Other(name), File::Credentials) => Some(name),
        (Name::Other(_), File::Config) | (Name::SsoSession(_) | Name::Services(_), _) => None,
    }
}

struct Finder {
    file: File,
    findings: Vec<Finding>,
    /// Header and first line of every section.
    sections: BTreeMap<Vec<u8>, usize>,
    /// Keys of the section, and the lines where they stand.
    keys: BTreeMap<String, usize>,
    is_in_section: bool,
    /// Whether the last property of the section has no value in its own line.
    has_nested_value: Option<bool>,
}

impl Finder {
    fn new(file: File) -> Self {
        Self {
            file,
            findings: Vec::new(),
            sections: BTreeMap::new(),
            keys: BTreeMap::new(),
            is_in_section: false,
            has_nested_value: None,
        }
    }

    /// `index` is counted from 0.
    fn found(&mut self, index: usize, trouble: Trouble) {
        let (file, line) = (self.file, index + 1);
        self.findings.push(Finding { file, line, trouble });
    }

    fn line(&mut self, index: usize, line: &Line<'_>) {
        let is_indented = line.content.starts_with(b" ") || line.content.starts_with(b"\t");
        match line.kind {
            Kind::Blank => {}
            Kind::Comment => {
                // To the SDK for Rust it is a part of what stands above it.
                let is_refused = match self.has_nested_value {
                    Some(is_nested) => is_nested && !line.content.contains(&b'='),
                    None => true,
                };
                if is_indented && is_refused {
                    self.found(index, Trouble::Indented);
                }
            }
            Kind::Section(inside) => self.header(index, line, inside, is_indented),
            Kind::Property(property) => self.property(index, property),
            Kind::Nested => {
                if self.has_nested_value == Some(true) && !is_pair(line.content) {
                    self.found(index, Trouble::NoEquals);
                }
            }
            Kind::Unclear if !self.is_in_section => self.found(index, Trouble::NoSection),
            Kind::Unclear => self.found(index, Trouble::NoEquals),
        }
    }

    fn header(&mut self, index: usize, line: &Line<'_>, inside: &[u8], is_indented: bool) {
        self.keys.clear();
        self.is_in_section = true;
        self.has_nested_value = None;
        // [DEFAULT] may come as often as it likes.
        let first = self.sections.get(inside).filter(|_| inside != b"DEFAULT");
        if let Some(first) = first {
            let (name, first) = (text(inside), first + 1);
            self.found(index, Trouble::SectionTwice { name, first });
        } else {
            self.sections.insert(inside.to_vec(), index);
        }
        let behind = line
            .content
            .rsplit(|byte| *byte == b']')
            .next()
            .unwrap_or_default();
        let goes_on = !matches!(behind.trim_ascii(), [] | [b'#' | b';', ..]);
        if is_indented {
            self.found(index, Trouble::Indented);
        } else if goes_on || inside.contains(&b'#') || inside.contains(&b';') {
            self.found(index, Trouble::UnclearHeader);
        }
        if inside.is_empty() {
            self.found(index, Trouble::EmptyHeader);
        }
    }

    fn property(&mut self, index: usize, property: Property<'_>) {
        if !self.is_in_section {
            return self.found(index, Trouble::NoSection);
        }
        self.has_nested_value = Some(property.value.is_empty());
        let key = text(property.key);
        if property.key.is_empty() {
            return self.found(index, Trouble::NoEquals);
        }
        if property.key.starts_with(b"[") {
            self.found(index, Trouble::UnclearHeader);
        } else if property.is_indented {
            self.found(index, Trouble::Indented);
        } else if property.delimiter == b':' && !has_equals(property.value) {
            self.found(index, Trouble::Colon(key.clone()));
        }
        if property.key.iter().any(u8::is_ascii_uppercase) {
            self.found(index, Trouble::CapitalKey(key.clone()));
        }
        if has_comment(property.value) {
            self.found(index, Trouble::InlineComment);
        }
        let lower = key.to_lowercase();
        match self.keys.get(&lower) {
            Some(first) => {
                let first = first + 1;
                self.found(index, Trouble::KeyTwice { key, first });
            }
            None => {
                self.keys.insert(lower, index);
            }
        }
    }

    /// What a section of the configuration file means, beside the others.
    fn meaning(&mut self, document: &Document<'_>, section: &Section, foreign: &BTreeSet<String>) {
        let shown = match document.lines[section.header].kind {
            Kind::Section(inside) => text(inside),
            Kind::Blank | Kind::Comment | Kind::Property(_) | Kind::Nested | Kind::Unclear => String::new(),
        };
        let line = section.header;
        match &section.name {
            Name::Profile(name) => {
                if foreign.contains(name) {
                    self.found(line, Trouble::InBothFiles(name.clone()));
                }
                self.ways(&document.lines[section.body.clone()], line);
            }
            Name::Other(name) if name == "DEFAULT" => self.found(line, Trouble::DefaultForAll),
            Name::Other(name) if !matches!(name.as_str(), "plugins" | "preview") => {
                self.found(line, Trouble::NotAProfile(shown.clone()));
            }
            Name::Other(_) | Name::SsoSession(_) | Name::Services(_) => {}
        }
        let name = match &section.name {
            Name::Profile(name) | Name::SsoSession(name) | Name::Services(name) => name,
            Name::Other(_) => return,
        };
        let is_quoted = shown.contains(['"', '\'']);
        let is_read = |letter: char| letter.is_ascii_alphanumeric() || "_./%@:+-".contains(letter);
        if is_quoted || !name.chars().all(is_read) {
            self.found(line, Trouble::NameNotForAll(shown));
        }
    }

    fn ways(&mut self, body: &[Line<'_>], line: usize) {
        let properties = || body.iter().filter_map(Line::property);
        let has = |key: &str| properties().any(|property| property.key.eq_ignore_ascii_case(key.as_bytes()));
        if has("credential_process") && (has("sso_session") || has("sso_start_url")) {
            self.found(line, Trouble::TwoWays);
        }
        for own in ["sso_start_url", "sso_region"] {
            if has("sso_session") && has(own) {
                self.found(line, Trouble::SessionAndOwn(own));
            }
        }
    }
}

/// Whether the SDK for Rust reads a key and a value in it.
fn is_pair(line: &[u8]) -> bool {
    has_equals(line) && !line.trim_ascii().starts_with(b"=")
}

/// Whether there is an equals sign in front of any comment.
fn has_equals(text: &[u8]) -> bool {
    let comment = text.windows(2).position(is_start_of_comment);
    text[..comment.unwrap_or(text.len())].contains(&b'=')
}

fn has_comment(value: &[u8]) -> bool {
    value.windows(2).any(is_start_of_comment)
}

fn is_start_of_comment(pair: &[u8]) -> bool {
    matches!(pair, [b' ' | b'\t', b'#' | b';'])
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, credentials: &str) -> Vec<(usize, Trouble)> {
        let findings = of(config.as_bytes(), credentials.as_bytes()).into_iter();
        findings.map(|finding| (finding.line, finding.trouble)).collect()
    }

    #[test]
    fn c2_what_would_break_a_tool_is_found_in_its_line() {
        let text = str::to_owned;
        for (config, expected) in [
            (
                "[default]\nregion: x\n",
                vec![(2, Trouble::Colon(text("region")))],
            ),
            (
                "[default]\nkey = A1 # c\nother = a#b\n",
                vec![(2, Trouble::InlineComment)],
            ),
            (
                "[profile a]\n\n[profile a]\n",
                vec![(
                    3,
                    Trouble::SectionTwice {
                        name: text("profile a"),
                        first: 1,
                    },
                )],
            ),
            (
                "[default]\na = 1\nA = 2\n",
                vec![
                    (3, Trouble::CapitalKey(text("A"))),
                    (
                        3,
                        Trouble::KeyTwice {
                            key: text("A"),
                            first: 2,
                        },
                    ),
                ],
            ),
            (
                "[profile \"my prof\"]\n",
                vec![(1, Trouble::NameNotForAll(text("profile \"my prof\"")))],
            ),
            (
                "[profile größe]\n",
                vec![(1, Trouble::NameNotForAll(text("profile größe")))],
            ),
            ("[default]\n  a = 1\n", vec![(2, Trouble::Indented)]),
            ("[default]\ns3 =\n  a = 1\n  b\n", vec![(4, Trouble::NoEquals)]),
            ("[default]\nwords\n", vec![(2, Trouble::NoEquals)]),
            ("a = 1\n[default]\n", vec![(1, Trouble::NoSection)]),
            ("[profile default]\n[default]\n", vec![(1, Trouble::DefaultTwice)]),
            (
                "[acme]\n[plugins]\n",
                vec![(1, Trouble::NotAProfile(text("acme")))],
            ),
            ("[DEFAULT]\n", vec![(1, Trouble::DefaultForAll)]),
            ("[default] x\n", vec![(1, Trouble::UnclearHeader)]),
            ("[default] # mine\n[services s]\nsts =\n  a = b\n", vec![]),
            (
                "[profile a]\nsso_session = s\nsso_region = x\n",
                vec![(1, Trouble::SessionAndOwn("sso_region"))],
            ),
            (
                "[profile a]\nsso_session = s\ncredential_process = x\n",
                vec![(1, Trouble::TwoWays)],
            ),
        ] {
            assert_eq!(found(config, ""), expected, "{config}");
        }
    }

    #[test]
    fn c2_both_files_and_their_bytes_are_looked_at() {
        let both = found("[profile a]\nregion = x\n", "[a]\naws_access_key_id = X\n");
        assert_eq!(both, [(1, Trouble::InBothFiles("a".to_owned()))]);
        let marked = of(b"\xef\xbb\xbf[default]\n", b"[a]\nx\xff = 1\n");
        let troubles: Vec<_> = marked
            .iter()
            .map(|finding| (finding.file, finding.line, &finding.trouble))
            .collect();
        assert!(
            troubles.contains(&(File::Config, 1, &Trouble::ByteOrderMark)),
            "{troubles:?}"
        );
        assert!(
            troubles.contains(&(File::Credentials, 2, &Trouble::NotUtf8)),
            "{troubles:?}"
        );
    }
}
