//! Syncs against a portal that pages, throttles, repeats itself and refuses.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::tests::{listed, portal, role};
use super::round::IDLE_PAGES;
use super::*;
use crate::clock::ManualClock;
use crate::secret::Secret;

/// What the portal does instead of answering the n-th call (from 1).
type Trouble = Box<dyn Fn(usize) -> Option<Meaning> + Send + Sync>;

struct FakePortal {
    accounts: Vec<ListedAccount>,
    page: usize,
    trouble: Trouble,
    /// The last page points to the first again.
    loops: bool,
    /// Every page has a new token and the same items.
    endless: bool,
    calls: AtomicUsize,
    at_once: Mutex<(usize, usize)>,
}

impl FakePortal {
    fn with(accounts: Vec<ListedAccount>) -> Self {
        Self {
            accounts,
            page: 100,
            trouble: Box::new(|_| None),
            loops: false,
            endless: false,
            calls: AtomicUsize::new(0),
            at_once: Mutex::default(),
        }
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn answer<T: Clone>(
        &self,
        operation: &'static str,
        items: &[T],
        next: Option<&str>,
    ) -> Result<Page<T>, Failure> {
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        self.count(1);
        tokio::task::yield_now().await;
        self.count(-1);
        if let Some(meaning) = (self.trouble)(call) {
            return Err(failure(operation, meaning));
        }
        let start: usize = next.map_or(0, |it| it.parse().unwrap());
        if self.endless {
            return Ok(Page {
                items: items.to_vec(),
                next: Some((start + 1).to_string()),
            });
        }
        let end = items.len().min(start + self.page);
        let more = end < items.len() || self.loops;
        Ok(Page {
            items: items[start..end].to_vec(),
            next: more.then(|| (end % items.len().max(1)).to_string()),
        })
    }

    fn count(&self, change: isize) {
        let mut at_once = self.at_once.lock().unwrap();
        at_once.0 = at_once.0.checked_add_signed(change).unwrap();
        at_once.1 = at_once.1.max(at_once.0);
    }
}

impl Assignments for FakePortal {
    async fn accounts(
        &self,
        _: &Token,
        next: Option<&str>,
        priority: Priority,
    ) -> Result<Page<Account>, Failure> {
        assert_eq!(priority, Priority::Background);
        let accounts: Vec<_> = self.accounts.iter().map(|it| it.account.clone()).collect();
        self.answer("ListAccounts", &accounts, next).await
    }

    async fn permission_sets(
        &self,
        _: &Token,
        account: &AccountId,
        next: Option<&str>,
        _: Priority,
    ) -> Result<Page<String>, Failure> {
        let listed = self.accounts.iter().find(|it| it.account.id == *account);
        let sets = &listed.unwrap().permission_sets;
        self.answer("ListAccountRoles", sets, next).await
    }
}

pub(super) fn failure(operation: &'static str, meaning: Meaning) -> Failure {
    Failure::new(operation, meaning, "")
}

fn accounts(count: usize) -> Vec<ListedAccount> {
    let sets = ["A", "B", "C", "D", "E"];
    (0..count)
        .map(|it| listed(&format!("{it:012}"), &format!("account-{it:05}"), &sets))
        .collect()
}

pub(super) fn token() -> Token {
    Token {
        access_token: Secret::from("aoa-1"),
        refresh_token: None,
        issued_at: start(),
        expires_at: start(),
    }
}

pub(super) fn start() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

struct Outcome {
    result: Result<Synced, SyncStopped>,
    progress: Vec<Progress>,
    took: Duration,
}

impl Outcome {
    fn listing(&self) -> &Listing {
        &self.result.as_ref().unwrap().listing
    }

