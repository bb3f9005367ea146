//! What those who asked for credentials were given.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

/// Counts of answers.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Seen {
    pub served: u64,
    /// Served though AWS takes them no more.
    pub expired: u64,
    /// Served with too little left though AWS could be reached for a while.
    pub short: u64,
    /// Refused though AWS could be reached for a while.
    pub refused: u64,
    /// What the first refusals and short lives were.
    pub examples: Vec<String>,
}

/// More examples say nothing more.
const EXAMPLES: usize = 10;

impl Seen {
    /// Credentials that end at `end` were served at `now`, AWS's time. `left` is what they have left for whoever
    /// asked, `least` what that should be, none while that cannot be had.
    pub fn serve(
        &mut self,
        (now, end): (Timestamp, Timestamp),
        left: SignedDuration,
        least: Option<SignedDuration>,
    ) {
        self.served += 1;
        if end <= now {
            self.expired += 1;
            self.example(format!("at {now} it had ended at {end}"));
        } else if least.is_some_and(|least| left < least) {
            self.short += 1;
            self.example(format!("at {now} it ended at {end}, {left:#} later"));
        }
    }

    pub fn refuse(&mut self, now: Timestamp, why: &str) {
        self.refused += 1;
        self.example(format!("at {now}: {why}"));
    }

    /// Takes in what somebody else saw.
    pub fn add(&mut self, other: Seen) {
        self.served += other.served;
        self.expired += other.expired;
        self.short += other.short;
        self.refused += other.refused;
        other.examples.into_iter().for_each(|one| self.example(one));
    }

    fn example(&mut self, text: String) {
        if self.examples.len() < EXAMPLES {
            self.examples.push(text);
        }
    }
}
