//! The quota of the portal operations: one token bucket per user.

use std::collections::HashMap;

use jiff::Timestamp;

#[derive(Default)]
pub(crate) struct Throttle {
    buckets: HashMap<String, Bucket>,
}

struct Bucket {
    tokens: f64,
    filled_at: Timestamp,
}

impl Throttle {
    /// Whether one more call fits; `per_second` is the bucket's size too, 0 lets everything pass.
    pub(crate) fn admit(&mut self, user: &str, per_second: u32, now: Timestamp) -> bool {
        if per_second == 0 {
            return true;
        }
        let full = f64::from(per_second);
        let bucket = self.buckets.entry(user.to_owned()).or_insert(Bucket {
            tokens: full,
            filled_at: now,
        });
        let elapsed = now.duration_since(bucket.filled_at).as_secs_f64().max(0.0);
        bucket.tokens = (bucket.tokens + elapsed * full).min(full);
        bucket.filled_at = now;
        if bucket.tokens < 1.0 {
            return false;
        }
        bucket.tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bucket_lets_its_size_pass_at_once_and_then_its_rate() {
        let at = |milliseconds| Timestamp::from_millisecond(milliseconds).unwrap();
        let mut throttle = Throttle::default();

        assert_eq!((0..30).filter(|_| throttle.admit("amara", 20, at(0))).count(), 20);
        assert!(throttle.admit("ben", 20, at(0)), "the quota is each user's own");
        assert_eq!(
            (0..30).filter(|_| throttle.admit("amara", 20, at(500))).count(),
            10
        );
        assert_eq!(
            (0..30)
                .filter(|_| throttle.admit("amara", 20, at(60_000)))
                .count(),
            20
        );
        assert!((0..99).all(|_| throttle.admit("amara", 0, at(60_000))));
    }
}