    fn stopped(&self) -> &SyncStopped {
        self.result.as_ref().unwrap_err()
    }
}

/// On a task of its own, as the application does it, while the clock runs as fast as it can.
async fn run(source: &Arc<FakePortal>, known: Listing, unfinished: Option<Unfinished>) -> Outcome {
    let clock = ManualClock::at(start());
    let task = tokio::spawn({
        let (source, clock) = (Arc::clone(source), clock.clone());
        async move {
            let mut progress = Vec::new();
            let token = token();
            let source = Source {
                assignments: source.as_ref(),
                token: &token,
                priority: Priority::Background,
                clock: &clock,
                trouble: &|_| {},
            };
            let report = |step| progress.push(step);
            let result = sync(source, &portal("p"), &known, unfinished, report).await;
            let took = clock.elapsed();
            Outcome {
                result,
                progress,
                took,
            }
        }
    });
    while !task.is_finished() {
        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    task.await.unwrap()
}

async fn run_new(source: FakePortal) -> (Outcome, Arc<FakePortal>) {
    let source = Arc::new(source);
    (run(&source, Listing::default(), None).await, source)
}

#[tokio::test]
async fn s2_no_one_and_many_accounts() {
    for count in [0, 1, 99, 100, 101, 1000] {
        let (outcome, source) = run_new(FakePortal::with(accounts(count))).await;
        let listing = outcome.listing();
        assert_eq!(listing.accounts, accounts(count));
        assert!(listing.complete && listing.synced_at.is_some());
        assert_eq!(
            source.calls(),
            count.div_ceil(100).max(1) + count,
            "the least possible"
        );
    }
}

#[tokio::test]
async fn s2_ten_thousand_accounts() {
    let (outcome, source) = run_new(FakePortal::with(accounts(10_000))).await;
    assert_eq!(outcome.listing().counts().permission_sets, 50_000);
    assert_eq!(source.calls(), 10_100);
    let partials = outcome.progress.iter().filter(|it| it.partial.is_some()).count();
    assert!((20..=60).contains(&partials), "{partials} copies of the listing");
}

#[tokio::test]
async fn s2_a_fifth_of_the_calls_throttled() {
    let mut source = FakePortal::with(accounts(1000));
    source.trouble = Box::new(|call| (call % 5 == 0).then_some(Meaning::Throttled));
    let (outcome, source) = run_new(source).await;
    assert_eq!(outcome.listing().accounts, accounts(1000));
    assert!(source.calls() <= 1010 * 3 / 2, "{} calls", source.calls());
    assert!(source.at_once.lock().unwrap().1 <= AT_ONCE);
}

#[tokio::test]
async fn s2_tokens_that_loop_and_pages_without_end() {
    let looping = |count| FakePortal {
        loops: true,
        ..FakePortal::with(accounts(count))
    };
    let (outcome, _) = run_new(looping(250)).await;
    let known = outcome.listing().clone();
    assert_eq!(
        (known.accounts.as_slice(), known.complete),
        (&accounts(250)[..], false)
    );
    let less = run(&Arc::new(looping(100)), known, None).await;
    assert_eq!(
        less.listing().accounts,
        accounts(250),
        "what it hides is not gone"
    );
    let mut source = FakePortal::with(accounts(3));
    source.endless = true;
    let (outcome, source) = run_new(source).await;
    assert_eq!(outcome.listing().accounts, accounts(3));
    assert!(source.calls() <= (IDLE_PAGES + 1) * 4, "{} calls", source.calls());
}

#[tokio::test]
async fn s2_duplicates_count_once_and_everything_is_sorted() {
    let source = FakePortal::with(vec![
        listed("000000000002", "b", &["X", "A", "X"]),
        listed("000000000001", "B", &["X"]),
        listed("000000000002", "b", &["X", "A", "X"]),
        listed("000000000003", "a", &["X"]),
    ]);
    let (outcome, _) = run_new(source).await;
    let expected = [
        listed("000000000003", "a", &["X"]),
        listed("000000000001", "B", &["X"]),
        listed("000000000002", "b", &["A", "X"]),
    ];
    assert_eq!(outcome.listing().accounts, expected);
}

#[tokio::test]
async fn s2_an_interrupted_sync_goes_on_where_it_was() {
    let mut source = FakePortal::with(accounts(200));
    source.trouble = Box::new(|call| (call > 102).then_some(Meaning::TokenRefused));
    let (outcome, _) = run_new(source).await;
    let stopped = outcome.stopped();
    assert_eq!(stopped.failure.meaning, Meaning::TokenRefused);
    let listed = stopped.unfinished.accounts.len();
    assert!((90..=100).contains(&listed), "{listed}");
    let source = Arc::new(FakePortal::with(accounts(200)));
    let unfinished = Some(stopped.unfinished.as_ref().clone());
    let outcome = run(&source, Listing::default(), unfinished).await;
    assert_eq!(outcome.listing().accounts, accounts(200));
    assert_eq!(source.calls(), 2 + 200 - listed);
}

#[tokio::test]
async fn an_old_unfinished_sync_is_begun_anew() {
    let source = Arc::new(FakePortal::with(accounts(10)));
    for started_at in ["2026-03-02T10:00:00Z", "2026-03-02T15:00:00Z"] {
        let unfinished = Unfinished {
            started_at: started_at.parse().unwrap(),
            accounts: vec![listed("000000000001", "account-00001", &["Old"])],
        };
        let outcome = run(&source, Listing::default(), Some(unfinished)).await;
        assert_eq!(outcome.listing().accounts, accounts(10), "{started_at}");
    }
}

#[tokio::test]
async fn an_interruption_among_the_accounts_loses_nothing_of_an_earlier_one() {
    let mut source = FakePortal::with(accounts(10));
    source.trouble = Box::new(|_| Some(Meaning::TokenRefused));
    let unfinished = Unfinished {
        started_at: start(),
        accounts: accounts(5),
    };
    let outcome = run(&Arc::new(source), Listing::default(), Some(unfinished.clone())).await;
    assert_eq!(*outcome.stopped().unfinished, unfinished);
}

#[tokio::test]
async fn n1_a_portal_that_stays_unreachable_stops_the_sync_within_two_minutes() {
    for answered in [0, 1, 10] {
        let mut source = FakePortal::with(accounts(30));
        source.trouble = Box::new(move |call| (call > answered).then_some(Meaning::Unreachable));
        let (outcome, _) = run_new(source).await;
        let stopped = outcome.stopped();
        assert_eq!(stopped.failure.meaning, Meaning::Unreachable);
        assert_eq!(stopped.unfinished.accounts.len(), answered.saturating_sub(1));
        assert!(outcome.took <= Duration::from_secs(120), "{:?}", outcome.took);
    }
}

#[test]
fn n1_refusals_are_waited_out_for_a_minute_in_a_row_and_for_half_an_hour_in_all() {
    let clock = ManualClock::at(start());
    let reader = Reader {
        source: Source {
            assignments: &FakePortal::with(Vec::new()),
            token: &token(),
            priority: Priority::Background,
            clock: &clock,
            trouble: &|_| {},
        },
        started: clock.elapsed(),
        answered: AtomicU64::new(0),
    };
    for minute in 0..30 {
        assert!(!reader.is_hopeless(), "after {minute} minutes with answers");
        clock.advance(Duration::from_secs(59));
        assert!(!reader.is_hopeless(), "after 59 seconds without");
        clock.advance(Duration::from_secs(1));
        assert!(reader.is_hopeless(), "after a minute without");
        reader.answered.store(millis(reader.elapsed()), Ordering::SeqCst);
    }
    assert!(reader.is_hopeless(), "after half an hour");
}

#[tokio::test]
async fn an_account_that_went_away_meanwhile_is_left_out() {
    let mut source = FakePortal::with(accounts(3));
    source.trouble = Box::new(|call| (call == 2).then_some(Meaning::NotAssigned));
    let (outcome, _) = run_new(source).await;
    assert_eq!(outcome.listing().accounts.len(), 2);
}

#[tokio::test]
async fn what_has_changed_is_told() {
    let known = Listing {
        synced_at: None,
        complete: true,
        accounts: vec![
            listed("000000000001", "a", &["Gone", "Stays"]),
            listed("000000000002", "b", &["X"]),
        ],
    };
    let now = vec![
        listed("000000000001", "a", &["New", "Stays"]),
        listed("000000000003", "c", &["X"]),
    ];
    let outcome = run(&Arc::new(FakePortal::with(now)), known, None).await;
    let difference = outcome.result.unwrap().difference;
    let added = [role("p", "000000000001", "New"), role("p", "000000000003", "X")];
    let removed = [role("p", "000000000001", "Gone"), role("p", "000000000002", "X")];
    assert_eq!(difference.added, added);
    assert_eq!(difference.removed, removed);
}

#[tokio::test]
async fn the_list_is_usable_from_the_first_page_on() {
    let known = Listing {
        synced_at: Some(start()),
        complete: true,
        accounts: vec![
            listed("000000000000", "old name", &["Old"]),
            listed("999999999999", "not seen yet", &["X"]),
        ],
    };
    let source = Arc::new(FakePortal::with(accounts(350)));
    let outcome = run(&source, known, None).await;
    let first = outcome.progress[0].partial.as_ref().unwrap();
    assert_eq!(first.listing.accounts.len(), 101);
    let renamed = listed("000000000000", "account-00000", &["Old"]);
    assert_eq!(
        first.listing.accounts[0], renamed,
        "its permission sets as they were"
    );
    let steps: Vec<_> = outcome.progress.iter().map(|it| (it.done, it.total)).collect();
    assert_eq!(steps[0], (0, 100));
    assert_eq!(steps.last(), Some(&(350, 350)));
    let before_the_last_page = steps.iter().filter(|(done, total)| *done > 0 && *total < 350);
    assert!(
        before_the_last_page.count() > 0,
        "no role before the last page: {steps:?}"
    );
    let with_roles = outcome.progress.iter().find(|it| it.done == 1).unwrap();
    assert!(with_roles.partial.is_some(), "the first account shows at once");
    assert_eq!(outcome.listing().accounts.len(), 350);
}
