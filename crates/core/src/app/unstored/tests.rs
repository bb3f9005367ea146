//! The whole application over a keyring that fails or hangs, and its end.

use std::sync::Arc;
use std::time::Duration;

use identity_center_emulator::{Operation, Rotation, World};

use super::*;
use crate::app::contract::{PortalState, ProblemCode, Request};
use crate::app::shell::{Notice, Opening, Shell, ShellError};
use crate::app::tray_menu::Tray;
use crate::app::{App, Parts};
use crate::clock::{Clock, SharedClock};
use crate::identity_center::Portal;
use crate::identity_center::tests::Stage;
use crate::paths::Environment;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::token_store::strict_store::StrictStore;
use crate::token_store::{SignIn, StoreFailure, TokenStore};

const LOCKED: StoreFailure = StoreFailure::Locked;

/// Nobody looks.
struct NoDesktop;

impl Shell for NoDesktop {
    fn open_url(&self, _url: &Secret, _browser: Option<&str>) -> Opening {
        Box::pin(async { Err(ShellError("there is none".to_owned())) })
    }

    fn show_tray(&self, _tray: &Tray) {}
    fn notify(&self, _notice: &Notice) {}
    fn withdraw(&self, _key: &str) {}
    fn show_window(&self) {}

    fn window_is_shown(&self) -> bool {
        false
    }

    fn quit(&self) {}
}

/// A machine with a keyring in which somebody's sign-in is.
pub(in crate::app) struct Machine {
    pub(in crate::app) stage: Stage,
    pub(in crate::app) keyring: StrictStore,
    pub(in crate::app) home: tempfile::TempDir,
    pub(in crate::app) settings: Settings,
}

impl Machine {
    pub(in crate::app) async fn with_a_sign_in() -> Self {
        let mut world = World::acme();
        world.rotation = Rotation::Strict;
        let stage = Stage::of(world).await;
        let (registration, token) = stage.signed_in().await;
        let mut settings = Settings::default();
        settings.add_portal("acme", &stage.emulator.start_url(), &stage.emulator.region());
        let machine = Self {
            stage,
            keyring: StrictStore::with_limit(64 * 1024),
            home: tempfile::tempdir().unwrap(),
            settings,
        };
        let sign_in = SignIn {
            token,
            registration,
            signed_in_at: machine.stage.clock.now(),
        };
        let store = machine.store();
        store.save_sign_in(&machine.portal(), &sign_in).await.unwrap();
        machine
    }

    fn environment(&self) -> Environment {
        let home = self.home.path().display().to_string();
        let endpoint = format!("http://127.0.0.1:{}", self.stage.port);
        Environment::of(&[
            ("HOME", &home),
            ("USERPROFILE", &home),
            ("PORTRAY_HOME", &home),
            ("PORTRAY_ENDPOINT_URL", &endpoint),
        ])
    }

    pub(in crate::app) fn portal(&self) -> Portal {
        let endpoint = self.environment().endpoint().unwrap();
        Portal::from_settings(&self.settings.portals[0], endpoint.as_ref()).unwrap()
    }

    /// As a process that has just been started opens it.
    pub(in crate::app) fn store(&self) -> TokenStore {
        TokenStore::over_strict(&self.keyring, self.clock())
    }

    fn clock(&self) -> SharedClock {
        Arc::new(self.stage.clock.clone())
    }

    pub(in crate::app) fn start(&self) -> App {
        App::start(Parts {
            paths: Paths::of(&self.environment()).unwrap(),
            environment: self.environment(),
            settings: self.settings.clone(),
            clock: self.clock(),
            http: self.stage.http.clone(),
            store: self.store(),
            stays: crate::stays::Stays::in_memory(),
            shell: Arc::new(NoDesktop),
        })
    }

    fn note(&self) -> BTreeMap<String, Timestamp> {
        let paths = Paths::of(&self.environment()).unwrap();
        Unstored::load(&paths, self.stage.clock.now()).noted
    }

    fn renewals(&self) -> u64 {
        self.stage.emulator.counters().calls(Operation::CreateToken)
    }

    /// Waits until it is so, and lets the clock go on a little: the limiter lets so many calls pass and then waits for it.
    pub(in crate::app) async fn until(&self, is_so: impl AsyncFn() -> bool) {
        let is_so = async || {
            if is_so().await {
                return true;
            }
            let moment = tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>());
            moment.await.unwrap_err();
            self.stage.clock.advance(Duration::from_millis(10));
            false
        };
        until(is_so).await;
    }

    /// The same application with a token that AWS has renewed.
    async fn renewed(&self, app: &App) {
        let before = self.renewals();
        app.ask(Request::RenewNow).await.unwrap();
        self.until(async || self.renewals() > before).await;
    }

    /// The same, once the keyring has failed to take it.
    async fn renewed_in_memory_only(&self) -> App {
        let app = self.start();
        app.snapshot().await.unwrap();
        // By when a token was issued it is told which one is newer.
        self.stage.clock.advance(Duration::from_secs(60));
        self.keyring.refuse_with(Some(LOCKED));
        self.renewed(&app).await;
        self.until(async || problem(&app).await == Some(ProblemCode::SecretStore))
            .await;
        app
    }
}

/// Quits, and says after how much of the clock's time the application has ended.
pub(in crate::app) async fn quit(app: &App, machine: &Machine) -> Duration {
    let begun = machine.stage.clock.elapsed();
    app.ask(Request::Quit).await.unwrap();
    let mut stopped = std::pin::pin!(app.stopped());
    loop {
        // What happens outside of this thread has some time of its own before the clock goes on.
        let waited = tokio::time::timeout(Duration::from_millis(100), &mut stopped).await;
        if waited.is_ok() {
            return machine.stage.clock.elapsed() - begun;
        }
        machine.stage.clock.advance(Duration::from_millis(100));
        let waited = machine.stage.clock.elapsed() - begun;
        assert!(waited < Duration::from_secs(5), "it does not end");
    }
}

