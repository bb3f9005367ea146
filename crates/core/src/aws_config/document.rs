//! A configuration file of AWS's as lines of bytes, and what the most tolerant reader makes of them. Nothing is lost.

use std::ops::Range;

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
    let content = line.content.trim_ascii_start();
    Line { content, ..*line }
}

/// Without the blank lines below.
pub fn without_blank_end<'lines, 'a>(lines: &'lines [Line<'a>]) -> &'lines [Line<'a>] {
    let kept = lines.iter().rposition(|line| line.kind != Kind::Blank);
    &lines[..kept.map_or(0, |last| last + 1)]
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
    /// The name between the brackets of a header, as botocore reads it: quotes are taken off.
    fn read(inside: &[u8]) -> Self {
        let text = String::from_utf8_lossy(inside);
        let text = text.trim();
        let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let name = unquoted(rest.trim());
        match word {
            "default" if rest.is_empty() => Self::Profile("default".to_owned()),
            "profile" if !name.is_empty() => Self::Profile(name),
            "sso-session" if !name.is_empty() => Self::SsoSession(name),
            "services" if !name.is_empty() => Self::Services(name),
            _ => Self::Other(text.to_owned()),
        }
    }
}

fn unquoted(name: &str) -> String {
    let inside = |quote| name.strip_prefix(quote)?.strip_suffix(quote);
    let inside = inside('"').or_else(|| inside('\''));
    inside.unwrap_or(name).to_owned()
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
        let text = content.trim_ascii();
        let depth = content.len() - content.trim_ascii_start().len();
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
        key: key.trim_ascii(),
        value: rest[1..].trim_ascii(),
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
