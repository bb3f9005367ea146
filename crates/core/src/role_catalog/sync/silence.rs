//! What is told while a call hangs.

use std::sync::{Arc, Mutex};

use super::super::tests::portal;
use super::tests::{start, token};
use super::*;
use crate::clock::ManualClock;

const SECOND: Duration = Duration::from_secs(1);

/// Answers the first list of accounts or not, and never says what is assigned in them.
struct Hanging {
    accounts: Option<Account>,
}

impl Assignments for Hanging {
    async fn accounts(&self, _: &Token, _: Option<&str>, _: Priority) -> Result<Page<Account>, Failure> {
        match self.accounts.clone() {
            Some(account) => Ok(Page {
                items: vec![account],
                next: None,
            }),
            None => std::future::pending().await,
        }
    }

    async fn permission_sets(
        &self,
        _: &Token,
        _: &AccountId,
        _: Option<&str>,
        _: Priority,
    ) -> Result<Page<String>, Failure> {
        std::future::pending().await
    }
}

#[tokio::test]
async fn s2_a_call_that_hangs_is_told_within_seconds_also_the_very_first() {
    let account = Account {
        id: AccountId("111122223333".to_owned()),
        name: "acme-dev".to_owned(),
        email: String::new(),
    };
    for accounts in [None, Some(account)] {
        let clock = ManualClock::at(start());
        let told = Arc::new(Mutex::new(Vec::new()));
        let task = tokio::spawn({
            let (clock, told) = (clock.clone(), told.clone());
            async move {
                let token = token();
                let source = Source {
                    assignments: &Hanging { accounts },
                    token: &token,
                    priority: Priority::Background,
                    clock: &clock,
                    trouble: &|failure| told.lock().unwrap().push(failure.clone()),
                };
                sync(source, &portal("p"), &Listing::default(), None, |_| {}).await
            }
        });
        for second in 0..10 {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            let told = told.lock().unwrap().clone();
            assert_eq!(told.len(), usize::from(second >= 5), "after {second} s: {told:?}");
            let silence = |it: &Failure| (it.meaning, it.detail.clone());
            let expected = (Meaning::Unreachable, Some("no answer for 5 seconds".to_owned()));
            assert!(told.iter().all(|it| silence(it) == expected), "{told:?}");
            clock.advance(SECOND);
        }
        assert!(!task.is_finished(), "it goes on");
        task.abort();
    }
}
