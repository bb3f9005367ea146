//! Puts our block into a file, and takes it out again, byte by byte. What cannot be told for sure is refused.

use std::ops::Range;

use super::document::{Document, Ending, Kind, Line, Name, at_margin, trim_start, without_blank_end};

/// The line above our profiles.
pub const BEGIN: &str = "# >>> portray profiles: written by \"portray profiles apply\", taken back by \"portray profiles remove\" >>>";

/// The same in a file that was not there before us, and goes with them.
pub const BEGIN_OF_OWN_FILE: &str = "# >>> portray profiles: written by \"portray profiles apply\", taken back with this file by \"portray profiles remove\" >>>";

/// The line below them.
pub const END: &str = "# <<< portray profiles <<<";

/// What every marker has in it, also one that somebody has changed.
const MARKS: [&str; 2] = [">>> portray profiles", "<<< portray profiles"];

/// What a file holds, or would hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Bytes(Vec<u8>),
    /// There is no file, or would be none.
    Absent,
}

/// Why a file is left as it is. Lines are counted from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    #[error("is not UTF-8 but UTF-16")]
    Utf16,
    #[error("begins with a byte order mark")]
    ByteOrderMark,
    #[error("is not UTF-8 in line {0}")]
    NotUtf8(usize),
    #[error("holds a NUL byte in line {0}")]
    Nul(usize),
    #[error("holds a carriage return inside line {0}, which ends a line for some tools only")]
    CarriageReturn(usize),
    #[error("has a marker line of Portray's in line {0} that somebody has changed or indented")]
    ChangedMarker(usize),
    #[error("has a marker line of Portray's in line {0} without its counterpart, or a second time")]
    UnbalancedMarkers(usize),
    #[error("has a setting in line {0}, behind Portray's lines, that belongs to no profile of theirs")]
    SettingOfNone(usize),
    #[error(
        "has an indented line without a value in line {0}, behind Portray's lines: it would become a part of what moves \
         in front of it"
    )]
    IndentedBehind(usize),
    #[error("has an indented section in line {0}, which tools read as a part of Portray's last profile")]
    IndentedSection(usize),
}

/// Where our block stands, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// With both markers.
    pub whole: Range<usize>,
    /// Between them.
    pub body: Range<usize>,
    /// Settings of its last profile that stand below the end marker: where the block ends the file, the AWS CLI adds
    /// them there (`aws configure set`). Comments and blank lines among them are not meant.
    pub behind: Vec<Range<usize>>,
    /// The file came into being with it.
    pub is_own_file: bool,
}

impl Block {
    /// The lines between the markers, and at their end those that belong there.
    pub fn lines(&self, bytes: &[u8]) -> Vec<u8> {
        let body = &bytes[self.body.clone()];
        if self.behind.is_empty() {
            return body.to_vec();
        }
        let ending = Document::read(bytes).usual_ending();
        let document = Document::read(&bytes[self.body.start..]);
        let places = places(&document, self.body.start);
        let behind = places.filter(|(place, _)| self.behind.contains(place));
        let behind = behind.map(|(_, line)| {
            let line = match line.kind {
                // Indented, it would be a part of the value above it.
                Kind::Property(_) => at_margin(line),
                Kind::Nested | Kind::Blank | Kind::Comment | Kind::Section(_) | Kind::Unclear => *line,
            };
            match line.ending {
                Ending::None => Line { ending, ..line },
                Ending::Lf | Ending::CrLf => line,
            }
        });
        let body = Document::read(body).lines;
        let mut lines = without_blank_end(&body).to_vec();
        lines.extend(behind);
        Document { lines }.to_bytes()
    }

    /// What stands behind it, without the settings of its last profile.
    pub(super) fn after(&self, bytes: &[u8]) -> Vec<u8> {
        let mut after = Vec::new();
        let mut start = self.whole.end;
        for place in &self.behind {
            after.extend_from_slice(&bytes[start..place.start]);
            start = place.end;
        }
        after.extend_from_slice(&bytes[start..]);
        after
    }
}

