//! AWS for tests of what happens at the same time: every answer waits to be let through and bears its number.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use jiff::Timestamp;
use serde_json::json;
use tokio::sync::{Semaphore, mpsc};

use crate::clock::{Clock, ManualClock};
use crate::identity_center::{Flow, HttpStack, IdentityCenter, Portal, Registration, Token};
use crate::refresh::life::after;
use crate::refresh::session::Session;
use crate::refresh::unfinished::Unfinished;
use crate::settings::Settings;
use crate::token_store::{SignIn, TokenStore};

/// How long what it gives is good for.
pub const LIFE: Duration = Duration::from_secs(3600);

/// What it says to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Says {
    /// Credentials, or a token, all of whose parts are the call's number.
    Number,
    /// The role is not assigned.
    Forbidden,
    Unavailable,
    /// With so many seconds to wait.
    Throttled(u64),
    /// The call panics.
    Panic,
}

/// Clones are the same AWS.
#[derive(Debug, Clone)]
pub struct Scripted {
    pub clock: ManualClock,
    calls: Arc<AtomicU64>,
    says: Arc<Mutex<Says>>,
    /// Each call takes one.
    gate: Arc<Semaphore>,
}

impl Scripted {
    /// Lets every call through at once.
    pub fn open() -> Self {
        let scripted = Self::closed();
        scripted.gate.add_permits(Semaphore::MAX_PERMITS / 2);
        scripted
    }

    /// Lets no call through before [`Scripted::let_through`].
    pub fn closed() -> Self {
        Self {
            clock: ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap()),
            calls: Arc::default(),
            says: Arc::new(Mutex::new(Says::Number)),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    pub fn let_through(&self, calls: usize) {
        self.gate.add_permits(calls);
    }

    pub fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    /// How many calls have arrived.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    /// Waits until so many have arrived.
    pub async fn wait_for_calls(&self, calls: u64) {
        while self.calls() < calls {
            tokio::task::yield_now().await;
        }
    }

    /// A session of somebody who has just signed in, with a token that is good for so long.
    pub async fn session(&self, token_life: Duration) -> Arc<Session> {
        let mut settings = Settings::default();
        let settings = settings.add_portal("acme", "https://acme.awsapps.com/start", "eu-west-1");
        let portal = Portal::from_settings(settings, Some(&"http://127.0.0.1:9".parse().unwrap())).unwrap();
        let clock = Arc::new(self.clock.clone());
        let http = HttpStack::with_connector(self.clone(), clock.clone());
        let center = IdentityCenter::new(portal, &http, clock);
        let (changes, _) = mpsc::unbounded_channel();
        let session = Session::new(center, TokenStore::memory(), Unfinished::default(), changes);
        let now = self.clock.now();
        let sign_in = SignIn {
            token: Token {
                access_token: "0".into(),
                refresh_token: Some("0".into()),
                issued_at: now,
                expires_at: after(now, token_life),
            },
            registration: Registration {
                flow: Flow::Browser,
                client_id: "client".to_owned(),
                client_secret: "secret".into(),
                expires_at: after(now, 80 * 24 * LIFE),
            },
            signed_in_at: now,
        };
        session.adopt(sign_in).await.unwrap();
        Arc::new(session)
    }

    fn number(&self, is_token: bool, number: u64) -> String {
        let number = number.to_string();
        let expires: Timestamp = after(self.clock.now(), LIFE);
        match is_token {
            true => json!({
                "accessToken": number, "refreshToken": number, "tokenType": "Bearer",
                "expiresIn": LIFE.as_secs(),
            }),
            false => json!({ "roleCredentials": {
                "accessKeyId": number, "secretAccessKey": number, "sessionToken": number,
                "expiration": expires.as_millisecond(),
            }}),
        }
        .to_string()
    }
}

impl HttpConnector for Scripted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let aws = self.clone();
        let is_token = request.uri().contains("/token");
        let number = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        HttpConnectorFuture::new(async move {
            aws.gate.acquire().await.expect("nobody closes it").forget();
            let says = *aws.says.lock().unwrap();
            let (status, body) = match says {
                Says::Number => (200, aws.number(is_token, number)),
                Says::Forbidden => (403, json!({ "message": "No access" }).to_string()),
                Says::Unavailable => (503, json!({}).to_string()),
                Says::Throttled(_) => (429, json!({}).to_string()),
                Says::Panic => panic!("on purpose"),
            };
            let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
            let headers = response.headers_mut();
            headers.insert("content-type", "application/json");
            if status == 403 {
                headers.insert("x-amzn-errortype", "ForbiddenException");
            }
            if let Says::Throttled(seconds) = says {
                headers.insert("retry-after", seconds.to_string());
            }
            Ok(response)
        })
    }
}
