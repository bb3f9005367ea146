//! Notices a desktop that shows no tray icons, so that Portray is not running unseen.

use std::time::Duration;

use portray_core::app::shell::Notice;
use portray_core::clock::SharedClock;
use portray_core::paths::Environment;

/// How long a desktop that is just starting has to bring up its tray.
const PATIENCE: Duration = Duration::from_secs(10);

/// Ends, with true, when the desktop had time to bring up a place for tray icons and there is none.
pub async fn is_missing(clock: &SharedClock) -> bool {
    still_missing(clock, watcher_is_there).await
}

/// What is said then.
pub fn notice(environment: &Environment) -> Notice {
    let body = if is_gnome(environment) {
        "GNOME shows tray icons with the extension “AppIndicator and KStatusNotifierItem Support”. \
         Until then, start Portray again to see its window."
    } else {
        "No panel that shows tray icons (StatusNotifierItem) was found. Where yours can show them, switch that on. \
         Until then, start Portray again to see its window."
    };
    Notice {
        key: "tray-host".to_owned(),
        title: "Portray runs without a tray icon".to_owned(),
        body: body.to_owned(),
        actions: Vec::new(),
    }
}

/// A host that comes late is a host too.
async fn still_missing(clock: &SharedClock, is_there: impl AsyncFn() -> bool) -> bool {
    if is_there().await {
        return false;
    }
    clock.sleep(PATIENCE).await;
    !is_there().await
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
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use portray_core::clock::ManualClock;

    use super::*;

    #[test]
    fn the_notice_names_the_extension_on_gnome_and_is_said_on_every_other_desktop_too() {
        let body = |desktop| notice(&Environment::of(&[("XDG_CURRENT_DESKTOP", desktop)])).body;
        for desktop in ["GNOME", "ubuntu:GNOME"] {
            assert!(body(desktop).starts_with("GNOME shows"), "{desktop}");
        }
        for desktop in ["KDE", "X-Cinnamon", "sway"] {
            assert!(body(desktop).starts_with("No panel"), "{desktop}");
        }
        assert!(notice(&Environment::of(&[])).body.starts_with("No panel"));
    }

    #[tokio::test]
    async fn a_host_is_missed_only_after_it_had_time_to_come() {
        let missing = async |answers: [bool; 2]| {
            let manual = ManualClock::at("2026-11-20T09:00:00Z".parse().unwrap());
            let clock: SharedClock = Arc::new(manual.clone());
            let asked = AtomicUsize::new(0);
            let is_there = async || answers[asked.fetch_add(1, Ordering::Relaxed)];
            let (missing, ()) = tokio::join!(still_missing(&clock, is_there), async {
                manual.advance(PATIENCE);
            });
            (missing, asked.into_inner())
        };
        assert_eq!(missing([false, false]).await, (true, 2));
        assert_eq!(missing([false, true]).await, (false, 2));
        assert_eq!(missing([true, true]).await, (false, 1));
    }
}
