//! Many want the credentials of one role at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinHandle;

use super::*;
use crate::clock::Clock;
use crate::identity_center::AccountId;
use crate::refresh::scripted::{LIFE, Says, Scripted};

type Answer = Result<RoleCredentials, RefreshFailure>;

/// An access token that no test has to renew.
const LONG: Duration = Duration::from_secs(30 * 24 * 3600);

const MINUTE: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Scene {
    aws: Scripted,
    cache: RoleCache,
    session: Arc<Session>,
    key: RoleKey,
}

impl Scene {
    async fn with(aws: Scripted) -> Self {
        let (changes, _) = mpsc::unbounded_channel();
        let key = RoleKey {
            portal: PortalId("acme".to_owned()),
            account: AccountId("111122223333".to_owned()),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        };
        Self {
            cache: RoleCache::new(Arc::new(aws.clock.clone()), changes),
            session: aws.session(LONG).await,
            aws,
            key,
        }
    }

    async fn ask(&self) -> Answer {
        self.cache
            .credentials(&self.session, &self.key, Duration::ZERO)
            .await
    }

    fn begin_to_ask(&self) -> JoinHandle<Answer> {
        let scene = self.clone();
        tokio::spawn(async move { scene.ask().await })
    }

    /// What a thousand are told who ask while one call is under way, whose first asker has left.
    async fn ask_in_a_crowd(&self) -> Vec<Answer> {
        let before = self.aws.calls();
        let first = self.begin_to_ask();
        self.aws.wait_for_calls(before + 1).await;
        let crowd: Vec<_> = (0..1000).map(|_| self.begin_to_ask()).collect();
        // On one thread everybody has had a turn by then, and waits.
        tokio::task::yield_now().await;
        first.abort();
        self.aws.let_through(1);
        let mut answers = Vec::new();
        for one in crowd {
            answers.push(one.await.unwrap());
        }
        assert_eq!(self.aws.calls(), before + 1);
        answers
    }
}

fn number(credentials: &RoleCredentials) -> &str {
    let parts = [
        credentials.access_key_id.as_str(),
        credentials.secret_access_key.expose(),
        credentials.session_token.expose(),
    ];
    assert!(
        parts.iter().all(|part| *part == parts[0]),
        "parts of two answers are mixed: {parts:?}"
    );
    &credentials.access_key_id
}

#[tokio::test]
async fn a2_a_thousand_who_wait_for_a_role_share_one_call_though_the_first_has_left() {
    let scene = Scene::with(Scripted::closed()).await;
    for answer in scene.ask_in_a_crowd().await {
        assert_eq!(number(&answer.unwrap()), "1");
    }
}

#[tokio::test]
async fn a2_a_failure_is_everybodys_and_the_answer_for_five_seconds() {
    let scene = Scene::with(Scripted::closed()).await;
    scene.aws.say(Says::Forbidden);
    let refused = Err(RefreshFailure::NotAssigned);
    for answer in scene.ask_in_a_crowd().await {
        assert_eq!(answer, refused);
    }
    scene.aws.let_through(1);
    scene
        .aws
        .clock
        .advance(Duration::from_secs(5) - Duration::from_millis(1));
    for _ in 0..100 {
        assert_eq!(scene.ask().await, refused);
    }
    assert_eq!(scene.aws.calls(), 1, "a loop of clients is no loop of calls");
    scene.aws.clock.advance(Duration::from_millis(1));
    scene.aws.say(Says::Number);
    assert_eq!(number(&scene.ask().await.unwrap()), "2");
}

#[tokio::test]
async fn a2_a_panic_fails_those_who_wait_and_is_the_answer_for_five_seconds() {
    let scene = Scene::with(Scripted::closed()).await;
    scene.aws.say(Says::Panic);
    let crashed = Err(RefreshFailure::Panicked);
    for answer in scene.ask_in_a_crowd().await {
        assert_eq!(answer, crashed);
    }
    scene.aws.let_through(1);
    for _ in 0..100 {
        assert_eq!(scene.ask().await, crashed);
    }
    assert_eq!(scene.aws.calls(), 1, "a loop of clients is no loop of panics");
    scene.aws.clock.advance(Duration::from_secs(5));
    scene.aws.say(Says::Number);
    assert_eq!(number(&scene.ask().await.unwrap()), "2");
}

#[tokio::test]
async fn a1_what_landed_between_the_look_and_the_take_off_is_not_fetched_again() {
    let scene = Scene::with(Scripted::open()).await;
    let (cache, session, key) = (&scene.cache, &scene.session, &scene.key);
    let late = cache.note_asked(key, cache.moment());
    assert!(scene.ask().await.is_ok());
    let fetched = cache.fetch(session, key, Priority::Interactive, late.landed);
    assert_eq!(number(&flown(fetched.await).unwrap().credentials), "1");

    scene.aws.say(Says::Forbidden);
    let late = cache.note_asked(key, cache.moment());
    cache.renew(session, key).await;
    let fetched = cache.fetch(session, key, Priority::Interactive, late.landed);
    assert_eq!(flown(fetched.await).unwrap_err(), RefreshFailure::NotAssigned);
    assert_eq!(
        scene.aws.calls(),
        2,
        "one for the credentials, one for the renewal"
    );
}

#[tokio::test]
async fn t3_what_expired_while_something_newer_was_waited_for_is_not_served() {
    let scene = Scene::with(Scripted::closed()).await;
    scene.aws.let_through(1);
    assert_eq!(number(&scene.ask().await.unwrap()), "1");
    scene.aws.clock.advance(LIFE - 10 * MINUTE);
    let asked = scene.begin_to_ask();
    scene.aws.wait_for_calls(2).await;
    // The machine sleeps while a tool waits.
    scene.aws.clock.suspend(2 * LIFE);
    scene.aws.clock.advance(PATIENCE);
    tokio::task::yield_now().await;
    scene.aws.let_through(1);
    assert_eq!(number(&asked.await.unwrap().unwrap()), "2");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a1_readers_get_whole_answers_over_many_renewals_and_those_are_no_more_than_time_allows() {
    const READERS: u32 = 20;
    const READS: u32 = 4_000;
    let scene = Scene::with(Scripted::open()).await;
    let (began, reads) = (scene.aws.clock.elapsed(), Arc::new(AtomicU32::new(0)));
    // Ten minutes in one step are over only when nobody waits: else they would be AWS's time to answer.
    let time_stands = Arc::new(tokio::sync::RwLock::new(()));
    let readers = (0..READERS).map(|_| {
        let (scene, reads, time_stands) = (scene.clone(), reads.clone(), time_stands.clone());
        tokio::spawn(async move {
            for _ in 0..READS {
                let standing = time_stands.read().await;
                let credentials = scene.ask().await.unwrap();
                number(&credentials);
                assert!(
                    credentials.expires_at > scene.aws.clock.now(),
                    "an expired one was served"
                );
                drop(standing);
                if reads.fetch_add(1, Ordering::SeqCst) % 1_000 == 0 {
                    let _moves = time_stands.write().await;
                    scene.aws.clock.advance(10 * MINUTE);
                }
                tokio::task::yield_now().await;
            }
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        reader.await.unwrap();
    }
    let passed = (scene.aws.clock.elapsed() - began).as_secs() / 60;
    let calls = scene.aws.calls();
    // An hour's credentials are renewed when they are 35 to 40 minutes old, and live for 60.
    assert!(
        (passed / 60..=passed / 35 + 1).contains(&calls),
        "{calls} calls in {passed} minutes"
    );
}
