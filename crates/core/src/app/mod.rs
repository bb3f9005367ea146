//! The application: commands in, one state, every surface drawn from it.

mod asking_problem;
mod assignment_changes;
mod aws_cli;
mod aws_cli_problem;
mod chain_problem;
pub mod chained;
pub mod command;
pub mod command_problem;
mod console_session;
pub mod contract;
mod controller;
mod drawing;
mod events;
mod failed_syncs;
mod files;
mod further_role;
mod inbox;
mod inspection;
mod kept;
mod keyring_questions;
mod known_portals;
pub mod left_behind;
mod list_orders;
mod listings;
mod new_portal;
pub mod notices;
mod portals;
pub mod problem;
pub mod profiles;
pub mod profiles_problem;
mod program_notices;
mod program_problem;
mod records;
mod remote_problem;
mod secret_store_problem;
pub mod settings_file;
mod shared_logins;
pub mod shell;
mod short_life_problem;
mod sign_in;
mod sign_in_problem;
mod sign_in_start;
mod sign_ins;
mod sign_out;
pub mod state;
mod syncing;
pub mod tray_menu;
mod unsaved;
mod unstored;
mod verdicts;
mod view;
mod waiting_problem;
pub mod wrong_clock;

use std::collections::BTreeMap;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::SharedClock;
use crate::clock::corrected::CorrectedClock;
use crate::identity_center::deadline::within;
use crate::identity_center::{HttpStack, PortalId, RoleCredentials, RoleKey};
use crate::paths::{Environment, Paths};
use crate::refresh::life::until;
use crate::refresh::{Refresh, RefreshFailure, runner};
use crate::role_catalog::{Catalogue, CatalogueFiles, Query};
use crate::secret::Secret;
use crate::settings::Settings;
use crate::stays::Stays;
use crate::supervised::keep_running;
use crate::token_store::TokenStore;
use command::{Command, SignInWish};
use contract::{
    Answer, ConsoleVia, ProblemView, Request, SearchAnswer, SearchRequest, SignInMethod, Snapshot,
};
use controller::{Controller, Handles, TICK};
use known_portals::KnownPortals;
use list_orders::ListOrders;
use records::Records;
use settings_file::SettingsProblems;
use shell::Shell;
pub use sign_in_start::{SignInStart, SignInStarted};
use state::NamedPortal;

/// How long whoever asks for credentials waits for AWS. The call goes on, and its answer is kept for the next who asks.
const PATIENCE: Duration = Duration::from_secs(45);

/// Everything that the application is made of; tests pass doubles.
pub struct Parts {
    pub environment: Environment,
    pub paths: Paths,
    pub settings: Settings,
    pub clock: SharedClock,
    pub http: HttpStack,
    pub store: TokenStore,
    pub stays: Stays,
    pub shell: Arc<dyn Shell>,
}

/// A handle to the running application. Clones are the same application.
#[derive(Clone)]
pub struct App {
    clock: SharedClock,
    commands: mpsc::UnboundedSender<Command>,
    snapshots: watch::Sender<Arc<Snapshot>>,
    stopped: watch::Sender<bool>,
    catalogue: Arc<RwLock<Arc<Catalogue>>>,
    settings_problems: Arc<RwLock<SettingsProblems>>,
    orders: ListOrders,
    refresh: Refresh,
    records: Records,
    stays: Stays,
}

/// What to open in the console, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsoleRequest {
    pub role: RoleKey,
    /// A service keyword or a console URL.
    pub destination: Option<String>,
    pub region: Option<String>,
    pub duration_seconds: Option<u32>,
    pub via: Option<ConsoleVia>,
}

