//! Core's port to the desktop: browser, tray, notifications, window.

use portray_core::app::contract::Request;
use portray_core::app::shell::{Notice, Opening, Shell};
use portray_core::app::tray_menu::Tray;
use portray_core::paths::{Environment, Paths};
use portray_core::secret::Secret;
use tauri::AppHandle;
use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::watch;

use crate::browser::Browser;
use crate::notices::Notices;
use crate::tray;
use crate::window_process::WindowProcess;

/// The desktop that a person sits at.
pub struct Desktop {
    app: AppHandle,
    browser: Browser,
    notices: Notices,
    window: WindowProcess,
    quitting: watch::Sender<bool>,
}

impl Desktop {
    /// What the person asks for on the desktop is sent to `requests`.
    pub fn new(
        app: AppHandle,
        environment: &Environment,
        paths: &Paths,
        runtime: Handle,
        requests: UnboundedSender<Request>,
    ) -> Self {
        Self {
            app,
            browser: Browser::find(environment),
            notices: Notices::new(runtime, requests, &paths.cache),
            window: WindowProcess::default(),
            quitting: watch::Sender::new(false),
        }
    }

    /// Ends when the application wants this process to end.
    pub async fn asked_to_quit(&self) {
        let mut quitting = self.quitting.subscribe();
        // The sender is ours, so this cannot fail.
        let _ = quitting.wait_for(|quitting| *quitting).await;
    }

    /// Ends what would outlive this process.
    pub fn close(&self) {
        self.window.quit();
    }
}

impl Shell for Desktop {
    fn open_url(&self, url: &Secret, browser: Option<&str>) -> Opening {
        self.browser.open(&self.app, url, browser)
    }

    fn show_tray(&self, tray: &Tray) {
        tray::show(&self.app, tray);
    }

    fn notify(&self, notice: &Notice) {
        self.notices.show(notice);
    }

    fn withdraw(&self, key: &str) {
        self.notices.withdraw(key);
    }

    fn show_window(&self) {
        self.window.show();
    }

    fn window_is_shown(&self) -> bool {
        self.window.is_shown()
    }

    fn quit(&self) {
        self.quitting.send_replace(true);
    }
}
