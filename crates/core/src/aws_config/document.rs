//! A configuration file of AWS's as lines of bytes, and what the most tolerant reader makes of them. Nothing is lost.

use std::ops::Range;

use super::shell_words::words;

/// A file, line by line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document<'a> {
    pub lines: Vec<Line<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Without its ending.
    pub content: &'a [u8],
    pub ending: Ending,
    pub kind: Kind<'a>,
}

/// What ends a line. A carriage return alone ends none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The file ends here.
    None,
    Lf,
    CrLf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind<'a> {
    Blank,
    Comment,
    /// With what stands between the brackets.
    Section(&'a [u8]),
    Property(Property<'a>),
    /// Deeper than the property above it, and so a part of its value.
    Nested,
    /// Neither a section nor a property.
    Unclear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// `=` or `:`, whichever comes first.
    pub delimiter: u8,
    pub is_indented: bool,
}

/// A header and the lines below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    pub name: Name,
    /// The line of the header, counted from 0.
    pub header: usize,
    /// The lines below.
    pub body: Range<usize>,
}

/// What a header in the configuration file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    /// `[profile NAME]`, and `[default]`.
    Profile(String),
    SsoSession(String),
    Services(String),
    Other(String),
}

impl Ending {
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Self::None => b"",
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

impl<'a> Document<'a> {
    pub fn read(bytes: &'a [u8]) -> Self {
        let mut reader = Reader::default();
        let lines = bytes.split_inclusive(|byte| *byte == b'\n');
        Self {
            lines: lines.map(|line| reader.line(line)).collect(),
        }
    }

    /// The file again, byte for byte.
    pub fn to_bytes(&self) -> Vec<u8> {
        bytes_of(&self.lines)
    }

    pub fn sections(&self) -> Vec<Section> {
        let headers = self.lines.iter().enumerate();
        let headers = headers.filter_map(|(index, line)| match line.kind {
            Kind::Section(inside) => Some((index, inside)),
            Kind::Blank | Kind::Comment | Kind::Property(_) | Kind::Nested | Kind::Unclear => None,
        });
        let headers: Vec<_> = headers.collect();
        let ends = headers.iter().skip(1).map(|(index, _)| *index);
        let ends = ends.chain([self.lines.len()]);
        let sections = headers.iter().zip(ends);
        sections
            .map(|((header, inside), end)| Section {
                name: Name::read(inside),
                header: *header,
                body: header + 1..end,
            })
            .collect()
    }

    /// What ends most lines.
    pub fn usual_ending(&self) -> Ending {
        let count = |ending| self.lines.iter().filter(|line| line.ending == ending).count();
        match count(Ending::CrLf) > count(Ending::Lf) {
            true => Ending::CrLf,
            false => Ending::Lf,
        }
    }
}

/// Lines as they stand in a file.
pub fn bytes_of(lines: &[Line<'_>]) -> Vec<u8> {
    let lines = lines.iter();
    lines
        .flat_map(|line| [line.content, line.ending.bytes()].concat())
        .collect()
}

/// Without what is in front of its text.
pub fn at_margin<'a>(line: &Line<'a>) -> Line<'a> {
    let content = trim_start(line.content);
    Line { content, ..*line }
}

/// Without the blank lines below.
pub fn without_blank_end<'lines, 'a>(lines: &'lines [Line<'a>]) -> &'lines [Line<'a>] {
    let kept = lines.iter().rposition(|line| line.kind != Kind::Blank);
    &lines[..kept.map_or(0, |last| last + 1)]
}

/// Without white space at both ends, as botocore's Python knows it.
pub fn trim(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_matches(is_space).as_bytes(),
        // Python reads nothing of such a file.
        Err(_) => bytes.trim_ascii(),
    }
}

/// Without white space in front.
pub fn trim_start(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.trim_start_matches(is_space).as_bytes(),
        Err(_) => bytes.trim_ascii_start(),
    }
}

fn is_space(letter: char) -> bool {
    letter.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&letter)
}

impl<'a> Line<'a> {
    pub fn property(&self) -> Option<Property<'a>> {
        match self.kind {
            Kind::Property(property) => Some(property),
            Kind::Blank | Kind::Comment | Kind::Section(_) | Kind::Nested | Kind::Unclear => None,
        }
    }
}

