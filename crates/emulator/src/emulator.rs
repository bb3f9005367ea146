//! The emulator as a value: its router, its server, and the handles that tests hold.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use axum::Router;
use jiff::{SignedDuration, Timestamp};
use tokio::net::TcpListener;

use crate::administration::AdministrationError;
use crate::audit::{AuditEvent, CallsBySecond, Counters};
use crate::clock::Clock;
use crate::faults::Fault;
use crate::random::Random;
use crate::state::State;
use crate::tls::Certificates;
use crate::world::{Assignment, World, WorldError};

mod answer;
mod line;
mod server;
mod unread;

pub(crate) use answer::{is_our_host, wait};

/// How to run a world.
#[derive(Clone, Debug)]
pub struct Options {
    pub clock: Clock,
    /// The same identifiers, tokens and chances each time.
    pub seed: Option<u64>,
    /// Serves `/_control/` too.
    pub control: bool,
    /// Where a browser reaches the pages, for answers to clients that call the router without a socket.
    pub base_url: Option<String>,
}

/// A running Identity Center. Clones are handles to the same one.
#[derive(Clone)]
pub struct Emulator {
    inner: Arc<Inner>,
}

struct Inner {
    state: Mutex<State>,
    base_url: OnceLock<String>,
    control: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            clock: Clock::system(),
            seed: None,
            control: false,
            base_url: None,
        }
    }
}

impl Emulator {
    pub fn new(world: World, options: Options) -> Self {
        let random = options.seed.map_or_else(Random::from_system, Random::from_seed);
        let base_url = options.base_url.map_or_else(OnceLock::new, OnceLock::from);
        let state = Mutex::new(State::new(world, options.clock, random));
        Self {
            inner: Arc::new(Inner {
                state,
                base_url,
                control: options.control,
            }),
        }
    }

    /// All services as one in-process `tower::Service`. See [`crate::ConnectionDropped`] for scripted drops.
    pub fn router(&self) -> Router {
        crate::router::router(self.clone(), self.inner.control)
    }

    /// Serves on `listener` until the future is dropped, which closes every connection.
    pub async fn serve(&self, listener: TcpListener) -> io::Result<()> {
        let address = listener.local_addr()?;
        self.inner.base_url.get_or_init(|| format!("http://{address}"));
        self.serve_with(listener, None).await
    }

    /// The same with TLS, beside [`Emulator::serve`].
    pub async fn serve_tls(&self, listener: TcpListener, certificates: Certificates) -> io::Result<()> {
        self.serve_with(listener, Some(certificates)).await
    }

    async fn serve_with(&self, listener: TcpListener, certificates: Option<Certificates>) -> io::Result<()> {
        let service = server::Service {
            router: self.router(),
            network: self.state().network.clone(),
            certificates,
            patience: server::PATIENCE,
        };
        match server::serve(service, listener).await? {}
    }

    /// `http://127.0.0.1:PORT`: what the endpoint settings of AWS's clients want.
    pub fn base_url(&self) -> String {
        self.inner
            .base_url
            .get()
            .map_or("http://127.0.0.1", String::as_str)
            .to_owned()
    }

    /// In AWS's form; clients insist on it and none contacts it.
    pub fn start_url(&self) -> String {
        self.state().world.start_url.clone()
    }

    /// The access portal page that a browser can open.
    pub fn portal_url(&self) -> String {
        format!("{}/start", self.base_url())
    }

    pub fn region(&self) -> String {
        self.state().world.region.clone()
    }

    /// The world as it is now, with the changes made to it.
    pub fn world(&self) -> World {
        self.state().world.clone()
    }

    pub fn now(&self) -> Timestamp {
        self.state().clock.now()
    }

    /// Moves the emulator's clock; it stays where it is if that would lead out of the years that it knows.
    pub fn advance(&self, by: SignedDuration) {
        let moved = self.state().clock.advance(by);
        if let Err(error) = moved {
            tracing::warn!(%error, "the clock was not moved");
        }
    }

    /// Approves a device code as `user`, as if that person had done so in a browser just opened.
    pub fn approve_device(&self, user_code: &str, user: &str) -> Result<(), AdministrationError> {
        let origin = self.base_url();
        self.state().approve_device(user_code, user, None, &origin)
    }

