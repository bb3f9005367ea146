//! Hears from the system that it has woken up or that its network has changed.

/// What the system says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SystemEvent {
    WokeUp,
    NetworkUp,
}

/// Calls `heard` at every event, for ever. Without a system bus, or without the services on it, nothing is heard;
/// the engine looks at its deadlines every half minute anyway.
#[cfg(target_os = "linux")]
pub async fn listen(heard: impl Fn(SystemEvent)) {
    if let Err(error) = listen_on_system_bus(heard).await {
        tracing::info!("the system's wake-ups are not heard: {error}");
    }
}

/// On macOS and Windows the engine's own look at the clocks, twice a minute, notices a wake-up.
#[cfg(not(target_os = "linux"))]
pub async fn listen(_heard: impl Fn(SystemEvent)) {
    std::future::pending().await
}

#[cfg(target_os = "linux")]
async fn listen_on_system_bus(heard: impl Fn(SystemEvent)) -> zbus::Result<()> {
    use futures_util::StreamExt;
    use zbus::{Connection, MatchRule, MessageStream, message};

    let connection = Connection::system().await?;
    let signal = |interface, member| {
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .interface(interface)
            .and_then(|rule| rule.member(member));
        rule.map(|rule| rule.build())
    };
    let sleeping = signal("org.freedesktop.login1.Manager", "PrepareForSleep")?;
    let network = signal("org.freedesktop.NetworkManager", "StateChanged")?;
    let mut sleeping = MessageStream::for_match_rule(sleeping, &connection, None).await?;
    let mut network = MessageStream::for_match_rule(network, &connection, None).await?;
    loop {
        let event = tokio::select! {
            Some(message) = sleeping.next() => woke_up(message?.body().deserialize()?),
            Some(message) = network.next() => network_up(message?.body().deserialize()?),
            else => return Ok(()),
        };
        if let Some(event) = event {
            heard(event);
        }
    }
}

/// `PrepareForSleep` says true before the machine sleeps, false after.
#[cfg(target_os = "linux")]
fn woke_up(going_to_sleep: bool) -> Option<SystemEvent> {
    (!going_to_sleep).then_some(SystemEvent::WokeUp)
}

/// NetworkManager's states; from 60 on other machines can be reached.
#[cfg(target_os = "linux")]
fn network_up(state: u32) -> Option<SystemEvent> {
    const CONNECTED_SITE: u32 = 60;
    (state >= CONNECTED_SITE).then_some(SystemEvent::NetworkUp)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_sleep_is_a_wake_up() {
        assert_eq!(woke_up(true), None);
        assert_eq!(woke_up(false), Some(SystemEvent::WokeUp));
    }

    #[test]
    fn only_a_network_that_leads_somewhere_counts() {
        assert_eq!(network_up(20), None);
        assert_eq!(network_up(70), Some(SystemEvent::NetworkUp));
    }
}
