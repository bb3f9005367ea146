//! The only place that prints: data on stdout, everything else on stderr, no control bytes but newlines.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use crate::failure::{Failure, READER_LEFT};

/// Writes to the standard streams. Both may be closed.
#[derive(Debug, Clone, Copy)]
pub struct Printer {
    verbose: bool,
}

impl Printer {
    /// `verbose`: details are printed too.
    pub fn new(verbose: bool) -> Self {
        Self { verbose }
    }

    /// A line (or more) of data.
    pub fn data(self, text: &str) -> Result<(), Failure> {
        self.exactly(&harmless(text))
    }

    /// A document of data on one line.
    pub fn json(self, document: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(document)
            .map_err(|error| Failure::system("Writing JSON", &io::Error::other(error)))?;
        self.exactly(&ascii_controls(&text))
    }

    /// Rows of data in columns.
    pub fn table(self, rows: &[Vec<String>]) -> Result<(), Failure> {
        if rows.is_empty() {
            return Ok(());
        }
        self.data(&in_columns(rows))
    }

    /// Data that a shell or a tool evaluates: byte by byte as it is.
    pub fn exactly(self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        if was_closed(&stdout) {
            return Err(Failure::no_stdout(&io::ErrorKind::BrokenPipe.into()));
        }
        writeln!(stdout, "{text}")
            .and_then(|()| stdout.flush())
            .map_err(|error| Failure::unwritten(&error))
    }

    /// A unified diff: for a person line by line, in colours if wished; for `patch` byte by byte.
    pub fn difference(self, diff: &str, coloured: bool) -> Result<(), Failure> {
        let diff = diff.strip_suffix('\n').unwrap_or(diff);
        match io::stdout().is_terminal() {
            true => self.exactly(&for_people(diff, coloured)),
            false => self.exactly(diff),
        }
    }

    /// Something that a person may want to know.
    pub fn note(self, text: &str) {
        // Whoever closed stderr does not want to know.
        let _ = writeln!(io::stderr().lock(), "{}", harmless(text));
    }

    pub fn is_verbose(self) -> bool {
        self.verbose
    }

    /// Something that only those want to know who asked for more (`-v`); made only then.
    pub fn detail(self, text: impl FnOnce() -> String) {
        if self.verbose {
            self.note(&on_one_line(&text()));
        }
    }

    /// Whether what is said on the way can be taken back: somebody sits at a terminal.
    pub fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }

    /// How far something is, in the place of what was said before; on a terminal only.
    pub fn progress(self, text: &str) {
        if self.is_watched() {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r\u{1b}[2K{}", harmless(&on_one_line(text)));
            let _ = stderr.flush();
        }
    }

    /// What happened, what to do, and which targets were possible; gives the exit code.
    pub fn failure(self, failure: &Failure) -> ExitCode {
        if failure.reader_left {
            return ExitCode::from(READER_LEFT);
        }
        self.note(&on_one_line(&failure.problem.what_happened));
        self.note(&on_one_line(&failure.problem.what_to_do));
        for candidate in &failure.candidates {
            self.note(&format!("  {}", on_one_line(candidate)));
        }
        ExitCode::from(failure.problem.code.exit_code())
    }
}

/// Where a program is started without a stdout, the Rust runtime puts `/dev/null` in its place, open in both
/// directions. Whoever wants to throw data away opens it for writing.
#[cfg(unix)]
fn was_closed(stdout: &io::StdoutLock<'_>) -> bool {
    use rustix::fs::{OFlags, fcntl_getfl, fstat, stat};
    let both_directions = fcntl_getfl(stdout).is_ok_and(|flags| flags.contains(OFlags::RDWR));
    both_directions
        && match (fstat(stdout), stat("/dev/null")) {
            (Ok(stdout), Ok(null)) => stdout.st_rdev == null.st_rdev && stdout.st_ino == null.st_ino,
            (Err(_), _) | (_, Err(_)) => false,
        }
}

#[cfg(not(unix))]
fn was_closed(_stdout: &io::StdoutLock<'_>) -> bool {
    false
}

