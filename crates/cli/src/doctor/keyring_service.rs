//! Whether the desktop's keyring service could store a sign-in: that it is there does not mean so.

use std::time::Duration;

use portray_core::paths::SecretStore;
use zbus::Connection;
use zbus::fdo::DBusProxy;
use zbus::names::WellKnownName;
use zbus::zvariant::{OwnedObjectPath, OwnedValue};

use super::check::Check;
use crate::commands::Invocation;

const CHECK: &str = "secret_service";

const NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "/org/freedesktop/secrets";

/// One that has to be started first takes a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the service says of the keyring that new secrets go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    NoService,
    /// There is a service, and no keyring that it would store in.
    NoKeyring,
    Locked,
    Unlocked,
}

/// None where sign-ins are kept elsewhere.
pub fn check(invocation: &Invocation) -> Option<Check> {
    if invocation.environment.secret_store().ok()? != SecretStore::Keyring {
        return None;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .ok()?;
    let found = runtime.block_on(async { tokio::time::timeout(PATIENCE, look()).await });
    Some(match found {
        Ok(Ok(found)) => in_words(found),
        Ok(Err(_)) => Check::note(
            CHECK,
            "The session's bus, or the keyring service on it, does not answer from here.",
            "Run this in the desktop's own session; without one, choose PORTRAY_SECRET_STORE=file or memory.",
        ),
        Err(_) => Check::failed(
            CHECK,
            "The keyring service is there, and does not answer.",
            "It may wait for a password in a window of its own. If there is none, log out and in again.",
        ),
    })
}

fn in_words(found: Found) -> Check {
    match found {
        Found::NoService => Check::note(
            CHECK,
            "There is no keyring service.",
            "Install gnome-keyring or KWallet, or choose PORTRAY_SECRET_STORE=file or memory.",
        ),
        Found::NoKeyring => Check::failed(
            CHECK,
            "The keyring service has no default keyring, so no sign-in can be stored.",
            "Make one in “Passwords and Keys” (seahorse) and set it as default, or choose PORTRAY_SECRET_STORE=file.",
        ),
        Found::Locked => Check::note(
            CHECK,
            "The keyring is locked: its password is asked for when a sign-in is read or stored.",
            "Unlock it, for instance in “Passwords and Keys” (seahorse).",
        ),
        Found::Unlocked => Check::ok(CHECK, "The keyring service can store sign-ins."),
    }
}

async fn look() -> zbus::Result<Found> {
    let connection = Connection::session().await?;
    let bus = DBusProxy::new(&connection).await?;
    let name = WellKnownName::from_static_str(NAME)?;
    let on_request = bus.list_activatable_names().await?;
    if !bus.name_has_owner(name.into()).await? && !on_request.iter().any(|other| other.as_str() == NAME) {
        return Ok(Found::NoService);
    }
    let interface = Some("org.freedesktop.Secret.Service");
    let answer = connection
        .call_method(Some(NAME), SERVICE, interface, "ReadAlias", &("default",))
        .await?;
    let keyring: OwnedObjectPath = answer.body().deserialize()?;
    // What stands for none.
    if keyring.as_str() == "/" {
        return Ok(Found::NoKeyring);
    }
    let property = ("org.freedesktop.Secret.Collection", "Locked");
    let properties = Some("org.freedesktop.DBus.Properties");
    let answer = connection
        .call_method(Some(NAME), &keyring, properties, "Get", &property)
        .await?;
    let locked: OwnedValue = answer.body().deserialize()?;
    Ok(match bool::try_from(locked)? {
        true => Found::Locked,
        false => Found::Unlocked,
    })
}
