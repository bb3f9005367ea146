//! One limiter per portal: what a person waits for goes before what runs in the background.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::select;
use tokio::sync::Notify;

use crate::clock::SharedClock;

/// Who waits for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    Interactive,
    Background,
}

/// 18 requests/s, in no second more than that, ten of them at once after a rest; slower after a 429.
#[derive(Debug)]
pub struct Limiter {
    clock: SharedClock,
    bucket: Mutex<Bucket>,
    changed: Notify,
    /// Only the first in each line looks at the bucket; tokio's mutex keeps the lines in order.
    interactive: tokio::sync::Mutex<()>,
    background: tokio::sync::Mutex<()>,
}

/// Leave to have one request in flight, until it is dropped.
#[derive(Debug)]
pub struct Permit<'limiter> {
    limiter: &'limiter Limiter,
}

/// Requests per second while AWS does not object. The quota is 20/s for everything that a person does in a portal.
const FULL_RATE: f64 = 18.0;
const LOWEST_RATE: f64 = 2.0;
const BURST: usize = 10;
/// So many begin within any second, however many were saved up before it.
const MOST: usize = 18;
const SECOND: Duration = Duration::from_secs(1);
const IN_FLIGHT: usize = 8;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    rate: f64,
    filled_at: Duration,
    halved_at: Option<Duration>,
    /// When those of the last second began, the oldest first.
    begun: VecDeque<Duration>,
    in_flight: usize,
    /// How many wait interactively: the background stands back as long as there is one.
    interactive: usize,
}

impl Limiter {
    pub fn new(clock: SharedClock) -> Self {
        let bucket = Bucket {
            tokens: BURST as f64,
            rate: FULL_RATE,
            filled_at: clock.elapsed(),
            halved_at: None,
            begun: VecDeque::with_capacity(MOST),
            in_flight: 0,
            interactive: 0,
        };
        Self {
            clock,
            bucket: Mutex::new(bucket),
            changed: Notify::new(),
            interactive: tokio::sync::Mutex::new(()),
            background: tokio::sync::Mutex::new(()),
        }
    }

    /// Waits for its turn. Whoever stops waiting loses nothing but the place in the line.
    pub async fn permit(&self, priority: Priority) -> Permit<'_> {
        let (line, _waiting) = match priority {
            Priority::Interactive => (&self.interactive, Some(Waiting::begin(self))),
            Priority::Background => (&self.background, None),
        };
        let _first = line.lock().await;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let taken = self.bucket().take(priority, self.clock.elapsed());
            match taken {
                Ok(()) => return Permit { limiter: self },
                Err(Some(wait)) => drop(select(changed, self.clock.sleep(wait)).await),
                Err(None) => changed.await,
            }
        }
    }

    /// AWS said 429: half the rate, at most once a second, because one burst can bring several of them.
    pub fn throttled(&self) {
        let now = self.clock.elapsed();
        let mut bucket = self.bucket();
        bucket.fill(now);
        let just_halved = bucket.halved_at.is_some_and(|at| now.saturating_sub(at) < SECOND);
        if !just_halved {
            bucket.rate = (bucket.rate / 2.0).max(LOWEST_RATE);
            bucket.tokens = bucket.tokens.min(1.0);
            bucket.halved_at = Some(now);
        }
    }

    fn bucket(&self) -> MutexGuard<'_, Bucket> {
        self.bucket.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bucket {
    /// Fills what has trickled in since; the rate itself rises by one request per second each second.
    fn fill(&mut self, now: Duration) {
        let seconds = now.saturating_sub(self.filled_at).as_secs_f64();
        self.tokens = (self.tokens + seconds * self.rate).min(BURST as f64);
        self.rate = (self.rate + seconds).min(FULL_RATE);
        self.filled_at = now;
    }

    /// Takes a token, or says how long until there is one; none: when something else changes.
    fn take(&mut self, priority: Priority, now: Duration) -> Result<(), Option<Duration>> {
        self.fill(now);
        let stands_back = priority == Priority::Background && self.interactive > 0;
        if stands_back || self.in_flight >= IN_FLIGHT {
            return Err(None);
        }
        let pause = self.pause(priority, now);
        if !pause.is_zero() {
            // What a pause saves up is no burst behind it.
            self.tokens = self.tokens.min(1.0);
            return Err(Some(pause));
        }
        if self.tokens < 1.0 {
            // A nanosecond more than computed, so that rounding cannot make it wait for ever.
            let wait = Duration::from_secs_f64((1.0 - self.tokens) / self.rate);
            return Err(Some(wait + Duration::from_nanos(1)));
        }
        self.tokens -= 1.0;
        self.begun.push_back(now);
        self.in_flight += 1;
        Ok(())
    }

    /// How long none may begin because so many have within the last second. What comes behind a burst in the background
    /// is spread over the rest of that second, so that a person's call finds room in it.
    fn pause(&mut self, priority: Priority, now: Duration) -> Duration {
        while self.begun.front().is_some_and(|at| now >= *at + SECOND) {
            self.begun.pop_front();
        }
        let (Some(oldest), Some(latest)) = (self.begun.front(), self.begun.back()) else {
            return Duration::ZERO;
        };
        let next_second = *oldest + SECOND;
        let until = match u32::try_from(MOST.saturating_sub(self.begun.len())) {
            Ok(0) | Err(_) => next_second,
            Ok(room) if priority == Priority::Background && self.begun.len() >= BURST => {
                *latest + (next_second - *latest) / (room + 1)
            }
            Ok(_) => now,
        };
        until.saturating_sub(now)
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        self.limiter.bucket().in_flight -= 1;
        self.limiter.changed.notify_waiters();
    }
}

