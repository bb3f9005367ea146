//! One launch of `exec` or `serve`, as the agent knows it: announced while it runs, and told when it is over: revoked, or
//! its person has signed out.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use portray_core::agent::protocol::{Operation, PreparedReply, Reply, Terms};
use portray_core::agent::{Client, ClientError};
use portray_core::app::contract::ProblemView;
use portray_core::clock::{Clock, SystemClock};
use portray_core::consumers::{Launch, new_launch};
use portray_core::paths::{Environment, Paths};
use portray_core::programs::{self, Program, interpreter};
use portray_core::uses::Door;
use tokio::sync::oneshot;

use super::Invocation;
use crate::agent_start::{self, Questions};
use crate::failure::Failure;

/// How long an agent that is gone has until it is looked for again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long one that has crashed and was started again has, before it is started once more.
const BETWEEN_STARTS: Duration = Duration::from_secs(5);

/// A launch that is about to begin.
pub struct Beginning {
    launch: Launch,
    terms: Terms,
}

/// A launch that runs.
pub struct Running(Beginning);

pub fn new(prepared: &PreparedReply, door: Door) -> Result<Beginning, Failure> {
    let id = new_launch().map_err(|error| Failure::system("Making up a number", &error))?;
    let launch = Launch {
        id,
        door,
        program: None,
        portal: prepared.portal_name.clone(),
        account: prepared.role.account.clone(),
        account_name: prepared.account_name.clone(),
        permission_set: prepared.role.permission_set.clone(),
        chain: prepared.role.chain.clone(),
    };
    let terms = Terms {
        portal: prepared.role.portal.clone(),
        stay: prepared.stay.clone(),
    };
    Ok(Beginning { launch, terms })
}

impl Beginning {
    pub fn id(&self) -> &str {
        &self.launch.id
    }

    pub fn door(&self) -> Door {
        self.launch.door
    }

    /// Until when it gets something.
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The launch of this process.
    pub fn of(mut self, pid: u32) -> Running {
        self.launch.program = programs::program(pid).map(programs::with_what_started_it);
        Running(self)
    }
}

/// Tells the agent of a launch for as long as this process runs, also the next agent. Starts it again where it has
/// crashed, because the programs of a launch cannot. What comes is why it gets nothing any more.
pub fn announce(invocation: &Invocation, launch: Running) -> oneshot::Receiver<ProblemView> {
    let (told, over) = oneshot::channel();
    let (environment, paths) = (invocation.environment.clone(), invocation.paths.clone());
    // A thread that waits; it ends with the process.
    std::thread::spawn(move || {
        let Ok(pauses) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
            return;
        };
        let clock = SystemClock::new();
        let mut not_before = Duration::ZERO;
        loop {
            match until_over(&paths, &launch) {
                Ok(Some(problem)) => {
                    // Whoever does not listen learns it at the endpoint.
                    let _ = told.send(problem);
                    return;
                }
                // An agent of an earlier version does not know launches.
                Err(ClientError::Problem { problem, .. }) => {
                    tracing::debug!(problem.what_happened, "the launch is not announced");
                    return;
                }
                Ok(None) | Err(_) if clock.elapsed() >= not_before && has_crashed(&paths) => {
                    start_again(&environment, &paths);
                    not_before = clock.elapsed() + BETWEEN_STARTS;
                }
                // The sleep is begun inside: outside of its runtime there is none.
                Ok(None) | Err(_) => pauses.block_on(async { clock.sleep(PAUSE).await }),
            }
        }
    });
    over
}

/// Comes with why the launch gets nothing any more; never where the agent does not tell.
pub async fn end(over: oneshot::Receiver<ProblemView>) -> ProblemView {
    match over.await {
        Ok(problem) => problem,
        Err(_) => std::future::pending().await,
    }
}

/// Whether the last agent ended without having wanted to: whoever ends takes the socket along. (The pipes of Windows go
/// with any process, so that nothing is known there.)
fn has_crashed(paths: &Paths) -> bool {
    let is_left = std::fs::symlink_metadata(paths.socket()).is_ok();
    is_left && matches!(Client::connect(paths), Err(ClientError::NotRunning))
}

/// Nobody may be asked anything, and nothing is said: the terminal is the command's, and its programs learn at the
/// endpoint what they have to know.
fn start_again(environment: &Environment, paths: &Paths) {
    match agent_start::start(environment, paths, Questions::No) {
        Ok(_) => tracing::debug!("the agent had crashed, and runs again"),
        Err(failure) => {
            tracing::debug!(
                failure.problem.what_happened,
                "the agent that crashed does not start again"
            );
        }
    }
}

/// None: the agent is gone.
fn until_over(paths: &Paths, Running(launch): &Running) -> Result<Option<ProblemView>, ClientError> {
    let announced = Operation::Launch {
        launch: launch.launch.clone(),
        terms: Some(launch.terms.clone()),
    };
    for reply in Client::connect(paths)?.quiet_stream(&announced)? {
        if let Reply::Revoked { problem } = reply? {
            return Ok(Some(problem));
        }
    }
    Ok(None)
}

/// The program that a command names, before it runs: in this very process, which it takes the place of.
pub fn named(command: &[OsString], environment: &Environment) -> Option<Program> {
    let named = Path::new(command.first()?);
    let executable =
        interpreter::executable(named, environment).map(|path| interpreter::of(path, environment));
    Some(Program {
        pid: std::process::id(),
        name: named.file_name()?.to_string_lossy().into_owned(),
        executable: executable.ok().and_then(|path| path.to_str().map(str::to_owned)),
        below: Vec::new(),
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn an_agent_has_crashed_where_it_left_its_socket_and_nobody_answers_there() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().to_str().unwrap();
        let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", home)])).unwrap();
        portray_core::agent::claim::make_runtime_folder(&paths.runtime).unwrap();
        assert!(!has_crashed(&paths), "it never ran, or ended as it wanted to");
        let agent = UnixListener::bind(paths.socket()).unwrap();
        assert!(!has_crashed(&paths), "it runs");
        drop(agent);
        assert!(has_crashed(&paths), "it is gone, and has left its socket");
        std::fs::remove_file(paths.socket()).unwrap();
        assert!(!has_crashed(&paths));
    }
}
