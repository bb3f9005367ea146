//! The agent without a tray: engine, socket, notifications.

use std::sync::Arc;

use portray_core::agent::protocol::AgentKind;
use portray_core::agent::{Engine, claim_when_free, harden_process, passphrase};
use portray_core::app::App;
use portray_core::app::contract::{ProblemView, Request};
use portray_core::clock::SystemClock;
use portray_core::paths::SecretStore;
use portray_core::secret::Secret;
use portray_core::token_store::passphrase::from_reader;
use tokio::sync::mpsc::UnboundedReceiver;

use super::Invocation;
use crate::agent_start::StartReport;
use crate::failure::Failure;
use crate::inherited;
use crate::shell::HeadlessShell;

/// Serves until it is asked to stop.
pub fn run(invocation: &Invocation, detached: bool) -> Result<(), Failure> {
    harden_process();
    if detached {
        inherited::let_go();
        leave_terminal();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::system("Starting the runtime", &error))?;
    let passphrase = match detached {
        true => handed_over(invocation),
        false => passphrase::obtain(&invocation.environment, &invocation.paths).map_err(Failure::from),
    };
    let outcome = passphrase.and_then(|passphrase| runtime.block_on(serve(invocation, detached, passphrase)));
    // Whoever started this process waits for a word.
    if let (Err(failure), true) = (&outcome, detached) {
        report(
            invocation,
            &StartReport::Failed(ProblemView::clone(&failure.problem)),
        );
    }
    outcome
}

/// The command that started this process writes the passphrase into a pipe, where one is needed.
fn handed_over(invocation: &Invocation) -> Result<Option<Secret>, Failure> {
    match invocation.environment.secret_store()? {
        SecretStore::Keyring | SecretStore::Memory => Ok(None),
        SecretStore::File => {
            let read = from_reader(std::io::stdin().lock());
            let read = read.map_err(|fault| ProblemView::passphrase_handed_over(&fault));
            Ok(Some(read?))
        }
    }
}

async fn serve(invocation: &Invocation, detached: bool, passphrase: Option<Secret>) -> Result<(), Failure> {
    let (environment, paths) = (invocation.environment.clone(), invocation.paths.clone());
    let engine = Engine::load(environment, paths, SystemClock::shared())?;
    let claim = claim_when_free(&engine.paths, &engine.clock).await?;
    let (host, clock) = (engine.host(AgentKind::Headless), engine.clock.clone());
    let (shell, pressed) = HeadlessShell::new(engine.environment.text("BROWSER"));
    let app = engine.start(passphrase, Arc::new(shell))?;
    tracing::info!(pid = std::process::id(), "the agent is running");
    tokio::spawn(obey_buttons(app.clone(), pressed));
    tokio::spawn(obey_signals(app.clone()));
    if detached {
        report(invocation, &StartReport::Ready);
    } else {
        invocation.printer.note("The agent is running. Ctrl-C ends it.");
    }
    let served = claim.serve(app, host, clock).await;
    served.map_err(|error| Failure::system("Serving the socket", &error))
}

fn report(invocation: &Invocation, report: &StartReport) {
    // The command that started this agent may have ended; then the socket is answer enough.
    let _ = invocation.printer.json(report);
}

async fn obey_buttons(app: App, mut pressed: UnboundedReceiver<Request>) {
    while let Some(request) = pressed.recv().await {
        if let Err(problem) = app.ask(request).await {
            tracing::warn!(problem.what_happened, "a button did not do what it says");
        }
    }
}

async fn obey_signals(app: App) {
    if let Err(error) = end_asked_for().await {
        tracing::warn!(%error, "signals are not listened to");
        return;
    }
    if let Err(problem) = app.ask(Request::Quit).await {
        tracing::warn!(problem.what_happened, "the agent does not stop");
    }
}

#[cfg(unix)]
async fn end_asked_for() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupted = signal(SignalKind::interrupt())?;
    let mut terminated = signal(SignalKind::terminate())?;
    let mut hung_up = signal(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = terminated.recv() => {}
        _ = hung_up.recv() => {}
    }
    Ok(())
}

#[cfg(windows)]
async fn end_asked_for() -> std::io::Result<()> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_logoff, ctrl_shutdown};
    let (mut interrupted, mut interrupted_hard) = (ctrl_c()?, ctrl_break()?);
    let (mut closed, mut logged_off, mut shut_down) = (ctrl_close()?, ctrl_logoff()?, ctrl_shutdown()?);
    tokio::select! {
        _ = interrupted.recv() => {}
        _ = interrupted_hard.recv() => {}
        _ = closed.recv() => {}
        _ = logged_off.recv() => {}
        _ = shut_down.recv() => {}
    }
    Ok(())
}

/// A session of its own: the terminal's signals and its end no longer reach this process.
#[cfg(unix)]
fn leave_terminal() {
    if let Err(error) = rustix::process::setsid() {
        tracing::debug!(%error, "this process leads a session already");
    }
}

/// The command that started this process has given it a console of its own.
#[cfg(windows)]
fn leave_terminal() {}
