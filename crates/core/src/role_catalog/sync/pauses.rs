//! How long a sync waits before it asks again.

use super::tests::failure;
use super::*;

#[test]
fn pauses_grow_are_bounded_and_honour_what_aws_asks_for() {
    let mut throttled = failure("ListAccounts", Meaning::Throttled);
    for attempt in 1..40 {
        let pause = pause(attempt, &throttled);
        assert!(pause >= Duration::from_secs(1) && pause <= Duration::from_secs(20));
    }
    throttled.retry_after = Some(Duration::from_secs(30));
    assert_eq!(pause(1, &throttled), Duration::from_secs(30));
    throttled.retry_after = Some(Duration::from_secs(86_400));
    assert_eq!(pause(1, &throttled), Duration::from_secs(60));
}