    /// The same in the browser of that name: a later approval there joins the user's session while it lives.
    pub fn approve_device_in(
        &self,
        browser: &str,
        user_code: &str,
        user: &str,
    ) -> Result<(), AdministrationError> {
        let origin = self.base_url();
        self.state()
            .approve_device(user_code, user, Some(browser), &origin)
    }

    /// The person pressed Deny.
    pub fn deny_device(&self, user_code: &str) -> Result<(), AdministrationError> {
        self.state().deny_device(user_code)
    }

    /// From now on `/authorize` redirects at once as `user`, so that a plain HTTP client can follow it.
    /// `None` asks people again. Each redirect is a browser of its own.
    pub fn auto_approve(&self, user: Option<&str>) -> Result<(), AdministrationError> {
        self.state().set_auto_approve(user, None)
    }

    /// The same with all redirects in one browser.
    pub fn auto_approve_in(&self, browser: &str, user: &str) -> Result<(), AdministrationError> {
        self.state().set_auto_approve(Some(user), Some(browser))
    }

    /// Adds a piece of a world file, as text: see [`World::amend`].
    pub fn amend(&self, piece: &str) -> Result<(), WorldError> {
        self.state().amend(piece)
    }

    /// What the authenticator app of `user` shows now; none without MFA.
    pub fn mfa_code(&self, user: &str) -> Option<String> {
        let state = self.state();
        state.world.user(user)?.mfa.code(state.clock.now())
    }

    /// What the MFA device of a role shows now, by its serial number; none if no role wants it.
    pub fn device_code(&self, serial: &str) -> Option<String> {
        let state = self.state();
        state.world.device(serial)?.codes.code(state.clock.now())
    }

    /// Ends all connections; for that long nobody listens, on neither port.
    pub fn refuse_connections(&self, duration: Duration) {
        self.state().network.refuse(duration);
    }

    /// From now on the TLS port shows the chain of an authority that nobody knows, or ours again.
    pub fn use_unknown_ca(&self, is_unknown: bool) {
        self.state().network.set_unknown_ca(is_unknown);
    }

    /// False if there is no such permission set. Its roles are gone too: what they handed out fails at once.
    pub fn delete_permission_set(&self, name: &str) -> bool {
        self.state().world.delete_permission_set(name)
    }

    /// False if there is no such account.
    pub fn remove_account(&self, id: &str) -> bool {
        self.state().world.remove_account(id)
    }

    /// The administrator ends all sessions of `user`; says how many were live.
    pub fn end_sessions(&self, user: &str) -> Result<usize, AdministrationError> {
        self.state().end_sessions(user)
    }

    /// The user cannot sign in any more, and all sessions end.
    pub fn disable_user(&self, user: &str) -> Result<(), AdministrationError> {
        self.state().set_disabled(user, true)
    }

    pub fn enable_user(&self, user: &str) -> Result<(), AdministrationError> {
        self.state().set_disabled(user, false)
    }

    pub fn assign(&self, assignment: &Assignment) -> Result<(), WorldError> {
        self.state().world.assign(assignment)
    }

    /// False if there was no such assignment.
    pub fn unassign(&self, assignment: &Assignment) -> bool {
        self.state().world.unassign(assignment)
    }

    /// All client registrations are over, as after 90 days; says how many there were.
    pub fn expire_registrations(&self) -> usize {
        self.state().expire_registrations(|_| true)
    }

    /// Scripts trouble; the first fault that fits a call hits it.
    pub fn add_fault(&self, fault: Fault) {
        self.state().faults.add(fault);
    }

    pub fn clear_faults(&self) {
        self.state().faults.clear();
    }

    pub fn counters(&self) -> Counters {
        self.state().audit.counters.clone()
    }

    /// Calls by second, operation and role, of the last 3,600 seconds that had any.
    pub fn calls_by_second(&self) -> CallsBySecond {
        self.state().audit.by_second().clone()
    }

    /// The log keeps so many calls from now on: for one who watches the memory of a process with an emulator in it.
    pub fn keep_audit_events(&self, most: usize) {
        self.state().audit.keep_events(most);
    }

    /// The latest calls, oldest first.
    pub fn audit(&self) -> Vec<AuditEvent> {
        self.state().audit.events().cloned().collect()
    }

    /// A panic of one call must not take the emulator from all others.
    fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
