//! Notices a desktop that shows no tray icons, so that Portray is not running unseen.

use std::time::Duration;

use portray_core::app::shell::Notice;
use portray_core::clock::SharedClock;
use portray_core::paths::Environment;

/// How long a desktop that is just starting has to bring up its tray.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends, with true, when it is certain that this is GNOME without an extension that shows tray icons. Other desktops
/// have a tray, or one of a kind that cannot be asked for.
pub async fn is_missing(environment: &Environment, clock: &SharedClock) -> bool {
    if !is_gnome(environment) {
        return false;
    }
    clock.sleep(PATIENCE).await;
    !watcher_is_there().await
}

/// What is said then.
pub fn notice() -> Notice {
    Notice {
        key: "tray-host".to_owned(),
        title: "Portray runs without a tray icon".to_owned(),
        body: "GNOME shows tray icons with the extension “AppIndicator and KStatusNotifierItem Support”. \
               Until then, start Portray again to see its window."
            .to_owned(),
        actions: Vec::new(),
    }
}

fn is_gnome(environment: &Environment) -> bool {
    let desktop = environment.text("XDG_CURRENT_DESKTOP").unwrap_or_default();
    desktop.split(':').any(|name| name.eq_ignore_ascii_case("gnome"))
}

#[cfg(target_os = "linux")]
async fn watcher_is_there() -> bool {
    let asked = async {
        let connection = zbus::Connection::session().await?;
        let name = zbus::names::WellKnownName::from_static_str("org.kde.StatusNotifierWatcher")?;
        let bus = zbus::fdo::DBusProxy::new(&connection).await?;
        Ok::<bool, zbus::Error>(bus.name_has_owner(name.into()).await?)
    };
    asked.await.unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
#[expect(clippy::unused_async, reason = "on Linux the bus is asked")]
async fn watcher_is_there() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_gnome_comes_without_a_tray() {
        let gnome = |desktop| is_gnome(&Environment::of(&[("XDG_CURRENT_DESKTOP", desktop)]));
        assert!(gnome("GNOME"));
        assert!(gnome("ubuntu:GNOME"));
        assert!(!gnome("KDE"));
        assert!(!gnome("X-Cinnamon"));
        assert!(!is_gnome(&Environment::of(&[])));
    }
}
