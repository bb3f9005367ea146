//! The log: to stderr and to a file that only we can read.

use std::io;
use std::sync::Mutex;

use portray_core::paths::{Environment, Paths};
use portray_core::private_files;
use portray_core::supervised::log_panics;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A log that has grown beyond this many bytes is put aside at the next start; the one before it goes.
const LARGEST: u64 = 1024 * 1024;

/// Starts logging, also into `NAME.log` in the state folder. Without that file the log still goes to stderr.
pub fn start(environment: &Environment, paths: &Paths, name: &str) {
    let wanted = environment.text("RUST_LOG").unwrap_or("info");
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    let file = private_files::open_log(&paths.state, name, LARGEST);
    let problem = file.as_ref().err().map(ToString::to_string);
    let to_file = file
        .ok()
        .map(|file| fmt::layer().with_ansi(false).with_writer(Mutex::new(file)));
    let started = tracing_subscriber::registry()
        .with(filter)
        .with(FilterFn::new(may_be_logged))
        .with(fmt::layer().with_ansi(false).with_writer(io::stderr))
        .with(to_file)
        .try_init();
    if let Err(error) = started {
        crate::tell(io::stderr(), &format!("The log cannot be started: {error}"));
    }
    if let Some(error) = problem {
        tracing::warn!("there is no log file: {error}");
    }
    log_panics();
}

/// Libraries print requests with tokens below INFO; only our own modules, which never do, are heard there.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("portray")
}
