//! What networks, proxies and services do to an answer, against every call to AWS: all of it ends, and in time, and nobody is
//! signed out by it.

mod sitting;

use std::time::Duration;

use identity_center_emulator::{Certificates, Fault, Operation, Trouble as Cause};
use tokio::net::TcpListener;
use url::Url;

use self::sitting::Sitting;
use crate::identity_center::{Priority, Trouble};

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
        let seconds = match (self == Self::SignOut, self.most_tries()) {
            (true, _) => 3,
            (false, 1) => 20,
            (false, _) => 25,
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
    (Cause::GarbageJson, USELESS, USELESS),
    (Cause::WrongTypes, USELESS, End::Answered),
    (Cause::HugeBody, End::BrokenOff, End::BrokenOff),
    (Cause::CaptivePortal, CAPTIVE, CAPTIVE),
    (Cause::RedirectToHttp, CAPTIVE, CAPTIVE),
    (Cause::WrongDate, End::Answered, End::Answered),
];

const USELESS: End = End::Unreachable(Trouble::Answer);
const SILENT: End = End::Unreachable(Trouble::Network);
const CAPTIVE: End = End::Unreachable(Trouble::Captive);

/// What to expect of a call.
#[derive(Clone, Copy)]
struct Row {
    end: End,
    /// The call comes as far as the emulator.
    arrives: bool,
    /// There is an end of the answer, or of the connection, for which no clock has to move.
    is_answered: bool,
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
