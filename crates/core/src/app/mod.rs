//! The application: commands in, one state, every surface drawn from it.

pub mod command;
pub mod contract;
pub mod problem;
pub mod shell;
pub mod tray_menu;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock::SharedClock;
use crate::identity_center::{HttpStack, RoleCredentials, RoleKey};
use crate::paths::{Environment, Paths};
use crate::role_catalog::Catalogue;
use crate::secret::Secret;
use crate::settings::Settings;
use crate::token_store::TokenStore;
use contract::{
    Answer, ConsoleVia, ProblemView, Request, SearchAnswer, SearchRequest, SignInMethod, Snapshot,
};
use shell::Shell;

/// Everything that the application is made of; tests pass doubles.
pub struct Parts {
    pub environment: Environment,
    pub paths: Paths,
    pub settings: Settings,
    pub clock: SharedClock,
    pub http: HttpStack,
    pub store: TokenStore,
    pub shell: Arc<dyn Shell>,
}

/// A handle to the running application. Clones are the same application.
#[derive(Clone)]
pub struct App {}

/// A sign-in that has begun.
pub struct SignInStarted {
    /// What a browser has to open (authorize URL, or verification page with the code filled in).
    pub url: Secret,
    pub user_code: Option<String>,
    pub expires_at: Timestamp,
    /// Resolves when the person is done, or the sign-in failed.
    pub finished: tokio::sync::oneshot::Receiver<Result<(), ProblemView>>,
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
    pub fn start(parts: Parts) -> Self {
        let _ = parts;
        todo!()
    }

    /// Does what a person or a program asks, and answers when it is done (a sign-in: when it has begun).
    pub async fn ask(&self, request: Request) -> Result<Answer, ProblemView> {
        let _ = request;
        todo!()
    }

    /// The state as windows draw it; changes at most ten times a second.
    pub fn snapshots(&self) -> watch::Receiver<Arc<Snapshot>> {
        todo!()
    }

    pub fn search(&self, search: &SearchRequest) -> SearchAnswer {
        let _ = search;
        todo!()
    }

    /// Listings, favourites and recents as they are now.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        todo!()
    }

    /// Credentials with at least `min_ttl` left: from memory, else from AWS. Never opens a browser and never
    /// waits for a person. One upstream call however many wait.
    pub async fn credentials(
        &self,
        role: &RoleKey,
        min_ttl: Duration,
    ) -> Result<RoleCredentials, ProblemView> {
        let _ = (role, min_ttl);
        todo!()
    }

    /// Begins a sign-in (or joins the one that is under way).
    pub async fn sign_in(
        &self,
        portal: &str,
        method: SignInMethod,
        open_browser: bool,
        force: bool,
    ) -> Result<SignInStarted, ProblemView> {
        let _ = (portal, method, open_browser, force);
        todo!()
    }

    /// The real URL of a console session: for `console --print` only; the browser gets a one-time link.
    pub async fn console_url(&self, request: &ConsoleRequest) -> Result<Secret, ProblemView> {
        let _ = request;
        todo!()
    }

    /// Resolves when the application has been asked to quit and has ended its work.
    pub async fn stopped(&self) {
        todo!()
    }
}
