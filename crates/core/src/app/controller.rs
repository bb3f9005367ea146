//! The one loop: Commands in, state changed, every surface drawn from it.

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};

use crate::app::Parts;
use crate::app::command::{Command, Reply, SignInWish};
use crate::app::console_session::Opener;
use crate::app::contract::{Answer, ProblemView, Request, Snapshot};
use crate::app::drawing::Drawn;
use crate::app::files::Writer;
use crate::app::inbox::{Inbox, is_quit};
use crate::app::kept::KeptUses;
use crate::app::known_portals::KnownPortals;
use crate::app::records::{OpenedBy, Records};
use crate::app::settings_file::{Edit, SettingsProblems};
use crate::app::shared_logins::SharedLogins;
use crate::app::shell::Shell;
use crate::app::sign_ins::SignIns;
use crate::app::state::AssignmentChange;
use crate::app::syncing::Syncs;
use crate::app::unsaved::{Decisions, Unsaved};
use crate::app::unstored::Unstored;
use crate::clock::SharedClock;
use crate::identity_center::{HttpStack, PortalId, RoleKey};
use crate::paths::{Environment, Paths};
use crate::refresh::Refresh;
use crate::role_catalog::{Catalogue, Loaded, MarksFile};
use crate::settings::Settings;
use crate::stays::Stays;
use crate::supervised::{Panicked, Restarts, survive_async};
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
    pub(super) settings_problems: Arc<RwLock<SettingsProblems>>,
    pub(super) sign_ins: SignIns,
    pub(super) syncs: Syncs,
    pub(super) problem: Option<ProblemView>,
    pub(super) clock_problem_dismissed: bool,
    /// The last sign-in that nobody waited for and that failed, and why.
    pub(super) failed_sign_in: Option<(PortalId, ProblemView)>,
    pub(super) sign_in_wanted: BTreeSet<String>,
    pub(super) assignment_changes: Vec<AssignmentChange>,
    pub(super) snapshots: watch::Sender<Arc<Snapshot>>,
    stopped: watch::Sender<bool>,
    /// What the loop went on after.
    pub(super) restarts: Restarts,
    pub(super) writer: Writer,
    pub(super) drawn: Drawn,
    pub(super) zone: TimeZone,
    /// What stands in settings.toml and is not taken over (yet).
    pub(super) edit: Option<Edit>,
    /// What became of the file of favourites, recents and kept roles.
    pub(super) marks: MarksFile,
    /// What could not be written of what a person has decided.
    pub(super) unsaved: Unsaved,
    /// The sign-ins that the AWS CLI was given.
    pub(super) shared_logins: SharedLogins,
    pub(super) records: Records,
    pub(super) stays: Stays,
    pub(super) kept_uses: KeptUses,
    /// Roles that stopped being kept because nobody used them.
    pub(super) kept_no_longer: Vec<RoleKey>,
    pub(super) unstored: Unstored,
    pub(super) known: KnownPortals,
}

/// What the rest of the program keeps of a controller.
pub struct Handles {
    pub commands: mpsc::UnboundedSender<Command>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub stopped: watch::Sender<bool>,
    pub catalogue: Arc<RwLock<Arc<Catalogue>>>,
    pub settings_problems: Arc<RwLock<SettingsProblems>>,
    pub refresh: Refresh,
    pub records: Records,
    pub stays: Stays,
}

