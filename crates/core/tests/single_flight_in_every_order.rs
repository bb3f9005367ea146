//! Single flight under every order in which its callers can run: the product's source, over locks and tasks that
//! shuttle decides about.

/// What single flight stands on.
mod threads {
    pub use shuttle::future::spawn;
    pub use shuttle::sync::Mutex;
}

#[expect(dead_code, reason = "what nobody asks for here")]
#[path = "../src/refresh/flight.rs"]
mod flight;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flight::Flights;
use threads::{Mutex, spawn};

/// So many orders are tried, each chosen at random. There are a few thousand that differ.
const ORDERS: usize = 5_000;

/// What three programs that want the same role do, each at its own time.
#[derive(Clone, Default)]
struct Scene {
    flights: Flights<&'static str, u32>,
    /// What the last flight brought.
    brought: Arc<Mutex<Option<u32>>>,
    under_way: Arc<AtomicU32>,
    calls: Arc<AtomicU32>,
}

impl Scene {
    /// As the credentials of a role are got: whoever finds none joins the flight, which looks again first.
    async fn get(self) -> u32 {
        if let Some(brought) = *self.brought.lock().expect("no panic under it") {
            return brought;
        }
        let scene = self.clone();
        let landing = self.flights.join(&"role", || scene.call());
        landing.await.expect("no flight panics")
    }

    async fn call(self) -> u32 {
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0, "one at a time");
        let known = *self.brought.lock().expect("no panic under it");
        let brought = match known {
            Some(brought) => brought,
            None => {
                let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
                shuttle::future::yield_now().await;
                *self.brought.lock().expect("no panic under it") = Some(number);
                number
            }
        };
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        brought
    }
}

#[test]
fn a1_in_whatever_order_callers_run_one_call_is_made_and_all_get_its_outcome() {
    let in_one_order = || {
        let scene = Scene::default();
        let callers: Vec<_> = (0..3).map(|_| spawn(scene.clone().get())).collect();
        // One that leaves at once; its flight goes on, or was another one's.
        let scene_of_leaving = scene.clone();
        drop(scene.flights.join(&"role", || scene_of_leaving.call()));
        shuttle::future::block_on(async {
            for caller in callers {
                assert_eq!(caller.await.unwrap(), 1);
            }
            // The last flight may have answered and not landed yet.
            while scene.flights.is_under_way(&"role") {
                shuttle::future::yield_now().await;
            }
        });
        assert_eq!(scene.calls.load(Ordering::SeqCst), 1);
    };
    shuttle::check_random(in_one_order, ORDERS);
}
