//! Hours in moments: the real application on a clock that tests move, talking to an emulator in the same process.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use identity_center_emulator::{Clock as EmulatorClock, Emulator, Options, World};
use jiff::{SignedDuration, Timestamp};
use portray_core::app::contract::{PortalState, Request, SignInMethod, Snapshot};
use portray_core::app::{App, Parts, SignInStart};
use portray_core::clock::{Clock, ManualClock};
use portray_core::identity_center::{AccountId, Flow, HttpStack, Portal, PortalId, RoleCredentials, RoleKey};
use portray_core::paths::{Environment, Paths};
use portray_core::settings::Settings;
use portray_core::stays::Stays;
use portray_core::token_store::TokenStore;

use crate::in_process::InProcess;
use crate::recording_shell::RecordingShell;

/// Everything rests when nobody has begun to wait for the clock, and no call has begun or ended, in so many turns.
const QUIET_TURNS: usize = 12;

/// Work that takes more turns than this without the clock goes round in a circle.
const MOST_TURNS: usize = 1_000_000;

/// How long work may take for which time is made to pass, and the longest step of it.
const PATIENCE: Duration = Duration::from_secs(300);
const STEP: Duration = Duration::from_millis(500);

/// The world `acme` where one hour is the session duration of every permission set.
pub fn hourly() -> World {
    let mut world = World::acme();
    for set in &mut world.permission_sets {
        set.session_duration = SignedDuration::from_hours(1);
    }
    world
}

/// The application, its world and its time.
pub struct Simulation {
    pub clock: ManualClock,
    pub emulator: Emulator,
    pub network: InProcess,
    pub app: App,
    pub shell: Arc<RecordingShell>,
    pub portal: PortalId,
    home: tempfile::TempDir,
    settings: Settings,
    store: TokenStore,
    stays: Stays,
}

