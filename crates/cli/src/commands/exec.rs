//! `portray exec`: runs a command that can get a role's credentials for as long as it runs.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode, ExitStatus};
use std::time::Duration;

use portray_core::agent::container_endpoint::ContainerEndpoint;
use portray_core::agent::protocol::{Asker, CredentialsReply, PreparedReply};
use portray_core::app::contract::ProblemView;
use portray_core::clock::{Clock, SystemClock};
use portray_core::paths::Environment;
use portray_core::uses::Door;
use tokio::process::Child;
use tokio::runtime::{Builder, Runtime};

use super::{Invocation, container_folder, credentials, default_profile, endpoint, launch};
use crate::arguments::Exec;
use crate::documents::{COMPETING, variables};
use crate::failure::Failure;
use crate::no_proxy;
use crate::printer::Printer;
use crate::signals::{Signals, stop_with};

/// How long the launch outside may take before a command of a container starts.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub fn run(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    if arguments.env {
        return with_variables(invocation, arguments);
    }
    // Asked for before the command starts, so that what is wrong is said here and not by every tool in its way.
    let role = arguments.role.words();
    let prepared = credentials::prepare(invocation, &role, Door::Exec)?;
    default_profile::warn(invocation, &role, "exec --env");
    to_its_end(
        invocation.printer,
        with_endpoint(invocation, arguments, &prepared),
    )
}

/// The command takes this process's place: terminal, signals and exit code are its own.
#[cfg(unix)]
fn with_variables(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    let keys = keys(invocation, arguments)?;
    let mut command = command(invocation, arguments)?;
    command.envs(keys);
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    let not_started = NotStarted::new(command.get_program(), &error);
    Ok(Ended(Err(not_started)).exit_code(invocation.printer))
}

#[cfg(not(unix))]
fn with_variables(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    let keys = keys(invocation, arguments)?;
    let mut command = command(invocation, arguments)?;
    command.envs(keys);
    to_its_end(invocation.printer, until_its_end(command, |_| {}))
}

/// Plain variables for this command.
fn keys(invocation: &Invocation, arguments: &Exec) -> Result<Vec<(&'static str, String)>, Failure> {
    let asker = Asker {
        program: launch::named(&arguments.command, &invocation.environment),
        ..Asker::through(Door::ExecEnv)
    };
    let credentials = credentials::ask(invocation, &arguments.role.words(), 0, &asker)?;
    invocation.printer.note(&remaining_life(&credentials));
    Ok(variables(&credentials, None))
}

async fn with_endpoint(
    invocation: &Invocation,
    arguments: &Exec,
    prepared: &PreparedReply,
) -> Result<Ended, Failure> {
    let launch = launch::new(prepared, Door::Exec)?;
    let endpoint = endpoint::bind(invocation, prepared, &launch).await?;
    let mut command = command(invocation, arguments)?;
    let serving = arguments.container_dir.as_deref().map(|folder| {
        let region = arguments.region.as_deref();
        container_folder::serve(invocation, folder, prepared, &launch, region)
    });
    let serving = serving.transpose()?;
    let clients = endpoint.clients();
    lead(&mut command, endpoint, &invocation.environment);
    let started = |pid| {
        clients.expect(pid);
        // That it is over is told at the endpoint: the terminal is the command's.
        drop(launch::announce(invocation, launch.of(pid)));
    };
    let Some(serving) = serving else {
        return until_its_end(command, started).await;
    };
    let mut ended = std::pin::pin!(until_its_end(command, started));
    tokio::select! {
        ended = &mut ended => ended,
        failure = serving => {
            // The command has an endpoint of its own, and goes on.
            invocation.printer.failure(&failure);
            ended.await
        }
    }
}

/// The command in an environment without anything that competes with what it is given.
fn command(invocation: &Invocation, arguments: &Exec) -> Result<Command, Failure> {
    let mut command = without_competition(&arguments.command, &invocation.environment)?;
    if let Some(region) = &arguments.region {
        command
            .env("AWS_REGION", region)
            .env("AWS_DEFAULT_REGION", region);
    }
    Ok(command)
}

/// A command of a person, without the variables in which AWS's tools would find other credentials.
pub(super) fn without_competition(words: &[OsString], environment: &Environment) -> Result<Command, Failure> {
    let (program, rest) = words.split_first().ok_or_else(ProblemView::no_command)?;
    let mut command = Command::new(found(program, environment));
    command.args(rest);
    for name in COMPETING {
        command.env_remove(name);
    }
    Ok(command)
}

/// Serves the endpoint for as long as this process lives, and tells the command where it is.
pub(super) fn lead(command: &mut Command, endpoint: ContainerEndpoint, environment: &Environment) {
    command
        .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri())
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", endpoint.token().expose())
        .envs(no_proxy::variables(environment));
    tokio::spawn(endpoint.serve());
}

