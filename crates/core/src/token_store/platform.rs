//! The keyring of each operating system: how it is opened, what it takes, and what its errors mean.

use std::collections::HashMap;
use std::sync::Arc;

use keyring::Error;
use keyring_core::CredentialStore;
use keyring_core::error::PlatformError;

use super::StoreFailure;
use super::records::Door;

/// How many bytes one entry may have. Windows' Credential Manager takes 2,560; the others have no limit that
/// we come near to, so that a record is one entry there.
pub(super) const ENTRY_LIMIT: usize = if cfg!(windows) { 2560 } else { 64 * 1024 };

/// What it means that the storage refuses access without a closer reason. Windows does so in a session without
/// a vault (a service account); elsewhere it is a lock.
const NO_ACCESS: StoreFailure = if cfg!(windows) {
    StoreFailure::Absent
} else {
    StoreFailure::Locked
};

pub(super) fn door() -> Door {
    Door {
        open: Box::new(open),
        would_ask: Box::new(would_ask),
        has_default: Box::new(has_default),
    }
}

/// Opens the keyring. Every call opens it anew: the shortcut `keyring::Entry` would remember a failure for the
/// life of the process, and a service that comes later would never be seen.
fn open() -> Result<Arc<CredentialStore>, Error> {
    #[cfg(target_os = "linux")]
    let store = zbus_secret_service_keyring_store::Store::new()?;
    #[cfg(target_os = "macos")]
    let store = apple_native_keyring_store::keychain::Store::new()?;
    #[cfg(windows)]
    let store = windows_native_keyring_store::Store::new()?;
    Ok(store)
}

#[cfg(target_os = "linux")]
fn would_ask() -> bool {
    use secret_service::EncryptionType;
    use secret_service::blocking::SecretService;
    let is_locked = || {
        let service = SecretService::connect(EncryptionType::Dh)?;
        let collection = service.get_default_collection()?;
        collection.is_locked()
    };
    is_locked().unwrap_or(true)
}

/// Nothing there tells without asking.
#[cfg(not(target_os = "linux"))]
fn would_ask() -> bool {
    true
}

/// A service whose keyring has gone, or is not open yet, finds nothing in it and does not say why.
#[cfg(target_os = "linux")]
fn has_default() -> Result<bool, Error> {
    use secret_service::blocking::SecretService;
    use secret_service::{EncryptionType, Error as Cause};
    let service = SecretService::connect(EncryptionType::Dh);
    let service = service.map_err(|cause| Error::PlatformFailure(Box::new(cause)))?;
    match service.get_default_collection() {
        Ok(_) => Ok(true),
        Err(Cause::NoResult) => Ok(false),
        Err(cause) => Err(Error::PlatformFailure(Box::new(cause))),
    }
}

/// There the entry itself is refused where there is no keyring for it.
#[cfg(not(target_os = "linux"))]
#[expect(clippy::unnecessary_wraps, reason = "elsewhere it may fail")]
fn has_default() -> Result<bool, Error> {
    Ok(true)
}

/// What a new entry is given beside its name.
pub(super) fn modifiers(label: &str) -> HashMap<&'static str, &str> {
    if cfg!(windows) {
        // Secrets stay on this machine; by default they would roam with the user's profile.
        HashMap::from([("persistence", "Local")])
    } else if cfg!(target_os = "macos") {
        HashMap::new()
    } else {
        HashMap::from([("label", label)])
    }
}

/// What an error means. A missing entry is no failure and is told apart by the caller.
pub(super) fn meaning(error: &Error) -> StoreFailure {
    match error {
        Error::NoStorageAccess(cause) => cause_meaning(cause).unwrap_or(NO_ACCESS),
        Error::PlatformFailure(cause) => cause_meaning(cause).unwrap_or(StoreFailure::Failed),
        Error::TooLong(..) => StoreFailure::TooLarge,
        Error::BadEncoding(_) | Error::BadDataFormat(..) | Error::BadStoreFormat(_) | Error::Ambiguous(_) => {
            StoreFailure::Corrupt
        }
        Error::NoDefaultStore => StoreFailure::Absent,
        Error::NoEntry | Error::Invalid(..) | Error::NotSupportedByStore(_) => StoreFailure::Failed,
        // The enum may grow; what we do not know is a failure without a name.
        _ => StoreFailure::Failed,
    }
}

#[cfg(target_os = "linux")]
fn cause_meaning(cause: &PlatformError) -> Option<StoreFailure> {
    use secret_service::Error as Cause;
    match cause.downcast_ref::<Cause>()? {
        Cause::Locked => Some(StoreFailure::Locked),
        Cause::Prompt | Cause::PromptDisconnected => Some(StoreFailure::Dismissed),
        Cause::Unavailable => Some(StoreFailure::Absent),
        // The service runs and has no collection to keep anything in.
        Cause::NoResult => Some(StoreFailure::NoKeyring),
        Cause::Zbus(error) => dbus_meaning(&error.to_string()),
        Cause::ZbusFdo(error) => dbus_meaning(&error.to_string()),
        Cause::Crypto(_) | Cause::Zvariant(_) => None,
        _ => None,
    }
}

