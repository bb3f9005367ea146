//! The resident process: engine, agent and tray. It has no webview.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use portray_core::agent::claim::{Claim, ClaimError, take_over};
use portray_core::agent::engine::{Engine, EngineError};
use portray_core::agent::harden::harden_process;
use portray_core::agent::protocol::AgentKind;
use portray_core::app::App;
use portray_core::app::contract::{ProblemView, Request};
use portray_core::app::shell::Shell;
use portray_core::clock::{SharedClock, SystemClock};
use portray_core::paths::{Environment, Paths};
use portray_core::secret::Secret;
use tauri::{AppHandle, RunEvent};
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use crate::display::{self, OpenGl};
use crate::shell::Desktop;
use crate::tray::{self, TrayState};
use crate::{already_running, context, logging, passphrase, tray_host, wake};

/// How long answers that are under way may take when the person quits.
const FAREWELL: Duration = Duration::from_secs(3);

/// Runs until the person quits. Where Portray runs already, shows its window instead.
pub fn run(show_window: bool) -> Result<(), ProblemView> {
    let environment = Environment::of_process();
    let paths = Paths::of(&environment).map_err(|error| ProblemView::environment(&error))?;
    if let Some(running) = already_running::tray_application(&paths) {
        return already_running::show(&paths, &running);
    }
    logging::start(&environment, &paths, "portray");
    harden_process();
    let engine = Engine::load(environment, paths, SystemClock::shared());
    let engine = engine.map_err(EngineError::into_problem)?;
    // Before an agent is asked to make way: that one has it already.
    let passphrase = passphrase::proven(&engine.environment, &engine.paths)?;
    display::open(OpenGl::Skip)?;
    // From here on there are threads.
    let runtime = runtime()?;
    let taken = take_over(&engine.paths, &engine.clock, engine.secret_store);
    let claim = match runtime.block_on(taken) {
        Ok(claim) => claim,
        Err(ClaimError::Taken(Some(running))) => return already_running::show(&engine.paths, &running),
        Err(error) => return Err(error.into_problem()),
    };
    run_tray(engine, passphrase, claim, &runtime, show_window)
}

/// The tray's event loop has the main thread; it never returns.
fn run_tray(
    engine: Engine,
    passphrase: Option<Secret>,
    claim: Claim,
    runtime: &Runtime,
    show_window: bool,
) -> Result<(), ProblemView> {
    let (requests, requested) = unbounded_channel();
    tauri::async_runtime::set(runtime.handle().clone());
    let tauri = builder(&requests)
        .build(context())
        .map_err(|error| ProblemView::no_tray(&error))?;
    let desktop = Arc::new(Desktop::new(
        tauri.handle().clone(),
        &engine.environment,
        &engine.paths,
        runtime.handle().clone(),
        requests.clone(),
    ));
    let host = engine.host(AgentKind::Tray);
    let clock = engine.clock.clone();
    let environment = engine.environment.clone();
    let app = {
        let _inside = runtime.enter();
        let started = engine.start(passphrase, desktop.clone());
        started.map_err(EngineError::into_problem)?
    };
    runtime.spawn(forward(app.clone(), requested));
    runtime.spawn(quit_on_signal(requests.clone()));
    runtime.spawn(show_where_no_tray_is(
        environment,
        clock.clone(),
        desktop.clone(),
        requests.clone(),
    ));
    let woken = app.clone();
    runtime.spawn(wake::listen(move || woken.woke()));
    let service = runtime.spawn(claim.serve(app, host, clock.clone()));
    let handle = tauri.handle().clone();
    runtime.spawn(exit_when_done(service, desktop.clone(), clock, handle));
    if show_window {
        let _ = requests.send(Request::ShowWindow);
    }
    tauri.run(move |_, event| {
        // macOS starts an application once; who opens it again wants to see it.
        #[cfg(target_os = "macos")]
        if matches!(event, RunEvent::Reopen { .. }) {
            let _ = requests.send(Request::ShowWindow);
        }
        if let RunEvent::ExitRequested { code: None, api, .. } = &event {
            // There is no window whose closing could end us: only quitting does.
            api.prevent_exit();
        } else if matches!(event, RunEvent::Exit) {
            desktop.close();
        }
    });
    Ok(())
}

fn builder(requests: &UnboundedSender<Request>) -> tauri::Builder<tauri::Wry> {
    let menu_requests = requests.clone();
    let icon_requests = requests.clone();
    tauri::Builder::default()
        .plugin(tauri_plugin_shell::init())
        .manage(TrayState::default())
        .on_menu_event(move |_, event| {
            if let Some(request) = tray::clicked(&event) {
                let _ = menu_requests.send(request);
            }
        })
        .on_tray_icon_event(move |_, event| {
            if let Some(request) = tray::icon_clicked(&event) {
                let _ = icon_requests.send(request);
            }
        })
        .setup(|app| {
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            let _ = app;
            Ok(())
        })
}

/// Passes on what the person clicks.
async fn forward(app: App, mut requested: UnboundedReceiver<Request>) {
    while let Some(request) = requested.recv().await {
        app.click(request);
    }
}

/// Where no icon can be seen, the window is; and the person learns why.
async fn show_where_no_tray_is(
    environment: Environment,
    clock: SharedClock,
    desktop: Arc<Desktop>,
    requests: UnboundedSender<Request>,
) {
    if tray_host::is_missing(&clock).await {
        let _ = requests.send(Request::ShowWindow);
        desktop.notify(&tray_host::notice(&environment));
    }
}

/// Ends the process after the application has stopped and its clients have their answers.
async fn exit_when_done(
    service: JoinHandle<io::Result<()>>,
    desktop: Arc<Desktop>,
    clock: SharedClock,
    tauri: AppHandle,
) {
    let overdue = async {
        desktop.asked_to_quit().await;
        clock.sleep(FAREWELL).await;
    };
    tokio::select! {
        served = service => if let Ok(Err(error)) = served {
            tracing::error!("the agent's socket failed: {error}");
        },
        () = overdue => tracing::warn!("some clients are left without an answer"),
    }
    tauri.exit(0);
}

/// A session that ends, or Ctrl-C in a terminal, is a quit like any other.
#[cfg(unix)]
async fn quit_on_signal(requests: UnboundedSender<Request>) {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [
        SignalKind::terminate(),
        SignalKind::interrupt(),
        SignalKind::hangup(),
    ]
    .map(signal);
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hangup)] = signals else {
        return tracing::warn!("signals cannot be listened to");
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = hangup.recv() => {}
    }
    let _ = requests.send(Request::Quit);
}

#[cfg(windows)]
async fn quit_on_signal(requests: UnboundedSender<Request>) {
    if tokio::signal::ctrl_c().await.is_ok() {
        let _ = requests.send(Request::Quit);
    }
}

fn runtime() -> Result<Runtime, ProblemView> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    runtime.map_err(|error| ProblemView::system("Starting the runtime", &error))
}
