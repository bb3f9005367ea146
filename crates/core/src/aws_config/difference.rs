//! The difference between a file as it is and as it would be: as `patch` reads it, and line by line. Pure.

use std::path::Path;

use sha2::{Digest, Sha256};
use similar::{ChangeTag, DiffOp, TextDiff};

use super::edit::Content;

/// Lines that are shown around every change.
const CONTEXT: usize = 3;

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Added,
    Removed,
    Kept,
}

/// A part of the difference, from the file's beginning to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Line {
        sign: Sign,
        /// Without its end.
        text: String,
        /// It is the last one of the file, and no line's end follows.
        is_unended: bool,
    },
    /// So many lines that stay as they are and are not shown.
    Gap(usize),
}

/// A file before and after. `None` is none.
struct Texts {
    old: Option<String>,
    new: Option<String>,
}

impl Texts {
    fn of(before: Option<&[u8]>, after: &Content) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            old: before.map(text),
            new: match after {
                Content::Bytes(bytes) => Some(text(bytes)),
                Content::Absent => None,
            },
        }
    }

    fn lines(&self) -> TextDiff<'_, '_, str> {
        let (old, new) = (self.old.as_deref(), self.new.as_deref());
        TextDiff::from_lines(old.unwrap_or_default(), new.unwrap_or_default())
    }
}

/// As `diff -u` and `patch` have it; empty where nothing changes.
pub fn unified(path: &Path, before: Option<&[u8]>, after: &Content) -> String {
    let texts = Texts::of(before, after);
    let name = |content: &Option<String>| match content {
        Some(_) => path.display().to_string(),
        None => "/dev/null".to_owned(),
    };
    let names = [name(&texts.old), name(&texts.new)];
    let lines = texts.lines();
    let mut unified = lines.unified_diff();
    unified.context_radius(CONTEXT).header(&names[0], &names[1]);
    unified.to_string()
}

/// The same part by part; none where nothing changes.
pub fn parts(before: Option<&[u8]>, after: &Content) -> Vec<Part> {
    let texts = Texts::of(before, after);
    let lines = texts.lines();
    let mut parts = Vec::new();
    let mut told = 0;
    for group in lines.grouped_ops(CONTEXT) {
        let begin = group.first().map_or(told, |first| first.old_range().start);
        parts.extend((begin > told).then(|| Part::Gap(begin - told)));
        for change in group.iter().flat_map(|op| lines.iter_changes(op)) {
            parts.push(Part::Line {
                sign: match change.tag() {
                    ChangeTag::Insert => Sign::Added,
                    ChangeTag::Delete => Sign::Removed,
                    ChangeTag::Equal => Sign::Kept,
                },
                text: change.value().trim_end_matches(['\r', '\n']).to_owned(),
                is_unended: change.missing_newline(),
            });
        }
        told = group.last().map_or(begin, |last: &DiffOp| last.old_range().end);
    }
    let length = lines.old_len();
    parts.extend((!parts.is_empty() && length > told).then(|| Part::Gap(length - told)));
    parts
}

/// Tells this change of this file from every other one.
pub fn fingerprint(path: &Path, before: Option<&[u8]>, after: &Content) -> String {
    let after = match after {
        Content::Bytes(bytes) => Some(bytes.as_slice()),
        Content::Absent => None,
    };
    let mut hash = Sha256::new();
    for part in [Some(path.as_os_str().as_encoded_bytes()), before, after] {
        // With its length, so that no two files run into each other.
        hash.update(part.map_or(u64::MAX, |part| part.len() as u64).to_be_bytes());
        hash.update(part.unwrap_or_default());
    }
    let digest = hash.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws_config::corpus;

    fn unchanged(length: usize) -> String {
        (1..=length).map(|line| format!("# {line}\n")).collect()
    }

    proptest! {
        #[test]
        fn c4_what_the_window_shows_is_what_the_command_line_shows(
            before in corpus::clear_files(),
            after in corpus::clear_files(),
        ) {
            let after = Content::Bytes(after);
            let unified = unified(Path::new("config"), Some(&before), &after);
            let printed = unified.lines().skip(2).filter(|line| !line.starts_with(['@', '\\']));
            let printed: Vec<_> = printed.map(str::to_owned).collect();
            let shown = parts(Some(&before), &after).into_iter().filter_map(|part| match part {
                Part::Gap(_) => None,
                Part::Line { sign, text, .. } => Some(match sign {
                    Sign::Added => format!("+{text}"),
                    Sign::Removed => format!("-{text}"),
                    Sign::Kept => format!(" {text}"),
                }),
            });
            prop_assert_eq!(shown.collect::<Vec<_>>(), printed);
        }
    }

    #[test]
    fn c4_lines_that_are_not_shown_are_counted_and_a_line_without_an_end_is_told() {
        let before = unchanged(20);
        let after = format!("{}[profile a]", before.replace("# 10\n", ""));
        let parts = parts(Some(before.as_bytes()), &Content::Bytes(after.into_bytes()));
        let gaps: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Gap(lines) => Some(*lines),
                Part::Line { .. } => None,
            })
            .collect();
        assert_eq!(gaps, [6, 4]);
        let last = Part::Line {
            sign: Sign::Added,
            text: "[profile a]".to_owned(),
            is_unended: true,
        };
        assert_eq!(parts.last(), Some(&last));
    }

    #[test]
    fn c4_a_change_in_the_middle_counts_what_stays_before_and_after_it_and_none_has_no_parts() {
        let before = unchanged(20);
        let after = before.replace("# 10\n", "# ten\n");
        let change = parts(Some(before.as_bytes()), &Content::Bytes(after.into_bytes()));
        assert_eq!(change.first(), Some(&Part::Gap(6)));
        assert_eq!(change.last(), Some(&Part::Gap(7)));
        let none = parts(
            Some(before.as_bytes()),
            &Content::Bytes(before.clone().into_bytes()),
        );
        assert_eq!(none, []);
        assert_eq!(parts(None, &Content::Absent), []);
    }

    #[test]
    fn c4_another_file_before_or_after_is_another_change() {
        let path = Path::new("config");
        let bytes = |text: &str| Content::Bytes(text.as_bytes().to_vec());
        let all = [
            fingerprint(path, Some(b"a"), &bytes("b")),
            fingerprint(path, Some(b"ab"), &bytes("")),
            fingerprint(path, Some(b""), &bytes("ab")),
            fingerprint(path, None, &bytes("ab")),
            fingerprint(path, Some(b"ab"), &Content::Absent),
            fingerprint(Path::new("other"), Some(b"a"), &bytes("b")),
        ];
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(all[0], fingerprint(path, Some(b"a"), &bytes("b")));
    }
}
