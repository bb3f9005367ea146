//! The one loop: Commands in, state changed, every surface drawn from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};

use crate::app::Parts;
use crate::app::command::{Command, Reply, SignInWish};
use crate::app::console_session::Opener;
use crate::app::contract::{Answer, ProblemView, Request, Snapshot, SyncProgress};
use crate::app::drawing::Drawn;
use crate::app::shell::Shell;
use crate::app::sign_ins::SignIns;
use crate::app::state::AssignmentChange;
use crate::clock::SharedClock;
use crate::identity_center::{HttpStack, PortalId, RoleKey};
use crate::paths::{Environment, Paths};
use crate::refresh::{Change, Refresh, RefreshFailure};
use crate::role_catalog::{Catalogue, CatalogueFiles, Loaded, Unfinished};
use crate::settings::Settings;
use crate::token_store::TokenStore;

/// Time passes for what is shown, and for syncs that are due.
pub const TICK: Duration = Duration::from_secs(30);

/// Owns everything that changes.
pub struct Controller {
    pub(super) environment: Environment,
    pub(super) paths: Paths,
    pub(super) settings: Settings,
    pub(super) clock: SharedClock,
    pub(super) http: HttpStack,
    pub(super) store: TokenStore,
    pub(super) shell: Arc<dyn Shell>,
    pub(super) refresh: Refresh,
    pub(super) commands: mpsc::UnboundedSender<Command>,
    pub(super) catalogue: Arc<RwLock<Arc<Catalogue>>>,
    pub(super) sign_ins: SignIns,
    pub(super) syncs: BTreeMap<PortalId, SyncProgress>,
    pub(super) problem: Option<ProblemView>,
    /// What syncs had listed that did not come to their end.
    pub(super) unfinished: BTreeMap<PortalId, Unfinished>,
    /// What went wrong with a portal's last sync.
    pub(super) sync_problems: BTreeMap<PortalId, ProblemView>,
    pub(super) sign_in_wanted: BTreeSet<String>,
    pub(super) assignment_changes: Vec<AssignmentChange>,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    stopped: watch::Sender<bool>,
    writer: std::sync::mpsc::Sender<Write>,
    pub(super) drawn: Drawn,
    pub(super) zone: TimeZone,
}

/// A file to be written.
type Write = Box<dyn FnOnce() -> std::io::Result<()> + Send>;

/// What the rest of the program keeps of a controller.
pub struct Handles {
    pub commands: mpsc::UnboundedSender<Command>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub stopped: watch::Sender<bool>,
    pub catalogue: Arc<RwLock<Arc<Catalogue>>>,
    pub refresh: Refresh,
}

impl Controller {
    pub fn new(parts: Parts, loaded: Loaded, handles: &Handles) -> Self {
        *handles.catalogue.write().expect("no panic under this lock") = Arc::new(loaded.catalogue);
        let drawn = Drawn::nothing(parts.clock.now());
        Self {
            environment: parts.environment,
            paths: parts.paths,
            settings: parts.settings,
            clock: parts.clock,
            http: parts.http,
            store: parts.store,
            shell: parts.shell,
            refresh: handles.refresh.clone(),
            commands: handles.commands.clone(),
            catalogue: handles.catalogue.clone(),
            sign_ins: SignIns::default(),
            syncs: BTreeMap::new(),
            problem: None,
            unfinished: loaded.unfinished.into_iter().collect(),
            sync_problems: BTreeMap::new(),
            sign_in_wanted: BTreeSet::new(),
            assignment_changes: Vec::new(),
            snapshots: handles.snapshots.clone(),
            stopped: handles.stopped.clone(),
            writer: writer(handles.commands.clone()),
            drawn,
            zone: TimeZone::system(),
        }
    }

    /// Runs until somebody asks to quit.
    pub async fn run(mut self, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut dirty = true;
        loop {
            let pause = self.pause_before_drawing();
            tokio::select! {
                command = commands.recv() => {
                    let Some(command) = command else { break };
                    if is_quit(&command) {
                        self.quit(command);
                        break;
                    }
                    self.handle(command);
                    dirty = true;
                }
                () = self.clock.sleep(pause), if dirty => {
                    self.draw();
                    dirty = false;
                }
            }
        }
        self.stopped.send_replace(true);
    }

