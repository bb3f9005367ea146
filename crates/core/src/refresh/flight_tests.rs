//! Single flight on tokio. `tests/single_flight_in_every_order.rs` looks at the orders in which its callers can run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::Notify;

use super::flight::{Flights, Panicked};

#[tokio::test]
async fn a2_a_thousand_waiters_cause_one_call_and_a_leaving_one_does_not_cancel_it() {
    let (flights, calls, go) = (
        Flights::<&str, u32>::default(),
        Arc::new(AtomicU32::new(0)),
        Arc::new(Notify::new()),
    );
    let work = || {
        let (calls, go) = (calls.clone(), go.clone());
        async move {
            go.notified().await;
            calls.fetch_add(1, Ordering::SeqCst) + 1
        }
    };
    drop(flights.join(&"role", work));
    let waiters: Vec<_> = (0..1000).map(|_| flights.join(&"role", work)).collect();
    go.notify_one();
    for waiter in waiters {
        assert_eq!(waiter.await, Ok(1));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(!flights.is_under_way(&"role"));
}

#[tokio::test]
async fn a2_a_panic_fails_the_waiters_and_nothing_else() {
    let flights = Flights::<u8, ()>::default();
    let landing = flights.join(&1, || async { panic!("on purpose") });
    assert_eq!(landing.await, Err(Panicked));
    assert_eq!(flights.join(&1, || async {}).await, Ok(()));
}