/// Waits (in real time, 10 s at most) until it is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !is_so().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), waiting)
        .await
        .expect("it does not come to that");
}

async fn problem(app: &App) -> Option<ProblemCode> {
    let snapshot = app.snapshot_now().await.unwrap();
    snapshot.portals[0].problem.as_ref().map(|problem| problem.code)
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_renewed_token_that_could_not_be_stored_is_stored_at_the_end_if_the_keyring_takes_it_by_then() {
    let machine = Machine::with_a_sign_in().await;
    let app = machine.renewed_in_memory_only().await;
    until(async || machine.note().len() == 1).await;
    machine.keyring.refuse_with(None);
    assert_eq!(quit(&app, &machine).await, Duration::ZERO);

    let next = machine.start();
    assert_eq!(
        next.snapshot().await.unwrap().portals[0].state,
        PortalState::SignedIn
    );
    machine.renewed(&next).await;
    until(async || machine.note().is_empty()).await;
    assert_eq!(problem(&next).await, None);
    assert_eq!(machine.stage.emulator.counters().reused_refresh_tokens, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_renewed_token_that_is_lost_is_told_at_the_next_start_once_aws_refuses_the_one_before_it() {
    let machine = Machine::with_a_sign_in().await;
    let app = machine.renewed_in_memory_only().await;
    assert_eq!(quit(&app, &machine).await, Duration::ZERO);
    assert_eq!(machine.note().len(), 1);
    machine.keyring.refuse_with(None);

    let next = machine.start();
    let portal = next.snapshot().await.unwrap().portals[0].clone();
    assert_eq!(
        (portal.state, portal.problem),
        (PortalState::SignedIn, None),
        "nobody knows yet that it matters"
    );
    next.ask(Request::RenewNow).await.unwrap();
    machine
        .until(async || problem(&next).await == Some(ProblemCode::SignInNeeded))
        .await;
    let portal = next.snapshot().await.unwrap().portals[0].clone();
    assert_eq!(portal.state, PortalState::SignInNeeded);
    let told = portal.problem.unwrap().what_happened;
    assert!(
        told.starts_with("Portray ended before the renewed sign-in"),
        "{told}"
    );
    quit(&next, &machine).await;

    // Nobody is signed in any more: it explains nothing now.
    let last = machine.start();
    last.snapshot().await.unwrap();
    until(async || machine.note().is_empty()).await;
    assert_eq!(problem(&last).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_a_session_that_aws_ends_while_a_token_waits_to_be_stored_is_not_blamed_on_the_keyring() {
    let machine = Machine::with_a_sign_in().await;
    let app = machine.renewed_in_memory_only().await;
    machine
        .stage
        .emulator
        .end_sessions(crate::identity_center::tests::USER)
        .unwrap();
    app.ask(Request::RenewNow).await.unwrap();
    let state = async || app.snapshot_now().await.unwrap().portals[0].state;
    machine
        .until(async || state().await == PortalState::SignInNeeded)
        .await;
    assert_eq!(
        problem(&app).await,
        Some(ProblemCode::SignInNeeded),
        "and nothing else"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_keyring_that_hangs_from_the_start_holds_up_the_end_for_no_time_at_all() {
    let machine = Machine::with_a_sign_in().await;
    machine.keyring.hang(true);
    let app = machine.start();
    let looking = tokio::spawn({
        let app = app.clone();
        async move { app.snapshot().await }
    });
    let known = app.snapshot_now().await.unwrap();
    assert_eq!(known.portals[0].state, PortalState::Unknown);
    assert_eq!(quit(&app, &machine).await, Duration::ZERO);
    until(async || looking.is_finished()).await;
    machine.keyring.hang(false);
    assert!(looking.await.unwrap().is_err(), "whoever waited is told");
    assert_eq!(machine.note(), BTreeMap::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn k2_a_keyring_that_hangs_while_a_renewed_token_is_stored_holds_up_the_end_for_less_than_two_seconds()
{
    let machine = Machine::with_a_sign_in().await;
    let app = machine.start();
    app.snapshot().await.unwrap();
    machine.keyring.hang(true);
    machine.renewed(&app).await;
    let took = quit(&app, &machine).await;
    assert!(took >= STORING, "{took:?}: the keyring may answer yet");
    assert!(took < Duration::from_secs(2), "{took:?}");
    until(async || machine.note().len() == 1).await;
    machine.keyring.hang(false);
}

#[test]
fn r9_a_note_that_is_damaged_is_set_aside_and_one_that_cannot_be_read_stays() {
    let home = tempfile::tempdir().unwrap();
    let home_path = home.path().display().to_string();
    let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", &home_path)])).unwrap();
    let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
    private_files::make_folder(&paths.state).unwrap();
    let path = paths.state.join("unstored.json");
    let whole = br#"{"version":1,"portals":{"acme":"2026-03-02T11:00:00Z"}}"#;
    for end in 0..whole.len() {
        std::fs::write(&path, &whole[..end]).unwrap();
        let read = Unstored::load(&paths, now);
        assert!(
            read.noted.is_empty() && read.path.is_some() && !path.exists(),
            "{end}"
        );
    }
    std::fs::write(&path, whole).unwrap();
    assert!(Unstored::load(&paths, now).is_lost(&PortalId("acme".to_owned())));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(Unstored::load(&paths, now).path, None);
}
