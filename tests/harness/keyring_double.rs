//! A Secret Service played by the test, with a keyring that is locked: its question for the password stays open, or is
//! turned down, or is answered at last.

use std::collections::HashMap;
use std::future::pending;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::sync::watch;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{ObjectPath, OwnedObjectPath, OwnedValue, Value};
use zbus::{Connection, interface};

use crate::desktop::Desktop;

const NAME: &str = "org.freedesktop.secrets";
const SERVICE: &str = "/org/freedesktop/secrets";
const COLLECTION: &str = "/org/freedesktop/secrets/collection/login";
const PROMPT: &str = "/org/freedesktop/secrets/prompt/1";

/// Nobody reads a question and turns it down in less time.
const READING: Duration = Duration::from_millis(1500);

/// What becomes of the question for the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Person {
    Away,
    TurnsDown,
    HasUnlocked,
}

/// The service, until it is dropped.
pub struct KeyringDouble {
    connection: Connection,
    person: watch::Sender<Person>,
    asked: watch::Receiver<u32>,
}

impl KeyringDouble {
    /// A locked keyring whose question nobody answers.
    pub async fn with_open_question(desktop: &Desktop) -> Result<KeyringDouble> {
        KeyringDouble::start(desktop, Person::Away).await
    }

    /// A locked keyring whose question a person turns down after having read it.
    pub async fn with_question_turned_down(desktop: &Desktop) -> Result<KeyringDouble> {
        KeyringDouble::start(desktop, Person::TurnsDown).await
    }

    async fn start(desktop: &Desktop, person: Person) -> Result<KeyringDouble> {
        let person = watch::Sender::new(person);
        let (ask, asked) = watch::channel(0);
        let service = Service {
            person: person.subscribe(),
        };
        let collection = Collection {
            person: person.subscribe(),
        };
        let prompt = Prompt {
            person: person.subscribe(),
            asked: ask,
        };
        let connection = zbus::connection::Builder::address(desktop.bus_address()?)?
            .serve_at(SERVICE, service)?
            .serve_at(COLLECTION, collection)?
            .serve_at(PROMPT, prompt)?
            .name(NAME)?
            .build()
            .await?;
        Ok(KeyringDouble {
            connection,
            person,
            asked,
        })
    }

    /// Waits until the question was shown.
    pub async fn wait_for_question(&self, within: Duration) -> Result<()> {
        let mut asked = self.asked.clone();
        let shown = tokio::time::timeout(within, asked.wait_for(|times| *times > 0)).await;
        shown.context("nobody was asked for the password")??;
        Ok(())
    }

    /// How often the question was shown.
    pub fn questions(&self) -> u32 {
        *self.asked.borrow()
    }

    /// The person comes back and unlocks the keyring, in which there is nothing yet.
    pub async fn unlock(&self) -> Result<()> {
        self.person.send_replace(Person::HasUnlocked);
        let prompt = SignalEmitter::new(&self.connection, PROMPT)?;
        Prompt::completed(&prompt, false, Value::from("")).await?;
        Ok(())
    }
}

struct Service {
    person: watch::Receiver<Person>,
}

#[interface(name = "org.freedesktop.Secret.Service")]
impl Service {
    /// The secret that both sides make of it is never used here: nothing is in this keyring.
    #[zbus(out_args("output", "result"))]
    fn open_session(
        &self,
        _algorithm: String,
        _input: OwnedValue,
    ) -> zbus::fdo::Result<(OwnedValue, OwnedObjectPath)> {
        let key = OwnedValue::try_from(Value::from(vec![2_u8])).map_err(zbus::Error::from)?;
        Ok((key, path("/org/freedesktop/secrets/session/1")?))
    }

    #[zbus(out_args("unlocked", "locked"))]
    fn search_items(
        &self,
        _attributes: HashMap<String, String>,
    ) -> zbus::fdo::Result<(Vec<OwnedObjectPath>, Vec<OwnedObjectPath>)> {
        match *self.person.borrow() {
            Person::HasUnlocked => Ok((vec![], vec![])),
            Person::Away | Person::TurnsDown => {
                Ok((vec![], vec![path("/org/freedesktop/secrets/collection/login/1")?]))
            }
        }
    }

    fn read_alias(&self, _name: String) -> zbus::fdo::Result<OwnedObjectPath> {
        path(COLLECTION)
    }

    #[zbus(out_args("unlocked", "prompt"))]
    fn unlock(
        &self,
        objects: Vec<OwnedObjectPath>,
    ) -> zbus::fdo::Result<(Vec<OwnedObjectPath>, OwnedObjectPath)> {
        match *self.person.borrow() {
            Person::HasUnlocked => Ok((objects, path("/")?)),
            Person::Away | Person::TurnsDown => Ok((vec![], path(PROMPT)?)),
        }
    }
}

struct Collection {
    person: watch::Receiver<Person>,
}

#[interface(name = "org.freedesktop.Secret.Collection")]
impl Collection {
    #[zbus(property)]
    fn locked(&self) -> bool {
        *self.person.borrow() != Person::HasUnlocked
    }
}

struct Prompt {
    person: watch::Receiver<Person>,
    asked: watch::Sender<u32>,
}

#[interface(name = "org.freedesktop.Secret.Prompt")]
impl Prompt {
    fn prompt(&self, _window: String, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.asked.send_modify(|times| *times += 1);
        if *self.person.borrow() == Person::TurnsDown {
            let emitter = emitter.into_owned();
            tokio::spawn(async move {
                let _ = tokio::time::timeout(READING, pending::<()>()).await;
                // Whoever asked may have left.
                let _ = Prompt::completed(&emitter, true, Value::from("")).await;
            });
        }
    }

    fn dismiss(&self) {}

    #[zbus(signal)]
    async fn completed(emitter: &SignalEmitter<'_>, dismissed: bool, result: Value<'_>) -> zbus::Result<()>;
}

fn path(text: &'static str) -> zbus::fdo::Result<OwnedObjectPath> {
    let path = ObjectPath::try_from(text).map_err(zbus::Error::from)?;
    Ok(path.into())
}
