//! A clock of the machine that is wrong: noticed, told once, and taken back when it is right.

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use crate::app::App;
use crate::app::command::Command;
use crate::app::contract::{ProblemCode, ProblemView};
use crate::app::controller::Controller;
use crate::app::problem::in_words;
use crate::clock::Clock;
use crate::clock::skew::is_worth_telling;
use crate::identity_center::HttpStack;
use crate::refresh::Change;

/// Tells the loop whenever AWS's answers have told that the clock is wrong, or right again.
pub(super) fn follow(http: &HttpStack, commands: mpsc::UnboundedSender<Command>) {
    let mut corrections = http.skew.corrections();
    tokio::spawn(async move {
        while corrections.changed().await.is_ok() {
            if commands.send(Command::Refreshed(Change::ClockCorrected)).is_err() {
                return;
            }
        }
    });
}

impl Controller {
    /// Whether the machine's clock is known to be wrong.
    pub(super) fn clock_problem(&self) -> Option<ProblemView> {
        problem(&*self.clock)
    }
}

impl App {
    /// Whether the machine's clock is known to be wrong.
    pub fn clock_problem(&self) -> Option<ProblemView> {
        problem(&*self.clock)
    }
}

impl ProblemView {
    /// `ahead`: how far the machine's clock is ahead of AWS's; below zero it is behind.
    pub fn wrong_clock(ahead: SignedDuration) -> Self {
        let by = so_long(ahead);
        let what_happened = match ahead.is_negative() {
            true => format!("This machine's clock is {by} slow."),
            false => format!("This machine's clock is {by} fast."),
        };
        Self::new(
            ProblemCode::Failed,
            what_happened,
            "Set it right. Until then Portray counts by AWS's time, but AWS may refuse what other tools sign.",
        )
    }
}

fn problem(clock: &dyn Clock) -> Option<ProblemView> {
    let now = Timestamp::UNIX_EPOCH;
    let ahead = clock.as_shown(now).duration_since(now);
    is_worth_telling(ahead).then(|| ProblemView::wrong_clock(ahead))
}

/// By how much a clock is off, as people say it.
pub fn so_long(ahead: SignedDuration) -> String {
    let minutes = ahead.unsigned_abs().as_secs() / 60;
    let (days, years) = (minutes / (24 * 60), minutes / (365 * 24 * 60));
    match (years, days) {
        (2.., _) => format!("{years} years"),
        (_, 2..) => format!("{days} days"),
        _ => in_words(minutes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn t4_how_wrong_the_clock_is_is_said_as_people_say_it() {
        let said = |seconds| ProblemView::wrong_clock(SignedDuration::from_secs(seconds)).what_happened;
        assert_eq!(said(-130), "This machine's clock is 2 minutes slow.");
        assert_eq!(said(3600), "This machine's clock is 60 minutes fast.");
        assert_eq!(said(86_400), "This machine's clock is 24 hours fast.");
        assert_eq!(said(-3 * 86_400), "This machine's clock is 3 days slow.");
        assert_eq!(said(-1_772_452_800), "This machine's clock is 56 years slow.");
    }
}
