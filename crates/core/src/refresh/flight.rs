//! Single flight: however many ask for the same thing at once, the work is done once.

use std::collections::HashMap;
use std::fmt::Debug;
use std::future::Future;
use std::hash::Hash;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::Shared;

use super::threads::{Mutex, spawn};

/// The work panicked; everybody who waited learns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked;

type Landing<V> = Shared<Pin<Box<dyn Future<Output = Result<V, Panicked>> + Send>>>;

/// Work under way, by key. The work runs in a task of its own: whoever leaves does not cancel it.
pub struct Flights<K, V> {
    under_way: Arc<Mutex<HashMap<K, Landing<V>>>>,
}

impl<K, V> Clone for Flights<K, V> {
    fn clone(&self) -> Self {
        Self {
            under_way: self.under_way.clone(),
        }
    }
}

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self {
            under_way: Arc::default(),
        }
    }
}

impl<K, V> Debug for Flights<K, V> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Flights")
    }
}

impl<K, V> Flights<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// Joins the flight for `key`, or starts it.
    pub fn join<F>(&self, key: &K, work: impl FnOnce() -> F) -> Landing<V>
    where
        F: Future<Output = V> + Send + 'static,
    {
        let mut under_way = self.under_way.lock().expect("no panic under this lock");
        if let Some(landing) = under_way.get(key) {
            return landing.clone();
        }
        let task = spawn(
            Landed {
                flights: self.clone(),
                key: key.clone(),
            }
            .after(work()),
        );
        let landing: Landing<V> = async move { task.await.map_err(|_| Panicked) }.boxed().shared();
        under_way.insert(key.clone(), landing.clone());
        landing
    }

    pub fn is_under_way(&self, key: &K) -> bool {
        self.under_way
            .lock()
            .expect("no panic under this lock")
            .contains_key(key)
    }
}

impl<K: Eq + Hash, V> Flights<K, V> {
    /// How many are under way whose key is such.
    pub fn count(&self, is_such: impl Fn(&K) -> bool) -> usize {
        let under_way = self.under_way.lock().expect("no panic under this lock");
        under_way.keys().filter(|key| is_such(key)).count()
    }
}

/// Takes the flight off the list when the work ends, also by a panic.
struct Landed<K: Eq + Hash, V> {
    flights: Flights<K, V>,
    key: K,
}

impl<K: Eq + Hash, V> Landed<K, V> {
    async fn after<F: Future<Output = V>>(self, work: F) -> V {
        let value = work.await;
        drop(self);
        value
    }
}

impl<K: Eq + Hash, V> Drop for Landed<K, V> {
    fn drop(&mut self) {
        self.flights
            .under_way
            .lock()
            .expect("no panic under this lock")
            .remove(&self.key);
    }
}
