//! One call after the other by a person who is signed in, each watched to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use url::Url;

use super::{Call, End, Row};
use crate::clock::Clock;
use crate::console::url::federation;
use crate::identity_center::tests::Stage;
use crate::identity_center::{
    AccountId, Failure, Flow, IdentityCenter, Meaning, Priority, Registration, RoleCredentials, Token,
    Trouble,
};
use crate::refresh::RefreshFailure;
use crate::refresh::session::Session;
use crate::refresh::unfinished::Unfinished;
use crate::token_store::{SignIn, TokenStore};

/// A person who is signed in, and what each call needs.
pub(super) struct Sitting {
    pub stage: Stage,
    /// Of whoever the calls go to.
    port: u16,
    /// Where the calls go.
    center: IdentityCenter,
    session: Arc<Session>,
    registration: Registration,
    device_registration: Registration,
    token: Token,
    account: AccountId,
    permission_set: String,
    credentials: RoleCredentials,
}

impl Sitting {
    /// The calls go to `base`, or to the emulator that the person signed in to.
    pub async fn begin(base: Option<&Url>) -> Self {
        let stage = Stage::acme().await;
        let (registration, token) = stage.signed_in().await;
        let device_registration = stage.center.register(Flow::DeviceCode).await.unwrap();
        let account = AccountId("111122223333".to_owned());
        let asked = Priority::Interactive;
        let sets = stage.center.permission_sets(&token, &account, None, asked).await;
        let permission_set = sets.unwrap().items.swap_remove(0);
        let credentials = stage
            .center
            .role_credentials(&token, &account, &permission_set, asked);
        let credentials = credentials.await.unwrap();
        let center = match base {
            Some(base) => stage.center_at(base),
            None => stage.center.clone(),
        };
        let (changes, _) = mpsc::unbounded_channel();
        let session = Session::new(
            center.clone(),
            TokenStore::memory(),
            Unfinished::default(),
            changes,
        );
        let sitting = Self {
            session: Arc::new(session),
            port: base.and_then(Url::port).unwrap_or(stage.port),
            stage,
            center,
            registration,
            device_registration,
            token,
            account,
            permission_set,
            credentials,
        };
        let sign_in = SignIn {
            token: sitting.token.clone(),
            registration: sitting.registration.clone(),
            signed_in_at: sitting.stage.clock.now(),
        };
        sitting.session.adopt(sign_in).await.unwrap();
        sitting
    }

    /// One call, in a task of its own.
    fn start(&self, call: Call) -> tokio::task::JoinHandle<Result<(), Failure>> {
        let center = self.center.clone();
        let (token, account) = (self.token.clone(), self.account.clone());
        match call {
            Call::RoleCredentials(priority) => {
                let set = self.permission_set.clone();
                tokio::spawn(async move {
                    let given = center.role_credentials(&token, &account, &set, priority);
                    given.await.map(drop)
                })
            }
            Call::Accounts(priority) => {
                tokio::spawn(async move { center.accounts(&token, None, priority).await.map(drop) })
            }
            Call::PermissionSets(priority) => tokio::spawn(async move {
                let listed = center.permission_sets(&token, &account, None, priority);
                listed.await.map(drop)
            }),
            Call::Register => tokio::spawn(async move { center.register(Flow::Browser).await.map(drop) }),
            Call::BeginDeviceSignIn => {
                let registration = self.device_registration.clone();
                tokio::spawn(async move { center.begin_device_sign_in(&registration).await.map(drop) })
            }
            Call::Federation => {
                let (http, credentials) = (self.stage.http.clone(), self.credentials.clone());
                tokio::spawn(async move {
                    let page = Url::parse("https://console.aws.amazon.com/s3/home").unwrap();
                    let url = federation(&http, &center.portal, &credentials, &page, None);
                    url.await.map(drop)
                })
            }
            Call::RefreshToken => {
                let session = self.session.clone();
                tokio::spawn(async move {
                    match session.refresh(None, Priority::Background).await {
                        Ok(_) => Ok(()),
                        Err(RefreshFailure::Aws(failure)) => Err(failure),
                        Err(other) => panic!("the session says {other:?}"),
                    }
                })
            }
            Call::SignOut => tokio::spawn(async move { center.sign_out(&token).await }),
        }
    }

