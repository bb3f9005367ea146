//! Notifications that a real daemon shows, overheard on the bus.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use futures_util::StreamExt as _;
use zbus::MessageStream;
use zbus::zvariant::OwnedValue;

use crate::desktop::{Desktop, Session, connect};

/// Listens to what applications tell the notification daemon, from its start on.
pub struct OverheardNotifications {
    calls: MessageStream,
    session: Arc<Session>,
}

impl OverheardNotifications {
    /// Starts to listen, on a connection of its own that can do nothing else.
    pub async fn start(desktop: &Desktop) -> Result<OverheardNotifications> {
        let connection = connect(desktop.bus_address()?).await?;
        let rule = zbus::MatchRule::builder()
            .msg_type(zbus::message::Type::MethodCall)
            .interface("org.freedesktop.Notifications")?
            .member("Notify")?
            .build();
        let monitoring = zbus::fdo::MonitoringProxy::new(&connection).await?;
        monitoring.become_monitor(&[rule], 0).await?;
        Ok(OverheardNotifications {
            calls: MessageStream::from(connection),
            session: desktop.session(),
        })
    }

    /// The first line of the next notification; waits for one.
    pub async fn next_summary(&mut self, within: Duration) -> Result<String> {
        let heard = tokio::time::timeout(within, self.next()).await;
        let heard = heard.unwrap_or_else(|_| Err(anyhow::anyhow!("waited {within:?} for a notification")));
        self.session.logs.explain(heard)
    }

    async fn next(&mut self) -> Result<String> {
        loop {
            let message = self.calls.next().await.context("the bus closed")??;
            if message.header().member().is_some_and(|member| member == "Notify") {
                return summary(&message);
            }
        }
    }
}

/// The fourth of the eight arguments.
fn summary(message: &zbus::Message) -> Result<String> {
    type Arguments = (
        String,
        u32,
        String,
        String,
        String,
        Vec<String>,
        HashMap<String, OwnedValue>,
        i32,
    );
    let (_application, _replaces, _icon, summary, ..): Arguments = message.body().deserialize()?;
    Ok(summary)
}
