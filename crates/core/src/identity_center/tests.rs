//! The flows against the emulator, over real connections, on a clock that the test moves.

mod browser;
mod device_code;
mod in_time;
mod trouble;

use std::sync::Arc;
use std::time::Duration;

use identity_center_emulator::{Emulator, Fault, Operation, Options, World};
use jiff::SignedDuration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use url::Url;

use super::browser_flow::{BrowserSignIn, Verdict};
use super::*;
use crate::clock::ManualClock;
use crate::clock::corrected::CorrectedClock;
use crate::loopback::testing::{get, send};
use crate::paths::Environment;
use crate::settings::Settings;

/// An emulated company, and a portal that leads to it.
pub(crate) struct Stage {
    pub emulator: Emulator,
    pub clock: ManualClock,
    pub center: IdentityCenter,
    pub http: HttpStack,
    pub port: u16,
    server: JoinHandle<std::io::Result<()>>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

pub(crate) const USER: &str = "amara";

fn portal_at(emulator: &Emulator, base: &Url) -> Portal {
    let mut settings = Settings::default();
    let settings = settings.add_portal("acme", &emulator.start_url(), &emulator.region());
    Portal::from_settings(settings, Some(base)).unwrap()
}

impl Stage {
    pub async fn of(world: World) -> Self {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let theirs = clock.clone();
        let options = Options {
            clock: identity_center_emulator::Clock::following(move || crate::clock::Clock::now(&theirs)),
            seed: Some(1),
            ..Options::default()
        };
        let emulator = Emulator::new(world, options);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let base = Url::parse(&format!("http://127.0.0.1:{port}")).unwrap();
        let serving = emulator.clone();
        let server = tokio::spawn(async move { serving.serve(listener).await });
        let portal = portal_at(&emulator, &base);
        // A proxy that is not there: what goes to this machine must not ask it.
        let environment = Environment::of(&[
            ("HTTPS_PROXY", "http://127.0.0.1:9"),
            ("HTTP_PROXY", "127.0.0.1:9"),
        ]);
        let http = HttpStack::of(&environment, None, Box::new(|| None), Arc::new(clock.clone()));
        let corrected = CorrectedClock::shared(Arc::new(clock.clone()), http.skew.clone());
        let center = IdentityCenter::new(portal, &http, corrected);
        Self {
            emulator,
            clock,
            center,
            http,
            port,
            server,
        }
    }

    /// The same portal, where the calls go elsewhere.
    pub fn center_at(&self, base: &Url) -> IdentityCenter {
        let portal = portal_at(&self.emulator, base);
        IdentityCenter::new(portal, &self.http, Arc::new(self.clock.clone()))
    }

    pub async fn acme() -> Self {
        Self::of(World::acme()).await
    }

    fn calls(&self, operation: Operation) -> u64 {
        self.emulator.counters().calls(operation)
    }

    /// Waits (in real time, 10 s at most) until something has happened.
    async fn until(&self, what: impl Fn(&Self) -> bool) {
        let happened = async {
            while !what(self) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), happened)
            .await
            .expect("it does not happen");
    }

    /// Plays the browser: the authorize page redirects at once, and the redirect is followed.
    async fn browser_follows(&self, authorize_url: &Secret) -> String {
        let (port, request) = self.redirect(authorize_url).await;
        send(port, &request).await
    }

    /// The same up to the request, whose answer is not waited for.
    async fn browser_comes_back(&self, sign_in: &BrowserSignIn) -> TcpStream {
        let (port, request) = self.redirect(&sign_in.authorize_url).await;
        let mut browser = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        browser.write_all(request.as_bytes()).await.unwrap();
        browser
    }

    async fn redirect(&self, authorize_url: &Secret) -> (u16, String) {
        let url = Url::parse(authorize_url.expose()).unwrap();
        let answer = self.http.get("the browser", &url).await.unwrap();
        let callback = Url::parse(&answer.location.expect("the page redirects")).unwrap();
        let path = format!("{}?{}", callback.path(), callback.query().unwrap());
        let port = callback.port().unwrap();
        (port, get(port, &path))
    }

    /// The browser comes back, the code is exchanged, and the page says so.
    async fn finish(&self, mut sign_in: BrowserSignIn, registration: &Registration) -> (String, Token) {
        let url = sign_in.authorize_url.clone();
        let exchange = async {
            let token = self.center.finish_browser_sign_in(&mut sign_in, registration);
            let token = token.await.unwrap();
            sign_in.tell(Verdict::SignedIn);
            token
        };
        tokio::join!(self.browser_follows(&url), exchange)
    }

    pub async fn signed_in(&self) -> (Registration, Token) {
        self.emulator.auto_approve(Some(USER)).unwrap();
        let registration = self.center.register(Flow::Browser).await.unwrap();
        let sign_in = self.center.begin_browser_sign_in(&registration).await.unwrap();
        let (page, token) = self.finish(sign_in, &registration).await;
        assert!(
            page.starts_with("HTTP/1.1 200") && page.contains("You are signed in"),
            "{page}"
        );
        (registration, token)
    }
}

