//! The log: to stderr and to a file that only we can read.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::Mutex;

use portray_core::paths::{Environment, Paths};
use portray_core::private_files;
use tracing::{Level, Metadata};
use tracing_subscriber::filter::{EnvFilter, FilterFn};
use tracing_subscriber::fmt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// A log that has grown beyond this many bytes is put aside at the next start; the one before it goes.
const LARGEST: u64 = 1024 * 1024;

/// Starts logging, also into `name` in the state folder. Without that file the log still goes to stderr.
pub fn start(environment: &Environment, paths: &Paths, name: &str) {
    let wanted = environment.text("RUST_LOG").unwrap_or("info");
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    let file = open(&paths.state, name);
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
}

/// Libraries print requests with tokens below INFO; only our own modules, which never do, are heard there.
fn may_be_logged(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::INFO || metadata.target().starts_with("portray")
}

fn open(folder: &Path, name: &str) -> io::Result<File> {
    private_files::make_folder(folder)?;
    let path = folder.join(name);
    if path.metadata().is_ok_and(|metadata| metadata.len() > LARGEST) {
        std::fs::rename(&path, path.with_extension("old.log"))?;
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    #[cfg(unix)]
    fn x4_the_log_is_ours_alone() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let file = open(&scratch.path().join("state"), "portray.log").unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_large_log_is_put_aside_at_the_next_start() {
        let scratch = tempfile::tempdir().unwrap();
        let large = vec![b'x'; usize::try_from(LARGEST).unwrap() + 1];
        open(scratch.path(), "portray.log")
            .unwrap()
            .write_all(&large)
            .unwrap();
        let file = open(scratch.path(), "portray.log").unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0);
        assert!(scratch.path().join("portray.old.log").exists());
    }
}