impl App {
    /// Starts the loop on the current tokio runtime.
    pub fn start(mut parts: Parts) -> Self {
        parts.clock = CorrectedClock::shared(parts.clock, parts.http.skew.clone());
        let clock = parts.clock.clone();
        let (commands, inbox) = mpsc::unbounded_channel();
        let (changes, mut changed) = mpsc::unbounded_channel();
        let refresh = Refresh::new(clock.clone(), parts.store.clone(), changes);
        wrong_clock::follow(&parts.http, commands.clone());
        let handles = Handles {
            commands: commands.clone(),
            snapshots: watch::Sender::new(Arc::new(drawing::empty_snapshot())),
            stopped: watch::Sender::new(false),
            catalogue: Arc::default(),
            settings_problems: Arc::default(),
            refresh: refresh.clone(),
            records: Records::new(&clock),
            stays: parts.stays.clone(),
        };
        let (known, portals) = KnownPortals::begin(&mut parts);
        let loaded = CatalogueFiles::of(&parts.paths).load(&portals, clock.now());
        let network = parts.http.clone();
        let mut controller = Controller::new(parts, known, loaded, &handles);
        controller.begin();
        tokio::spawn(controller.run(inbox));
        let refreshed = refresh.clone();
        let runner = keep_running("refresh", clock.clone(), move || runner::run(refreshed.clone()));
        tokio::spawn(runner);
        let forward = commands.clone();
        tokio::spawn(async move {
            while let Some(change) = changed.recv().await {
                let _ = forward.send(Command::Refreshed(change));
            }
        });
        let (ticks, tick_clock) = (commands.clone(), clock.clone());
        tokio::spawn(async move {
            while ticks.send(Command::Tick).is_ok() {
                tick_clock.sleep(TICK).await;
                // Servers have nobody who tells, and a desktop's service may not run.
                if network.take_moved() {
                    let _ = ticks.send(Command::Woke);
                }
            }
        });
        let Handles {
            commands,
            snapshots,
            stopped,
            catalogue,
            settings_problems,
            refresh,
            records,
            stays,
        } = handles;
        records.follow(&clock, &commands);
        Self {
            clock,
            commands,
            snapshots,
            stopped,
            catalogue,
            settings_problems,
            orders: ListOrders::default(),
            refresh,
            records,
            stays,
        }
    }

    /// Does what a person or a program asks, and answers when it is done (a sign-in: when it has begun).
    pub async fn ask(&self, request: Request) -> Result<Answer, ProblemView> {
        let (reply, outcome) = oneshot::channel();
        self.send(Command::Ask {
            request,
            reply: Some(reply),
        })?;
        outcome.await.map_err(|_| ProblemView::stopping())?
    }

    /// The same where nobody waits for the answer: a click in the tray or on a notice. A failure is shown.
    pub fn click(&self, request: Request) {
        // Only an application that is ending does not take it.
        let _ = self.send(Command::Ask { request, reply: None });
    }

    /// The machine woke up, or is in another network.
    pub fn woke(&self) {
        let _ = self.send(Command::Woke);
    }