impl Simulation {
    /// A company at noon; nobody is signed in yet.
    pub fn begin(world: World) -> Result<Self> {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse()?);
        let source = clock.clone();
        let options = Options {
            clock: EmulatorClock::following(move || source.now()),
            seed: Some(7),
            control: false,
            base_url: Some("http://127.0.0.1:9".to_owned()),
        };
        let emulator = Emulator::new(world, options);
        let home = tempfile::tempdir()?;
        let (settings, portal) =
            Settings::default().change(&home.path().join("settings.toml"), |settings| {
                let portal = settings.add_portal("acme", &emulator.start_url(), &emulator.region());
                portal.id.clone()
            })?;
        let store = TokenStore::memory();
        let network = InProcess::new(&emulator, &clock);
        let stays = Stays::in_memory();
        let (app, shell) = start(&clock, &network, &home, &settings, (&store, &stays))?;
        Ok(Self {
            clock,
            emulator,
            network,
            app,
            shell,
            portal: PortalId(portal),
            home,
            settings,
            store,
            stays,
        })
    }

    /// Quits and starts the application again. What the store and the files hold is all that is left.
    pub async fn restart(&mut self) -> Result<()> {
        self.ask(Request::Quit).await?;
        self.app.stopped().await;
        self.restart_ended().await
    }

    /// Starts the application again that was quit.
    pub async fn restart_ended(&mut self) -> Result<()> {
        (self.app, self.shell) = start(
            &self.clock,
            &self.network,
            &self.home,
            &self.settings,
            (&self.store, &self.stays),
        )?;
        self.advance(Duration::from_secs(2)).await;
        Ok(())
    }

    /// The same with `user` signed in and the list synced.
    pub async fn signed_in(world: World, user: &str) -> Result<Self> {
        let simulation = Self::begin(world)?;
        simulation.sign_in(user).await?;
        Ok(simulation)
    }

    /// Signs in by device code, approved at once.
    pub async fn sign_in(&self, user: &str) -> Result<()> {
        self.sign_in_with(user, false).await
    }

    /// The same though somebody is signed in already.
    pub async fn sign_in_again(&self, user: &str) -> Result<()> {
        self.sign_in_with(user, true).await
    }

    async fn sign_in_with(&self, user: &str, force: bool) -> Result<()> {
        self.begin_sign_in(user, force).await?;
        self.advance(Duration::from_secs(30)).await;
        Ok(())
    }

    /// Signs in; the list is not synced yet.
    pub async fn begin_sign_in(&self, user: &str, force: bool) -> Result<()> {
        let begin = self
            .app
            .sign_in(&self.portal.0, SignInMethod::DeviceCode, false, force);
        let SignInStart::Started(started) = self.while_time_passes(begin).await? else {
            bail!("somebody is signed in already");
        };
        let code = started.user_code.context("a device sign-in has a code")?;
        self.emulator.approve_device(&code, user)?;
        let ended = self.while_time_passes(started.finished).await?;
        ended.map_err(|problem| anyhow::anyhow!("{problem:?}"))
    }

    /// The clock goes on from one thing that is due to the next, and each happens at its time.
    pub async fn advance(&self, duration: Duration) {
        let end = self.clock.elapsed() + duration;
        self.settle().await;
        while self.clock.elapsed() < end {
            self.step_towards(end);
            self.settle().await;
        }
    }

    /// The machine sleeps; its monotonic clock stands still.
    pub async fn suspend(&self, duration: Duration) {
        self.clock.suspend(duration);
        self.settle().await;
    }

    /// Lets time pass until the work is done: one that waits for the clock would wait for ever.
    pub async fn while_time_passes<T, E>(&self, work: impl Future<Output = Result<T, E>>) -> Result<T>
    where
        E: std::fmt::Debug,
    {
        let mut work = Box::pin(work);
        let end = self.clock.elapsed() + PATIENCE;
        while self.clock.elapsed() < end {
            tokio::select! {
                biased;
                outcome = &mut work => return outcome.map_err(|problem| anyhow::anyhow!("{problem:?}")),
                () = self.settle() => self.step_towards(end.min(self.clock.elapsed() + STEP)),
            }
        }
        bail!("not done after {PATIENCE:?}")
    }

    /// To the next thing that waits for the clock, or to `end` if that is earlier.
    fn step_towards(&self, end: Duration) {
        let next = self.clock.next_wake().map_or(end, |next| next.min(end));
        self.clock.advance(next.saturating_sub(self.clock.elapsed()));
    }

    /// Lets everything go on that does not wait for the clock.
    async fn settle(&self) {
        let stirrings = || self.clock.sleeps() + self.network.stirrings();
        let (mut before, mut quiet) = (stirrings(), 0);
        for _ in 0..MOST_TURNS {
            tokio::task::yield_now().await;
            let now = stirrings();
            quiet = if now == before { quiet + 1 } else { 0 };
            before = now;
            if quiet == QUIET_TURNS {
                return;
            }
        }
        panic!("something does not come to rest though the clock stands still");
    }

    /// Asks like a tool does, which waits for whatever the answer is.
    pub async fn credentials(&self, account: &str, permission_set: &str) -> Result<RoleCredentials> {
        let key = self.role(account, permission_set);
        self.while_time_passes(self.app.credentials(&key, Duration::ZERO))
            .await
    }

    /// The same where every answer is to be seen, also a refusal.
    pub async fn try_credentials(&self, account: &str, permission_set: &str) -> Option<RoleCredentials> {
        self.credentials(account, permission_set).await.ok()
    }

    pub fn role(&self, account: &str, permission_set: &str) -> RoleKey {
        RoleKey {
            portal: self.portal.clone(),
            account: AccountId(account.to_owned()),
            permission_set: permission_set.to_owned(),
            chain: None,
        }
    }

    /// How long credentials are good for from now.
    pub fn left(&self, credentials: &RoleCredentials) -> SignedDuration {
        credentials.expires_at.duration_since(self.clock.now())
    }

    pub async fn snapshot(&self) -> Result<Arc<Snapshot>> {
        self.while_time_passes(self.app.snapshot()).await
    }

    pub async fn portal_state(&self) -> Result<PortalState> {
        Ok(self.snapshot().await?.portals[0].state)
    }

    /// Does what a click on the first button of the newest notice does.
    pub async fn press_button(&self) -> Result<()> {
        let notice = self
            .shell
            .notices
            .lock()
            .expect("no panic under this lock")
            .last()
            .cloned();
        let action = notice
            .and_then(|notice| notice.actions.first().cloned())
            .context("a notice with a button")?;
        self.app
            .click(action.request.context("a button that does something")?);
        self.advance(Duration::from_secs(1)).await;
        Ok(())
    }

    pub async fn ask(&self, request: Request) -> Result<()> {
        // These wait for the disk alone, whose time is real.
        if matches!(
            request,
            Request::Keep { .. } | Request::KeepOn { .. } | Request::SetFavourite { .. }
        ) {
            let answered = self.app.ask(request).await;
            return answered
                .map(drop)
                .map_err(|problem| anyhow::anyhow!("{problem:?}"));
        }
        self.while_time_passes(self.app.ask(request)).await.map(drop)
    }

    /// The same for what comes back from the disk: files are written in real time.
    pub async fn ask_in_real_time(&self, request: Request) -> Result<()> {
        let answer = tokio::spawn({
            let app = self.app.clone();
            async move { app.ask(request).await }
        });
        crate::wait_until("an answer", Duration::from_secs(10), async || {
            self.advance(Duration::from_millis(500)).await;
            Ok(answer.is_finished().then_some(()))
        })
        .await?;
        let answered = answer.await?;
        answered
            .map(drop)
            .map_err(|problem| anyhow::anyhow!("{problem:?}"))
    }

    /// Adds to the settings and starts the application again, which reads them.
    pub async fn with_settings(self, more: &str) -> Result<Self> {
        let settings = std::fs::read_to_string(self.settings_file())? + more;
        self.restarted_with(&settings).await
    }

    /// The same for what has to stand before every table.
    pub async fn with_first_settings(self, more: &str) -> Result<Self> {
        let settings = std::fs::read_to_string(self.settings_file())?;
        self.restarted_with(&format!("{more}{settings}")).await
    }

    async fn restarted_with(mut self, settings: &str) -> Result<Self> {
        let path = self.settings_file();
        std::fs::write(&path, settings)?;
        self.settings = Settings::read(&path)?.context("a file")?;
        self.restart().await?;
        Ok(self)
    }

    pub fn settings_file(&self) -> std::path::PathBuf {
        self.home.path().join("settings.toml")
    }

    /// Whether the store has a token of the portal.
    pub async fn is_stored_sign_in(&self) -> Result<bool> {
        let settings = self.settings.portals.first().context("a portal")?;
        let endpoint = "http://127.0.0.1:9".parse()?;
        let portal = Portal::from_settings(settings, Some(&endpoint))?;
        Ok(self.store.sign_in(&portal).await?.is_some())
    }

    /// Whether the store has a token or a registration of the portal.
    pub async fn is_stored(&self) -> Result<bool> {
        let settings = self.settings.portals.first().context("a portal")?;
        let endpoint = "http://127.0.0.1:9".parse()?;
        let portal = Portal::from_settings(settings, Some(&endpoint))?;
        let mut stored = self.store.sign_in(&portal).await?.is_some();
        for flow in [Flow::Browser, Flow::DeviceCode] {
            stored |= self.store.registration(&portal, flow).await?.is_some();
        }
        Ok(stored)
    }

    /// The file of favourites, recents and kept roles.
    pub fn marks_file(&self) -> std::path::PathBuf {
        self.home.path().join("state/roles.json")
    }

    /// What stands in it.
    pub fn marks(&self) -> Result<String> {
        Ok(std::fs::read_to_string(self.marks_file())?)
    }

    /// Waits (in real time) until favourites, recents and kept roles are on disk: a thread of its own writes them.
    pub async fn marks_are_written(&self) -> Result<()> {
        let path = self.marks_file();
        crate::wait_until("roles.json", Duration::from_secs(10), async || {
            Ok(path.exists().then_some(()))
        })
        .await
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long the simulation has run while the machine was awake.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }
}

fn start(
    clock: &ManualClock,
    network: &InProcess,
    home: &tempfile::TempDir,
    settings: &Settings,
    (store, stays): (&TokenStore, &Stays),
) -> Result<(App, Arc<RecordingShell>)> {
    let home = home
        .path()
        .to_str()
        .context("a temporary folder with a plain name")?;
    let environment = Environment::of(&[
        ("PORTRAY_HOME", home),
        ("PORTRAY_ENDPOINT_URL", "http://127.0.0.1:9"),
    ]);
    let clock = Arc::new(clock.clone());
    let shell = Arc::new(RecordingShell::default());
    let app = App::start(Parts {
        paths: Paths::of(&environment)?,
        environment,
        settings: settings.clone(),
        http: HttpStack::with_connector(network.clone(), clock.clone()),
        clock,
        store: store.clone(),
        stays: stays.clone(),
        shell: shell.clone(),
    });
    Ok((app, shell))
}
