//! Takes a change of the file back: to the byte where it stands as it was written, else our own lines of it. Pure.

use super::edit::{self, Content, Unclear};

/// What a kept change begins with.
const HEADER: &str = "portray change 1";

/// The file before and after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub before: Content,
    pub after: Content,
}

/// What taking a change back would make of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Undone {
    /// The file as it was, byte for byte.
    Whole(Content),
    /// What others have written outside of our lines since then stays.
    Ours(Content),
    /// Our own lines are others by now, or are gone: somebody's work would be lost.
    Overtaken,
}

impl Change {
    /// Whether there is anything to take back.
    pub fn is_undone_in(&self, now: Option<&[u8]>) -> bool {
        is(now, &self.before)
    }

    /// What taking it back makes of the file as it is now.
    pub fn undone(&self, now: Option<&[u8]>) -> Result<Undone, Unclear> {
        if is(now, &self.after) {
            return Ok(Undone::Whole(self.before.clone()));
        }
        let (Some(now), Content::Bytes(after)) = (now, &self.after) else {
            return Ok(Undone::Overtaken);
        };
        let (Some(block), Some(written)) = (edit::block_of(now)?, edit::block_of(after)?) else {
            return Ok(Undone::Overtaken);
        };
        if block.lines(now) != written.lines(after) {
            return Ok(Undone::Overtaken);
        }
        let before = match &self.before {
            Content::Bytes(bytes) => bytes.as_slice(),
            Content::Absent => &[],
        };
        let undone = match edit::block_of(before)? {
            Some(earlier) => edit::with_block(Some(now), &earlier.lines(before))?,
            None => edit::without_block(Some(now), &[])?,
        };
        Ok(Undone::Ours(undone))
    }

    /// As it is kept in a file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (before, after) = (bytes_of(&self.before), bytes_of(&self.after));
        let length = |bytes: Option<&[u8]>| bytes.map_or("-".to_owned(), |bytes| bytes.len().to_string());
        let header = format!("{HEADER} {} {}\n", length(before), length(after));
        let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
        [header.as_bytes(), before, after].concat()
    }

    /// `None` for what is no kept change, or only a part of one.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let header = std::str::from_utf8(&bytes[..end]).ok()?;
        let (before, after) = header.strip_prefix(HEADER)?.trim_start().split_once(' ')?;
        let (before, rest) = content(before, &bytes[end + 1..])?;
        let (after, rest) = content(after, rest)?;
        rest.is_empty().then_some(Self { before, after })
    }
}

/// A file of that length at the beginning of the bytes, and what follows it.
fn content<'a>(length: &str, bytes: &'a [u8]) -> Option<(Content, &'a [u8])> {
    if length == "-" {
        return Some((Content::Absent, bytes));
    }
    let (content, rest) = bytes.split_at_checked(length.parse().ok()?)?;
    Some((Content::Bytes(content.to_vec()), rest))
}

fn bytes_of(content: &Content) -> Option<&[u8]> {
    match content {
        Content::Bytes(bytes) => Some(bytes),
        Content::Absent => None,
    }
}

fn is(now: Option<&[u8]>, content: &Content) -> bool {
    now == bytes_of(content)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::aws_config::corpus;

    const BODY: &[u8] = b"[profile a]\nregion = x\n";

    fn written(before: Option<&[u8]>) -> Change {
        Change {
            before: before.map_or(Content::Absent, |before| Content::Bytes(before.to_vec())),
            after: edit::with_block(before, BODY).unwrap(),
        }
    }

    fn after(change: &Change) -> Vec<u8> {
        bytes_of(&change.after).unwrap().to_vec()
    }

    proptest! {
        #[test]
        fn c4_a_change_is_taken_back_to_the_byte_and_kept_as_it_is(before in corpus::clear_files()) {
            let change = written(Some(&before));
            prop_assert_eq!(change.undone(Some(&after(&change))).unwrap(), Undone::Whole(Content::Bytes(before)));
            prop_assert_eq!(Change::from_bytes(&change.to_bytes()), Some(change));
        }

        #[test]
        fn c4_no_bytes_are_half_a_change(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Change::from_bytes(&bytes);
            let whole = written(None).to_bytes();
            for length in 0..whole.len() {
                prop_assert_eq!(Change::from_bytes(&whole[..length]), None);
            }
        }
    }

    #[test]
    fn c4_a_file_that_came_with_the_change_goes_with_it() {
        let change = written(None);
        assert_eq!(
            change.undone(Some(&after(&change))).unwrap(),
            Undone::Whole(Content::Absent)
        );
        assert!(change.is_undone_in(None) && !change.is_undone_in(Some(b"")));
        assert_eq!(Change::from_bytes(&change.to_bytes()), Some(change));
    }

    #[test]
    fn c4_what_others_wrote_beside_our_lines_stays_when_a_change_is_taken_back() {
        let before = b"[default]\nregion = x\n";
        let change = written(Some(before));
        let now = [&b"# new\n"[..], &after(&change), b"[profile mine]\n"].concat();
        let left = b"# new\n[default]\nregion = x\n[profile mine]\n".to_vec();
        assert_eq!(
            change.undone(Some(&now)).unwrap(),
            Undone::Ours(Content::Bytes(left))
        );

        // A setting of our last profile that stood behind our lines is no less one of them.
        let set = [&after(&change)[..], b"# theirs\noutput = json\n"].concat();
        let gathered = Change {
            before: Content::Bytes(set.clone()),
            after: edit::with_block(Some(&set), b"[profile b]\n").unwrap(),
        };
        let now = [&after(&gathered)[..], b"[profile mine]\n"].concat();
        let lines = [BODY, b"output = json\n"].concat();
        let left = edit::with_block(Some(&now), &lines).unwrap();
        assert_eq!(gathered.undone(Some(&now)).unwrap(), Undone::Ours(left));
        let whole = Undone::Whole(Content::Bytes(set));
        assert_eq!(gathered.undone(Some(&after(&gathered))).unwrap(), whole);

        // Our lines as they were before the change, where there were some.
        let again = Change {
            before: change.after.clone(),
            after: edit::with_block(Some(&after(&change)), b"[profile b]\n").unwrap(),
        };
        let now = [&after(&again)[..], b"[profile mine]\n"].concat();
        let left = [&after(&change)[..], b"[profile mine]\n"].concat();
        assert_eq!(
            again.undone(Some(&now)).unwrap(),
            Undone::Ours(Content::Bytes(left))
        );
    }

    #[test]
    fn c4_a_change_is_not_taken_back_where_our_lines_are_others_by_now() {
        let change = written(Some(b"[default]\n"));
        let edited = String::from_utf8(after(&change))
            .unwrap()
            .replace("region = x", "region = y");
        assert_eq!(change.undone(Some(edited.as_bytes())).unwrap(), Undone::Overtaken);
        assert_eq!(
            change.undone(Some(b"[default]\n[profile mine]\n")).unwrap(),
            Undone::Overtaken
        );
        assert_eq!(change.undone(None).unwrap(), Undone::Overtaken);
        // The AWS CLI sets one for the last of our profiles.
        let set = [&after(&change)[..], b"output = json\n"].concat();
        assert_eq!(change.undone(Some(&set)).unwrap(), Undone::Overtaken);
        let half = [&after(&change)[..], edit::BEGIN.as_bytes()].concat();
        assert!(change.undone(Some(&half)).is_err());
    }
}
