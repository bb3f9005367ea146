//! Shows notices with buttons that work: one task per notice waits for the person.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;

#[cfg(any(test, target_os = "linux"))]
use notify_rust::CloseReason;
use notify_rust::{Notification, NotificationHandle, NotificationResponse, Timeout};
use portray_core::app::contract::Request;
use portray_core::app::shell::{Notice, NoticeAction};
use portray_core::app::tray_menu::label;
#[cfg(target_os = "linux")]
use portray_core::notice_answers::{Answer, Answers};
use portray_core::private_files;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

#[cfg(target_os = "linux")]
use crate::label::escaped_markup;

/// More at once would be a storm: the first by key goes.
const MOST: usize = 16;

/// How the system knows the application, as in tauri.conf.json.
#[cfg(not(target_os = "linux"))]
const IDENTIFIER: &str = "org.portray.Portray";

/// The action that a click on the body means, as the freedesktop specification names it.
const BODY: &str = "default";

/// The notices that stand on the screen.
#[derive(Debug)]
pub struct Notices {
    runtime: Handle,
    requests: UnboundedSender<Request>,
    icon: String,
    /// Sends the notice that replaces the one with the same key; dropped, the notice is withdrawn.
    standing: Mutex<BTreeMap<String, UnboundedSender<Notice>>>,
}

impl Notices {
    /// What the person chooses is sent to `requests`. Notices carry our icon, kept in the folder `cache`.
    pub fn new(runtime: Handle, requests: UnboundedSender<Request>, cache: &Path) -> Self {
        // Without a name, macOS would ask the person for one.
        #[cfg(target_os = "macos")]
        if let Err(error) = notify_rust::set_application(IDENTIFIER) {
            tracing::info!("notices may not be shown: {error}");
        }
        Self {
            runtime,
            requests,
            icon: icon(cache),
            standing: Mutex::default(),
        }
    }

    /// Shows a notice, or replaces the one with its key.
    pub fn show(&self, notice: &Notice) {
        let mut standing = self.standing.lock().expect("nothing panics while it is held");
        standing.retain(|_, replacements| !replacements.is_closed());
        let replaced = standing
            .get(&notice.key)
            .is_some_and(|replacements| replacements.send(notice.clone()).is_ok());
        if replaced {
            return;
        }
        if standing.len() >= MOST {
            standing.pop_first();
        }
        let (replacements, later) = mpsc::unbounded_channel();
        standing.insert(notice.key.clone(), replacements);
        self.runtime.spawn(stand(
            notice.clone(),
            later,
            self.requests.clone(),
            self.icon.clone(),
        ));
    }

    /// Takes the notice with this key away.
    pub fn withdraw(&self, key: &str) {
        let mut standing = self.standing.lock().expect("nothing panics while it is held");
        standing.remove(key);
    }
}

/// Keeps one notice on the screen until the person answers it, it is withdrawn, or it cannot be shown.
async fn stand(
    mut notice: Notice,
    mut later: UnboundedReceiver<Notice>,
    requests: UnboundedSender<Request>,
    icon: String,
) {
    let mut before: Option<Shown> = None;
    loop {
        let id = before.as_ref().and_then(Shown::id);
        let mut shown = match show(drawn(&notice, &icon, id), before).await {
            Ok(shown) => shown,
            Err(error) => {
                // The tray says the same: a desktop without notifications is complete.
                tracing::info!("a notice cannot be shown: {error}");
                return;
            }
        };
        tokio::select! {
            response = shown.response() => {
                if let Some(request) = response.and_then(|response| chosen(&notice.actions, &response)) {
                    let _ = requests.send(request);
                }
                return;
            }
            replacement = later.recv() => match replacement {
                Some(replacement) => {
                    before = Some(shown);
                    notice = replacement;
                }
                None => {
                    shown.close().await;
                    return;
                }
            },
        }
    }
}

/// What a response asks for. A click on the body is the first button.
fn chosen(actions: &[NoticeAction], response: &NotificationResponse) -> Option<Request> {
    let index = match response {
        NotificationResponse::Default => 0,
        NotificationResponse::Action(name) if name == BODY => 0,
        NotificationResponse::Action(name) => name.parse().ok()?,
        NotificationResponse::Reply(_) | NotificationResponse::Closed(_) => return None,
    };
    actions.get(index)?.request.clone()
}

fn drawn(notice: &Notice, icon: &str, id: Option<u32>) -> Notification {
    let mut notification = Notification::new();
    notification
        .appname("Portray")
        .icon(icon)
        .summary(&label(&notice.title))
        .body(&body(&notice.body));
    // Whoever is to act may be away from the desk.
    if !notice.actions.is_empty() {
        notification.timeout(Timeout::Never);
    }
    if cfg!(target_os = "linux") && !notice.actions.is_empty() {
        // Without a label, so that desktops which draw this one as a button too leave it out.
        notification.action(BODY, "");
    }
    for (index, action) in notice.actions.iter().enumerate() {
        notification.action(&index.to_string(), &action.label);
    }
    for_this_platform(&mut notification, id);
    notification
}

