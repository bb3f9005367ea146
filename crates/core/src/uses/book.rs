//! The last uses, in memory: written down at once, kept on disk a moment later by whoever owns the files.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::sync::watch;

use super::{MOST, Observed, Use};
use crate::clock::SharedClock;
use crate::role_chain::Assumed;

/// The same thing once more within this time is the same line.
const IN_A_ROW: Duration = Duration::from_secs(10);

/// How many of the newest lines are looked at for that.
const LOOKED_AT: usize = 32;

/// The book that everybody writes into. Clones are the same.
#[derive(Debug, Clone)]
pub struct UseBook {
    clock: SharedClock,
    lines: Arc<Mutex<Lines>>,
    /// Grows with every change.
    changed: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Lines {
    /// The oldest first.
    lines: VecDeque<Line>,
    next_number: u64,
    change: u64,
}

#[derive(Debug)]
struct Line {
    used: Use,
    /// The monotonic time of the last one; none where an earlier process wrote it.
    last: Option<Duration>,
    /// Which change of the book this line is of.
    change: u64,
    standing: Standing,
}

/// What of a line is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    New,
    /// It is there, with a lower count.
    Counted,
    Written,
}

/// The lines since some change, the oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    pub uses: Vec<Use>,
    /// What to ask for next.
    pub change: u64,
}

impl UseBook {
    pub fn new(clock: SharedClock) -> Self {
        Self {
            clock,
            lines: Arc::default(),
            changed: watch::Sender::new(0),
        }
    }

    /// Takes in what an earlier process wrote down, older than everything that is here.
    pub fn add_earlier(&self, earlier: Vec<Use>) {
        let mut book = self.lines();
        book.change += 1;
        let change = book.change;
        let latest = earlier.iter().map(|used| used.number).max().unwrap_or_default();
        book.next_number = book.next_number.max(latest + 1);
        for used in earlier.into_iter().rev() {
            book.lines.push_front(Line {
                used,
                last: None,
                change,
                standing: Standing::Written,
            });
        }
        book.forget_old();
        drop(book);
        self.changed.send_replace(change);
    }

    /// Writes a use down. Cheap enough for whoever answers a program.
    pub fn record(&self, mut seen: Observed) {
        let (now, elapsed) = (self.clock.now(), self.clock.elapsed());
        let mut book = self.lines();
        book.recall_names(&mut seen);
        book.change += 1;
        let change = book.change;
        let mut newest = book.lines.iter_mut().rev().take(LOOKED_AT);
        let before = newest.find(|line| {
            let is_lately = |last| elapsed.saturating_sub(last) < IN_A_ROW;
            line.last.is_some_and(is_lately) && seen.is_again(&line.used)
        });
        if let Some(line) = before {
            line.used.times = line.used.times.saturating_add(1);
            (line.used.last_at, line.last, line.change) = (now, Some(elapsed), change);
            if line.standing == Standing::Written {
                line.standing = Standing::Counted;
            }
        } else {
            // Numbers grow also where what was written before could not be read.
            let time = u64::try_from(now.as_millisecond()).unwrap_or_default();
            let number = book.next_number.max(time).max(1);
            book.next_number = number + 1;
            book.lines.push_back(Line {
                used: seen.into_use(number, now),
                last: Some(elapsed),
                change,
                standing: Standing::New,
            });
            book.forget_old();
        }
        drop(book);
        self.changed.send_replace(change);
    }

    /// All that changed after this change; 0: everything.
    pub fn since(&self, change: u64) -> Page {
        let book = self.lines();
        let lines = book.lines.iter().filter(|line| line.change > change);
        Page {
            uses: lines.map(|line| line.used.clone()).collect(),
            change: book.change,
        }
    }