    fn calls(&self, call: Call) -> u64 {
        self.stage.emulator.counters().calls(call.operation())
    }

    /// Moves the clock as long as the call waits for it, and says how the call ended.
    ///
    /// Where an answer comes, the clock moves only from one try to the next, so that a slow machine does not make
    /// time-outs of answers.
    async fn end_of(&self, call: Call, row: Row) -> Result<(), Failure> {
        let before = self.calls(call);
        let waiting = self.start(call);
        let (mut seen, mut moved) = (before, Duration::ZERO);
        let (step, most) = match (row.is_answered, call.most_tries()) {
            (true, 1) => (Duration::ZERO, Duration::ZERO),
            (true, _) => (Duration::from_millis(100), Duration::from_secs(4)),
            (false, _) => (Duration::from_millis(500), Duration::from_secs(60)),
        };
        for _ in 0..20_000 {
            if waiting.is_finished() {
                return waiting.await.unwrap();
            }
            a_moment().await;
            let calls = self.calls(call);
            if calls > seen {
                (seen, moved) = (calls, Duration::ZERO);
            } else if moved < most && (calls > before || !row.arrives) {
                self.stage.clock.advance(step);
                moved += step;
            }
        }
        panic!("{call:?} does not end");
    }

    /// Nothing is left of a call: no task, no connection.
    pub async fn is_quiet_again(&self, tasks: usize) -> bool {
        self.stage.http.forget_connections();
        for _ in 0..5_000 {
            let connections = [self.port, self.stage.port].map(connections_to);
            if Handle::current().metrics().num_alive_tasks() <= tasks && connections == [0, 0] {
                return true;
            }
            a_moment().await;
        }
        false
    }

    /// What is wrong with the end of a call.
    pub async fn wrong_about(&self, call: Call, cause: &str, row: Row) -> Option<String> {
        // Limiter and reachability forget what was before.
        self.stage.clock.advance(Duration::from_secs(30));
        let tasks = Handle::current().metrics().num_alive_tasks();
        let (calls, began) = (self.calls(call), self.stage.clock.elapsed());
        let ended = self.end_of(call, row).await;
        let took = self.stage.clock.elapsed() - began;
        let tries = self.calls(call) - calls;
        let most = if row.arrives { call.most_tries() } else { 0 };
        let wrong = [
            (!is(row.end, &ended), "it ends otherwise"),
            (
                took > call.longest() + Duration::from_millis(500),
                "it takes too long",
            ),
            (tries > most, "it is tried too often"),
            (tries == 0 && row.arrives, "it was not even tried"),
            (!self.session.is_signed_in(), "it signs out"),
            (!self.is_quiet_again(tasks).await, "it leaves something behind"),
        ];
        let wrong = wrong.iter().find(|(is_wrong, _)| *is_wrong)?;
        let (_, what) = wrong;
        Some(format!(
            "{cause}, {call:?}: {what}: {ended:?} after {took:?} and {tries} tries"
        ))
    }
}

fn is(expected: End, ended: &Result<(), Failure>) -> bool {
    match (expected, ended) {
        (End::Answered, Ok(())) => true,
        (End::Throttled, Err(failure)) => failure.meaning == Meaning::Throttled,
        (End::Unreachable(trouble), Err(failure)) => {
            failure.meaning == Meaning::Unreachable && failure.trouble == trouble
        }
        (End::BrokenOff, Err(failure)) => {
            failure.meaning == Meaning::Unreachable
                && matches!(failure.trouble, Trouble::Network | Trouble::Answer)
        }
        (End::Answered, Err(_)) | (_, Ok(())) => false,
    }
}

/// How many sockets of this process are connected to `port` on this machine.
fn connections_to(port: u16) -> usize {
    const LISTENS: &str = "0A";
    const OF_NOBODY: &str = "0";
    let table = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let sockets = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let theirs = format!(":{port:04X}");
    sockets
        .filter(|socket| socket[2].ends_with(&theirs) && socket[3] != LISTENS && socket[9] != OF_NOBODY)
        .count()
}

/// A millisecond of real time.
async fn a_moment() {
    let _ = tokio::time::timeout(Duration::from_millis(1), std::future::pending::<()>()).await;
}
