//! Records over a strict keyring: sizes, kills, damage.

use super::*;
use crate::clock::SystemClock;
use crate::token_store::strict_store::StrictStore;

const WINDOWS: usize = 2560;
const KEY: &str = "acme/eu-west-1/token 0123456789abcdef";

fn records(store: &StrictStore) -> Records {
    open_with(store, WINDOWS)
}

fn open_with(store: &StrictStore, entry_limit: usize) -> Records {
    Records::new("portray", entry_limit, store.opener(), SystemClock::shared())
}

fn record(letter: char, length: usize) -> Record {
    Secret::new(letter.to_string().repeat(length).into_bytes())
}

#[test]
fn k4_a_record_of_any_size_fits_into_2560_bytes_an_entry() {
    let store = StrictStore::with_limit(WINDOWS);
    for length in [1, 2431, 2432, 2433, 2560, 4992, 4993, 20_000, 100_000] {
        records(&store).write(KEY, &record('a', length)).unwrap();
        let read = records(&store).read(KEY).unwrap().unwrap();
        assert_eq!(read, record('a', length), "{length} bytes");
    }
    let refused = records(&store).write(KEY, &record('a', 1_000_000));
    assert_eq!(refused, Err(StoreFailure::TooLarge));
    assert_eq!(records(&store).read(KEY).unwrap().unwrap(), record('a', 100_000));
}

#[test]
fn k4_a_kill_between_any_two_steps_leaves_the_old_or_the_new_record() {
    let sizes = [100, 3_000, 9_000, 20_000];
    for (old, new) in sizes
        .iter()
        .flat_map(|old| sizes.iter().map(move |new| (*old, *new)))
    {
        let (old, new) = (record('a', old), record('b', new));
        for steps in 0..40 {
            let store = StrictStore::with_limit(WINDOWS);
            records(&store).write(KEY, &record('z', 15_000)).unwrap();
            records(&store).write(KEY, &old).unwrap();
            store.die_after_changes(steps);
            let written = records(&store).write(KEY, &new);
            store.revive();
            let read = records(&store).read(KEY).unwrap().unwrap();
            assert!(read == old || read == new, "neither, after {steps} changes");
            assert!(written.is_err() || read == new, "a write that succeeded is there");
            records(&store).write(KEY, &new).unwrap();
            assert_eq!(records(&store).read(KEY).unwrap().unwrap(), new);
        }
    }
}

#[test]
fn k4_nothing_of_older_generations_stays() {
    let store = StrictStore::with_limit(WINDOWS);
    for steps in 0..30 {
        records(&store).write(KEY, &record('a', 20_000)).unwrap();
        store.die_after_changes(steps);
        let _ = records(&store).write(KEY, &record('b', 12_000));
        store.revive();
        records(&store).write(KEY, &record('c', 3_000)).unwrap();
        assert_eq!(
            store.names().len(),
            2,
            "after {steps} changes: {:?}",
            store.names()
        );
    }
    records(&store).delete(KEY).unwrap();
    assert!(store.names().is_empty());
    assert_eq!(records(&store).read(KEY), Ok(None));
}

#[test]
fn k3_a_damaged_record_is_reported_and_kept() {
    let store = StrictStore::with_limit(WINDOWS);
    records(&store).write(KEY, &record('a', 9_000)).unwrap();
    for name in store.names() {
        let whole = store.entry(&name).unwrap();
        for at in [0, whole.len() / 2, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            store.put(&name, damaged.clone());
            assert_eq!(
                records(&store).read(KEY),
                Err(StoreFailure::Corrupt),
                "{name} {at}"
            );
            assert_eq!(store.entry(&name).unwrap(), damaged, "it is left as it is");
        }
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            store.put(&name, whole[..length].to_vec());
            assert_eq!(records(&store).read(KEY), Err(StoreFailure::Corrupt));
        }
        store.put(&name, whole);
    }
    assert_eq!(records(&store).read(KEY).unwrap().unwrap(), record('a', 9_000));
}

#[test]
fn k3_no_failure_writes_or_deletes() {
    let store = StrictStore::with_limit(WINDOWS);
    records(&store).write(KEY, &record('a', 9_000)).unwrap();
    let before = store.everything();
    for failure in [StoreFailure::Locked, StoreFailure::Absent, StoreFailure::Failed] {
        store.refuse_with(Some(failure));
        assert_eq!(records(&store).read(KEY), Err(failure));
        assert_eq!(records(&store).write(KEY, &record('b', 1)), Err(failure));
        assert_eq!(records(&store).delete(KEY), Err(failure));
        store.refuse_with(None);
        assert_eq!(store.everything(), before);
    }
}

#[test]
fn k3_a_question_that_nobody_saw_was_not_dismissed() {
    let dismissed = |milliseconds| {
        let took = Duration::from_millis(milliseconds);
        dismissed_by_a_person(StoreFailure::Dismissed, took)
    };
    assert_eq!(dismissed(300), StoreFailure::Locked);
    assert_eq!(dismissed(2_000), StoreFailure::Dismissed);
    let absent = dismissed_by_a_person(StoreFailure::Absent, Duration::ZERO);
    assert_eq!(absent, StoreFailure::Absent);
}

#[test]
fn k5_a_record_that_fits_is_one_entry_and_one_read() {
    let store = StrictStore::with_limit(64 * 1024);
    let mut first = open_with(&store, 64 * 1024);
    first.write(KEY, &record('a', 9_000)).unwrap();
    assert_eq!(store.names(), [KEY]);
    let before = store.reads();
    let mut second = open_with(&store, 64 * 1024);
    second.read(KEY).unwrap().unwrap();
    assert_eq!(store.reads() - before, 1);
}

#[test]
fn k3_nothing_found_where_there_is_no_keyring_is_a_failure_and_no_answer() {
    let store = StrictStore::with_limit(WINDOWS);
    let mut records = records(&store);
    records.write(KEY, &record('a', 9_000)).unwrap();
    let before = store.everything();
    let openings = store.openings();
    store.refuse_with(Some(StoreFailure::NoKeyring));
    assert_eq!(records.read(KEY), Err(StoreFailure::NoKeyring));
    assert_eq!(
        records.delete(KEY),
        Err(StoreFailure::NoKeyring),
        "it would live again"
    );
    store.refuse_with(None);
    assert_eq!(store.everything(), before);
    assert_eq!(records.read(KEY).unwrap().unwrap(), record('a', 9_000));
    assert!(
        store.openings() > openings,
        "the service that has it again is another one"
    );
    records.delete(KEY).unwrap();
    assert_eq!(records.read(KEY), Ok(None), "the keyring says so");
}

#[test]
fn k5_whether_there_is_a_keyring_is_asked_only_where_nothing_was_found() {
    let store = StrictStore::with_limit(WINDOWS);
    records(&store).write(KEY, &record('a', 9_000)).unwrap();
    records(&store).read(KEY).unwrap().unwrap();
    assert_eq!(store.looks(), 0);
    assert_eq!(records(&store).read("acme/another"), Ok(None));
    assert_eq!(store.looks(), 1);
}

#[test]
fn k3_a_service_that_knows_of_no_default_keyring_is_believed() {
    let store = StrictStore::with_limit(WINDOWS);
    store.know_no_default();
    assert_eq!(records(&store).read(KEY), Ok(None));
    records(&store).write(KEY, &record('a', 100)).unwrap();
    assert_eq!(records(&store).read(KEY).unwrap().unwrap(), record('a', 100));
    records(&store).delete(KEY).unwrap();
    assert_eq!(records(&store).read(KEY), Ok(None));
}