/// Runs a command to its end, with what is served beside it.
pub(super) fn to_its_end(
    printer: Printer,
    command: impl Future<Output = Result<Ended, Failure>>,
) -> Result<ExitCode, Failure> {
    let runtime = runtime()?;
    let ended = runtime.block_on(command)?;
    // A request that is under way must not keep the terminal waiting.
    runtime.shutdown_background();
    Ok(ended.exit_code(printer))
}

/// What serves beside a command that runs.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::system("Starting the runtime", &error))
}

/// Starts the command, says its number, and passes signals on until it ends.
pub(super) async fn until_its_end(
    command: impl Into<tokio::process::Command>,
    started: impl FnOnce(u32),
) -> Result<Ended, Failure> {
    let mut command = command.into();
    let signals =
        Signals::for_a_command().map_err(|error| Failure::system("Listening to signals", &error))?;
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = command.as_std().get_program();
            return Ok(Ended(Err(NotStarted::new(program, &error))));
        }
    };
    if let Some(pid) = child.id() {
        started(pid);
    }
    let ended = wait(child, signals).await;
    ended
        .map(|status| Ended(Ok(status)))
        .map_err(|error| Failure::system("Waiting for the command", &error))
}

/// How a command ended, or that it was not started.
pub(super) struct Ended(Result<ExitStatus, NotStarted>);

impl Ended {
    /// It had not begun when a signal came.
    #[cfg(unix)]
    pub(super) fn by(came: crate::signals::Came) -> Self {
        Self(Ok(came.as_end()))
    }

    /// What this process ends with; a command that was not started is told.
    fn exit_code(self, printer: Printer) -> ExitCode {
        match self.0 {
            Ok(status) => as_of(status),
            Err(not_started) => {
                printer.failure(&not_started.problem.into());
                ExitCode::from(not_started.code)
            }
        }
    }
}

fn as_of(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    crate::signals::end_as(status);
    // Windows' exit codes have 32 bits, more than an ExitCode takes.
    #[cfg(windows)]
    if let Some(code) = status.code() {
        std::process::exit(code);
    }
    exit_code(status)
}

/// The command cannot be run; the exit code is the one that shells give then.
struct NotStarted {
    problem: ProblemView,
    code: u8,
}

impl NotStarted {
    fn new(program: &OsStr, error: &std::io::Error) -> Self {
        Self {
            problem: ProblemView::command_not_started(&program.display(), error),
            code: match error.kind() == std::io::ErrorKind::NotFound {
                true => 127,
                false => 126,
            },
        }
    }
}

/// How long variables are good for: nobody renews them.
fn remaining_life(credentials: &CredentialsReply) -> String {
    let left = credentials.expires_at.duration_since(SystemClock::new().now());
    let minutes = left.as_mins();
    let left = match minutes {
        ..=0 => "less than a minute".to_owned(),
        1 => "another minute".to_owned(),
        2.. => format!("another {minutes} minutes"),
    };
    format!("These credentials live {left} and are not renewed.")
}

/// Passes signals on until the command ends. Those of the terminal reach it without us.
async fn wait(mut child: Child, mut signals: Signals) -> std::io::Result<ExitStatus> {
    let mut stopping = std::pin::pin!(stop_with(&child));
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            never = &mut stopping => match never {},
            signal = signals.next() => signal.pass_on(&child),
        }
    }
}

/// As shells tell it, also where a signal ended the command and did not end us: 128 and the signal's number.
fn exit_code(status: ExitStatus) -> ExitCode {
    #[cfg(unix)]
    let by_signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|signal| 128 + signal);
    #[cfg(not(unix))]
    let by_signal = None;
    let code = status.code().or(by_signal).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

/// The program itself: Unix looks it up by PATH.
#[cfg(unix)]
fn found(program: &OsStr, _environment: &Environment) -> OsString {
    program.to_owned()
}

/// Windows by itself only finds `NAME.exe`; many tools (npm, cdk, sam) are scripts, which Rust starts and quotes
/// for by their full name.
#[cfg(windows)]
fn found(program: &OsStr, environment: &Environment) -> OsString {
    let name = std::path::Path::new(program);
    if name.extension().is_some() || name.components().count() > 1 {
        return program.to_owned();
    }
    let folders = std::env::split_paths(environment.text("PATH").unwrap_or_default());
    let candidates = folders
        .filter(|folder| folder.is_absolute())
        .flat_map(|folder| ["exe", "cmd", "bat"].map(|ending| folder.join(name).with_extension(ending)));
    let script = candidates.into_iter().find(|candidate| candidate.is_file());
    script.map_or_else(|| program.to_owned(), Into::into)
}
