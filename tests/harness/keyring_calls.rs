//! What programs ask the keyring for, overheard on the bus.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use futures_util::StreamExt as _;
use zbus::MessageStream;
use zbus::zvariant::Value;

use crate::desktop::{Desktop, connect};

const KEYRING: &str = "org.freedesktop.secrets";

/// Listens until it is dropped.
pub struct KeyringCalls {
    heard: Arc<Mutex<Vec<Call>>>,
    listener: tokio::task::JoinHandle<()>,
}

/// One call, as far as it is not secret.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Call {
    method: String,
    /// What the call is about: an entry, for instance.
    object: String,
    /// How secrets are to be encrypted on the way, where a session is opened.
    algorithm: Option<String>,
}

impl KeyringCalls {
    /// Begins to listen, on a connection of its own that can do nothing else.
    pub async fn overhear(desktop: &Desktop) -> Result<KeyringCalls> {
        let connection = connect(desktop.bus_address()?).await?;
        let rule = zbus::MatchRule::builder()
            .msg_type(zbus::message::Type::MethodCall)
            .build();
        let monitoring = zbus::fdo::MonitoringProxy::new(&connection).await?;
        monitoring.become_monitor(&[rule], 0).await?;
        let heard = Arc::<Mutex<Vec<Call>>>::default();
        let messages = MessageStream::from(connection);
        let listener = tokio::spawn(listen(messages, Arc::clone(&heard)));
        Ok(KeyringCalls { heard, listener })
    }

    /// The entries whose secret was asked for, one for each time.
    pub fn secrets_read(&self) -> Vec<String> {
        let heard = self.heard();
        let reads = heard.iter().filter(|call| call.method == "GetSecret");
        reads.map(|call| call.object.clone()).collect()
    }

    /// The entries that were written, one for each time.
    pub fn secrets_written(&self) -> Vec<String> {
        let heard = self.heard();
        let writes = heard
            .iter()
            .filter(|call| matches!(call.method.as_str(), "SetSecret" | "CreateItem"));
        writes.map(|call| call.object.clone()).collect()
    }

    /// How secrets were to be encrypted on the way, for each session that was opened.
    pub fn algorithms(&self) -> Vec<String> {
        let heard = self.heard();
        heard.iter().filter_map(|call| call.algorithm.clone()).collect()
    }

    fn heard(&self) -> MutexGuard<'_, Vec<Call>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for KeyringCalls {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn listen(mut messages: MessageStream, heard: Arc<Mutex<Vec<Call>>>) {
    while let Some(message) = messages.next().await {
        if let Some(call) = message.ok().and_then(|message| call(&message)) {
            heard.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        }
    }
}

fn call(message: &zbus::Message) -> Option<Call> {
    let header = message.header();
    header.destination().filter(|name| *name == KEYRING)?;
    let method = header.member()?.to_string();
    let body = message.body();
    let algorithm = (method == "OpenSession")
        .then(|| body.deserialize::<(String, Value<'_>)>().ok())
        .flatten();
    Some(Call {
        object: header.path()?.to_string(),
        algorithm: algorithm.map(|(algorithm, _)| algorithm),
        method,
    })
}
