//! `portray doctor`: looks at everything that Portray stands on, and says what is wrong in words that can be posted.

mod agent;
mod aws_files;
mod check;
mod desktop;
#[cfg(target_os = "linux")]
mod keyring_service;
mod local;
mod masking;
mod report;

use portray_core::agent::protocol::StatusReply;
use portray_core::settings::Settings;
use serde::Serialize;

use crate::commands::Invocation;
pub use check::{Check, Verdict};
use masking::{Kind, Mask};
pub use report::{in_words, write as write_report};

/// Everything that was looked at, in the order in which one thing stands on the other.
#[derive(Debug, Serialize)]
pub struct Examination {
    pub version: &'static str,
    pub platform: String,
    /// Nothing has failed.
    pub healthy: bool,
    pub checks: Vec<Check>,
    #[serde(skip)]
    found: Found,
}

/// What the checks came upon, for the report.
#[derive(Debug, Default)]
struct Found {
    mask: Mask,
    settings: Option<Settings>,
    status: Option<StatusReply>,
}

/// Looks at everything. Starts an agent where none runs, as every command does.
pub fn examine(invocation: &Invocation) -> Examination {
    let mut found = Found::default();
    know_surroundings(&mut found.mask, invocation);
    let mut checks = local::environment(invocation, &mut found);
    checks.push(local::settings(invocation, &mut found));
    checks.extend(local::folders(invocation, &mut found.mask));
    checks.extend(local::network(invocation, &mut found.mask));
    checks.extend(aws_files::checks(invocation, &mut found.mask));
    checks.extend(agent::checks(invocation, &mut found));
    checks.extend(agent::reach(invocation, &mut found));
    checks.extend(desktop::checks(invocation));
    #[cfg(target_os = "linux")]
    checks.extend(keyring_service::check(invocation));
    Examination {
        version: env!("CARGO_PKG_VERSION"),
        platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        healthy: checks.iter().all(|check| check.verdict != Verdict::Failed),
        checks,
        found,
    }
}

/// The folders and the person of this machine, which any text may name.
fn know_surroundings(mask: &mut Mask, invocation: &Invocation) {
    let paths = &invocation.paths;
    for (folder, name) in [
        (&paths.runtime, "RUNTIME"),
        (&paths.cache, "CACHE"),
        (&paths.state, "STATE"),
        (&paths.config, "CONFIG"),
    ] {
        mask.replace(&folder.to_string_lossy(), name);
    }
    if let Some(home) = invocation.environment.home() {
        mask.replace(&home.to_string_lossy(), "~");
        if let Some(user) = home.file_name() {
            mask.name(Kind::User, &user.to_string_lossy());
        }
    }
    if let Some(user) = invocation.environment.text("USERNAME") {
        mask.name(Kind::User, user);
    }
}

/// A portal's own words.
fn know_portal(mask: &mut Mask, name: &str, start_url: &str) -> String {
    if let Some(host) = url::Url::parse(start_url)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
    {
        mask.name(Kind::Host, &host);
        // The company's part of it is what other texts name.
        if let Some(company) = host.split('.').next() {
            mask.name(Kind::Name, company);
        }
    }
    mask.name(Kind::Portal, name)
}