/// Our block, if there is one.
pub fn block_of(bytes: &[u8]) -> Result<Option<Block>, Unclear> {
    readable(bytes)?;
    let document = Document::read(bytes);
    let mut markers = Vec::new();
    for (index, (place, line)) in places(&document, 0).enumerate() {
        if let Some(mark) = marker(line) {
            markers.push((mark.ok_or(Unclear::ChangedMarker(index + 1))?, index + 1, place));
        }
    }
    match markers.as_slice() {
        [] => Ok(None),
        [(Marker::Begin { is_own_file }, _, begin), (Marker::End, _, end)] => Ok(Some(Block {
            whole: begin.start..end.end,
            body: begin.end..end.start,
            behind: behind(bytes, begin.end, end)?,
            is_own_file: *is_own_file,
        })),
        [
            (Marker::Begin { .. }, _, _),
            (Marker::End, _, _),
            (_, line, _),
            ..,
        ]
        | [(Marker::Begin { .. }, _, _), (Marker::Begin { .. }, line, _), ..]
        | [(_, line, _), ..] => Err(Unclear::UnbalancedMarkers(*line)),
    }
}

/// Every line with where it stands, where the first one begins there.
fn places<'lines, 'a>(
    document: &'lines Document<'a>,
    mut start: usize,
) -> impl Iterator<Item = (Range<usize>, &'lines Line<'a>)> {
    document.lines.iter().map(move |line| {
        let place = start..start + line.content.len() + line.ending.bytes().len();
        start = place.end;
        (place, line)
    })
}

/// The settings between our end marker and the next section. Every tool reads them as the last one's before them.
fn behind(bytes: &[u8], body: usize, end: &Range<usize>) -> Result<Vec<Range<usize>>, Unclear> {
    let document = Document::read(&bytes[body..]);
    let mut settings = Vec::new();
    for (place, line) in places(&document, body).filter(|(place, _)| place.start >= end.end) {
        let text = trim_start(line.content);
        if text.starts_with(b"[") && text.contains(&b']') && text.len() < line.content.len() {
            return Err(Unclear::IndentedSection(line_at(bytes, place.start)));
        }
        match line.kind {
            Kind::Section(_) => break,
            Kind::Property(_) | Kind::Nested => settings.push(place),
            // It would become a part of whatever moves in front of it.
            Kind::Unclear if text.len() < line.content.len() => {
                return Err(Unclear::IndentedBehind(line_at(bytes, place.start)));
            }
            Kind::Blank | Kind::Comment | Kind::Unclear => {}
        }
    }
    let Some(first) = settings.first() else {
        return Ok(settings);
    };
    let ours = Document::read(&bytes[body..end.start]).sections();
    match ours
        .iter()
        .any(|section| matches!(section.name, Name::Profile(_)))
    {
        true => Ok(settings),
        false => Err(Unclear::SettingOfNone(line_at(bytes, first.start))),
    }
}

/// The file with this between our markers; every line of it is ended. Settings that were behind them are not behind
/// them any more.
pub fn with_block(config: Option<&[u8]>, body: &[u8]) -> Result<Content, Unclear> {
    let bytes = config.unwrap_or_default();
    if let Some(block) = block_of(bytes)? {
        let end = &bytes[block.body.end..block.whole.end];
        let parts = [&bytes[..block.body.start], body, end, &block.after(bytes)];
        return Ok(Content::Bytes(parts.concat()));
    }
    let ending = Document::read(bytes).usual_ending().bytes();
    let begin = if config.is_some() {
        BEGIN
    } else {
        BEGIN_OF_OWN_FILE
    };
    // One line's end: it makes a blank line, or ends the last one. `without_block` takes it away again.
    let between = if bytes.is_empty() { &[] } else { ending };
    let parts = [
        bytes,
        between,
        begin.as_bytes(),
        ending,
        body,
        END.as_bytes(),
        ending,
    ];
    Ok(Content::Bytes(parts.concat()))
}

/// The file without our block, but with what was found in it that is not ours.
pub fn without_block(config: Option<&[u8]>, foreign: &[u8]) -> Result<Content, Unclear> {
    let Some(bytes) = config else {
        return Ok(Content::Absent);
    };
    let Some(block) = block_of(bytes)? else {
        return Ok(Content::Bytes(bytes.to_vec()));
    };
    let (before, after) = (&bytes[..block.whole.start], block.after(bytes));
    if !foreign.is_empty() {
        return Ok(Content::Bytes([before, foreign, &after].concat()));
    }
    let lines = Document::read(before).lines;
    let is_ours = match lines.as_slice() {
        [] => false,
        [.., last] => last.content.is_empty() || after.is_empty(),
    };
    let ending = lines
        .last()
        .map_or(Ending::None, |line| line.ending)
        .bytes()
        .len();
    let kept = before.len() - if is_ours { ending } else { 0 };
    let left = [&before[..kept], &after].concat();
    Ok(match left.is_empty() && block.is_own_file {
        true => Content::Absent,
        false => Content::Bytes(left),
    })
}

