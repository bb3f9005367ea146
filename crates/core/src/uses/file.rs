//! Uses on disk: one JSON object a line, appended. A line that was cut off costs that line.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::{MOST, Use};
use crate::paths::Paths;
use crate::private_files;

/// A file that has grown beyond this is put aside, in the place of the one before it.
const LARGEST: u64 = 256 * 1024;

/// So old uses are not shown; a file that holds nothing newer is removed.
const OLDEST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Where uses are kept. Calls read and write files: not for the async threads.
#[derive(Debug, Clone)]
pub struct UseFile {
    path: PathBuf,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Read {
    /// The oldest first, the last 200.
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

    /// What was written down in the last 30 days. No file is no uses; one that cannot be read is an error.
    pub fn read(&self, now: Timestamp) -> io::Result<Read> {
        let is_old = |used: &Use| now.duration_since(used.last_at) > OLDEST;
        let mut read = Read::default();
        let mut by_number = BTreeMap::new();
        for path in [self.aside(), self.path.clone()] {
            let Some(content) = private_files::read(&path)? else {
                continue;
            };
            let mut oldest_last = None;
            for line in content
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                match serde_json::from_slice::<Use>(line) {
                    Ok(used) => {
                        oldest_last = oldest_last.max(Some(used.last_at));
                        by_number.insert(used.number, used);
                    }
                    Err(_) => read.damaged += 1,
                }
            }
            if oldest_last.is_some_and(|last| now.duration_since(last) > OLDEST) {
                // Nothing in it is shown any more, so nobody misses it.
                std::fs::remove_file(&path)?;
            }
        }
        read.uses = by_number.into_values().filter(|used| !is_old(used)).collect();
        let surplus = read.uses.len().saturating_sub(MOST);
        read.uses.drain(..surplus);
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
        let mut file = private_files::open_at_end(&self.path, &self.aside(), LARGEST)?;
        if self.is_cut_off()? {
            file.write_all(b"\n")?;
        }
        file.write_all(&lines)
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
        let many: Vec<_> = (1..=2_000).map(|number| used(number, now())).collect();
        for some in many.chunks(100) {
            file.append(some).unwrap();
        }
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        for path in [&file.path, &file.aside()] {
            let size = size(path);
            assert!(size > 0 && size < LARGEST + 64 * 1024, "{path:?}: {size}");
        }
        let read = file.read(now()).unwrap();
        assert_eq!((read.uses.len(), read.uses[199].number), (MOST, 2_000));
        let later = now() + SignedDuration::from_hours(31 * 24);
        assert_eq!(file.read(later).unwrap().uses, []);
        assert!(!file.path.exists() && !file.aside().exists());
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
