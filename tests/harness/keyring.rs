//! The keyring of a desktop: locked as when a session is left alone, unlocked as by its owner.

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};

use crate::desktop::{Desktop, KEYRING_PASSWORD, START_DEADLINE, start_keyring, wait_for_name};
use crate::process::Process;

const SERVICE: &str = "org.freedesktop.secrets";
const PATH: &str = "/org/freedesktop/secrets";
const INTERFACE: &str = "org.freedesktop.Secret.Service";

impl Desktop {
    /// Locks the default collection.
    pub async fn lock_keyring(&self) -> Result<()> {
        let locked = (vec![ObjectPath::from(self.default_collection().await?)],);
        let answer = self
            .bus()
            .call_method(Some(SERVICE), PATH, Some(INTERFACE), "Lock", &locked)
            .await?;
        let (locked, _prompt): (Vec<OwnedObjectPath>, OwnedObjectPath) = answer.body().deserialize()?;
        ensure!(locked.len() == 1, "the keyring does not lock");
        Ok(())
    }

    /// Unlocks the default collection with its owner's password.
    pub async fn unlock_keyring(&self) -> Result<()> {
        let plain = ("plain", Value::from(""));
        let answer = self
            .bus()
            .call_method(Some(SERVICE), PATH, Some(INTERFACE), "OpenSession", &plain)
            .await?;
        let body = answer.body();
        let (_, session): (OwnedValue, OwnedObjectPath) = body.deserialize()?;
        let collection = self.default_collection().await?;
        let password = (session, Vec::<u8>::new(), KEYRING_PASSWORD.to_vec(), "text/plain");
        let with_password = (collection, password);
        // What the login of a desktop uses; there is no public way without a prompt.
        let interface = "org.gnome.keyring.InternalUnsupportedGuiltRiddenInterface";
        self.bus()
            .call_method(
                Some(SERVICE),
                PATH,
                Some(interface),
                "UnlockWithMasterPassword",
                &with_password,
            )
            .await?;
        Ok(())
    }

    /// The keyring hangs: it has its name on the bus, and answers nothing.
    pub fn freeze_keyring(&self) -> Result<()> {
        self.signal_keyring(Signal::STOP)
    }

    /// The service is started anew without any keyring, as where none is made or open yet.
    pub async fn without_any_keyring(&self) -> Result<Process> {
        self.end_keyring().await?;
        let mut command = self.system_command("gnome-keyring-daemon");
        command
            .args(["--foreground", "--components=secrets"])
            .env("XDG_DATA_HOME", self.folder().join("no-keyrings"));
        let service = self.start_process("gnome-keyring-daemon", command)?;
        wait_for_name(self.bus(), self.logs(), SERVICE).await?;
        Ok(service)
    }

    /// The service is started anew with the keyring of before, unlocked.
    pub async fn with_keyring_again(&self) -> Result<Process> {
        self.end_keyring().await?;
        start_keyring(&self.session(), self.bus()).await
    }

    async fn end_keyring(&self) -> Result<()> {
        self.signal_keyring(Signal::KILL)?;
        let names = zbus::fdo::DBusProxy::new(self.bus()).await?;
        self.wait_until("the end of the keyring", START_DEADLINE, async || {
            let owned = names.name_has_owner(SERVICE.try_into()?).await?;
            Ok((!owned).then_some(()))
        })
        .await
    }

    /// It goes on where it was.
    pub fn thaw_keyring(&self) -> Result<()> {
        self.signal_keyring(Signal::CONT)
    }

    fn signal_keyring(&self, signal: Signal) -> Result<()> {
        // Linux cuts names after fifteen letters.
        let found = self.running("gnome-keyring-d");
        let [process] = found.as_slice() else {
            bail!("a desktop has one keyring, not {found:?}");
        };
        let process = Pid::from_raw(*process).context("a process has a number")?;
        Ok(kill_process(process, signal)?)
    }

    /// What is kept in the default collection, by the names that the keyring gives it.
    pub async fn kept_secrets(&self) -> Result<Vec<String>> {
        let collection = self.default_collection().await?;
        let items = ("org.freedesktop.Secret.Collection", "Items");
        let properties = Some("org.freedesktop.DBus.Properties");
        let answer = self
            .bus()
            .call_method(Some(SERVICE), &collection, properties, "Get", &items)
            .await?;
        let body = answer.body();
        let items: Value<'_> = body.deserialize()?;
        let items = Vec::<OwnedObjectPath>::try_from(items)?;
        Ok(items.iter().map(ToString::to_string).collect())
    }

    async fn default_collection(&self) -> Result<OwnedObjectPath> {
        let alias = ("default",);
        let answer = self
            .bus()
            .call_method(Some(SERVICE), PATH, Some(INTERFACE), "ReadAlias", &alias)
            .await?;
        Ok(answer.body().deserialize()?)
    }
}
