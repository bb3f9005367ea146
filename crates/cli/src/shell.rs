//! The desktop as an agent without a tray reaches it: notifications with buttons, and a browser.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use notify_rust::{Notification, NotificationHandle};
use portray_core::app::contract::Request;
use portray_core::app::shell::{Notice, Opening, Shell};
use portray_core::app::tray_menu::Tray;
#[cfg(target_os = "linux")]
use portray_core::notice_answers::{Answer, Answers};
use portray_core::secret::Secret;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::browser;

/// Shows notices and opens browsers; has no tray and no window.
#[derive(Debug)]
pub struct HeadlessShell {
    /// What `BROWSER` says.
    browser: Option<String>,
    pressed: UnboundedSender<Request>,
    /// Which notification shows a notice, by the notice's key.
    shown: Arc<Mutex<HashMap<String, u32>>>,
    runtime: Handle,
}

impl HeadlessShell {
    /// The shell, and the requests of the buttons that people press. Needs a tokio runtime.
    pub fn new(browser: Option<&str>) -> (Self, UnboundedReceiver<Request>) {
        let (pressed, requests) = unbounded_channel();
        // Without a name, macOS would ask the person for one. It knows this one where the application is installed.
        #[cfg(target_os = "macos")]
        if let Err(error) = notify_rust::set_application("org.portray.Portray") {
            tracing::info!(%error, "notifications may not be shown");
        }
        let shell = Self {
            browser: browser.map(str::to_owned),
            pressed,
            shown: Arc::default(),
            runtime: Handle::current(),
        };
        (shell, requests)
    }
}

impl Shell for HeadlessShell {
    fn open_url(&self, url: &Secret, browser: Option<&str>) -> Opening {
        Box::pin(browser::open(
            url.clone(),
            browser::commands(browser, self.browser.as_deref()),
        ))
    }

    fn show_tray(&self, _tray: &Tray) {}

    fn notify(&self, notice: &Notice) {
        let notice = without_window(notice.clone());
        let pressed = self.pressed.clone();
        let shown = Arc::clone(&self.shown);
        // A thread of its own: it waits for a click, and a desktop that dies meanwhile never answers.
        let runtime = self.runtime.clone();
        std::thread::spawn(move || {
            // The bus's connections begin tasks, also while they are let go of.
            let _context = runtime.enter();
            show(&notice, &pressed, &shown, &runtime);
        });
    }

    fn withdraw(&self, key: &str) {
        let id = self.shown.lock().ok().and_then(|mut shown| shown.remove(key));
        if let Some(id) = id {
            let runtime = self.runtime.clone();
            std::thread::spawn(move || {
                let _context = runtime.enter();
                take_away(id);
            });
        }
    }

    fn show_window(&self) {
        tracing::info!("there is no window without the application");
    }

    fn window_is_shown(&self) -> bool {
        false
    }

    /// The process ends by itself when the application has stopped.
    fn quit(&self) {}
}

/// A button must do what it says, and there is no window to show.
fn without_window(mut notice: Notice) -> Notice {
    notice
        .actions
        .retain(|action| action.request != Some(Request::ShowWindow));
    // What is left has nothing to put off.
    if notice.actions.iter().all(|action| action.request.is_none()) {
        notice.actions.clear();
    }
    notice
}

fn show(
    notice: &Notice,
    pressed: &UnboundedSender<Request>,
    shown: &Mutex<HashMap<String, u32>>,
    runtime: &Handle,
) {
    let mut notification = Notification::new();
    notification
        .appname("Portray")
        .summary(&notice.title)
        .body(&escaped(&notice.body));
    let known = shown
        .lock()
        .ok()
        .and_then(|shown| shown.get(&notice.key).copied());
    #[cfg(all(unix, not(target_os = "macos")))]
    if let Some(id) = known {
        notification.id(id);
    }
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let _ = known;
    for (index, action) in notice.actions.iter().enumerate() {
        notification.action(&index.to_string(), &action.label);
    }
    if cfg!(all(unix, not(target_os = "macos"))) && !notice.actions.is_empty() {
        notification.action("default", "");
    }
    let listening = listen(runtime);
    let handle = match notification.show() {
        Ok(handle) => handle,
        Err(error) => {
            tracing::info!(%error, title = notice.title, "no desktop shows notifications");
            return;
        }
    };
    #[cfg(all(unix, not(target_os = "macos")))]
    if let Ok(mut shown) = shown.lock() {
        shown.insert(notice.key.clone(), handle.id());
    }
    wait_for_click(handle, notice, pressed, runtime, listening);
}

