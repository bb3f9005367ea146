//! The desktop's notification daemon, played by the test: it remembers what was shown and presses buttons.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use tokio::sync::watch;
use zbus::zvariant::OwnedValue;
use zbus::{Connection, interface};

use crate::desktop::{Desktop, Session};

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The reason that the specification gives for "closed by the user".
const DISMISSED_BY_PERSON: u32 = 2;

/// The reason for "closed by a call of CloseNotification".
const CLOSED_BY_APPLICATION: u32 = 3;

/// A notification that an application showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// The number that the daemon gave it.
    pub id: u32,
    /// Who shows it.
    pub application: String,
    /// The first line.
    pub summary: String,
    /// The text, in the markup that the specification allows.
    pub body: String,
    /// Key and label of every action; the key `default` is a click on the body.
    pub actions: Vec<(String, String)>,
    /// Still on the screen.
    pub open: bool,
}

impl Notification {
    /// The labels of its buttons: every action but the click on the body.
    pub fn buttons(&self) -> Vec<&str> {
        self.actions
            .iter()
            .filter(|(key, _)| key != "default")
            .map(|(_, label)| label.as_str())
            .collect()
    }
}

/// The daemon.
pub struct NotificationServer {
    connection: Connection,
    seen: watch::Receiver<Vec<Notification>>,
    shown: watch::Sender<Vec<Notification>>,
    session: Arc<Session>,
}

impl NotificationServer {
    /// Takes the daemon's place on the desktop's bus.
    pub async fn start(desktop: &Desktop) -> Result<NotificationServer> {
        let (shown, seen) = watch::channel(Vec::new());
        let daemon = Daemon {
            shown: shown.clone(),
            last: AtomicU32::new(0),
        };
        let connection = zbus::connection::Builder::address(desktop.bus_address()?)?
            .serve_at(PATH, daemon)?
            .name(NAME)?
            .build()
            .await?;
        Ok(NotificationServer {
            connection,
            seen,
            shown,
            session: desktop.session(),
        })
    }

    /// Everything shown so far, in order. A replaced notification stands once, with its last text.
    pub fn all(&self) -> Vec<Notification> {
        self.seen.borrow().clone()
    }

    /// How many were shown so far.
    pub fn count(&self) -> usize {
        self.seen.borrow().len()
    }

    /// Waits for a notification as `condition` says; the failure lists what was shown.
    pub async fn wait_for(
        &self,
        what: &str,
        within: Duration,
        condition: impl Fn(&Notification) -> bool,
    ) -> Result<Notification> {
        let mut seen = self.seen.clone();
        let found = tokio::time::timeout(within, seen.wait_for(|all| all.iter().any(&condition))).await;
        let notification = match found {
            Ok(all) => all
                .context("the daemon is gone")?
                .iter()
                .rev()
                .find(|one| condition(one))
                .cloned(),
            Err(_) => None,
        };
        let shown = || anyhow!("waited {within:?} for {what}; shown: {:#?}", self.all());
        self.session.logs.explain(notification.ok_or_else(shown))
    }

    /// Presses the action with this label or key, as a person does; the notification goes away by that.
    pub async fn press(&self, notification: &Notification, action: &str) -> Result<()> {
        let key = notification
            .actions
            .iter()
            .find(|(key, label)| label == action || key == action);
        let (key, _) = key.with_context(|| format!("no button {action:?} on {notification:#?}"))?;
        self.signal("ActionInvoked", &(notification.id, key.as_str()))
            .await?;
        self.close(notification, DISMISSED_BY_PERSON).await
    }

    /// Closes it without pressing anything.
    pub async fn dismiss(&self, notification: &Notification) -> Result<()> {
        self.close(notification, DISMISSED_BY_PERSON).await
    }

    /// What happens to notifications of other applications, so often: every listener hears it and means nobody's.
    pub async fn others_are_pressed(&self, times: u32) -> Result<()> {
        for number in 0..times {
            let id = 1_000_000 + number;
            self.signal("ActionInvoked", &(id, "default")).await?;
            self.signal("NotificationClosed", &(id, DISMISSED_BY_PERSON))
                .await?;
        }
        Ok(())
    }

    async fn close(&self, notification: &Notification, reason: u32) -> Result<()> {
        mark_closed(&self.shown, notification.id);
        self.signal("NotificationClosed", &(notification.id, reason))
            .await
    }

    async fn signal<Body>(&self, name: &str, body: &Body) -> Result<()>
    where
        Body: serde::Serialize + zbus::zvariant::DynamicType + Sync,
    {
        Ok(self
            .connection
            .emit_signal(None::<&str>, PATH, NAME, name, body)
            .await?)
    }
}

/// The object that applications call.
struct Daemon {
    shown: watch::Sender<Vec<Notification>>,
    last: AtomicU32,
}

#[expect(clippy::needless_pass_by_value, reason = "what comes over the bus is owned")]
#[interface(name = "org.freedesktop.Notifications")]
impl Daemon {
    #[expect(clippy::too_many_arguments, reason = "the specification's method has eight")]
    fn notify(
        &self,
        application: String,
        replaces: u32,
        _icon: String,
        summary: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedValue>,
        _timeout: i32,
    ) -> u32 {
        let id = if replaces == 0 {
            self.last.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            replaces
        };
        let actions = actions
            .chunks_exact(2)
            .map(|pair| (pair[0].clone(), pair[1].clone()))
            .collect();
        let notification = Notification {
            id,
            application,
            summary,
            body,
            actions,
            open: true,
        };
        self.shown
            .send_modify(|all| match all.iter_mut().find(|one| one.id == id) {
                Some(replaced) => *replaced = notification,
                None => all.push(notification),
            });
        id
    }

    async fn close_notification(
        &self,
        id: u32,
        #[zbus(signal_emitter)] emitter: zbus::object_server::SignalEmitter<'_>,
    ) -> zbus::fdo::Result<()> {
        mark_closed(&self.shown, id);
        Ok(Daemon::notification_closed(&emitter, id, CLOSED_BY_APPLICATION).await?)
    }

    fn get_capabilities(&self) -> Vec<&str> {
        vec!["body", "actions", "persistence"]
    }

    fn get_server_information(&self) -> (&str, &str, &str, &str) {
        ("end-to-end tests", "Portray", "1", "1.2")
    }

    #[zbus(signal)]
    async fn notification_closed(
        emitter: &zbus::object_server::SignalEmitter<'_>,
        id: u32,
        reason: u32,
    ) -> zbus::Result<()>;
}

fn mark_closed(shown: &watch::Sender<Vec<Notification>>, id: u32) {
    shown.send_modify(|all| {
        all.iter_mut()
            .filter(|one| one.id == id)
            .for_each(|one| one.open = false);
    });
}
