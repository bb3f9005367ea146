//! A measured figure, and the table of all of them.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// What was measured, and what came out, in words.
pub struct Figure {
    pub what: String,
    pub value: String,
}

impl Figure {
    pub fn new(what: impl Into<String>, value: impl Into<String>) -> Figure {
        Figure {
            what: what.into(),
            value: value.into(),
        }
    }
}

/// A table in Markdown.
pub fn table(figures: &[Figure]) -> String {
    let mut table = "| figure | measured |\n|---|---|\n".to_owned();
    for figure in figures {
        let _ = writeln!(table, "| {} | {} |", figure.what, figure.value);
    }
    table
}

/// Several measurements of one duration.
#[derive(Default)]
pub struct Durations(Vec<Duration>);

impl Durations {
    pub fn add(&mut self, duration: Duration) {
        self.0.push(duration);
    }

    /// The middle one; half of them took less. Zero if there are none.
    pub fn median(&self) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    /// Median, shortest, longest.
    pub fn in_words(&self) -> String {
        let milliseconds = |duration: Option<&Duration>| duration.map_or(0.0, in_milliseconds);
        format!(
            "{:.1} ms ({:.1} to {:.1} ms, {} runs)",
            in_milliseconds(&self.median()),
            milliseconds(self.0.iter().min()),
            milliseconds(self.0.iter().max()),
            self.0.len()
        )
    }
}

fn in_milliseconds(duration: &Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Starts a stopwatch.
#[expect(
    clippy::disallowed_methods,
    reason = "measures programs, which run in real time; no product code"
)]
pub fn stopwatch() -> Instant {
    Instant::now()
}
