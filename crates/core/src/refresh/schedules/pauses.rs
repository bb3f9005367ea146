//! R4 in a schedule: how far attempts to refresh a token have to be from each other.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::company::{Call, Operation};

/// How long a failure is the answer to whoever asks.
const ANSWER: Duration = Duration::from_secs(5);

/// A pause, and a wish of AWS, is no longer.
pub const LONGEST: Duration = Duration::from_secs(300);

const LONGEST_OF_ROLE: Duration = Duration::from_secs(60);

/// How long a call may wait until the limiter lets it pass: behind a crowd of 24, of which ten pass at once.
pub const TURN: Duration = Duration::from_secs(2);

/// What decides how soon a token may be tried again. All times are monotonic.
pub struct Pauses {
    /// After a success, and after the first failure in a row.
    pub first: Duration,
    /// When attempts may start over, because the world is another one or AWS refused the token itself.
    pub starts_over: Vec<Duration>,
    /// From when until when somebody asked while the token had nearly run out.
    pub asks: Vec<RangeInclusive<Duration>>,
}

impl Pauses {
    /// The attempts that came too soon: after how many failures in a row, and how long after the one before.
    ///
    /// In its own turn the background tries again after pauses that double; what fails while somebody asks does not count
    /// for them. Out of turn is only who is refused something because the token has run out, and not before five seconds
    /// after the last failure.
    pub fn hasty(&self, calls: &[Call]) -> Vec<(u32, Duration)> {
        let tokens = calls
            .iter()
            .filter(|call| call.operation == Operation::CreateToken);
        let tokens: Vec<_> = tokens.collect();
        let (mut in_a_row, mut not_before, mut hasty) = (0_u32, Duration::ZERO, Vec::new());
        for pair in tokens.windows(2) {
            let [before, after] = pair else { continue };
            if self.is_another_story(before, after) {
                // The one before may belong to either of them, and so may its pause.
                (in_a_row, not_before) = (0, before.at + self.first);
                continue;
            }
            // Whether the background's turn had come by then cannot be told from here: the pauses are at least these.
            let was_out_of_turn = self.is_asked_for(before);
            (in_a_row, not_before) = match (before.failed, was_out_of_turn) {
                (false, _) => (0, before.at + self.first),
                (true, true) => (in_a_row, not_before.max(before.at + ANSWER)),
                (true, false) => {
                    let pause = self.first.saturating_mul(1 << in_a_row.min(16)).min(LONGEST);
                    (in_a_row + 1, before.at + pause)
                }
            };
            let may_be_out_of_turn = before.failed && self.is_asked_for(after);
            let least = if may_be_out_of_turn {
                before.at + ANSWER
            } else {
                not_before
            };
            if after.at < least {
                hasty.push((in_a_row, after.at - before.at));
            }
        }
        hasty
    }

    /// The calls that came before the time that AWS had asked for, and how long after the refusal: about the same token or
    /// the same role. A wish counts for five minutes of a token and one of a role, and as long as the world is the same: an
    /// answer to anything else says that AWS is well again for roles.
    pub fn impatient(&self, calls: &[Call]) -> Vec<(Operation, Duration)> {
        let wished = calls.iter().enumerate().filter(|(_, call)| call.wish.is_some());
        let early = wished.filter_map(|(number, refused)| {
            let longest = match refused.operation {
                Operation::CreateToken => LONGEST,
                Operation::GetRoleCredentials => LONGEST_OF_ROLE,
                Operation::Logout => return None,
            };
            let (until, mut later) = (
                refused.at + refused.wish?.min(longest),
                calls[number + 1..].iter(),
            );
            let is_same = |call: &&Call| call.operation == refused.operation && call.role == refused.role;
            let end = later.clone().position(|call| is_same(&call))?;
            let next = later.nth(end)?;
            let between = &calls[number + 1..=number + end];
            let is_well_again = refused.role.is_some() && between.iter().any(|call| !call.failed);
            let is_early = next.at < until && !is_well_again && !self.is_another_story(refused, next);
            is_early.then(|| (refused.operation, next.at - refused.at))
        });
        early.collect()
    }

    /// The sign-in is another one, or there was a reason to start over in between.
    fn is_another_story(&self, before: &Call, after: &Call) -> bool {
        // One that waited for its turn was begun earlier, and may be about the sign-in before.
        let begun = before.at.saturating_sub(TURN);
        let mut reasons = self.starts_over.iter();
        before.refresh_token != after.refresh_token || reasons.any(|at| (begun..=after.at).contains(at))
    }

    fn is_asked_for(&self, call: &Call) -> bool {
        self.asks.iter().any(|asked| asked.contains(&call.at))
    }
}
