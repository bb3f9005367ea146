//! What in AWS's files keeps one tool or another from reading them as they are meant. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::document::{Document, Kind, Line, Name, Property, Section, trim, trim_start};
pub use super::trouble::{Stops, Trouble};

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
    /// The same of the last one that the SDK for Rust sees.
    has_nested_for_rust: Option<bool>,
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
            has_nested_for_rust: None,
        }
    }

    /// `index` is counted from 0.
    fn found(&mut self, index: usize, trouble: Trouble) {
        let (file, line) = (self.file, index + 1);
        self.findings.push(Finding { file, line, trouble });
    }

    fn line(&mut self, index: usize, line: &Line<'_>) {
        let is_indented = line.content.starts_with(b" ") || line.content.starts_with(b"\t");
        if trim_start(line.content).len() < trim_start_blanks(line.content).len() {
            return self.odd_line(index, line, is_indented);
        }
        match line.kind {
            Kind::Blank => {}
            Kind::Comment => {
                // To the SDK for Rust it is a part of what stands above it.
                let is_refused = match self.has_nested_for_rust {
                    Some(is_nested) => is_nested && !line.content.contains(&b'='),
                    None => true,
                };
                if is_indented && is_refused {
                    self.found(index, Trouble::Indented);
                }
            }
            Kind::Section(inside) => self.header(index, line, inside, is_indented),
            Kind::Property(property) => self.property(index, line.content, property),
            Kind::Nested => {
                let is_read = self.has_nested_value != Some(true) || is_nested_for_python(line.content);
                let is_read_by_rust = match self.has_nested_for_rust {
                    Some(is_nested) => !is_nested || pair_for_rust(line.content).is_some(),
                    None => false,
                };
                match (is_read, is_read_by_rust) {
                    (true, true) => {}
                    (false, false) => self.found(index, Trouble::NoEquals),
                    (false, true) => self.found(index, Trouble::EndsWithin),
                    (true, false) => self.found(index, Trouble::NoEqualsForRust),
                }
            }
            Kind::Unclear if !self.is_in_section => self.found(index, Trouble::NoSection),
            Kind::Unclear => self.found(index, Trouble::NoEquals),
        }
    }

    /// White space that is none to the SDK for Rust stands in front: to botocore the line is what it is without.
    fn odd_line(&mut self, index: usize, line: &Line<'_>, is_indented: bool) {
        let pair = pair_for_rust(line.content);
        let is_read_by_rust = match (is_indented, self.has_nested_for_rust) {
            (true, Some(is_nested)) => !is_nested || pair.is_some(),
            (true, None) => false,
            (false, _) => self.is_in_section && pair.is_some(),
        };
        match line.kind {
            Kind::Blank | Kind::Comment => {}
            Kind::Section(inside) => self.begin(index, inside),
            Kind::Property(_) | Kind::Unclear if !self.is_in_section => self.found(index, Trouble::NoSection),
            Kind::Property(property) => self.key(index, property),
            Kind::Nested if self.has_nested_value == Some(true) && !is_nested_for_python(line.content) => {
                self.found(index, Trouble::EndsWithin);
            }
            Kind::Nested => {}
            Kind::Unclear => self.found(index, Trouble::NoEquals),
        }
        if let (false, Some((_, value))) = (is_indented, pair) {
            self.has_nested_for_rust = Some(value.is_empty());
        }
        self.found(
            index,
            match is_read_by_rust {
                true => Trouble::OddSpace,
                false => Trouble::OddSpaceInFront,
            },
        );
    }

    /// A section begins.
    fn begin(&mut self, index: usize, inside: &[u8]) {
        self.keys.clear();
        self.is_in_section = true;
        (self.has_nested_value, self.has_nested_for_rust) = (None, None);
        // [DEFAULT] may come as often as it likes.
        let first = self.sections.get(inside).filter(|_| inside != b"DEFAULT");
        if let Some(first) = first {
            let (name, first) = (text(inside), first + 1);
            self.found(index, Trouble::SectionTwice { name, first });
        } else {
            self.sections.insert(inside.to_vec(), index);
        }
        if inside.is_empty() {
            self.found(index, Trouble::EmptyHeader);
        }
    }

    fn header(&mut self, index: usize, line: &Line<'_>, inside: &[u8], is_indented: bool) {
        self.begin(index, inside);
        let behind = line
            .content
            .rsplit(|byte| *byte == b']')
            .next()
            .unwrap_or_default();
        let goes_on = !matches!(blanks_off(behind), [] | [b'#' | b';', ..]);
        if is_indented {
            self.found(index, Trouble::Indented);
        } else if goes_on || inside.contains(&b'#') || inside.contains(&b';') {
            self.found(index, Trouble::UnclearHeader);
        }
    }

    fn property(&mut self, index: usize, content: &[u8], property: Property<'_>) {
        if !self.is_in_section {
            return self.found(index, Trouble::NoSection);
        }
        let pair = pair_for_rust(content);
        self.has_nested_for_rust = Some(match &pair {
            Some((_, value)) => value.is_empty(),
            None => property.value.is_empty(),
        });
        if property.key.is_empty() {
            self.has_nested_value = Some(property.value.is_empty());
            return self.found(index, Trouble::NoEquals);
        }
        if property.key.starts_with(b"[") {
            self.found(index, Trouble::UnclearHeader);
        } else if property.is_indented {
            self.found(index, Trouble::Indented);
        } else if let Some((key, value)) = pair {
            let has_odd_space = |word: &str| trim(word.as_bytes()).len() < word.len();
            if has_odd_space(&key) || has_odd_space(&value) {
                self.found(index, Trouble::OddSpace);
            }
        } else if property.delimiter == b':' {
            self.found(index, Trouble::Colon(text(property.key)));
        } else {
            self.found(index, Trouble::NoEqualsForRust);
        }
        self.key(index, property);
    }

    /// What every reader makes of a key.
    fn key(&mut self, index: usize, property: Property<'_>) {
        self.has_nested_value = Some(property.value.is_empty());
        let key = text(property.key);
        if property.key.is_empty() {
            return self.found(index, Trouble::NoEquals);
        }
        if property.key.iter().any(u8::is_ascii_uppercase) {
            self.found(index, Trouble::CapitalKey(key.clone()));
        }
        if comment(&text(property.value)).is_some() {
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
            Name::Other(_) if begins_as_named(&shown) => {
                self.found(line, Trouble::NotTwoWords(shown.clone()));
            }
            Name::Other(name) if !matches!(name.as_str(), "plugins" | "preview") => {
                self.found(line, Trouble::NotAProfile(shown.clone()));
            }
            Name::Other(_) | Name::SsoSession(_) | Name::Services(_) => {}
        }
        let name = match &section.name {
            Name::Profile(name) | Name::SsoSession(name) | Name::Services(name) => name,
            Name::Other(_) => return,
        };
        let is_quoted = shown.contains(['"', '\'', '\\']);
        let kind = shown.split([' ', '\t']).next().unwrap_or_default();
        let is_of_a_kind = matches!(kind, "default" | "profile" | "sso-session" | "services");
        let is_read = |letter: char| letter.is_ascii_alphanumeric() || "_./%@:+-".contains(letter);
        if is_quoted || !is_of_a_kind || !name.chars().all(is_read) {
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

/// Whether botocore takes it for the header of something that has a name.
fn begins_as_named(header: &str) -> bool {
    ["profile", "sso-session", "services"]
        .iter()
        .any(|kind| header.starts_with(kind))
}

/// Key and value, as the SDK for Rust reads them in a line: in front of any comment, and no other white space than blanks
/// and tabs taken off.
fn pair_for_rust(line: &[u8]) -> Option<(String, String)> {
    let line = text(blanks_off(line));
    let line = &line[..comment(&line).unwrap_or(line.len())];
    let (key, value) = line.split_once('=')?;
    let [key, value] = [key, value].map(|word| word.trim_matches(BLANKS).to_owned());
    (!key.is_empty()).then_some((key, value))
}

const BLANKS: [char; 2] = [' ', '\t'];

fn trim_start_blanks(line: &[u8]) -> &[u8] {
    let text = line.iter().position(|byte| !matches!(byte, b' ' | b'\t'));
    &line[text.unwrap_or(line.len())..]
}

fn blanks_off(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = line {
        line = rest;
    }
    line
}

/// Whether botocore reads a key and a value in each line that Python sees in one of a nested value.
fn is_nested_for_python(line: &[u8]) -> bool {
    let line = text(line);
    let mut lines =
        line.split(|letter: char| "\u{b}\u{c}\r\u{1c}\u{1d}\u{1e}\u{85}\u{2028}\u{2029}".contains(letter));
    lines.all(|line| line.contains('=') || trim(line.as_bytes()).is_empty())
}

/// Where a comment begins for those who see one in a line.
fn comment(line: &str) -> Option<usize> {
    let mut is_behind_space = false;
    line.char_indices().find_map(|(place, letter)| {
        let is_comment = is_behind_space && matches!(letter, '#' | ';');
        is_behind_space = letter.is_whitespace();
        is_comment.then_some(place)
    })
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
    fn c2_white_space_and_headers_are_judged_as_botocore_and_the_rust_sdk_were_seen_to_read_them() {
        let text = str::to_owned;
        for (config, expected) in [
            ("[default]\n\u{b}a = 1\n", vec![(2, Trouble::OddSpace)]),
            ("[default]\n\u{a0}a = 1\n", vec![(2, Trouble::OddSpace)]),
            ("[default]\na\u{a0}= 1\n", vec![(2, Trouble::OddSpace)]),
            ("[default]\na =\u{c}1\n", vec![(2, Trouble::OddSpace)]),
            ("[default]\n\u{c}\n", vec![(2, Trouble::OddSpaceInFront)]),
            ("[default]\n\u{a0}# c\n", vec![(2, Trouble::OddSpaceInFront)]),
            ("\u{b}[default]\na = 1\n", vec![(1, Trouble::OddSpaceInFront)]),
            ("[default] \u{b}\n", vec![(1, Trouble::UnclearHeader)]),
            ("[default]\na = 1\n\u{a0}b = 2\n", vec![(3, Trouble::OddSpace)]),
            ("[default]\na = 1\n\u{a0}a = 2\n", vec![(3, Trouble::OddSpace)]),
            (
                "[default]\n\u{a0}a = 1\na = 2\n",
                vec![
                    (2, Trouble::OddSpace),
                    (
                        3,
                        Trouble::KeyTwice {
                            key: text("a"),
                            first: 2,
                        },
                    ),
                ],
            ),
            ("[default]\na = 1\u{b}b = 2\n", vec![]),
            ("[default]\ns3 =\n  a = 1\u{b}b\n", vec![(3, Trouble::EndsWithin)]),
            ("[default]\ns3 =\n  a = 1\u{2028}b = 2\n", vec![]),
            (
                "[default]\ns3 =\n  a # b = 1\n",
                vec![(3, Trouble::NoEqualsForRust)],
            ),
            ("[default]\na # b = 1\n", vec![(2, Trouble::NoEqualsForRust)]),
            (
                "[profile a b]\n",
                vec![(1, Trouble::NotTwoWords(text("profile a b")))],
            ),
            (
                "[profile a'b]\n",
                vec![(1, Trouble::NotTwoWords(text("profile a'b")))],
            ),
            (
                "[profile\u{b}a]\n",
                vec![(1, Trouble::NotTwoWords(text("profile\u{b}a")))],
            ),
            (
                "[profiles a]\n",
                vec![(1, Trouble::NameNotForAll(text("profiles a")))],
            ),
            ("[ default]\n", vec![(1, Trouble::NotAProfile(text(" default")))]),
        ] {
            assert_eq!(found(config, ""), expected, "{config:?}");
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