    /// Takes in the portals of the settings; their sign-ins are read behind.
    pub fn begin(&mut self) {
        self.problem = self.settings_problem();
        for index in 0..self.settings.portals.len() {
            self.take_in_portal(index);
        }
        for key in self.catalogue().kept.clone() {
            self.refresh.roles.set_kept(&key, true);
        }
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Ask { request, reply } => self.ask(request, reply),
            Command::SignIn { wish, reply } => self.sign_in(wish, reply),
            Command::ConsoleUrl { request, reply } => self.console_url(request, reply),
            Command::SignInBegan {
                portal,
                attempt,
                began,
            } => self.sign_in_began(&portal, attempt, &began),
            Command::SignInEnded {
                portal,
                attempt,
                outcome,
            } => self.sign_in_ended(&portal, attempt, outcome),
            Command::Refreshed(change) => self.refreshed(change),
            Command::SyncProgressed { portal, progress } => self.sync_progressed(portal, progress),
            Command::SyncEnded { portal, outcome } => self.sync_ended(portal, outcome),
            Command::ConsoleOpened(key) => self.used(&key),
            Command::Failed(problem) => self.problem = Some(problem),
            Command::Look { waited, reply } => self.look(waited, reply),
            Command::Watched => self.sync_stale(Duration::from_secs(60)),
            Command::Woke => self.woke(),
            Command::Tick => self.tick(),
        }
    }

    fn ask(&mut self, request: Request, reply: Option<Reply<Answer>>) {
        match request {
            Request::InspectStartUrl { text } => answer(reply, Ok(super::portals::inspect(&text))),
            Request::AddPortal {
                start_url,
                region,
                name,
            } => {
                self.add_portal(&start_url, region.as_deref(), name, reply);
            }
            Request::RemovePortal { portal } => self.remove_portal(&PortalId(portal), reply),
            Request::SignIn {
                portal,
                method,
                open_browser,
                force,
            } => {
                let wish = SignInWish {
                    portal: PortalId(portal),
                    method,
                    open_browser,
                    reopen: true,
                    force,
                };
                self.sign_in_for(wish, reply);
            }
            Request::OpenSignInPage { portal } => self.open_sign_in_page(&PortalId(portal), reply),
            Request::CancelSignIn { portal } => {
                self.cancel_sign_in(&PortalId(portal));
                answer(reply, Ok(Answer::Done));
            }
            Request::SignOut { portal } => self.sign_out(&PortalId(portal), reply),
            Request::Sync { portal } => self.sync(PortalId(portal), reply),
            Request::OpenConsole {
                role,
                destination,
                region,
                duration_seconds,
                via,
                open_browser,
            } => {
                let request = super::ConsoleRequest {
                    role: role.into(),
                    destination,
                    region,
                    duration_seconds,
                    via,
                };
                self.open_console(request, open_browser, reply);
            }
            Request::OpenPortal { portal } => self.open_portal(&PortalId(portal), reply),
            Request::SetFavourite { role, on } => {
                self.change_catalogue(|catalogue| catalogue.set_favourite(&role.into(), on));
                answer(reply, Ok(Answer::Done));
            }
            Request::Keep { role, on } => {
                self.keep(&role.into(), on);
                answer(reply, Ok(Answer::Done));
            }
            Request::RenewNow => {
                self.woke();
                self.refresh.renew_in_use();
                answer(reply, Ok(Answer::Done));
            }
            Request::ShowWindow => {
                self.shell.show_window();
                answer(reply, Ok(Answer::Done));
            }
            Request::DismissProblem => {
                self.problem = None;
                answer(reply, Ok(Answer::Done));
            }
            // The loop ends before it comes here.
            Request::Quit => answer(reply, Ok(Answer::Done)),
        }
    }

    fn refreshed(&mut self, change: Change) {
        match change {
            // What was kept, or asked for, may be obtainable now.
            Change::Session(_) => self.refresh.look.notify_one(),
            Change::Role(key) => self.notice_lost_role(&key),
            Change::SignInWanted(portal) => {
                self.sign_in_wanted.insert(portal.0);
            }
            Change::ClockJumped => self.sync_stale(Duration::from_secs(60)),
        }
    }

    /// 403: this one permission set was taken away. The list learns it at once, and the whole of it by a sync.
    fn notice_lost_role(&mut self, key: &RoleKey) {
        let lost = self
            .refresh
            .roles
            .views()
            .into_iter()
            .any(|view| view.key == *key && view.failure == Some(RefreshFailure::NotAssigned));
        if lost && self.catalogue().lists(key) {
            self.change_catalogue(|catalogue| catalogue.remove(key));
            self.sync(key.portal.clone(), None);
        }
    }

    fn keep(&mut self, key: &RoleKey, on: bool) {
        self.change_catalogue(|catalogue| catalogue.set_kept(key, on));
        self.refresh.roles.set_kept(key, on);
        self.refresh.look.notify_one();
    }

    fn used(&mut self, key: &RoleKey) {
        self.change_catalogue(|catalogue| catalogue.mark_recent(key));
    }

    fn woke(&mut self) {
        self.problem = None;
        self.http.forget_connections();
        self.load_sessions();
        self.refresh.try_again();
        self.sync_stale(Duration::from_secs(60));
    }

    fn tick(&mut self) {
        self.load_sessions();
        for session in self.refresh.sessions() {
            tokio::spawn(async move { session.save_again().await });
        }
        self.sync_in_use();
    }

    fn quit(&mut self, command: Command) {
        if let Command::Ask { reply, .. } = command {
            answer(reply, Ok(Answer::Done));
        }
        self.shell.quit();
    }

    pub(super) fn opener(&self) -> Opener {
        Opener {
            shell: self.shell.clone(),
            clock: self.clock.clone(),
            http: self.http.clone(),
            refresh: self.refresh.clone(),
        }
    }

    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        self.catalogue.read().expect("no panic under this lock").clone()
    }

    pub(super) fn set_catalogue(&self, catalogue: Arc<Catalogue>) {
        *self.catalogue.write().expect("no panic under this lock") = catalogue;
    }

    /// Changes the catalogue and keeps what a person made of it.
    pub(super) fn change_catalogue(&mut self, change: impl FnOnce(&mut Catalogue)) {
        let mut catalogue = (*self.catalogue()).clone();
        change(&mut catalogue);
        let catalogue = Arc::new(catalogue);
        self.set_catalogue(catalogue.clone());
        let files = CatalogueFiles::of(&self.paths);
        self.write(move || files.save_marks(&catalogue));
    }

    /// Writes a file of ours, one after the other and off the loop. Failing that, everybody is told.
    pub(super) fn write(&self, write: impl FnOnce() -> std::io::Result<()> + Send + 'static) {
        if self.writer.send(Box::new(write)).is_err() {
            tracing::error!("the thread that writes files has ended");
        }
    }

    /// Whether a window, or another watcher, follows the state.
    pub(super) fn is_watched(&self) -> bool {
        self.snapshots.receiver_count() > 0
    }

    /// Does something that nobody in the loop waits for. Its failure goes to whoever asked, else to everybody.
    pub(super) fn spawn<F>(&self, reply: Option<Reply<Answer>>, work: F)
    where
        F: Future<Output = Result<Answer, ProblemView>> + Send + 'static,
    {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let outcome = work.await;
            match (reply, outcome) {
                (Some(reply), outcome) => drop(reply.send(outcome)),
                (None, Err(problem)) => drop(commands.send(Command::Failed(problem))),
                (None, Ok(_)) => {}
            }
        });
    }
}

/// Writes in order, on a thread of its own: a slow disk holds up nobody.
fn writer(commands: mpsc::UnboundedSender<Command>) -> std::sync::mpsc::Sender<Write> {
    let (sender, writes) = std::sync::mpsc::channel::<Write>();
    std::thread::spawn(move || {
        for write in writes {
            if let Err(error) = write() {
                let _ = commands.send(Command::Failed(ProblemView::file(&error)));
            }
        }
    });
    sender
}

fn is_quit(command: &Command) -> bool {
    matches!(
        command,
        Command::Ask {
            request: Request::Quit,
            ..
        }
    )
}

/// Answers whoever waits.
pub(super) fn answer<T>(reply: Option<Reply<T>>, outcome: Result<T, ProblemView>) {
    if let Some(reply) = reply {
        // Whoever asked may have left.
        let _ = reply.send(outcome);
    }
}
