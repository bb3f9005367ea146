//! Hears from the system that it has woken up or that its network has changed.

/// Calls `heard` when the machine has woken up and when a network has come, for ever. Without a system bus, or without the services on it, nothing is heard;
/// the engine looks at its deadlines every half minute anyway.
#[cfg(target_os = "linux")]
pub async fn listen(heard: impl Fn()) {
    if let Err(error) = listen_on_system_bus(heard).await {
        tracing::info!("the system's wake-ups are not heard: {error}");
    }
}

/// On macOS and Windows the engine's own look at the clocks, twice a minute, notices a wake-up.
#[cfg(not(target_os = "linux"))]
pub async fn listen(_heard: impl Fn()) {
    std::future::pending().await
}

#[cfg(target_os = "linux")]
async fn listen_on_system_bus(heard: impl Fn()) -> zbus::Result<()> {
    use futures_util::StreamExt;
    use zbus::{Connection, MatchRule, MessageStream, message};

    let connection = Connection::system().await?;
    let signal = |interface, member| {
        let rule = MatchRule::builder()
            .msg_type(message::Type::Signal)
            .interface(interface)
            .and_then(|rule| rule.member(member));
        rule.map(zbus::match_rule::Builder::build)
    };
    let sleeping = signal("org.freedesktop.login1.Manager", "PrepareForSleep")?;
    let network = signal("org.freedesktop.NetworkManager", "StateChanged")?;
    let mut sleeping = MessageStream::for_match_rule(sleeping, &connection, None).await?;
    let mut network = MessageStream::for_match_rule(network, &connection, None).await?;
    loop {
        let matters = tokio::select! {
            Some(message) = sleeping.next() => is_wake_up(message?.body().deserialize()?),
            Some(message) = network.next() => is_network(message?.body().deserialize()?),
            else => return Ok(()),
        };
        if matters {
            heard();
        }
    }
}

/// `PrepareForSleep` says true before the machine sleeps, false after.
#[cfg(target_os = "linux")]
fn is_wake_up(going_to_sleep: bool) -> bool {
    !going_to_sleep
}

/// NetworkManager's states; from 60 on other machines can be reached.
#[cfg(target_os = "linux")]
fn is_network(state: u32) -> bool {
    const CONNECTED_SITE: u32 = 60;
    state >= CONNECTED_SITE
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn only_the_end_of_a_sleep_is_a_wake_up() {
        assert!(!is_wake_up(true));
        assert!(is_wake_up(false));
    }

    #[test]
    fn only_a_network_that_leads_somewhere_counts() {
        assert!(!is_network(20));
        assert!(is_network(70));
    }
}
