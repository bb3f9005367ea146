//! Everything that happens, as one closed enum.

use std::io;
use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::oneshot;

use crate::app::contract::{Answer, ProblemView, Request, SignInMethod, Snapshot};
use crate::app::settings_file::Settled;
use crate::app::syncing::Interrupted;
use crate::app::unsaved::Decisions;
use crate::app::verdicts::Verdict;
use crate::app::{ConsoleRequest, SignInStart};
use crate::identity_center::{Failure, PortalId, RoleKey};
use crate::refresh::Change;
use crate::refresh::session::leaving::Farewell;
use crate::role_catalog::{Marks, Progress, Synced};
use crate::secret::Secret;
use crate::settings::{Settings, SettingsError};

/// Where an answer goes. Nobody may wait for it any more.
pub type Reply<T> = oneshot::Sender<Result<T, ProblemView>>;

/// What the settings say after a change; and the answer, or why nothing was changed.
pub type SettingsChange = Result<(Box<Settings>, Result<Answer, ProblemView>), SettingsError>;

/// What the controller's loop takes in.
#[derive(Debug)]
pub enum Command {
    /// A person or a program asks. Without a reply (tray, notice) a failure is shown everywhere.
    Ask {
        request: Request,
        reply: Option<Reply<Answer>>,
    },
    /// Like [`Request::SignIn`], for callers that need the URL.
    SignIn {
        wish: SignInWish,
        reply: Reply<SignInStart>,
    },
    /// Like [`Request::OpenConsole`], for callers that may say which program opens it.
    OpenConsole {
        request: ConsoleRequest,
        /// A command line as in the settings; by default the one there.
        browser: Option<String>,
        reply: Reply<Answer>,
    },
    /// For callers that need the real URL of a console session.
    ConsoleUrl {
        request: ConsoleRequest,
        reply: Reply<Secret>,
    },
    /// A sign-in has a page to open.
    SignInBegan {
        portal: PortalId,
        attempt: u64,
        began: Began,
    },
    SignInEnded {
        portal: PortalId,
        attempt: u64,
        outcome: Result<(), ProblemView>,
    },
    /// A token or credentials are different.
    Refreshed(Change),
    /// A sync has listed some more.
    SyncProgressed {
        portal: PortalId,
        number: u64,
        progress: Progress,
    },
    /// One that runs has got no answer for a while; it goes on.
    SyncInTrouble {
        portal: PortalId,
        number: u64,
        failure: Failure,
    },
    SyncEnded {
        portal: PortalId,
        number: u64,
        outcome: Result<Synced, Interrupted>,
    },
    /// Somebody asks for a name that is not in a list, and the list is not whole.
    NameSought(PortalId),
    /// A console session was opened: the role was used.
    ConsoleOpened(RoleKey),
    /// A use, a revocation or a question is new.
    RecordsChanged,
    /// The settings were changed, or could not be; whoever asked is answered after they are taken over.
    SettingsChanged {
        outcome: SettingsChange,
        reply: Option<Reply<Answer>>,
    },
    /// A portal was taken out of the settings, or could not be.
    PortalRemoved {
        portal: PortalId,
        outcome: SettingsChange,
        reply: Option<Reply<Answer>>,
    },
    /// What stands in settings.toml now.
    SettingsSeen {
        seen: io::Result<Option<Vec<u8>>>,
        settled: Option<Settled>,
    },
    /// Favourites, recents and kept roles, which could not be read at the start.
    MarksRead(Marks),
    /// Settings.toml is to be looked at.
    SettingsToSee(Option<Settled>),
    /// Nobody is signed in to a portal any more that is to be forgotten.
    PortalLeft {
        portal: PortalId,
        farewell: Farewell,
        reply: Option<Reply<Answer>>,
    },
    /// A program that a person decides about is there.
    Decided {
        verdict: Verdict,
        executables: Vec<String>,
        reply: Option<Reply<Answer>>,
    },
    /// What a person has decided was written, or could not be.
    Saved {
        decisions: Decisions,
        outcome: Result<(), ProblemView>,
    },
    /// Everything that was to be written before is: whoever has decided something is answered.
    AnswerSaved {
        decisions: Decisions,
        reply: Option<Reply<Answer>>,
        done: Answer,
    },
    /// Something that nobody waits for has failed.
    Failed(ProblemView),
    /// Somebody wants the state as it is now. `waited`: until the store has said who is signed in.
    Look {
        waited: bool,
        reply: oneshot::Sender<Arc<Snapshot>>,
    },
    /// Somebody began to look at snapshots.
    Watched,
    /// The network is back or another one, or the machine woke up.
    Woke,
    /// Time has passed.
    Tick,
}

/// A sign-in as it is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignInWish {
    pub portal: PortalId,
    pub method: SignInMethod,
    pub open_browser: bool,
    /// Whether a page that was opened already is opened once more: a person clicked, and does not see it.
    pub reopen: bool,
    /// Ends a live session first.
    pub force: bool,
}

impl SignInWish {
    /// A person clicked: the page is opened, also once more.
    pub fn of_a_click(portal: String, method: SignInMethod, force: bool) -> Self {
        Self {
            portal: PortalId(portal),
            method,
            open_browser: true,
            reopen: true,
            force,
        }
    }
}

/// The page of a sign-in.
#[derive(Debug, Clone)]
pub struct Began {
    pub url: Secret,
    pub user_code: Option<String>,
    /// The page to which the code belongs, without it.
    pub verification_url: Option<String>,
    pub expires_at: Timestamp,
}