    /// The state as windows draw it; changes at most ten times a second.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        let _ = self.send(Command::Watched);
        self.snapshots.subscribe()
    }

    /// The state as it is now, once the store has said who is signed in.
    pub async fn snapshot(&self) -> Result<Arc<Snapshot>, ProblemView> {
        let (reply, snapshot) = oneshot::channel();
        self.send(Command::Look { waited: false, reply })?;
        snapshot.await.map_err(|_| ProblemView::stopping())
    }

    /// The portals as targets name them. Does not wait for the loop.
    pub fn portals(&self) -> Vec<NamedPortal> {
        let sessions = self.refresh.sessions();
        sessions
            .iter()
            .map(|session| view::named_portal(session))
            .collect()
    }

    /// A portal's name, where there is one.
    pub fn portal_name(&self, portal: &PortalId) -> Option<String> {
        let session = self.refresh.session(portal)?;
        Some(session.portal().name.clone())
    }

    pub fn search(&self, search: &SearchRequest) -> SearchAnswer {
        let catalogue = self.catalogue();
        let portals = self.refresh.sessions().into_iter();
        let names: BTreeMap<_, _> = portals
            .map(|session| (session.portal().id.clone(), session.portal().name.clone()))
            .collect();
        let credentials: BTreeMap<_, _> = self
            .refresh
            .role_views()
            .into_iter()
            .map(|view| (view.key.clone(), view::until_when(&view, &*self.clock)))
            .collect();
        let portal = search.portal.clone().map(PortalId);
        let (sorted_at, order) = self.orders.order(search.sorted_at, &catalogue);
        let query = Query {
            text: &search.query,
            portal: portal.as_ref(),
            order: (sorted_at != catalogue.revision).then_some(&*order),
            offset: search.offset as usize,
            limit: search.limit as usize,
        };
        let hits = catalogue.search(&query, &names);
        SearchAnswer {
            total: view::count(hits.total),
            offset: search.offset,
            catalogue_revision: hits.revision,
            sorted_at,
            rows: hits
                .rows
                .into_iter()
                .map(|hit| view::row(hit, &catalogue, &names, &credentials))
                .collect(),
        }
    }

    /// What in the settings does not hold.
    pub fn settings_problems(&self) -> SettingsProblems {
        let problems = self.settings_problems.read();
        problems.expect("no panic under this lock").clone()
    }

    /// Listings, favourites and recents as they are now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.read().expect("no panic under this lock").clone()
    }

    /// Credentials with at least `min_ttl` left: from memory, else from AWS. Never opens a browser and never
    /// waits for a person. One upstream call however many wait.
    pub async fn credentials(
        &self,
        role: &RoleKey,
        min_ttl: Duration,
    ) -> Result<RoleCredentials, ProblemView> {
        self.credentials_within(PATIENCE, role, min_ttl).await
    }

    /// The same for those who wait at most `patience`.
    pub async fn credentials_within(
        &self,
        patience: Duration,
        role: &RoleKey,
        min_ttl: Duration,
    ) -> Result<RoleCredentials, ProblemView> {
        let session = self
            .refresh
            .session(&role.portal)
            .ok_or_else(ProblemView::unknown_portal)?;
        let name = || view::role_name(&self.catalogue(), role);
        let problem = |failure: RefreshFailure| {
            let zone = TimeZone::system();
            ProblemView::of_session(&failure, &session, Some(&name()), &*self.clock, &zone)
        };
        let asked = self.refresh.roles.credentials(&session, role, min_ttl);
        let answer = within(&self.clock, patience.min(PATIENCE), asked).await;
        let credentials = answer
            .unwrap_or_else(|| Err(RefreshFailure::no_answer("GetRoleCredentials")))
            .map_err(problem)?;
        let left = until(self.clock.now(), credentials.expires_at);
        match left < min_ttl {
            true => Err(match &role.chain {
                None => ProblemView::too_short(&name(), left.as_secs() / 60, min_ttl),
                Some(name) => ProblemView::too_short_chain(name, left.as_secs() / 60),
            }),
            // Tools compare it with the machine's clock, be that right or wrong.
            false => Ok(RoleCredentials {
                expires_at: self.clock.as_shown(credentials.expires_at),
                ..credentials
            }),
        }
    }

    /// The monotonic time.
    pub fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    /// Begins a sign-in (or joins the one that is under way).
    pub async fn sign_in(
        &self,
        portal: &str,
        method: SignInMethod,
        open_browser: bool,
        force: bool,
    ) -> Result<SignInStart, ProblemView> {
        let (reply, outcome) = oneshot::channel();
        let wish = SignInWish {
            portal: PortalId(portal.to_owned()),
            method,
            open_browser,
            reopen: false,
            force,
        };
        self.send(Command::SignIn { wish, reply })?;
        outcome.await.map_err(|_| ProblemView::stopping())?
    }

    /// Opens a console session, in the browser of this command line where one is given.
    pub async fn open_console(
        &self,
        request: ConsoleRequest,
        browser: Option<String>,
    ) -> Result<(), ProblemView> {
        let (reply, outcome) = oneshot::channel();
        self.send(Command::OpenConsole {
            request,
            browser,
            reply,
        })?;
        outcome.await.map_err(|_| ProblemView::stopping())?.map(|_| ())
    }

    /// The real URL of a console session: for `console --print` only; the browser gets a one-time link.
    pub async fn console_url(&self, request: &ConsoleRequest) -> Result<Secret, ProblemView> {
        let (reply, outcome) = oneshot::channel();
        self.send(Command::ConsoleUrl {
            request: request.clone(),
            reply,
        })?;
        outcome.await.map_err(|_| ProblemView::stopping())?
    }

    /// Resolves when the application has been asked to quit and has ended its work.
    pub async fn stopped(&self) {
        // The sender lives in this handle, so waiting cannot fail.
        let _ = self.stopped.subscribe().wait_for(|stopped| *stopped).await;
    }

    fn send(&self, command: Command) -> Result<(), ProblemView> {
        self.commands.send(command).map_err(|_| ProblemView::stopping())
    }
}
