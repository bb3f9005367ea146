//! What networks, proxies and services do to an answer, against every call to AWS: all of it ends, and in time, and nobody is
//! signed out by it.

use std::sync::Arc;
use std::time::Duration;

use identity_center_emulator::{Certificates, Fault, Operation, Trouble as Cause};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use url::Url;

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

/// Everything that Portray asks of AWS. Signing out comes last, because it may succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    RoleCredentials(Priority),
    Accounts(Priority),
    PermissionSets(Priority),
    Register,
    BeginDeviceSignIn,
    Federation,
    RefreshToken,
    SignOut,
}

const CALLS: [Call; 11] = [
    Call::RoleCredentials(Priority::Interactive),
    Call::RoleCredentials(Priority::Background),
    Call::Accounts(Priority::Interactive),
    Call::Accounts(Priority::Background),
    Call::PermissionSets(Priority::Interactive),
    Call::PermissionSets(Priority::Background),
    Call::Register,
    Call::BeginDeviceSignIn,
    Call::Federation,
    Call::RefreshToken,
    Call::SignOut,
];

impl Call {
    fn operation(self) -> Operation {
        match self {
            Self::RoleCredentials(_) => Operation::GetRoleCredentials,
            Self::Accounts(_) => Operation::ListAccounts,
            Self::PermissionSets(_) => Operation::ListAccountRoles,
            Self::Register => Operation::RegisterClient,
            Self::BeginDeviceSignIn => Operation::StartDeviceAuthorization,
            Self::Federation => Operation::GetSigninToken,
            Self::RefreshToken => Operation::CreateToken,
            Self::SignOut => Operation::Logout,
        }
    }

    fn most_tries(self) -> u64 {
        match self {
            Self::RoleCredentials(Priority::Interactive)
            | Self::Accounts(Priority::Interactive)
            | Self::PermissionSets(Priority::Interactive)
            | Self::Register
            | Self::BeginDeviceSignIn => 3,
            Self::RoleCredentials(Priority::Background)
            | Self::Accounts(Priority::Background)
            | Self::PermissionSets(Priority::Background)
            | Self::Federation
            | Self::RefreshToken
            | Self::SignOut => 1,
        }
    }

    fn longest(self) -> Duration {
        let seconds = match self {
            Self::SignOut => 3,
            _ if self.most_tries() > 1 => 45,
            _ => 20,
        };
        Duration::from_secs(seconds)
    }
}

/// How a call is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The trouble spoils nothing that is looked at.
    Answered,
    Throttled,
    Unreachable(Trouble),
    /// Cut off while the answer came; whether that is called no answer or a useless one depends on how far it was.
    BrokenOff,
}

/// Each kind of trouble, and how calls end in it: those that have something in their answer, and signing out, whose
/// answer is empty.
const TROUBLES: [(Cause, End, End); 17] = [
    (Cause::Throttled, End::Throttled, End::Throttled),
    (Cause::ThrottledRetryAfter, End::Throttled, End::Throttled),
    (Cause::ServerError, USELESS, USELESS),
    (Cause::BadGatewayHtml, USELESS, USELESS),
    (Cause::Unavailable, USELESS, USELESS),
    (Cause::Hang, SILENT, SILENT),
    (Cause::HalfOpen, End::BrokenOff, End::Answered),
    (Cause::SlowDrip, End::BrokenOff, End::Answered),
    (Cause::Reset, End::BrokenOff, End::Answered),
    (Cause::TruncatedBody, End::BrokenOff, End::Answered),
    (Cause::WrongContentLength, End::BrokenOff, End::BrokenOff),
    (Cause::GarbageJson, USELESS, End::Answered),
    (Cause::WrongTypes, USELESS, End::Answered),
    (Cause::HugeBody, End::BrokenOff, End::BrokenOff),
    (Cause::CaptivePortal, CAPTIVE, CAPTIVE),
    (Cause::RedirectToHttp, CAPTIVE, CAPTIVE),
    (Cause::WrongDate, End::Answered, End::Answered),
];

const USELESS: End = End::Unreachable(Trouble::Answer);
const SILENT: End = End::Unreachable(Trouble::Network);
const CAPTIVE: End = End::Unreachable(Trouble::Captive);

/// A person who is signed in, and what each call needs.
struct Sitting {
    stage: Stage,
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
    async fn begin(base: Option<&Url>) -> Self {
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
                    match session.refresh(None).await {
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
    async fn is_quiet_again(&self, tasks: usize) -> bool {
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
    async fn wrong_about(&self, call: Call, cause: &str, row: Row) -> Option<String> {
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

/// What to expect of a call.
#[derive(Clone, Copy)]
struct Row {
    end: End,
    /// The call comes as far as the emulator.
    arrives: bool,
    /// There is an end of the answer, or of the connection, for which no clock has to move.
    is_answered: bool,
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

#[tokio::test]
async fn n1_every_fault_of_an_answer_ends_in_time_and_leaves_nothing_behind() {
    let mut wrong = Vec::new();
    for (cause, end, of_nothing) in TROUBLES {
        let sitting = Sitting::begin(None).await;
        assert!(sitting.is_quiet_again(usize::MAX).await);
        for call in CALLS {
            let fault = Fault::trouble(call.operation(), cause);
            sitting.stage.emulator.add_fault(fault);
            let row = Row {
                end: if call == Call::SignOut { of_nothing } else { end },
                arrives: true,
                is_answered: !matches!(cause, Cause::Hang | Cause::HalfOpen | Cause::SlowDrip),
            };
            wrong.extend(sitting.wrong_about(call, &format!("{cause:?}"), row).await);
            sitting.stage.emulator.clear_faults();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn n1_every_fault_of_a_connection_ends_in_time_and_leaves_nothing_behind() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_at = closed.local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent_at = silent.local_addr().unwrap();
    let unknown = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let unknown_at = unknown.local_addr().unwrap();
    drop(closed);
    let rows = [
        (format!("http://{closed_at}"), SILENT, true),
        // Its backlog takes the connection, and nobody ever reads from it.
        (format!("http://{silent_at}"), SILENT, false),
        (format!("https://{silent_at}"), SILENT, false),
        (
            format!("https://{unknown_at}"),
            End::Unreachable(Trouble::Certificate),
            true,
        ),
    ];
    let mut unknown = Some(unknown);
    let mut wrong = Vec::new();
    for (base, expected, is_answered) in rows {
        let sitting = Sitting::begin(Some(&Url::parse(&base).unwrap())).await;
        if expected == End::Unreachable(Trouble::Certificate)
            && let Some(unknown) = unknown.take()
        {
            let emulator = sitting.stage.emulator.clone();
            let certificates = Certificates::new("eu-west-1").unwrap();
            tokio::spawn(async move { emulator.serve_tls(unknown, certificates).await });
        }
        assert!(sitting.is_quiet_again(usize::MAX).await);
        let row = Row {
            end: expected,
            arrives: false,
            is_answered,
        };
        for call in CALLS {
            wrong.extend(sitting.wrong_about(call, &base, row).await);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
