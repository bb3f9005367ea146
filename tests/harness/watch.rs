//! What can be seen of a desktop's programs from outside: their arguments, environments, and words on the bus.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use futures_util::StreamExt as _;
use zbus::MessageStream;

use crate::canaries::Canaries;
use crate::desktop::{Desktop, connect};

/// Between two looks: shorter than a program lives.
const PAUSE: Duration = Duration::from_millis(2);

/// What was seen, by the place: `environment of sleep`.
type Seen = Arc<Mutex<BTreeMap<String, BTreeSet<Vec<u8>>>>>;

const BUS: &str = "bus";

/// Looks at `/proc` and listens to the bus, until it is dropped.
pub struct Watch {
    of_processes: Seen,
    on_the_bus: Seen,
    over: Option<Sender<()>>,
    sampler: Option<JoinHandle<()>>,
    listener: tokio::task::JoinHandle<()>,
}

impl Watch {
    /// Begins to look.
    pub async fn begin(desktop: &Desktop) -> Result<Watch> {
        let (of_processes, on_the_bus) = (Seen::default(), Seen::default());
        let (over, until_over) = channel::<()>();
        let connection = connect(desktop.bus_address()?).await?;
        zbus::fdo::MonitoringProxy::new(&connection)
            .await?
            .become_monitor(&[], 0)
            .await?;
        let listener = tokio::spawn(listen(MessageStream::from(connection), Arc::clone(&on_the_bus)));
        let session = desktop.session();
        let seen = Arc::clone(&of_processes);
        let sampler = std::thread::spawn(move || {
            while until_over.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                for (process, program) in session.running() {
                    look_at(process.as_raw_nonzero().get(), &program, &seen);
                }
            }
        });
        Ok(Watch {
            of_processes,
            on_the_bus,
            over: Some(over),
            sampler: Some(sampler),
            listener,
        })
    }

    /// The kinds of secrets that stood in arguments or environments, each behind its place: `arguments of sh`,
    /// `environment of sleep`.
    pub fn found_in_processes<'a>(&self, canaries: &'a Canaries) -> BTreeSet<(String, &'a str)> {
        found(&self.of_processes, canaries)
    }

    /// The kinds of secrets that went over the bus, each behind `bus`. What the keyring is told is encrypted there.
    pub fn found_on_the_bus<'a>(&self, canaries: &'a Canaries) -> BTreeSet<(String, &'a str)> {
        found(&self.on_the_bus, canaries)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.over.take());
        self.listener.abort();
        if let Some(sampler) = self.sampler.take() {
            let _ = sampler.join();
        }
    }
}

/// `command` under strace, which writes what is executed by it and by its children, with arguments and
/// environments, to `log`.
pub fn traced(desktop: &Desktop, command: &Command, log: &std::path::Path) -> Command {
    let mut traced = desktop.system_command("strace");
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => traced.env(name, value),
            None => traced.env_remove(name),
        };
    }
    let options = "--follow-forks --seccomp-bpf --quiet=all --no-abbrev --string-limit=1000000";
    traced.args(options.split(' '));
    traced.arg("--trace=execve,execveat").arg("--output").arg(log);
    traced.arg(command.get_program()).args(command.get_args());
    traced
}

async fn listen(mut messages: MessageStream, seen: Seen) {
    while let Some(message) = messages.next().await {
        if let Ok(message) = message {
            note(&seen, BUS, message.data().to_vec());
        }
    }
}

fn look_at(process: i32, program: &str, seen: &Seen) {
    // It may have ended, or not let itself be looked at.
    let read = |name| std::fs::read(format!("/proc/{process}/{name}")).unwrap_or_default();
    let (arguments, environment) = (read("cmdline"), read("environ"));
    // Meanwhile it may have become another program, which is seen the next time.
    if String::from_utf8_lossy(&read("comm")).trim_end() == program {
        note(seen, &format!("arguments of {program}"), arguments);
        note(seen, &format!("environment of {program}"), environment);
    }
}

fn note(seen: &Seen, place: &str, bytes: Vec<u8>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    seen.entry(place.to_owned()).or_default().insert(bytes);
}

/// The kinds of secrets that were seen, each with its place.
fn found<'a>(seen: &Seen, canaries: &'a Canaries) -> BTreeSet<(String, &'a str)> {
    let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let mut found = BTreeSet::new();
    for (place, all) in seen.iter() {
        let kinds = all.iter().flat_map(|bytes| canaries.found_in(bytes));
        found.extend(kinds.map(|kind| (place.clone(), kind)));
    }
    found
}
