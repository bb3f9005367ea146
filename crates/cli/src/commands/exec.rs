//! `portray exec`: runs a command that can get a role's credentials for as long as it runs.

use std::ffi::{OsStr, OsString};
use std::process::{ExitCode, ExitStatus};

use portray_core::agent::protocol::CredentialsReply;
use portray_core::app::contract::ProblemView;
use portray_core::paths::Environment;
use tokio::process::{Child, Command};

use super::{Invocation, credentials, endpoint};
use crate::arguments::Exec;
use crate::documents::{COMPETING, variables};
use crate::failure::Failure;
use crate::signals::Signals;

pub fn run(invocation: &Invocation, arguments: &Exec) -> Result<ExitCode, Failure> {
    // Asked for before the command starts, so that what is wrong is said here and not by every tool in its way.
    let credentials = credentials::ask(invocation, &arguments.role.words(), 0)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| Failure::system("Starting the runtime", &error))?;
    let ended = runtime.block_on(run_command(invocation, arguments, credentials))?;
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

async fn run_command(
    invocation: &Invocation,
    arguments: &Exec,
    credentials: CredentialsReply,
) -> Result<Result<ExitStatus, NotStarted>, Failure> {
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
    if arguments.env {
        command.envs(variables(&credentials, None));
    } else {
        let endpoint = endpoint::bind(invocation, &credentials).await?;
        command
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri())
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", endpoint.token().expose())
            .envs(endpoint::never_proxied(&invocation.environment));
        tokio::spawn(endpoint.serve());
    }
    let signals = Signals::listen().map_err(|error| Failure::system("Listening to signals", &error))?;
    let child = match command.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(Err(NotStarted::new(program, &error))),
    };
    let ended = wait(child, signals).await;
    ended
        .map(Ok)
        .map_err(|error| Failure::system("Waiting for the command", &error))
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