/// D-Bus errors carry their meaning in a name at the front of their text.
#[cfg(target_os = "linux")]
fn dbus_meaning(text: &str) -> Option<StoreFailure> {
    let says = |name: &str| text.contains(name);
    if says("org.freedesktop.Secret.Error.IsLocked") {
        return Some(StoreFailure::Locked);
    }
    let absent = [
        "org.freedesktop.DBus.Error.ServiceUnknown",
        "org.freedesktop.DBus.Error.NameHasNoOwner",
        "org.freedesktop.DBus.Error.Disconnected",
        "org.freedesktop.DBus.Error.NoReply",
        // No session bus at all: nobody listens at its address, or it has none.
        "Failed to connect",
        "I/O error",
        "address error",
    ];
    absent.into_iter().any(says).then_some(StoreFailure::Absent)
}

#[cfg(target_os = "macos")]
fn cause_meaning(cause: &PlatformError) -> Option<StoreFailure> {
    match cause.downcast_ref::<security_framework::base::Error>()?.code() {
        // errSecInteractionNotAllowed, errSecReadOnly, and the file system's "no write permission"
        -25308 | -25292 | -61 => Some(StoreFailure::Locked),
        // errSecUserCanceled, errSecAuthFailed
        -128 | -25293 => Some(StoreFailure::Dismissed),
        // errSecNotAvailable, errSecNoSuchKeychain
        -25291 | -25294 => Some(StoreFailure::Absent),
        // errSecNoDefaultKeychain
        -25307 => Some(StoreFailure::NoKeyring),
        // errSecInvalidKeychain, errSecDataTooLarge
        -25295 => Some(StoreFailure::Corrupt),
        -25302 => Some(StoreFailure::TooLarge),
        _ => None,
    }
}

/// Windows' errors are numbers behind a private type; [`NO_ACCESS`] says all that they tell.
#[cfg(windows)]
fn cause_meaning(_cause: &PlatformError) -> Option<StoreFailure> {
    None
}

/// What a keyring says when a person has turned its question down.
#[cfg(test)]
pub(super) fn turned_down() -> Error {
    #[cfg(target_os = "linux")]
    let cause = secret_service::Error::Prompt;
    #[cfg(target_os = "macos")]
    let cause = security_framework::base::Error::from_code(-128);
    #[cfg(windows)]
    let cause = "Windows asks nobody";
    Error::NoStorageAccess(cause.into())
}

/// What a keyring's service says that has nothing to put a new entry into.
#[cfg(test)]
pub(super) fn no_keyring() -> Error {
    #[cfg(target_os = "linux")]
    let cause = secret_service::Error::NoResult;
    #[cfg(target_os = "macos")]
    let cause = security_framework::base::Error::from_code(-25307);
    #[cfg(windows)]
    let cause = "Windows always has one";
    Error::NoStorageAccess(cause.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn k3_the_secret_services_errors_keep_their_meaning() {
        use secret_service::Error as Cause;
        let refused = |cause| meaning(&Error::NoStorageAccess(Box::new(cause)));
        assert_eq!(refused(Cause::Locked), StoreFailure::Locked);
        assert_eq!(refused(Cause::Prompt), StoreFailure::Dismissed);
        assert_eq!(refused(Cause::NoResult), StoreFailure::NoKeyring);
        let failed = |cause| meaning(&Error::PlatformFailure(Box::new(cause)));
        assert_eq!(failed(Cause::Unavailable), StoreFailure::Absent);
        assert_eq!(failed(Cause::Locked), StoreFailure::Locked);
        assert_eq!(failed(Cause::Crypto("x")), StoreFailure::Failed);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn k3_a_locked_collection_is_told_from_a_service_that_went_away() {
        let locked = "org.freedesktop.Secret.Error.IsLocked: Cannot create an item in a locked collection";
        assert_eq!(dbus_meaning(locked), Some(StoreFailure::Locked));
        let gone = "org.freedesktop.DBus.Error.ServiceUnknown: The name is not activatable";
        assert_eq!(dbus_meaning(gone), Some(StoreFailure::Absent));
        assert_eq!(dbus_meaning("org.freedesktop.DBus.Error.Failed"), None);
        let no_bus = "Failed to connect to address `unix:path=/run/user/1000/bus`: No such file or directory";
        assert_eq!(dbus_meaning(no_bus), Some(StoreFailure::Absent));
    }

    #[test]
    fn k3_sizes_and_damage_are_told_apart() {
        let too_long = Error::TooLong("secret".to_owned(), 2560);
        assert_eq!(meaning(&too_long), StoreFailure::TooLarge);
        assert_eq!(meaning(&Error::BadEncoding(vec![0x80])), StoreFailure::Corrupt);
        assert_eq!(meaning(&Error::NoDefaultStore), StoreFailure::Absent);
    }
}