    /// Those of the newest `newest` whose number is higher than this one, the oldest first, at most so many.
    pub fn after(&self, number: u64, most: usize, newest: usize) -> Vec<Use> {
        let book = self.lines();
        let skipped = book.lines.len().saturating_sub(newest);
        let shown = book.lines.iter().skip(skipped).map(|line| &line.used);
        shown
            .filter(|used| used.number > number)
            .take(most)
            .cloned()
            .collect()
    }

    /// Which change was the last.
    pub fn change(&self) -> u64 {
        self.lines().change
    }

    /// Is told of every change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// What is to be written to disk now: new lines; with `counts` also those that were counted up since.
    pub fn take_unwritten(&self, counts: bool) -> Vec<Use> {
        let mut book = self.lines();
        let due = book.lines.iter_mut().filter(|line| match line.standing {
            Standing::New => true,
            Standing::Counted => counts,
            Standing::Written => false,
        });
        due.map(|line| {
            line.standing = Standing::Written;
            line.used.clone()
        })
        .collect()
    }

    /// These could not be written: they are tried again.
    pub fn not_written(&self, uses: &[Use]) {
        let mut book = self.lines();
        for line in &mut book.lines {
            if uses.iter().any(|used| used.number == line.used.number) {
                line.standing = Standing::New;
            }
        }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("no panic under this lock")
    }
}

impl Lines {
    /// The list of accounts goes with a sign-out. What an account was called when it was last written down is still what
    /// people know it by.
    fn recall_names(&self, seen: &mut Observed) {
        if seen.account_name.is_empty() {
            let mut named = self.newest().filter(|used| !used.account_name.is_empty());
            let is_it = |used: &&Use| used.portal == seen.portal && used.account == seen.role.account.0;
            if let Some(used) = named.find(is_it) {
                seen.account_name.clone_from(&used.account_name);
            }
        }
        if let Some(assumed) = seen
            .assumed
            .as_mut()
            .filter(|assumed| assumed.account_name.is_empty())
        {
            let mut named = self.newest().filter_map(|used| used.assumed.as_ref());
            let is_it = |known: &&Assumed| known.account == assumed.account && !known.account_name.is_empty();
            if let Some(known) = named.find(is_it) {
                assumed.account_name.clone_from(&known.account_name);
            }
        }
    }

    fn newest(&self) -> impl Iterator<Item = &Use> {
        self.lines.iter().rev().map(|line| &line.used)
    }

