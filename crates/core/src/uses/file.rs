//! Uses on disk: one JSON object a line, appended. A line that was cut off costs that line.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::{MOST, Use};
use crate::paths::Paths;
use crate::private_files;

/// A file that has grown beyond this is put aside, in the place of the one before it. So much holds as many uses as are
/// kept, each with the programs that started it and a count.
const LARGEST: u64 = 4 * 1024 * 1024;

/// So is one that begins so long ago, so that what is in the one aside is no older than twice that.
const SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// So old uses are not shown; a file that holds nothing newer is removed.
const OLDEST: SignedDuration = SignedDuration::from_hours(60 * 24);

/// The first line is looked for in so much of a file.
const FIRST_LINE: u64 = 32 * 1024;

/// Where uses are kept. Calls read and write files: not for the async threads.
#[derive(Debug, Clone)]
pub struct UseFile {
    path: PathBuf,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The oldest first, no more than are kept.
    pub uses: Vec<Use>,
    /// Lines that nobody understands.
    pub damaged: usize,
}

impl UseFile {
    pub fn of(paths: &Paths) -> Self {
        Self {
            path: paths.state.join("uses.jsonl"),
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written down in the last two months. No file is no uses; one that cannot be read is an error. The newest
    /// lines are read first, and no more than are kept: the rest costs nothing.
    pub fn read(&self, now: Timestamp) -> io::Result<Read> {
        let mut read = Read::default();
        let mut by_number = BTreeMap::new();
        for path in [self.path.clone(), self.aside()] {
            let Some(content) = private_files::read(&path)? else {
                continue;
            };
            let mut holds_newer = content.is_empty();
            let lines = content.rsplit(|byte| *byte == b'\n');
            for line in lines.filter(|line| !line.is_empty()) {
                if by_number.len() == MOST {
                    holds_newer = true;
                    break;
                }
                match serde_json::from_slice::<Use>(line) {
                    Ok(used) if now.duration_since(used.last_at) > OLDEST => {}
                    Ok(used) => {
                        holds_newer = true;
                        by_number.entry(used.number).or_insert(used);
                    }
                    Err(_) => {
                        holds_newer = true;
                        read.damaged += 1;
                    }
                }
            }
            if !holds_newer {
                // Nothing in it is shown any more, so nobody misses it.
                std::fs::remove_file(&path)?;
            }
        }
        read.uses = by_number.into_values().collect();
        Ok(read)
    }

    /// Adds these at the end.
    pub fn append(&self, uses: &[Use]) -> io::Result<()> {
        let folder = self.path.parent().ok_or(io::ErrorKind::InvalidInput)?;
        private_files::make_folder(folder)?;
        let mut lines = Vec::new();
        for used in uses {
            serde_json::to_writer(&mut lines, used)?;
            lines.push(b'\n');
        }
        let newest = uses.iter().map(|used| used.last_at).max();
        let is_over = newest.is_some_and(|now| self.begins_before(now));
        let largest = if is_over { 0 } else { LARGEST };
        let mut file = private_files::open_at_end(&self.path, &self.aside(), largest)?;
        if self.is_cut_off()? {
            file.write_all(b"\n")?;
        }
        file.write_all(&lines)
    }

    /// Whether its first line is of more than one span ago. Of one that cannot be read the size decides alone.
    fn begins_before(&self, now: Timestamp) -> bool {
        let mut begin = Vec::new();
        let opened = std::fs::File::open(&self.path);
        if let Err(error) = opened.and_then(|file| file.take(FIRST_LINE).read_to_end(&mut begin)) {
            tracing::debug!(%error, "when the record begins is not known");
        }
        let lines = begin.split(|byte| *byte == b'\n');
        let first = lines
            .filter_map(|line| serde_json::from_slice::<Use>(line).ok())
            .next();
        first.is_some_and(|first| now.duration_since(first.last_at) > SPAN)
    }

    /// Whether the last line has no end: a full disk, or a crash.
    fn is_cut_off(&self) -> io::Result<bool> {
        let mut file = std::fs::File::open(&self.path)?;
        if file.metadata()?.len() == 0 {
            return Ok(false);
        }
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        Ok(last != *b"\n")
    }

    fn aside(&self) -> PathBuf {
        self.path.with_extension("old.jsonl")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uses::tests::observed;

    fn file() -> (UseFile, tempfile::TempDir) {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("state/uses.jsonl");
        (UseFile { path }, home)
    }

    fn now() -> Timestamp {
        "2026-03-02T12:00:00Z".parse().unwrap()
    }

    fn used(number: u64, at: Timestamp) -> Use {
        observed("aws", 7).into_use(number, at)
    }

    #[test]
    fn a6_what_is_written_is_read_and_a_later_line_of_the_same_number_counts() {
        let (file, _home) = file();
        assert_eq!(file.read(now()).unwrap(), Read::default());
        file.append(&[used(1, now()), used(2, now())]).unwrap();
        let counted = Use {
            times: 5,
            ..used(1, now())
        };
        file.append(std::slice::from_ref(&counted)).unwrap();
        assert_eq!(file.read(now()).unwrap().uses, [counted, used(2, now())]);
    }

    #[test]
    fn r9_every_cut_of_the_record_costs_no_more_than_the_line_that_was_cut() {
        let (file, _home) = file();
        file.append(&[used(1, now()), used(2, now())]).unwrap();
        let whole = std::fs::read(&file.path).unwrap();
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&file.path, &whole[..cut]).unwrap();
            file.append(&[used(3, now())]).unwrap();
            let read = file.read(now()).unwrap();
            let numbers: Vec<_> = read.uses.iter().map(|used| used.number).collect();
            let expected: &[u64] = match cut {
                _ if cut < first => &[3],
                _ if cut + 1 < whole.len() => &[1, 3],
                _ => &[1, 2, 3],
            };
            assert_eq!(numbers, expected, "{cut}");
        }
        std::fs::write(&file.path, b"\xff\xfe{}\n[]\nnull\n\n").unwrap();
        assert_eq!(file.read(now()).unwrap().damaged, 3);
    }

    #[test]
    fn a6_a_record_that_cannot_be_read_is_not_an_empty_one() {
        let (file, _home) = file();
        std::fs::create_dir_all(&file.path).unwrap();
        assert!(file.read(now()).is_err());
        assert!(file.append(&[used(1, now())]).is_err());
    }

    #[test]
    fn a6_the_record_is_bounded_in_size_and_age() {
        let (file, _home) = file();
        let many: Vec<_> = (1..=26_000).map(|number| used(number, now())).collect();
        for some in many.chunks(1_000) {
            file.append(some).unwrap();
        }
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        for path in [&file.path, &file.aside()] {
            let size = size(path);
            assert!(size > 0 && size < LARGEST + 1024 * 1024, "{path:?}: {size}");
        }
        let read = file.read(now()).unwrap();
        assert_eq!((read.uses.len(), read.uses[MOST - 1].number), (MOST, 26_000));
        let later = now() + SignedDuration::from_hours(61 * 24);
        assert_eq!(file.read(later).unwrap().uses, []);
        assert!(!file.path.exists() && !file.aside().exists());
    }

    #[test]
    fn a6_who_uses_little_has_two_months_on_the_disk_and_no_more() {
        let (file, _home) = file();
        let day = |number: u64| {
            let days = i64::try_from(number).unwrap();
            now() + SignedDuration::from_hours(24 * days)
        };
        for number in 1..=200 {
            file.append(&[used(number, day(number))]).unwrap();
            let read = file.read(day(number)).unwrap();
            let shown = u64::try_from(read.uses.len()).unwrap();
            assert!(shown >= number.min(31), "{number}: {shown}");
            let written = |path: &Path| std::fs::read_to_string(path).unwrap_or_default().lines().count();
            let written = written(&file.path) + written(&file.aside());
            assert!(written <= 62, "{number}: {written}");
        }
    }

    #[test]
    fn a6_thousands_of_uses_with_all_that_started_them_stay_when_a_file_is_put_aside() {
        let (file, _home) = file();
        let started = |number| {
            let mut used = used(number, now());
            let above = crate::programs::Ancestor {
                pid: 4_000_000,
                name: "a-shell-of-a-terminal".to_owned(),
            };
            used.program.as_mut().unwrap().below = vec![above; 4];
            used
        };
        for begin in (0..20).map(|round| round * 1_000) {
            let many: Vec<_> = (begin + 1..=begin + 1_000).map(started).collect();
            file.append(&many).unwrap();
            let read = file.read(now()).unwrap().uses;
            assert_eq!(read.len(), MOST.min(usize::try_from(begin).unwrap() + 1_000));
        }
    }

    #[test]
    #[cfg(unix)]
    fn x4_the_record_of_uses_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let (file, _home) = file();
        file.append(&[used(1, now())]).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(
            (mode(&file.path), mode(file.path.parent().unwrap())),
            (0o600, 0o700)
        );
    }
}