impl Name {
    /// What is between the brackets of a header, as botocore reads it: two words of a shell, of which the first one only
    /// has to begin like a kind of section.
    fn read(inside: &[u8]) -> Self {
        let text = String::from_utf8_lossy(inside);
        let other = || Self::Other(text.trim().to_owned());
        if text == "default" {
            return Self::Profile("default".to_owned());
        }
        let named: fn(String) -> Self = match &*text {
            text if text.starts_with("profile") => Self::Profile,
            text if text.starts_with("sso-session") => Self::SsoSession,
            text if text.starts_with("services") => Self::Services,
            _ => return other(),
        };
        match words(&text).as_deref() {
            Some([_, name]) => named(name.clone()),
            Some(_) | None => other(),
        }
    }

    /// The profile that tools see which know other headers than botocore does.
    pub fn profile_for_others(&self) -> Option<&str> {
        let Self::Other(text) = self else { return None };
        let rest = text.strip_prefix("profile")?;
        let name = rest.trim_start();
        let inside = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
        let name_inside = inside('"').or_else(|| inside('\''));
        (name.len() < rest.len()).then_some(name_inside.unwrap_or(name))
    }
}

/// What came before the line that is read.
#[derive(Default)]
struct Reader {
    /// How deep the last property is; none since the last header.
    depth: Option<usize>,
}

impl Reader {
    fn line<'a>(&mut self, line: &'a [u8]) -> Line<'a> {
        let (content, ending) = if let Some(content) = line.strip_suffix(b"\r\n") {
            (content, Ending::CrLf)
        } else if let Some(content) = line.strip_suffix(b"\n") {
            (content, Ending::Lf)
        } else {
            (line, Ending::None)
        };
        let kind = self.kind(content);
        Line {
            content,
            ending,
            kind,
        }
    }

    fn kind<'a>(&mut self, content: &'a [u8]) -> Kind<'a> {
        let text = trim(content);
        let in_front = &content[..content.len() - trim_start(content).len()];
        // Python counts characters.
        let depth = std::str::from_utf8(in_front).map_or(in_front.len(), |text| text.chars().count());
        match text {
            [] => Kind::Blank,
            [b'#' | b';', ..] => Kind::Comment,
            _ if self.depth.is_some_and(|above| depth > above) => Kind::Nested,
            [b'[', inside @ ..] if inside.contains(&b']') => {
                self.depth = None;
                let end = inside.iter().rposition(|byte| *byte == b']');
                Kind::Section(&inside[..end.unwrap_or(inside.len())])
            }
            _ => match property(text, depth > 0) {
                Some(property) => {
                    self.depth = Some(depth);
                    Kind::Property(property)
                }
                None => Kind::Unclear,
            },
        }
    }
}

