//! Diagnostics on stderr, for those who ask for them.

use portray_core::paths::Environment;
use portray_core::supervised::log_panics;
use tracing::Level;
use tracing_subscriber::filter::{EnvFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{Layer, fmt};

/// Logs what `RUST_LOG` says, `-v` more than usual; an agent its warnings too.
pub fn start(environment: &Environment, verbose: bool, is_agent: bool) {
    let default = match (verbose, is_agent) {
        (true, _) => "portray=debug,portray_core=debug",
        (false, true) => "info",
        (false, false) => "warn",
    };
    let filter = EnvFilter::new(environment.text("RUST_LOG").unwrap_or(default));
    let lines = fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_filter(filter_fn(|line| {
            is_fit_to_be_logged(line.target(), *line.level())
        }));
    let subscriber = tracing_subscriber::registry().with(filter).with(lines);
    if tracing::subscriber::set_global_default(subscriber).is_err() {
        tracing::debug!("somebody logs already");
    }
    log_panics();
}

/// Other people's crates may log what they send and receive, tokens included, below the level of warnings.
fn is_fit_to_be_logged(target: &str, level: Level) -> bool {
    target.starts_with("portray") || level <= Level::WARN
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x1_other_crates_say_warnings_only_whatever_is_asked_for() {
        assert!(is_fit_to_be_logged("portray_core::agent", Level::TRACE));
        assert!(is_fit_to_be_logged("hyper", Level::WARN));
        assert!(!is_fit_to_be_logged("aws_smithy_runtime", Level::INFO));
        assert!(!is_fit_to_be_logged("hyper_util::client", Level::TRACE));
    }
}