#[tokio::test]
async fn l1_a_redirect_that_comes_before_anybody_waits_is_not_lost() {
    let stage = Stage::acme().await;
    let (registration, token) = stage.signed_in().await;
    assert_eq!(
        token.expires_at.duration_since(token.issued_at),
        SignedDuration::from_hours(1)
    );
    assert!(token.refresh_token.is_some());
    assert!(registration.usable(stage.emulator.now()));
    for _ in 0..200 {
        // The limiter lets a burst of ten through and then waits for the clock.
        stage.clock.advance(Duration::from_secs(1));
        let mut sign_in = stage.center.begin_browser_sign_in(&registration).await.unwrap();
        let came_back = stage.browser_comes_back(&sign_in).await;
        let token = stage.center.finish_browser_sign_in(&mut sign_in, &registration);
        token.await.unwrap();
        drop(came_back);
    }
}

#[tokio::test]
async fn a_person_sees_accounts_and_gets_credentials() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    let accounts = stage
        .center
        .accounts(&token, None, Priority::Interactive)
        .await
        .unwrap();
    assert_eq!(accounts.next, None);
    let account = accounts
        .items
        .iter()
        .find(|account| account.name == "acme-dev")
        .unwrap();
    let sets = stage
        .center
        .permission_sets(&token, &account.id, None, Priority::Background)
        .await
        .unwrap();
    let set = sets.items.first().unwrap();
    let credentials = stage
        .center
        .role_credentials(&token, &account.id, set, Priority::Interactive)
        .await
        .unwrap();
    assert!(credentials.expires_at > stage.emulator.now());
    assert!(credentials.access_key_id.starts_with("ASIA"));
    let unassigned = stage
        .center
        .role_credentials(&token, &account.id, "NoSuchPermissionSet", Priority::Interactive)
        .await
        .unwrap_err();
    assert_eq!(unassigned.meaning, Meaning::NotAssigned);
}

#[tokio::test]
async fn a_refresh_gives_a_new_token_until_the_session_ends() {
    let stage = Stage::acme().await;
    let (registration, token) = stage.signed_in().await;
    stage.clock.advance(Duration::from_secs(3000));
    let renewed = stage.center.refresh(&registration, &token).await.unwrap();
    assert!(renewed.expires_at > token.expires_at && renewed.access_token != token.access_token);
    stage.emulator.end_sessions(USER).unwrap();
    let refused = stage
        .center
        .accounts(&renewed, None, Priority::Interactive)
        .await
        .unwrap_err();
    assert_eq!(refused.meaning, Meaning::TokenRefused);
    let dead = stage.center.refresh(&registration, &renewed).await.unwrap_err();
    assert_eq!(dead.meaning, Meaning::GrantRefused);
}

#[tokio::test]
async fn r6_an_expired_registration_is_told_from_a_dead_session() {
    let stage = Stage::acme().await;
    let (registration, token) = stage.signed_in().await;
    stage.emulator.expire_registrations();
    let refused = stage.center.refresh(&registration, &token).await.unwrap_err();
    assert_eq!(refused.meaning, Meaning::RegistrationRefused);
}

#[tokio::test]
async fn signing_out_ends_the_session_at_aws() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    stage.center.sign_out(&token).await.unwrap();
    let refused = stage
        .center
        .accounts(&token, None, Priority::Interactive)
        .await
        .unwrap_err();
    assert_eq!(refused.meaning, Meaning::TokenRefused);
}

#[tokio::test]
async fn r8_signing_out_waits_three_seconds_at_most() {
    let stage = Stage::acme().await;
    let (_, token) = stage.signed_in().await;
    stage.emulator.add_fault(Fault::hang(Operation::Logout));
    let (center, waiting) = (stage.center.clone(), token.clone());
    let signing_out = tokio::spawn(async move { center.sign_out(&waiting).await });
    stage.until(|stage| stage.calls(Operation::Logout) == 1).await;
    stage.clock.advance(Duration::from_secs(3));
    assert_eq!(
        signing_out.await.unwrap().unwrap_err().meaning,
        Meaning::Unreachable
    );
}

#[tokio::test]
async fn x2_no_failure_carries_what_was_sent() {
    let stage = Stage::acme().await;
    let (registration, token) = stage.signed_in().await;
    let registration = Registration {
        client_secret: "canary-client-secret".into(),
        ..registration
    };
    let token = Token {
        access_token: "canary-access-token".into(),
        refresh_token: Some("canary-refresh-token".into()),
        ..token
    };
    let refused = stage.center.refresh(&registration, &token).await.unwrap_err();
    let unauthorized = stage
        .center
        .accounts(&token, None, Priority::Interactive)
        .await
        .unwrap_err();
    stage.emulator.add_fault(Fault::drop(Operation::ListAccounts));
    let dropped = stage
        .center
        .accounts(&token, None, Priority::Background)
        .await
        .unwrap_err();
    for failure in [refused, unauthorized, dropped] {
        let shown = format!("{failure} {failure:?} {token:?} {registration:?}");
        assert!(!shown.contains("canary"), "{shown}");
    }
}