/// Our icon as a file, because only an installed application has one that is known by name.
fn icon(cache: &Path) -> String {
    let path = cache.join("notice.png");
    let written = private_files::replace(&path, include_bytes!("../../icons/app/128x128.png"));
    match (written, path.to_str()) {
        (Ok(()), Some(path)) => path.to_owned(),
        _ => "portray-app".to_owned(),
    }
}

#[cfg(target_os = "linux")]
fn body(text: &str) -> String {
    escaped_markup(text)
}

#[cfg(not(target_os = "linux"))]
fn body(text: &str) -> String {
    text.to_owned()
}

#[cfg(target_os = "linux")]
fn for_this_platform(notification: &mut Notification, id: Option<u32>) {
    notification.hint(notify_rust::Hint::DesktopEntry("Portray".to_owned()));
    if let Some(id) = id {
        notification.id(id);
    }
}

#[cfg(windows)]
fn for_this_platform(notification: &mut Notification, _id: Option<u32>) {
    notification.app_id(IDENTIFIER);
}

#[cfg(target_os = "macos")]
fn for_this_platform(_notification: &mut Notification, _id: Option<u32>) {}

/// A notice on the screen.
#[cfg(target_os = "linux")]
struct Shown {
    handle: NotificationHandle,
    answers: Answers,
}

/// Shows a notice in the place of the one `before`, and listens from before that on.
#[cfg(target_os = "linux")]
async fn show(notification: Notification, before: Option<Shown>) -> notify_rust::error::Result<Shown> {
    let answers = match before {
        Some(before) => before.answers,
        None => Answers::listen()
            .await
            .map_err(|error| notify_rust::error::Error::from(error.to_string().as_str()))?,
    };
    let handle = notification.show_async().await?;
    Ok(Shown { handle, answers })
}

#[cfg(target_os = "linux")]
impl Shown {
    /// Ends when the person has answered. None: the notification service went away.
    async fn response(&mut self) -> Option<NotificationResponse> {
        let answer = self.answers.to(self.handle.id()).await?;
        Some(match answer {
            Answer::Pressed(key) => NotificationResponse::Action(key),
            Answer::Closed => NotificationResponse::Closed(CloseReason::Dismissed),
        })
    }

    fn id(&self) -> Option<u32> {
        Some(self.handle.id())
    }

    async fn close(&self) {
        self.handle.close_async().await;
    }
}

/// A notice on the screen. These systems can only be waited for by blocking, so a thread does.
#[cfg(not(target_os = "linux"))]
struct Shown(tokio::sync::oneshot::Receiver<NotificationResponse>);

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "on Linux the answer comes over D-Bus")]
async fn show(notification: Notification, _before: Option<Shown>) -> notify_rust::error::Result<Shown> {
    let (answer, answered) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let shown = notification.show();
        let waited = shown.and_then(|handle: NotificationHandle| {
            handle.wait_for_response(|response: &NotificationResponse| {
                let _ = answer.send(response.clone());
            })
        });
        if let Err(error) = waited {
            tracing::info!("a notice cannot be shown, or went away unanswered: {error}");
        }
    });
    Ok(Shown(answered))
}

#[cfg(not(target_os = "linux"))]
impl Shown {
    async fn response(&mut self) -> Option<NotificationResponse> {
        (&mut self.0).await.ok()
    }

    fn id(&self) -> Option<u32> {
        None
    }

    #[expect(
        clippy::unused_async,
        reason = "these systems take a notice away by themselves"
    )]
    async fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actions() -> Vec<NoticeAction> {
        vec![
            NoticeAction {
                label: "Sign in".to_owned(),
                request: Some(Request::ShowWindow),
            },
            NoticeAction {
                label: "Later".to_owned(),
                request: None,
            },
        ]
    }

    #[test]
    fn a_button_asks_for_what_it_says_and_the_body_for_the_first() {
        let chosen = |response: NotificationResponse| chosen(&actions(), &response);
        assert_eq!(chosen(NotificationResponse::Default), Some(Request::ShowWindow));
        assert_eq!(chosen("default".into()), Some(Request::ShowWindow));
        assert_eq!(chosen("0".into()), Some(Request::ShowWindow));
        assert_eq!(chosen("1".into()), None);
        assert_eq!(chosen("7".into()), None);
        assert_eq!(chosen(NotificationResponse::Closed(CloseReason::Expired)), None);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn i3_names_in_a_notice_are_not_markup() {
        let notice = Notice {
            key: "k".to_owned(),
            title: "a\nb".to_owned(),
            body: "<b>R&D</b>".to_owned(),
            actions: actions(),
        };
        let notification = drawn(&notice, "portray-app", Some(7));
        assert_eq!(notification.summary, "ab");
        assert_eq!(notification.body, "&lt;b&gt;R&amp;D&lt;/b&gt;");
        assert_eq!(
            notification.actions,
            ["default", "", "0", "Sign in", "1", "Later"]
        );
    }
}
