//! What a desktop has to offer: a browser, notifications, a tray.

use super::check::Check;
use crate::commands::Invocation;
use crate::surroundings::Surroundings;

pub fn checks(invocation: &Invocation) -> Vec<Check> {
    match Surroundings::of(&invocation.environment) {
        Surroundings::Remote => vec![Check::ok(
            "desktop",
            "There is no desktop here: addresses are printed, and opened on another machine.",
        )],
        Surroundings::Desktop | Surroundings::Wsl => {
            let checks = [browser(invocation)].into_iter();
            #[cfg(target_os = "linux")]
            let checks = checks.chain(bus::checks());
            checks.collect()
        }
    }
}

fn browser(invocation: &Invocation) -> Check {
    const CHECK: &str = "browser";
    let environment = &invocation.environment;
    let found = match environment.text("BROWSER") {
        Some(_) => Some("BROWSER"),
        None if cfg!(any(windows, target_os = "macos")) => Some("the system"),
        None => {
            let openers = ["wslview", "xdg-open", "gio", "x-www-browser"];
            openers
                .into_iter()
                .find(|opener| is_on_path(environment.text("PATH"), opener))
        }
    };
    match found {
        Some(found) => Check::ok(CHECK, format!("Links are opened by {found}.")),
        None => Check::failed(
            CHECK,
            "No program that opens links was found.",
            "Install xdg-utils, or name your browser in BROWSER.",
        ),
    }
}

fn is_on_path(path: Option<&str>, program: &str) -> bool {
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    folders
        .filter(|folder| folder.is_absolute())
        .any(|folder| folder.join(program).is_file())
}

#[cfg(target_os = "linux")]
mod bus {
    //! Who is on the session's bus.

    use std::time::Duration;

    use zbus::fdo::DBusProxy;
    use zbus::names::WellKnownName;

    use super::super::check::Check;

    /// The bus itself answers at once, or is not there.
    const PATIENCE: Duration = Duration::from_secs(3);

    /// A service, its check, how it is when it is there, and what to do when it is not.
    const SERVICES: [(&str, &str, &str, &str, &str); 2] = [
        (
            "notifications",
            "org.freedesktop.Notifications",
            "Notifications can be shown.",
            "Nothing on this desktop shows notifications.",
            "Start a notification daemon; until then only the tray and “portray status” say what is wrong.",
        ),
        (
            "tray",
            "org.kde.StatusNotifierWatcher",
            "A panel shows tray icons.",
            "No panel shows tray icons (StatusNotifierItem).",
            "On GNOME install the AppIndicator extension; the window works without.",
        ),
    ];

    pub fn checks() -> Vec<Check> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked =
            runtime.map(|runtime| runtime.block_on(async { tokio::time::timeout(PATIENCE, ask()).await }));
        match asked {
            Ok(Ok(Ok(checks))) => checks,
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => vec![Check::note(
                "desktop",
                "The session's bus does not answer: no tray and no notifications from here.",
                "Run this in the desktop's own session.",
            )],
        }
    }

    async fn ask() -> zbus::Result<Vec<Check>> {
        let connection = zbus::Connection::session().await?;
        let bus = DBusProxy::new(&connection).await?;
        let on_request = bus.list_activatable_names().await?;
        let mut checks = Vec::new();
        for (check, service, there, missing, what_to_do) in SERVICES {
            let name = WellKnownName::from_static_str(service)?;
            let is_there = on_request.iter().any(|other| other.as_str() == service)
                || bus.name_has_owner(name.into()).await?;
            checks.push(match is_there {
                true => Check::ok(check, there),
                false => Check::note(check, missing, what_to_do),
            });
        }
        Ok(checks)
    }
}