/// The lines of a diff, each in its colour.
fn for_people(diff: &str, coloured: bool) -> String {
    let lines = diff.split('\n').map(|line| {
        let line = harmless(line.trim_end_matches('\r'));
        let colour = match line.as_bytes() {
            _ if !coloured => None,
            [b'+', ..] => Some(32),
            [b'-', ..] => Some(31),
            [b'@', ..] => Some(36),
            _ => None,
        };
        match colour {
            Some(colour) => format!("\u{1b}[{colour}m{line}\u{1b}[0m"),
            None => line,
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A cell that is longer moves its own row only.
const WIDEST: usize = 60;

/// Every column as wide as its longest cell, within reason; the last one as long as it is.
fn in_columns(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let widest = cells.map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.min(WIDEST)
    };
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let cell = on_one_line(cell);
            format!("{cell:width$}")
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Names come from AWS and from people: none of them may move the cursor or turn the text around.
fn harmless(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' => '\n',
            letter if letter.is_control() || turns_text(letter) => char::REPLACEMENT_CHARACTER,
            letter => letter,
        })
        .collect()
}

fn on_one_line(text: &str) -> String {
    text.replace('\n', " ")
}

/// A text as a part of something else that a terminal shows.
pub fn on_one_harmless_line(text: &str) -> String {
    harmless(&on_one_line(text))
}

/// Bidirectional controls.
fn turns_text(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// JSON escapes the first 32 control characters; terminals know more of them.
fn ascii_controls(json: &str) -> String {
    json.chars()
        .fold(String::with_capacity(json.len()), |mut text, letter| {
            if letter.is_control() || turns_text(letter) {
                let _ = write!(text, "\\u{:04x}", u32::from(letter));
            } else {
                text.push(letter);
            }
            text
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i4_no_name_reaches_the_terminal_with_control_characters() {
        for hostile in [
            "\u{1b}[2J",
            "\u{1b}]8;;x\u{7}",
            "\u{9b}31m",
            "a\rb",
            "a\0b",
            "\u{202e}gpj.exe",
            "\u{7f}",
        ] {
            let shown = harmless(hostile);
            assert!(
                !shown
                    .chars()
                    .any(|letter| letter.is_control() || turns_text(letter)),
                "{shown:?}"
            );
        }
        assert_eq!(harmless("R&D\nzwei Zeilen, ü"), "R&D\nzwei Zeilen, ü");
    }

    #[test]
    fn i4_a_diff_has_no_control_characters_but_its_colours() {
        let diff = "@@ -1 +1 @@\n-a\u{1b}[2J\r\n+b\r\n c";
        assert_eq!(for_people(diff, false), "@@ -1 +1 @@\n-a\u{fffd}[2J\n+b\n c");
        let coloured =
            "\u{1b}[36m@@ -1 +1 @@\u{1b}[0m\n\u{1b}[31m-a\u{fffd}[2J\u{1b}[0m\n\u{1b}[32m+b\u{1b}[0m\n c";
        assert_eq!(for_people(diff, true), coloured);
    }

    #[test]
    fn a_name_with_a_line_break_stays_in_its_row() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let table = in_columns(&[row(["1", "a\nb"]), row(["22", "ä"])]);
        assert_eq!(table, "1   a b\n22  ä");
    }

    #[test]
    fn an_endless_name_does_not_push_the_other_rows_away() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        let endless = "x".repeat(4096);
        let table = in_columns(&[row([&endless, "a"]), row(["dev", "b"])]);
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines[0], format!("{endless}  a"));
        assert_eq!(lines[1], format!("{:WIDEST$}  b", "dev"));
    }

    #[test]
    fn i4_json_keeps_the_value_and_has_no_control_characters() {
        let hostile = "\u{1b}[2J\u{9b}\u{7f}\u{202e}\n\"";
        let text = ascii_controls(&serde_json::to_string(hostile).unwrap());
        assert!(
            !text
                .chars()
                .any(|letter| letter.is_control() || turns_text(letter)),
            "{text:?}"
        );
        assert_eq!(serde_json::from_str::<String>(&text).unwrap(), hostile);
    }
}