impl Controller {
    pub fn new(parts: Parts, known: KnownPortals, loaded: Loaded, handles: &Handles) -> Self {
        *handles.catalogue.write().expect("no panic under this lock") = Arc::new(loaded.catalogue);
        let now = parts.clock.now();
        let (drawn, unstored) = (Drawn::nothing(now), Unstored::load(&parts.paths, now));
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
            settings_problems: handles.settings_problems.clone(),
            sign_ins: SignIns::default(),
            syncs: Syncs::new(loaded.unfinished, &handles.catalogue.read().expect("as above")),
            problem: None,
            clock_problem_dismissed: false,
            failed_sign_in: None,
            sign_in_wanted: BTreeSet::new(),
            assignment_changes: Vec::new(),
            snapshots: handles.snapshots.clone(),
            stopped: handles.stopped.clone(),
            restarts: Restarts::default(),
            writer: Writer::start(handles.commands.clone()),
            drawn,
            zone: TimeZone::system(),
            edit: None,
            marks: loaded.marks,
            unsaved: Unsaved::default(),
            shared_logins: SharedLogins::default(),
            records: handles.records.clone(),
            stays: handles.stays.clone(),
            kept_uses: KeptUses::default(),
            kept_no_longer: Vec::new(),
            unstored,
            known,
        }
    }

    /// Runs until somebody asks to quit.
    pub async fn run(mut self, commands: mpsc::UnboundedReceiver<Command>) {
        let mut inbox = Inbox::new(commands);
        let mut dirty = true;
        loop {
            let pause = self.pause_before_drawing();
            tokio::select! {
                command = inbox.next() => {
                    let Some(command) = command else { break };
                    if is_quit(&command) {
                        self.quit(command);
                        break;
                    }
                    self.guarded(&mut inbox, |controller| controller.handle(command)).await;
                    dirty = true;
                }
                () = self.clock.sleep(pause), if dirty => {
                    dirty = false;
                    self.guarded(&mut inbox, Self::draw).await;
                }
            }
        }
        // Whoever still waits for an answer has it: the application is stopping.
        drop(inbox);
        self.end().await;
        self.stopped.send_replace(true);
    }

    /// Takes in the portals of the settings; their sign-ins are read behind.
    pub fn begin(&mut self) {
        self.problem = self.marks_problem();
        self.begin_records();
        self.set_confirm(self.settings.confirm.programs.clone());
        self.take_in_kept_uses(&self.catalogue().kept_uses);
        self.take_in_portals();
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Ask { request, reply } => self.ask(request, reply),
            Command::SignIn { wish, reply } => self.sign_in(wish, reply),
            Command::OpenConsole {
                request,
                browser,
                reply,
            } => self.open_console(request, browser.as_deref(), OpenedBy::Program, Some(reply)),
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
            Command::SyncProgressed {
                portal,
                number,
                progress,
            } => self.sync_progressed(portal, number, progress),
            Command::SyncInTrouble {
                portal,
                number,
                failure,
            } => self.sync_in_trouble(&portal, number, failure),
            Command::SyncEnded {
                portal,
                number,
                outcome,
            } => self.sync_ended(portal, number, outcome),
            Command::ConsoleOpened(key) => self.used(&key),
            Command::RecordsChanged => self.write_uses(false),
            Command::Failed(problem) => self.problem = Some(problem),
            Command::Decided {
                verdict,
                executables,
                reply,
            } => self.decided(verdict, &executables, reply),
            Command::Saved { decisions, outcome } => self.saved(decisions, outcome),
            Command::AnswerSaved {
                decisions,
                reply,
                done,
            } => self.answer_saved(decisions, reply, done),
            Command::SettingsChanged { outcome, reply } => self.settings_changed(outcome, reply),
            Command::PortalRemoved {
                portal,
                outcome,
                reply,
            } => self.portal_removed(&portal, outcome, reply),
            Command::SettingsSeen { seen, settled } => self.settings_seen(seen, settled),
            Command::MarksRead(marks) => self.marks_read(marks),
            Command::SettingsToSee(settled) => self.look_at_settings(settled),
            Command::PortalLeft {
                portal,
                farewell,
                reply,
            } => self.portal_left(portal, farewell, reply),
            Command::Look { waited, reply } => self.look(waited, reply),
            Command::NameSought(portal) => self.name_sought(portal),
            Command::Watched => self.watched(),
            Command::Woke => self.woke(),
            Command::Tick => self.tick(),
        }
    }

    fn ask(&mut self, request: Request, reply: Option<Reply<Answer>>) {
        match request {
            Request::InspectStartUrl { text } => answer(reply, Ok(super::inspection::inspect(&text))),
            Request::AddPortal {
                start_url,
                region,
                name,
            } => self.add_portal(&start_url, region.as_deref(), name, reply),
            Request::FindAwsCliPortals { config } => self.find_aws_cli_portals(config, reply),
            Request::ImportAwsCliPortal {
                start_url,
                region,
                config,
            } => self.import_aws_cli_portal(start_url, region, config, reply),
            Request::RemovePortal { portal } => self.remove_portal(&PortalId(portal), reply),
            Request::SignIn {
                portal,
                method,
                force,
            } => self.sign_in_for(SignInWish::of_a_click(portal, method, force), reply),
            Request::OpenSignInPage { portal } => self.open_sign_in_page(&PortalId(portal), reply),
            Request::CancelSignIn { portal } => {
                self.cancel_sign_in(&PortalId(portal));
                answer(reply, Ok(Answer::Done));
            }
            Request::SignOut { portal } => self.sign_out(&PortalId(portal), reply),
            Request::SignOutLeftBehind { name } => self.sign_out_left_behind(name.as_deref(), reply),
            Request::Sync { portal } => self.sync_asked_for(PortalId(portal), reply),
            Request::OpenConsole {
                role,
                destination,
                region,
                duration_seconds,
                via,
            } => {
                let request = super::ConsoleRequest {
                    role: role.into(),
                    destination,
                    region,
                    duration_seconds,
                    via,
                };
                self.open_console(request, None, OpenedBy::Person, reply);
            }
            Request::OpenPortal { portal } => self.open_portal(&PortalId(portal), reply),
            Request::SetFavourite { role, on } => {
                self.change_catalogue(|catalogue| catalogue.set_favourite(&role.into(), on));
                self.answer_when_saved(Decisions::Marks, reply, Answer::Done);
            }
            Request::Keep { role, on } => {
                self.keep(&role.into(), on);
                self.answer_when_saved(Decisions::Marks, reply, Answer::Done);
            }
            Request::KeepOn { roles } => {
                self.keep_on(roles.into_iter().map(Into::into).collect());
                self.answer_when_saved(Decisions::Marks, reply, Answer::Done);
            }
            Request::Consumers { order } => self.order_of_consumer(order, reply),
            Request::Profiles { order } => self.order_of_profiles(order, reply),
            Request::GiveMfaCode { role, code } => self.give_code(role.into(), &code, reply),
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
                // One click, one problem: the other one is seen then.
                self.clock_problem_dismissed |= self.problem.take().is_none();
                answer(reply, Ok(Answer::Done));
            }
            // The loop ends before it comes here.
            Request::Quit => answer(reply, Ok(Answer::Done)),
        }
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

    /// Whether a window, or another watcher, follows the state.
    pub(super) fn is_watched(&self) -> bool {
        self.snapshots.receiver_count() > 0
    }

    /// Does something that nobody in the loop waits for. Its failure goes to whoever asked, else to everybody.
    pub(super) fn spawn<F>(&self, reply: Option<Reply<Answer>>, work: F)
    where
        F: Future<Output = Result<Answer, ProblemView>> + Send + 'static,
    {
        self.spawn_then(reply, work, |done, reply| {
            answer(reply, Ok(done));
            None
        });
    }

    /// The same for work after which the loop goes on with what it gave.
    pub(super) fn spawn_then<T, R, F>(
        &self,
        reply: Option<Reply<R>>,
        work: F,
        next: impl FnOnce(T, Option<Reply<R>>) -> Option<Command> + Send + 'static,
    ) where
        T: Send + 'static,
        R: Send + 'static,
        F: Future<Output = Result<T, ProblemView>> + Send + 'static,
    {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let done = survive_async(work).await;
            let done = done.unwrap_or_else(|Panicked| Err(ProblemView::own_mistake()));
            let next = match (done, reply) {
                (Ok(done), reply) => next(done, reply),
                (Err(problem), None) => Some(Command::Failed(problem)),
                (Err(problem), reply) => {
                    answer(reply, Err(problem));
                    None
                }
            };
            if let Some(command) = next {
                // Only an application that is ending does not take it.
                let _ = commands.send(command);
            }
        });
    }
}

/// Answers whoever waits.
pub(super) fn answer<T>(reply: Option<Reply<T>>, outcome: Result<T, ProblemView>) {
    if let Some(reply) = reply {
        // Whoever asked may have left.
        let _ = reply.send(outcome);
    }
}