/// Counts one who waits interactively, also if the wait is given up.
struct Waiting<'limiter>(&'limiter Limiter);

impl<'limiter> Waiting<'limiter> {
    fn begin(limiter: &'limiter Limiter) -> Self {
        limiter.bucket().interactive += 1;
        Self(limiter)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.bucket().interactive -= 1;
        self.0.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    fn limiter() -> (ManualClock, Arc<Limiter>) {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        (clock.clone(), Arc::new(Limiter::new(Arc::new(clock))))
    }

    /// When calls get through that want to one after the other, while the clock goes on to what is due.
    async fn served(
        clock: &ManualClock,
        limiter: &Arc<Limiter>,
        priority: Priority,
        span: Duration,
    ) -> Vec<Duration> {
        let times = Arc::new(Mutex::new(Vec::new()));
        let (noted, inner, theirs) = (times.clone(), limiter.clone(), clock.clone());
        let caller = tokio::spawn(async move {
            loop {
                drop(inner.permit(priority).await);
                noted.lock().unwrap().push(clock_elapsed(&theirs));
            }
        });
        let end = clock_elapsed(clock) + span;
        settle().await;
        while let Some(wake) = clock.next_wake().filter(|wake| *wake < end) {
            clock.advance(wake.saturating_sub(clock_elapsed(clock)));
            settle().await;
        }
        caller.abort();
        settle().await;
        let times = times.lock().unwrap();
        times.clone()
    }

    async fn settle() {
        for _ in 0..30 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn s1_ten_at_once_and_eighteen_in_every_second() {
        for priority in [Priority::Background, Priority::Interactive] {
            let (clock, limiter) = limiter();
            let times = served(&clock, &limiter, priority, 60 * SECOND).await;
            assert_eq!(times[9], times[0], "ten at once");
            for window in times.windows(MOST + 1) {
                let within = window[MOST] - window[0];
                assert!(within >= SECOND, "{MOST} and one more in {within:?}");
            }
            assert!(times.len() >= 60 * MOST - MOST / 2, "{} in a minute", times.len());
            // After a rest there are ten at once again, and no more.
            clock.advance(60 * SECOND);
            let times = served(&clock, &limiter, priority, SECOND).await;
            assert_eq!(times[9], times[0], "ten at once");
            assert!(times[10] > times[9] && times.len() <= MOST, "{times:?}");
        }
    }

    #[tokio::test]
    async fn s1_a_person_finds_room_in_the_second_that_a_burst_of_the_background_has_begun() {
        let (clock, limiter) = limiter();
        let inner = limiter.clone();
        let background = tokio::spawn(async move {
            loop {
                drop(inner.permit(Priority::Background).await);
            }
        });
        let step = Duration::from_millis(10);
        for _ in 0..9 {
            for _ in 0..10 {
                settle().await;
                clock.advance(step);
            }
            let mut person = Box::pin(limiter.permit(Priority::Interactive));
            let mut waited = Duration::ZERO;
            while futures_util::poll!(&mut person).is_pending() {
                clock.advance(step);
                waited += step;
            }
            assert!(waited <= 10 * step, "{waited:?}");
        }
        background.abort();
    }

    #[tokio::test]
    async fn s1_a_429_halves_the_rate_once_a_second_and_never_below_two() {
        let (clock, limiter) = limiter();
        limiter.throttled();
        limiter.throttled();
        assert!((limiter.bucket().rate - 9.0).abs() < 0.01);
        for _ in 0..20 {
            clock.advance(Duration::from_secs(1));
            limiter.throttled();
            assert!(limiter.bucket().rate >= 2.0);
        }
        assert!(limiter.bucket().rate < 4.0);
        clock.advance(Duration::from_secs(5));
        limiter.bucket().fill(clock_elapsed(&clock));
        let after_five = limiter.bucket().rate;
        assert!((6.9..9.0).contains(&after_five), "{after_five}");
        clock.advance(Duration::from_secs(20));
        limiter.bucket().fill(clock_elapsed(&clock));
        assert!((limiter.bucket().rate - 18.0).abs() < f64::EPSILON);
    }

    fn clock_elapsed(clock: &ManualClock) -> Duration {
        crate::clock::Clock::elapsed(clock)
    }

    #[tokio::test]
    async fn s1_at_most_eight_are_in_flight() {
        let (clock, limiter) = limiter();
        let mut held = Vec::new();
        for _ in 0..8 {
            held.push(limiter.permit(Priority::Background).await);
        }
        let mut ninth = Box::pin(limiter.permit(Priority::Interactive));
        clock.advance(Duration::from_secs(60));
        assert!(futures_util::poll!(&mut ninth).is_pending());
        held.pop();
        assert!(futures_util::poll!(&mut ninth).is_ready());
    }

    #[tokio::test]
    async fn s1_what_a_person_waits_for_goes_first() {
        let (clock, limiter) = limiter();
        for _ in 0..10 {
            drop(limiter.permit(Priority::Background).await);
        }
        let mut background = Box::pin(limiter.permit(Priority::Background));
        assert!(futures_util::poll!(&mut background).is_pending());
        let mut interactive = Box::pin(limiter.permit(Priority::Interactive));
        assert!(futures_util::poll!(&mut interactive).is_pending());
        clock.advance(Duration::from_millis(60));
        assert!(
            futures_util::poll!(&mut background).is_pending(),
            "it came first, and stands back"
        );
        assert!(futures_util::poll!(&mut interactive).is_ready());
        clock.advance(Duration::from_millis(120));
        assert!(futures_util::poll!(&mut background).is_ready());
    }

    #[tokio::test]
    async fn s1_giving_up_waiting_blocks_nobody() {
        let (_clock, limiter) = limiter();
        for _ in 0..10 {
            drop(limiter.permit(Priority::Background).await);
        }
        let mut interactive = Box::pin(limiter.permit(Priority::Interactive));
        assert!(futures_util::poll!(&mut interactive).is_pending());
        drop(interactive);
        assert_eq!(limiter.bucket().interactive, 0);
    }
}