/// From before the notification is shown, so that no press is missed.
#[cfg(target_os = "linux")]
fn listen(runtime: &Handle) -> Option<Answers> {
    let listening = runtime.block_on(Answers::listen());
    listening
        .inspect_err(|error| tracing::info!(%error, "buttons of notifications are not heard"))
        .ok()
}

#[cfg(not(target_os = "linux"))]
fn listen(_runtime: &Handle) {}

#[cfg(target_os = "linux")]
#[expect(
    clippy::needless_pass_by_value,
    reason = "other systems wait by using the handle up"
)]
fn wait_for_click(
    handle: NotificationHandle,
    notice: &Notice,
    pressed: &UnboundedSender<Request>,
    runtime: &Handle,
    listening: Option<Answers>,
) {
    let Some(mut answers) = listening else { return };
    if let Some(Answer::Pressed(key)) = runtime.block_on(answers.to(handle.id())) {
        press(&key, notice, pressed);
    }
}

#[cfg(windows)]
fn wait_for_click(
    handle: NotificationHandle,
    notice: &Notice,
    pressed: &UnboundedSender<Request>,
    _runtime: &Handle,
    _listening: (),
) {
    use notify_rust::NotificationResponse;
    let waited = handle.wait_for_response(|response: &NotificationResponse| match response {
        NotificationResponse::Default => press("default", notice, pressed),
        NotificationResponse::Action(name) => press(name, notice, pressed),
        NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => {}
    });
    if let Err(error) = waited {
        tracing::debug!(%error, "a notification went away unanswered");
    }
}

/// Clicks come through the run loop of the main thread, and an agent without a window has none. Letting go of the
/// handle shows the notification.
#[cfg(target_os = "macos")]
fn wait_for_click(
    handle: NotificationHandle,
    _notice: &Notice,
    _pressed: &UnboundedSender<Request>,
    _runtime: &Handle,
    _listening: (),
) {
    drop(handle);
}

/// Does what a button says; a click on the body is the first one.
#[cfg(not(target_os = "macos"))]
fn press(name: &str, notice: &Notice, pressed: &UnboundedSender<Request>) {
    let index = if name == "default" {
        Some(0)
    } else {
        name.parse().ok()
    };
    let action = index.and_then(|index: usize| notice.actions.get(index));
    if let Some(request) = action.and_then(|action| action.request.clone()) {
        // The application has ended; so has what the button was for.
        let _ = pressed.send(request);
    }
}

/// Replaces a notification by one that goes at once: notifications cannot be closed by number.
fn take_away(id: u32) {
    #[cfg(all(unix, not(target_os = "macos")))]
    {
        let replaced = Notification::new()
            .appname("Portray")
            .summary("Done")
            .id(id)
            .timeout(notify_rust::Timeout::Milliseconds(1))
            .show();
        if let Ok(handle) = replaced {
            handle.close();
        }
    }
    #[cfg(not(all(unix, not(target_os = "macos"))))]
    let _ = id;
}

/// Bodies may hold markup; names must not.
fn escaped(text: &str) -> String {
    if cfg!(all(unix, not(target_os = "macos"))) {
        return text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use portray_core::app::shell::NoticeAction;

    use super::*;

    #[test]
    fn i3_a_notification_shows_names_and_no_markup() {
        if cfg!(target_os = "linux") {
            assert_eq!(escaped("<b>R&D</b>"), "&lt;b&gt;R&amp;D&lt;/b&gt;");
        }
    }

    #[test]
    fn where_there_is_no_window_no_button_offers_it() {
        let action = |label: &str, request| NoticeAction {
            label: label.to_owned(),
            request,
        };
        let sign_in = Request::OpenSignInPage {
            portal: "p1".to_owned(),
        };
        let labels = |actions: Vec<NoticeAction>| {
            let notice = without_window(Notice {
                key: "k".to_owned(),
                title: String::new(),
                body: String::new(),
                actions,
            });
            let left = notice.actions.into_iter();
            left.map(|action| action.label).collect::<Vec<_>>()
        };
        let details = || action("Details", Some(Request::ShowWindow));
        assert_eq!(
            labels(vec![action("Sign in", Some(sign_in)), details()]),
            ["Sign in"]
        );
        assert!(labels(vec![details(), action("Later", None)]).is_empty());
    }
}