    fn forget_old(&mut self) {
        while self.lines.len() > MOST {
            self.lines.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;
    use crate::uses::tests::observed;

    fn book() -> (UseBook, ManualClock) {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        (UseBook::new(Arc::new(clock.clone())), clock)
    }

    #[test]
    fn a6_an_account_is_called_what_it_was_called_before_the_list_of_accounts_went() {
        let (book, _) = book();
        let assumed = |account_name: &str| Assumed {
            role_arn: "arn:aws:iam::666677778888:role/R".to_owned(),
            account: "666677778888".to_owned(),
            account_name: account_name.to_owned(),
            role_name: "R".to_owned(),
        };
        let nameless = |account: &str, portal: &str| {
            let mut seen = observed("aws", 8);
            seen.role.account.0 = account.to_owned();
            (seen.account_name, seen.portal) = (String::new(), portal.to_owned());
            seen.assumed = Some(assumed(""));
            seen
        };
        let mut known = observed("aws", 7);
        known.assumed = Some(assumed("acme-shared"));
        book.record(known);
        for seen in [
            nameless("111122223333", "acme"),
            nameless("111122223333", "other"),
            nameless("999988887777", "acme"),
        ] {
            book.record(seen);
        }
        let uses = book.since(0).uses;
        let names: Vec<_> = uses.iter().map(|used| used.account_name.as_str()).collect();
        assert_eq!(names, ["acme-dev", "acme-dev", "", ""]);
        let is_named = |used: &Use| used.assumed.as_ref().unwrap().account_name == "acme-shared";
        assert!(uses.iter().all(is_named), "{uses:?}");
    }

    fn counts(book: &UseBook) -> Vec<(String, u32)> {
        let name = |used: &Use| {
            used.program
                .clone()
                .map(|program| program.name)
                .unwrap_or_default()
        };
        let uses = book.since(0).uses;
        uses.iter().map(|used| (name(used), used.times)).collect()
    }

    #[test]
    fn a6_a_program_in_a_loop_is_one_line_that_counts_and_others_are_lines_of_their_own() {
        let (book, clock) = book();
        for _ in 0..3 {
            book.record(observed("aws", 7));
            book.record(observed("python3", 8));
            clock.advance(Duration::from_secs(1));
        }
        book.record(observed("aws", 9));
        let mut refused = observed("aws", 7);
        refused.refused = Some("It failed.".to_owned());
        book.record(refused);
        clock.advance(IN_A_ROW);
        book.record(observed("aws", 7));
        let named = |name: &str, times| (name.to_owned(), times);
        assert_eq!(
            counts(&book),
            [
                named("aws", 3),
                named("python3", 3),
                named("aws", 1),
                named("aws", 1),
                named("aws", 1)
            ]
        );
        let first = &book.since(0).uses[0];
        assert_eq!(first.last_at.duration_since(first.at).as_secs(), 2);
    }

    #[test]
    fn a6_the_last_five_thousand_are_kept_and_numbers_grow() {
        let (book, _clock) = book();
        for pid in 1..=5_050 {
            book.record(observed("aws", pid));
        }
        let uses = book.since(0).uses;
        assert_eq!(uses.len(), 5_000);
        assert_eq!(uses[0].program.as_ref().unwrap().pid, 51);
        assert!(uses.is_sorted_by(|one, next| one.number < next.number));
    }

    #[test]
    fn a6_who_pages_comes_through_all_and_a_window_through_the_newest() {
        let (book, _clock) = book();
        for pid in 1..=250 {
            book.record(observed("aws", pid));
        }
        let paged = |newest| {
            let mut uses: Vec<Use> = Vec::new();
            loop {
                let after = uses.last().map_or(0, |used| used.number);
                let page = book.after(after, 100, newest);
                assert!(page.len() <= 100);
                if page.is_empty() {
                    return uses;
                }
                uses.extend(page);
            }
        };
        let all = book.since(0).uses;
        assert_eq!(paged(MOST), all);
        assert_eq!(paged(crate::uses::SHOWN), all[50..]);
    }

    #[test]
    fn a6_who_follows_gets_what_is_new_and_the_disk_what_is_not_there_yet() {
        let (book, clock) = book();
        book.record(observed("aws", 7));
        let seen = book.since(0);
        assert_eq!(book.since(seen.change).uses, []);
        book.record(observed("python3", 8));
        assert_eq!(book.since(seen.change).uses.len(), 1);

        assert_eq!(book.take_unwritten(false).len(), 2);
        clock.advance(Duration::from_secs(1));
        book.record(observed("aws", 7));
        assert_eq!(book.take_unwritten(false), [], "a count can wait");
        let counted = book.take_unwritten(true);
        assert_eq!((counted.len(), counted[0].times), (1, 2));
        book.not_written(&counted);
        assert_eq!(book.take_unwritten(false), counted);
    }

    #[test]
    fn a6_what_an_earlier_process_wrote_comes_before_and_is_not_counted_up() {
        let (book, _clock) = book();
        book.record(observed("aws", 7));
        let before = book.since(0).uses[0].clone();
        let earlier = Use {
            number: before.number - 1,
            ..before.clone()
        };
        let (book, _clock) = self::book();
        book.add_earlier(vec![earlier.clone()]);
        book.record(observed("aws", 7));
        let uses = book.since(0).uses;
        assert_eq!((uses.len(), &uses[0], uses[1].times), (2, &earlier, 1));
        assert_eq!(book.take_unwritten(true).len(), 1);
    }
}