enum Marker {
    Begin { is_own_file: bool },
    End,
}

/// None: the line is no marker. `Some(None)`: it was one.
fn marker(line: &Line<'_>) -> Option<Option<Marker>> {
    let text = std::str::from_utf8(line.content).unwrap_or_default();
    if !MARKS.iter().any(|mark| text.contains(mark)) {
        return None;
    }
    Some(match text {
        BEGIN => Some(Marker::Begin { is_own_file: false }),
        BEGIN_OF_OWN_FILE => Some(Marker::Begin { is_own_file: true }),
        END => Some(Marker::End),
        _ => None,
    })
}

fn line_at(bytes: &[u8], place: usize) -> usize {
    bytes[..place].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// What no tool of AWS's reads as text, or not all of them in the same way.
fn readable(bytes: &[u8]) -> Result<(), Unclear> {
    let line_at = |place| line_at(bytes, place);
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return Err(Unclear::Utf16),
        [0xef, 0xbb, 0xbf, ..] => return Err(Unclear::ByteOrderMark),
        _ => {}
    }
    if let Some(place) = bytes.iter().position(|byte| *byte == 0) {
        return Err(Unclear::Nul(line_at(place)));
    }
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(Unclear::NotUtf8(line_at(error.valid_up_to())));
    }
    let mut returns = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\r');
    match returns.find(|(place, _)| bytes.get(place + 1) != Some(&b'\n')) {
        Some((place, _)) => Err(Unclear::CarriageReturn(line_at(place))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws_config::corpus;

    const BODY: &[u8] = b"[profile a]\nregion = x\n";

    fn bytes_of(content: Content) -> Vec<u8> {
        match content {
            Content::Bytes(bytes) => bytes,
            Content::Absent => panic!("a file was expected"),
        }
    }

    proptest! {
        #[test]
        fn c4_a_block_that_was_put_in_is_taken_out_to_the_byte(bytes in corpus::clear_files()) {
            let with = bytes_of(with_block(Some(&bytes), BODY).unwrap());
            let block = block_of(&with).unwrap().unwrap();
            prop_assert_eq!(&with[block.body], BODY);
            prop_assert_eq!(with_block(Some(&with), BODY).unwrap(), Content::Bytes(with.clone()));
            prop_assert_eq!(bytes_of(without_block(Some(&with), &[]).unwrap()), bytes);
        }

        #[test]
        fn c2_every_byte_outside_of_the_markers_stays_where_it_is(bytes in corpus::files()) {
            let Ok(block) = block_of(&bytes) else { return Ok(()) };
            let with = bytes_of(with_block(Some(&bytes), BODY).unwrap());
            let (before, after) = match &block {
                Some(block) => (&bytes[..block.body.start], block.after(&bytes)),
                None => (&bytes[..], Vec::new()),
            };
            prop_assert!(with.starts_with(before) && with.ends_with(&after));
        }

        #[test]
        fn c4_what_is_added_behind_the_block_is_never_joined_to_what_is_before_it(
            bytes in corpus::clear_files(),
        ) {
            let mut with = bytes_of(with_block(Some(&bytes), BODY).unwrap());
            with.extend_from_slice(b"[profile later]");
            let without = bytes_of(without_block(Some(&with), &[]).unwrap());
            let kept = without.strip_suffix(b"[profile later]").unwrap();
            prop_assert!(kept.is_empty() || kept.ends_with(b"\n"));
            prop_assert!(bytes.trim_ascii_end() == kept.trim_ascii_end());
        }
    }

    #[test]
    fn c4_a_file_that_came_with_the_block_goes_with_it_unless_something_was_added() {
        let own = bytes_of(with_block(None, BODY).unwrap());
        assert_eq!(without_block(Some(&own), &[]).unwrap(), Content::Absent);
        let empty = bytes_of(with_block(Some(b""), BODY).unwrap());
        assert_eq!(
            without_block(Some(&empty), &[]).unwrap(),
            Content::Bytes(Vec::new())
        );
        let added = [&own, &b"[default]\n"[..]].concat();
        let left = without_block(Some(&added), &[]).unwrap();
        assert_eq!(left, Content::Bytes(b"[default]\n".to_vec()));
        assert_eq!(without_block(None, &[]).unwrap(), Content::Absent);
    }

    #[test]
    fn c4_a_file_keeps_its_kind_of_line_ending() {
        let with = bytes_of(with_block(Some(b"[default]\r\nregion = x\r\n"), b"[profile a]\r\n").unwrap());
        let text = String::from_utf8(with).unwrap();
        assert!(!text.replace("\r\n", "").contains(['\r', '\n']), "{text:?}");
    }

    #[test]
    fn c4_an_indented_setting_behind_the_block_moves_into_it_to_the_margin() {
        let config = [
            BEGIN,
            "[profile a]",
            "",
            END,
            "  region = x",
            "# c",
            "s3 =",
            "  deep = y",
        ];
        let config = config.join("\n").into_bytes();
        let block = block_of(&config).unwrap().unwrap();
        let lines = String::from_utf8(block.lines(&config)).unwrap();
        assert_eq!(lines, "[profile a]\nregion = x\ns3 =\n  deep = y\n");
    }

    #[test]
    fn c3_markers_that_do_not_match_and_bytes_that_are_no_text_are_refused() {
        let file = |lines: &[&str]| lines.join("\n").into_bytes();
        let indented = format!("  {BEGIN}");
        for (bytes, refusal) in [
            (
                file(&[BEGIN, "[profile a]", "b = c", END, "# c", "  [profile later]"]),
                Unclear::IndentedSection(6),
            ),
            (file(&["a", BEGIN, "[profile a]"]), Unclear::UnbalancedMarkers(2)),
            (file(&[END, ""]), Unclear::UnbalancedMarkers(1)),
            (file(&[END, BEGIN]), Unclear::UnbalancedMarkers(1)),
            (file(&[BEGIN, BEGIN, END]), Unclear::UnbalancedMarkers(2)),
            (file(&[BEGIN, END, BEGIN, END]), Unclear::UnbalancedMarkers(3)),
            (file(&[BEGIN, END, END]), Unclear::UnbalancedMarkers(3)),
            (
                file(&["s3 =", &indented, "  # <<< portray profiles <<<"]),
                Unclear::ChangedMarker(2),
            ),
            (
                file(&["# >>> portray profiles >>>", END]),
                Unclear::ChangedMarker(1),
            ),
            (file(&[BEGIN, &format!("{END} ")]), Unclear::ChangedMarker(2)),
            (
                file(&["[default]", BEGIN, END, "", "region = x"]),
                Unclear::SettingOfNone(5),
            ),
            (
                file(&[
                    BEGIN,
                    "[sso-session portray-a]",
                    "sso_region = x",
                    END,
                    "# c",
                    "  y",
                ]),
                Unclear::SettingOfNone(6),
            ),
            (
                file(&[BEGIN, "[profile a]", END, "  y"]),
                Unclear::IndentedBehind(4),
            ),
            (b"\xef\xbb\xbf[default]".to_vec(), Unclear::ByteOrderMark),
            (b"\xff\xfe[\0".to_vec(), Unclear::Utf16),
            (b"\xfe\xff\0[".to_vec(), Unclear::Utf16),
            (b"a = b\nc\0".to_vec(), Unclear::Nul(2)),
            (b"a = b\n\n\xe4 = c\n".to_vec(), Unclear::NotUtf8(3)),
            (b"a = b\nc = d\re = f\n".to_vec(), Unclear::CarriageReturn(2)),
            (b"a = b\r".to_vec(), Unclear::CarriageReturn(1)),
        ] {
            let shown = String::from_utf8_lossy(&bytes);
            assert_eq!(block_of(&bytes), Err(refusal.clone()), "{shown}");
            assert_eq!(with_block(Some(&bytes), BODY), Err(refusal.clone()), "{shown}");
            assert_eq!(without_block(Some(&bytes), &[]), Err(refusal), "{shown}");
        }
    }
}