fn property(text: &[u8], is_indented: bool) -> Option<Property<'_>> {
    let place = text.iter().position(|byte| matches!(byte, b'=' | b':'))?;
    let (key, rest) = text.split_at(place);
    Some(Property {
        key: trim(key),
        value: trim(&rest[1..]),
        delimiter: rest[0],
        is_indented,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws_config::corpus;

    proptest! {
        #[test]
        fn c1_any_bytes_are_written_as_they_were_read(bytes: Vec<u8>) {
            prop_assert_eq!(Document::read(&bytes).to_bytes(), bytes);
        }

        #[test]
        fn c1_files_made_of_what_such_files_hold_are_written_as_they_were_read(bytes in corpus::files()) {
            let document = Document::read(&bytes);
            prop_assert!(document.to_bytes() == bytes);
            // Sections do not overlap, and what is in front of the first one is no part of any.
            let sections = document.sections();
            for pair in sections.windows(2) {
                prop_assert_eq!(pair[0].body.end, pair[1].header);
            }
        }
    }

    #[test]
    fn c1_every_file_of_the_corpus_is_written_as_it_was_read() {
        let files = corpus::on_disk();
        assert!(files.len() > 20, "the corpus has moved");
        for (name, bytes) in files {
            assert!(Document::read(&bytes).to_bytes() == bytes, "{name}");
        }
        let ten_megabytes = b"[profile a]\r\ns3 =\n  x = y\n# \xff\0\n".repeat(400_000);
        assert!(ten_megabytes.len() > 10_000_000);
        assert!(Document::read(&ten_megabytes).to_bytes() == ten_megabytes);
    }

    #[test]
    fn lines_are_what_the_most_tolerant_reader_takes_them_for() {
        let text = b"# c\n[profile \"a b\"] # x\ns3 =\n  deep = 1\n\n  ; no value\n  more\nkey: v\n[default]\n  k=v\n  l=w\n m\n[x\n";
        let document = Document::read(text);
        let kinds: Vec<_> = document.lines.iter().map(|line| line.kind).collect();
        let property = |key, value, delimiter, is_indented| {
            Kind::Property(Property {
                key,
                value,
                delimiter,
                is_indented,
            })
        };
        assert_eq!(
            kinds,
            [
                Kind::Comment,
                Kind::Section(b"profile \"a b\""),
                property(b"s3", b"", b'=', false),
                Kind::Nested,
                Kind::Blank,
                Kind::Comment,
                Kind::Nested,
                property(b"key", b"v", b':', false),
                Kind::Section(b"default"),
                property(b"k", b"v", b'=', true),
                property(b"l", b"w", b'=', true),
                Kind::Unclear,
                Kind::Unclear,
            ]
        );
        let names: Vec<_> = document
            .sections()
            .into_iter()
            .map(|section| section.name)
            .collect();
        let profile = |name: &str| Name::Profile(name.to_owned());
        assert_eq!(names, [profile("a b"), profile("default")]);
    }

    #[test]
    fn c2_a_header_names_what_botocore_makes_of_it() {
        let profile = |name: &str| Name::Profile(name.to_owned());
        let other = |text: &str| Name::Other(text.to_owned());
        for (inside, name) in [
            ("default", profile("default")),
            (" default", other("default")),
            ("default ", other("default")),
            ("profile default", profile("default")),
            ("profile a", profile("a")),
            ("profile  a ", profile("a")),
            ("profile\ta", profile("a")),
            ("profiles a", profile("a")),
            ("profile\u{b}a", other("profile\u{b}a")),
            ("profile\u{a0}a", other("profile\u{a0}a")),
            (" profile a", other("profile a")),
            ("profile a b", other("profile a b")),
            ("profile", other("profile")),
            ("profile 'a b'", profile("a b")),
            ("profile \"a\"b", profile("ab")),
            ("profile a\\ b", profile("a b")),
            ("profile a'b", other("profile a'b")),
            ("profile \u{a0}a", profile("\u{a0}a")),
            ("profile a\u{b}", profile("a\u{b}")),
            ("profile \"\"", profile("")),
            ("profile a]b", profile("a]b")),
            ("sso-session a", Name::SsoSession("a".to_owned())),
            ("sso-session a b", other("sso-session a b")),
            ("services a", Name::Services("a".to_owned())),
            ("services a b", other("services a b")),
            ("acme", other("acme")),
        ] {
            assert_eq!(Name::read(inside.as_bytes()), name, "{inside:?}");
        }
        for (inside, seen) in [
            (" profile a", Some("a")),
            ("profile a b", Some("a b")),
            ("profile a", None),
            ("profilea", None),
            ("acme", None),
        ] {
            assert_eq!(
                Name::read(inside.as_bytes()).profile_for_others(),
                seen,
                "{inside:?}"
            );
        }
    }

    #[test]
    fn c2_white_space_is_what_python_takes_for_it() {
        let kinds = |text: &'static str| -> Vec<Kind<'static>> {
            Document::read(text.as_bytes())
                .lines
                .iter()
                .map(|line| line.kind)
                .collect()
        };
        let property = |is_indented| {
            Kind::Property(Property {
                key: b"region",
                value: b"x",
                delimiter: b'=',
                is_indented,
            })
        };
        for space in [
            "\u{b}", "\u{c}", "\u{1c}", "\u{1f}", "\u{85}", "\u{a0}", "\u{2028}", "\u{3000}",
        ] {
            let file = |text: &str| -> &'static str { text.replace('_', space).leak() };
            assert_eq!(kinds(file("_\n")), [Kind::Blank], "{space:?}");
            assert_eq!(kinds(file("_# c\n")), [Kind::Comment], "{space:?}");
            assert_eq!(kinds(file("_region_=_x_\n")), [property(true)], "{space:?}");
            assert_eq!(
                kinds(file("region = x\n_output = y\n")),
                [property(false), Kind::Nested],
                "{space:?}"
            );
            assert_eq!(
                kinds(file("  region = x\n__region = x\n")),
                [property(true), property(true)],
                "it is as deep as two blanks: {space:?}"
            );
            assert_eq!(
                kinds(file("_[profile b]\n")),
                [Kind::Section(b"profile b")],
                "{space:?}"
            );
        }
        assert_eq!(kinds("region = x\n\u{200b}region = x\n").len(), 2);
        assert!(
            matches!(kinds("k = v\n\u{200b}region = x\n")[1], Kind::Property(_)),
            "no white space"
        );
    }

    #[test]
    fn a_file_ends_its_lines_as_most_of_them_end() {
        for (text, ending) in [
            ("", Ending::Lf),
            ("a", Ending::Lf),
            ("a\r\nb\r\nc\n", Ending::CrLf),
            ("a\nb", Ending::Lf),
        ] {
            assert_eq!(Document::read(text.as_bytes()).usual_ending(), ending, "{text:?}");
        }
    }
}
