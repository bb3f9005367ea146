//! What the targets play in: a portal, a listing, a home of its own, and a clock that a driver moves.

use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use portray_core::clock::{Clock, ManualClock, SharedClock, Sleep};
use portray_core::identity_center::{Account, AccountId, Flow, Portal, PortalId, Registration, Token};
use portray_core::paths::{Environment, Paths};
use portray_core::role_catalog::{ListedAccount, Listing};
use portray_core::secret::Secret;
use portray_core::settings::{EndpointSettings, PortalSettings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What nothing may ever repeat.
pub const CANARY: &str = "canary-5f3e9ab1c07d4286";

/// How often time goes on while something is waited for.
const STEPS: usize = 600;

pub fn noon() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().expect("a time")
}

pub fn clock() -> ManualClock {
    ManualClock::at(noon())
}

/// A clock on which every sleep up to so long is over at once, and no longer one ever.
#[derive(Debug)]
pub struct Hurried(Duration);

impl Hurried {
    pub fn shared() -> SharedClock {
        Self::up_to(Duration::MAX)
    }

    /// For what has deadlines, and would meet them before it began.
    pub fn up_to(longest: Duration) -> SharedClock {
        Arc::new(Self(longest))
    }
}

impl Clock for Hurried {
    fn now(&self) -> Timestamp {
        noon()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        match duration <= self.0 {
            true => Box::pin(std::future::ready(())),
            false => Box::pin(std::future::pending()),
        }
    }
}

/// What the work gives while time passes; none if it waits for something that does not come.
pub async fn while_time_passes<T>(
    clock: &ManualClock,
    step: Duration,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = std::pin::pin!(work);
    for _ in 0..STEPS {
        tokio::select! {
            biased;
            outcome = &mut work => return Some(outcome),
            () = settled() => clock.advance(step),
        }
    }
    None
}

async fn settled() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

pub fn paths_in(home: &Path) -> (Environment, Paths) {
    let home = home.to_str().expect("temporary folders have plain names");
    let environment = Environment::of(&[("PORTRAY_HOME", home)]);
    let paths = Paths::of(&environment).expect("a home is given");
    (environment, paths)
}

pub fn portal_settings() -> PortalSettings {
    PortalSettings {
        id_is_derived: false,
        id: "p-acme".to_owned(),
        name: "acme".to_owned(),
        start_url: "https://acme.awsapps.com/start".to_owned(),
        region: "eu-west-1".to_owned(),
        endpoints: EndpointSettings::default(),
        sign_in_browser: None,
        share_aws_cli_login: None,
        line: 0,
    }
}

pub fn portal() -> Portal {
    Portal::from_settings(&portal_settings(), None).expect("the settings are good")
}

pub fn listing() -> Listing {
    let account = |id: &str, name: &str, sets: &[&str]| ListedAccount {
        account: Account {
            id: AccountId(id.to_owned()),
            name: name.to_owned(),
            email: format!("{name}@acme.example"),
        },
        permission_sets: sets.iter().map(ToString::to_string).collect(),
    };
    Listing {
        synced_at: Some(noon()),
        complete: true,
        accounts: vec![
            account("111122223333", "acme-dev", &["Administrator", "ReadOnly"]),
            account("222233334444", "R&D/lab é", &["ReadOnly"]),
        ],
    }
}

pub fn portal_id() -> PortalId {
    PortalId("p-acme".to_owned())
}

pub fn registration(flow: Flow) -> Registration {
    Registration {
        flow,
        client_id: "client".to_owned(),
        client_secret: Secret::from(CANARY),
        expires_at: "2026-06-01T12:00:00Z".parse().expect("a time"),
    }
}

pub fn token() -> Token {
    Token {
        access_token: Secret::from(CANARY),
        refresh_token: Some(Secret::from(CANARY)),
        issued_at: noon(),
        expires_at: "2026-03-02T13:00:00Z".parse().expect("a time"),
    }
}

/// Sends exactly these bytes to a port of this machine and closes its side; the whole answer.
pub async fn exchange(port: u16, bytes: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(("127.0.0.1", port)).await;
    let mut stream = stream.expect("it listens");
    let (mut reading, mut writing) = stream.split();
    let mut answer = Vec::new();
    let send = async {
        // The other side may have had enough.
        let _ = writing.write_all(bytes).await;
        let _ = writing.shutdown().await;
    };
    let receive = async {
        let _ = reading.read_to_end(&mut answer).await;
    };
    tokio::join!(send, receive);
    answer
}

/// The input with what only this run knows in its places, and something long where `{64K}` stands; whether `{TOKEN}`
/// was among them.
pub fn filled_in(input: &[u8], port: u16, token: &str) -> (Vec<u8>, bool) {
    let filled = replaced(input, b"{PORT}", port.to_string().as_bytes());
    let filled = once_replaced(filled, b"{64K}", &[b'x'; 64 * 1024]);
    let with_token = replaced(&filled, b"{TOKEN}", token.as_bytes());
    let knows = with_token != filled;
    (with_token, knows)
}

fn replaced(bytes: &[u8], place: &[u8], by: &[u8]) -> Vec<u8> {
    let mut filled = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(index) = rest.windows(place.len()).position(|window| window == place) {
        filled.extend_from_slice(&rest[..index]);
        filled.extend_from_slice(by);
        rest = &rest[index + place.len()..];
    }
    filled.extend_from_slice(rest);
    filled
}

fn once_replaced(mut bytes: Vec<u8>, place: &[u8], by: &[u8]) -> Vec<u8> {
    if let Some(index) = bytes.windows(place.len()).position(|window| window == place) {
        bytes.splice(index..index + place.len(), by.iter().copied());
    }
    bytes
}

pub fn contains(bytes: &[u8], wanted: &str) -> bool {
    let wanted = wanted.as_bytes();
    bytes.windows(wanted.len()).any(|window| window == wanted)
}
