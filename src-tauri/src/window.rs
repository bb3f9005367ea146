//! The window process: one webview, a client of the agent like any other. It holds no secret.

use std::io::BufRead;
use std::sync::mpsc::{Receiver, Sender, channel};

use portray_core::agent::harden::keep_files_private;
use portray_core::agent::protocol::AgentKind;
use portray_core::app::contract::{ProblemView, Request, Snapshot};
use portray_core::paths::{Environment, Paths};
use tauri::webview::NewWindowResponse;
use tauri::{AppHandle, Emitter, Manager, Url, WebviewUrl, WebviewWindowBuilder, WindowEvent};

use crate::display::{self, OpenGl};
use crate::link::Link;
use crate::window_life::{Change, End, Patience, wait_until_over};
use crate::window_process::{WindowOrder, WindowReport, Word as _};
use crate::{commands, context, logging};

/// The window's name, to which the capability is bound.
const LABEL: &str = "main";

/// Whether the window is seen, and for how long its process outlives that.
pub struct Visibility {
    app: AppHandle,
    changes: Sender<Change>,
}

/// Runs the window until it has been hidden for a while, or its resident is gone.
pub fn run() -> Result<(), ProblemView> {
    let environment = Environment::of_process();
    let paths = Paths::of(&environment).map_err(|error| ProblemView::environment(&error))?;
    logging::start(&environment, &paths, "window");
    keep_files_private();
    display::open(OpenGl::Probe)?;
    let pages = paths.cache.join("webview");
    let link = Link::new(paths);
    let (changes, changed) = channel();
    tauri::Builder::default()
        .manage(link.clone())
        .invoke_handler(tauri::generate_handler![
            commands::snapshot,
            commands::search,
            commands::ask,
            commands::hide_window
        ])
        .on_window_event(|window, event| {
            if let WindowEvent::CloseRequested { api, .. } = event {
                api.prevent_close();
                window.state::<Visibility>().hide();
            }
        })
        .setup(move |app| {
            let app = app.handle().clone();
            app.manage(Visibility {
                app: app.clone(),
                changes,
            });
            open(&app, pages)?;
            WindowReport::Shown.send();
            exit_when_over(app.clone(), link.clone(), changed);
            obey(app.clone());
            tauri::async_runtime::spawn(follow(app, link));
            Ok(())
        })
        .run(context())
        .map_err(|error| ProblemView::no_window(&error))
}

impl Visibility {
    pub fn show(&self) {
        self.stand_in_dock(true);
        let Some(window) = self.app.get_webview_window(LABEL) else {
            return;
        };
        let shown = window
            .show()
            .and_then(|()| window.unminimize())
            .and_then(|()| window.set_focus());
        if let Err(error) = shown {
            tracing::warn!("the window cannot be brought to the front: {error}");
        }
        self.changed(Change::Shown, WindowReport::Shown);
    }

    pub fn hide(&self) {
        if let Some(Err(error)) = self.app.get_webview_window(LABEL).map(|window| window.hide()) {
            tracing::warn!("the window cannot be hidden: {error}");
        }
        self.stand_in_dock(false);
        self.changed(Change::Hidden, WindowReport::Hidden);
    }

    fn changed(&self, change: Change, report: WindowReport) {
        let _ = self.changes.send(change);
        report.send();
    }

    /// macOS lists every process with a window in its dock, also while the window is hidden.
    #[cfg(target_os = "macos")]
    fn stand_in_dock(&self, stands: bool) {
        use tauri::ActivationPolicy::{Accessory, Regular};
        let policy = if stands { Regular } else { Accessory };
        if let Err(error) = self.app.set_activation_policy(policy) {
            tracing::debug!("the dock shows what it showed: {error}");
        }
    }

    #[cfg(not(target_os = "macos"))]
    fn stand_in_dock(&self, _stands: bool) {}
}

fn open(app: &AppHandle, pages: std::path::PathBuf) -> tauri::Result<()> {
    WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
        .title("Portray")
        .inner_size(760.0, 560.0)
        .min_inner_size(480.0, 360.0)
        .center()
        .data_directory(pages)
        .general_autofill_enabled(false)
        .devtools(cfg!(debug_assertions))
        .on_navigation(is_our_page)
        .on_new_window(|_, _| NewWindowResponse::Deny)
        .build()?;
    Ok(())
}

/// Whether a URL is the page that was compiled in: Tauri's own scheme, which Windows shows as a host.
fn is_our_page(url: &Url) -> bool {
    match url.scheme() {
        "tauri" => url.host_str() == Some("localhost"),
        "http" => cfg!(windows) && url.host_str() == Some("tauri.localhost") && url.port().is_none(),
        _ => false,
    }
}

/// Ends the process when nobody needs it any more. A new resident is asked first to show a window of its own where
/// this one is seen.
fn exit_when_over(app: AppHandle, link: Link, changed: Receiver<Change>) {
    std::thread::spawn(move || {
        if wait_until_over(&changed, Patience::default()) == End::HandedOver
            && let Err(problem) = link.ask(Request::ShowWindow)
        {
            tracing::warn!(problem.what_happened, "the new resident shows no window");
        }
        app.exit(0);
    });
}

/// Passes on what the agent says, and who it is.
async fn follow(app: AppHandle, link: Link) {
    let page = app.clone();
    let show = move |snapshot: &Snapshot| {
        // Without a listener there is nobody to miss it: the page asks for the newest when it starts.
        let _ = page.emit("snapshot", snapshot);
    };
    let changes = app.state::<Visibility>().changes.clone();
    let meet = move |agent: Option<AgentKind>| {
        let _ = changes.send(Change::Agent(agent));
    };
    link.follow(show, meet).await;
}

/// Does what the resident writes on our standard input.
fn obey(app: AppHandle) {
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            match WindowOrder::parse(&line) {
                Some(WindowOrder::Show) => app.state::<Visibility>().show(),
                Some(WindowOrder::Quit) => return app.exit(0),
                None => {}
            }
        }
        // The resident crashed, or there was none.
        let _ = app.state::<Visibility>().changes.send(Change::Abandoned);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w1_the_webview_shows_no_page_but_ours() {
        let ours = |url: &str| is_our_page(&url.parse().unwrap());
        assert!(ours("tauri://localhost/"));
        assert!(ours("tauri://localhost/index.html"));
        for foreign in [
            "tauri://evil.example/",
            "https://acme.awsapps.com/start",
            "http://localhost/",
            "http://tauri.localhost.evil.example/",
            "file:///etc/passwd",
            "data:text/html,x",
            "about:blank",
            "javascript:alert(1)",
        ] {
            assert!(!ours(foreign), "{foreign}");
        }
    }
}
