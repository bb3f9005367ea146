//! What can be seen without an agent: variables, files, folders, the way to the network.

use std::path::Path;

use portray_core::app::contract::ProblemView;
use portray_core::identity_center::trust;
use portray_core::paths::SecretStore;
use portray_core::private_files::{self, folder_fault};
use portray_core::settings::{Settings, SettingsError};

use super::check::Check;
use super::masking::{Kind, Mask};
use super::{Found, know_portal};
use crate::commands::Invocation;

pub fn environment(invocation: &Invocation, found: &mut Found) -> Vec<Check> {
    const CHECK: &str = "environment";
    let environment = &invocation.environment;
    let store = environment.secret_store().map(|store| match store {
        SecretStore::Keyring => Check::ok(CHECK, "Sign-ins are kept in the keyring."),
        SecretStore::Memory => Check::note(
            CHECK,
            "PORTRAY_SECRET_STORE=memory: sign-ins end with the agent.",
            "Unset it to keep them in the keyring.",
        ),
        SecretStore::File => Check::ok(CHECK, "Sign-ins are kept in a file that a passphrase encrypts."),
    });
    let endpoint = environment.endpoint().map(|endpoint| {
        endpoint.map(|_| {
            let what = "PORTRAY_ENDPOINT_URL names an emulator: AWS itself is not asked.";
            Check::note(CHECK, what, "Unset it to use AWS.")
        })
    });
    let mut of_problem = |error| Check::problem(CHECK, &ProblemView::environment(&error), &mut found.mask);
    match (store, endpoint) {
        (Err(error), _) | (_, Err(error)) => vec![of_problem(error)],
        (Ok(store), Ok(endpoint)) => std::iter::once(store).chain(endpoint).collect(),
    }
}

/// Reads the file and leaves it alone.
pub fn settings(invocation: &Invocation, found: &mut Found) -> Check {
    const CHECK: &str = "settings";
    let path = invocation.paths.settings();
    let mask = &mut found.mask;
    let content = match private_files::read(&path) {
        Ok(Some(content)) => content,
        Ok(None) => {
            let what = "There is no settings file, and so no portal.";
            return Check::note(CHECK, what, "Add your portal: portray portal add URL");
        }
        Err(error) => {
            let error = SettingsError::Unreadable { path, error };
            return Check::problem(CHECK, &ProblemView::settings(&error), mask);
        }
    };
    let settings = match Settings::parse(&content, &path) {
        Ok(settings) => settings,
        // What the parser says may repeat a line.
        Err(SettingsError::Damaged { .. }) => {
            let what = "The settings file cannot be understood.";
            return Check::failed(CHECK, what, "“portray status” says which line it is.");
        }
        Err(error) => return Check::problem(CHECK, &ProblemView::settings(&error), mask),
    };
    let names: Vec<_> = settings
        .portals
        .iter()
        .map(|portal| know_portal(mask, &portal.name, &portal.start_url))
        .collect();
    let faults = settings.faults.iter().chain(&settings.unknown_keys);
    let lines: Vec<_> = faults.map(|fault| fault.line.to_string()).collect();
    found.settings = Some(settings);
    match (lines.is_empty(), names.is_empty()) {
        (false, _) => Check::failed(
            CHECK,
            format!(
                "Something in the settings file does not hold (line {}).",
                lines.join(", ")
            ),
            "“portray status” says what it is.",
        ),
        (true, true) => Check::note(CHECK, "No portal is set up.", "Add yours: portray portal add URL"),
        (true, false) => Check::ok(CHECK, format!("The settings file is good: {}.", names.join(", "))),
    }
}

pub fn folders(invocation: &Invocation, mask: &mut Mask) -> Vec<Check> {
    let paths = &invocation.paths;
    let mut folders = vec![&paths.config, &paths.cache, &paths.state, &paths.runtime];
    folders.dedup();
    let faults: Vec<_> = folders
        .into_iter()
        .filter(|folder| folder.exists())
        .filter_map(|folder| fault(folder, mask))
        .collect();
    match faults.is_empty() {
        true => vec![Check::ok(
            "folders",
            "Portray's folders and files are yours alone.",
        )],
        false => faults,
    }
}

fn fault(folder: &Path, mask: &mut Mask) -> Option<Check> {
    const CHECK: &str = "folders";
    let name = mask.text(&folder.to_string_lossy());
    if let Some(fault) = folder_fault(folder) {
        let what = format!("The folder {name} {}.", mask.text(&fault.to_string()));
        return Some(Check::failed(
            CHECK,
            what,
            "Make it yours alone (chmod 700), or remove it.",
        ));
    }
    let open = open_file(folder)?;
    let what = format!("Others can read {name}/{}.", mask.text(&open));
    Some(Check::failed(CHECK, what, "Make it yours alone (chmod 600)."))
}

/// A file in the folder that others can read or write.
#[cfg(unix)]
fn open_file(folder: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let entries = std::fs::read_dir(folder).ok()?;
    entries.flatten().find_map(|entry| {
        let found = entry.metadata().ok()?;
        let is_open = found.is_file() && found.permissions().mode() & 0o077 != 0;
        is_open.then(|| entry.file_name().to_string_lossy().into_owned())
    })
}

#[cfg(not(unix))]
fn open_file(_folder: &Path) -> Option<String> {
    None
}

/// Proxy and certificates, as far as variables name them.
pub fn network(invocation: &Invocation, mask: &mut Mask) -> Vec<Check> {
    const CHECK: &str = "network";
    let environment = &invocation.environment;
    let first = |names: &[&str]| names.iter().find_map(|name| environment.text(name));
    let proxy = first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    let exceptions = first(&["no_proxy", "NO_PROXY"]);
    let mut checks = vec![match proxy {
        None => Check::ok(CHECK, "No variable names a proxy."),
        Some(proxy) => {
            let exceptions = if exceptions.is_some() {
                "; NO_PROXY names exceptions"
            } else {
                ""
            };
            let address = if proxy.contains("://") {
                proxy.to_owned()
            } else {
                format!("http://{proxy}")
            };
            Check::ok(
                CHECK,
                format!("AWS is reached through {}{exceptions}.", mask.text(&address)),
            )
        }
    }];
    if let Some(bundle) = environment.text("AWS_CA_BUNDLE") {
        checks.push(bundle_check(CHECK, bundle, mask));
    }
    checks
}

fn bundle_check(check: &'static str, bundle: &str, mask: &mut Mask) -> Check {
    mask.name(Kind::Path, bundle);
    let begin = b"-----BEGIN CERTIFICATE-----";
    match trust::read(Path::new(bundle)) {
        Err(error) => Check::failed(
            check,
            format!(
                "The file that AWS_CA_BUNDLE names cannot be read ({}).",
                error.kind()
            ),
            "Name one that you can read, or unset the variable.",
        ),
        Ok(content) => match content
            .windows(begin.len())
            .filter(|window| window == begin)
            .count()
        {
            0 => Check::failed(
                check,
                "The file that AWS_CA_BUNDLE names holds no certificate.",
                "Name a file of certificates in PEM form, or unset the variable.",
            ),
            1 => Check::ok(check, "AWS_CA_BUNDLE adds one certificate."),
            count => Check::ok(check, format!("AWS_CA_BUNDLE adds {count} certificates.")),
        },
    }
}
