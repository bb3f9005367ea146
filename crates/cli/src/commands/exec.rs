//! `portray exec`: runs a command that can get a role's credentials for as long as it runs.

use std::ffi::{OsStr, OsString};
use std::process::{Command, ExitCode, ExitStatus};

use portray_core::agent::protocol::{Asker, PreparedReply};
use portray_core::app::contract::ProblemView;
use portray_core::paths::Environment;
use portray_core::uses::Door;
use tokio::process::Child;

use super::{Invocation, credentials, endpoint, launch};
use crate::arguments::Exec;
use crate::documents::{COMPETING, variables};
use crate::failure::Failure;
use crate::signals::Signals;

pub fn run(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    if arguments.env {
        return with_variables(invocation, arguments);
    }
    // Asked for before the command starts, so that what is wrong is said here and not by every tool in its way.
    let prepared = credentials::prepare(invocation, &arguments.role.words(), Door::Exec)?;
    in_runtime(invocation, with_endpoint(invocation, arguments, &prepared))
}

/// The command takes this process's place: terminal, signals and exit code are its own.
#[cfg(unix)]
fn with_variables(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    let given = keys(invocation, arguments)?;
    let mut command = command(invocation, arguments, given)?;
    let error = std::os::unix::process::CommandExt::exec(&mut command);
    let not_started = NotStarted::new(command.get_program(), &error);
    invocation.printer.failure(&not_started.problem.into());
    Ok(ExitCode::from(not_started.code))
}

#[cfg(not(unix))]
fn with_variables(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    let given = keys(invocation, arguments)?;
    let command = command(invocation, arguments, given)?;
    in_runtime(invocation, async {
        let signals = listen()?;
        match start(command) {
            Ok(child) => wait_for(child, signals).await.map(Ok),
            Err(not_started) => Ok(Err(not_started)),
        }
    })
}

/// Plain variables for this command.
fn keys(invocation: &Invocation, arguments: &Exec) -> Result<Vec<(&'static str, String)>, Failure> {
    let asker = Asker {
        program: launch::named(&arguments.command, &invocation.environment),
        ..Asker::through(Door::ExecEnv)
    };
    let credentials = credentials::ask(invocation, &arguments.role.words(), 0, &asker)?;
    Ok(variables(&credentials, None))
}

/// Runs a command to its end.
fn in_runtime(
    invocation: &Invocation,
    command: impl Future<Output = Result<Result<ExitStatus, NotStarted>, Failure>>,
) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::system("Starting the runtime", &error))?;
    let ended = runtime.block_on(command)?;
    // A request that is under way must not keep the terminal waiting.
    runtime.shutdown_background();
    let status = match ended {
        Ok(status) => status,
        Err(not_started) => {
            invocation.printer.failure(&not_started.problem.into());
            return Ok(ExitCode::from(not_started.code));
        }
    };
    // Windows' exit codes have 32 bits, more than an ExitCode takes.
    #[cfg(windows)]
    if let Some(code) = status.code() {
        std::process::exit(code);
    }
    Ok(exit_code(status))
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

/// The command in an environment that leads it to these variables, and to nothing that competes with them.
fn command(
    invocation: &Invocation,
    arguments: &Exec,
    given: impl IntoIterator<Item = (&'static str, String)>,
) -> Result<Command, Failure> {
    let (program, rest) = arguments
        .command
        .split_first()
        .ok_or_else(ProblemView::no_command)?;
    let mut command = Command::new(found(program, &invocation.environment));
    command.args(rest);
    for name in COMPETING {
        command.env_remove(name);
    }
    if let Some(region) = &arguments.region {
        command
            .env("AWS_REGION", region)
            .env("AWS_DEFAULT_REGION", region);
    }
    command.envs(given);
    Ok(command)
}

async fn with_endpoint(
    invocation: &Invocation,
    arguments: &Exec,
    prepared: &PreparedReply,
) -> Result<Result<ExitStatus, NotStarted>, Failure> {
    let launch = launch::new(prepared, Door::Exec)?;
    let endpoint = endpoint::bind(invocation, prepared, &launch).await?;
    let mut given = vec![
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri()),
        (
            "AWS_CONTAINER_AUTHORIZATION_TOKEN",
            endpoint.token().expose().clone(),
        ),
    ];
    given.extend(endpoint::never_proxied(&invocation.environment));
    let command = command(invocation, arguments, given)?;
    let clients = endpoint.clients();
    tokio::spawn(endpoint.serve());
    let signals = listen()?;
    let child = match start(command) {
        Ok(child) => child,
        Err(not_started) => return Ok(Err(not_started)),
    };
    if let Some(pid) = child.id() {
        clients.expect(pid);
        // Whether it is revoked is told at the endpoint: the terminal is the command's.
        drop(launch::announce(&invocation.paths, launch.of(pid)));
    }
    wait_for(child, signals).await.map(Ok)
}

fn listen() -> Result<Signals, Failure> {
    Signals::listen().map_err(|error| Failure::system("Listening to signals", &error))
}

fn start(command: Command) -> Result<Child, NotStarted> {
    let program = command.get_program().to_owned();
    let mut command = tokio::process::Command::from(command);
    command.spawn().map_err(|error| NotStarted::new(&program, &error))
}

async fn wait_for(child: Child, signals: Signals) -> Result<ExitStatus, Failure> {
    let ended = wait(child, signals).await;
    ended.map_err(|error| Failure::system("Waiting for the command", &error))
}

/// Passes signals on until the command ends. Those of the terminal reach it without us.
async fn wait(mut child: Child, mut signals: Signals) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            ended = child.wait() => return ended,
            signal = signals.next() => signal.pass_on(&child),
        }
    }
}

/// As shells tell it: 128 and the signal's number where a signal ended the command.
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
