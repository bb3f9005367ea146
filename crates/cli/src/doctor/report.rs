//! The report as one text file: the checks, the settings, the state, and the end of the logs, all of it masked.

use std::fmt::Write as _;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use portray_core::agent::protocol::StatusReply;
use portray_core::private_files;
use portray_core::settings::{Settings, Via};

use super::masking::{Kind, Mask};
use super::{Check, Examination, Verdict};
use crate::commands::{Invocation, state_in_words};

/// How many of a log's last lines are told, and in how many of its last bytes they are looked for.
const LINES: usize = 200;
const BYTES: u64 = 64 * 1024;

const LOGS: [&str; 4] = ["agent.log", "agent.old.log", "portray.log", "window.log"];

const INTRODUCTION: &str = "\
Names, accounts, e-mail addresses, hosts, paths and whatever looks like a secret have been replaced;
the same stand-in is the same value. Read it all the same before you post it.
";

/// Writes the report to a file that is not there yet.
pub fn write(invocation: &Invocation, examination: &mut Examination, file: &Path) -> io::Result<()> {
    let text = text(invocation, examination);
    private_files::create(file, text.as_bytes()).map(drop)
}

fn text(invocation: &Invocation, examination: &mut Examination) -> String {
    let mut text = format!(
        "Portray {} on {}\n\n{INTRODUCTION}\n== Checks\n{}",
        examination.version,
        examination.platform,
        in_words(&examination.checks)
    );
    let found = &mut examination.found;
    text.push_str("\n== Settings\n");
    match &found.settings {
        Some(settings) => text.push_str(&settings_in_words(settings, &mut found.mask)),
        None => text.push_str("not read\n"),
    }
    text.push_str("\n== State\n");
    match &found.status {
        Some(status) => text.push_str(&state_of(status, &mut found.mask)),
        None => text.push_str("not known\n"),
    }
    for log in LOGS {
        // What cannot be read is left out: this is not the place where anybody learns that.
        if let Ok(lines) = last_lines(&invocation.paths.state.join(log)) {
            let _ = write!(
                text,
                "\n== The end of {log}\n{}",
                found.mask.text(&without_titles(&lines))
            );
        }
    }
    text
}

/// The checks, one after the other, as the command prints them.
pub fn in_words(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let verdict = match check.verdict {
            Verdict::Ok => "ok",
            Verdict::Note => "note",
            Verdict::Failed => "failed",
        };
        let _ = writeln!(text, "{verdict:7} {}", check.what);
        if let Some(what_to_do) = &check.what_to_do {
            let _ = writeln!(text, "        {what_to_do}");
        }
    }
    text
}

fn settings_in_words(settings: &Settings, mask: &mut Mask) -> String {
    let mut text = String::new();
    for portal in &settings.portals {
        let _ = writeln!(
            text,
            "portal {}: start URL {}, region {}, endpoints of its own: {}, a browser of its own: {}",
            mask.name(Kind::Portal, &portal.name),
            mask.text(&portal.start_url),
            mask.text(&portal.region),
            portal.endpoints != portray_core::settings::EndpointSettings::default(),
            portal.sign_in_browser.is_some(),
        );
    }
    let via = match settings.console.via {
        Via::Federation => "federation",
        Via::Portal => "portal",
    };
    let _ = writeln!(
        text,
        "console via {via}, a browser of its own: {}",
        settings.console.browser.is_some()
    );
    for fault in settings.faults.iter().chain(&settings.unknown_keys) {
        let _ = writeln!(text, "line {} does not hold", fault.line);
    }
    text
}

fn state_of(status: &StatusReply, mask: &mut Mask) -> String {
    let mut text = String::new();
    for portal in &status.portals {
        let time = |time: Option<jiff::Timestamp>| time.map_or("unknown".to_owned(), |time| time.to_string());
        let _ = writeln!(
            text,
            "{}: {}, access token until {}, session until {}, {} accounts, {} permission sets, synced at {}",
            mask.name(Kind::Portal, &portal.name),
            state_in_words(portal.state),
            time(portal.access_token_expires_at),
            time(portal.session_ends_at),
            portal.accounts,
            portal.permission_sets,
            time(portal.sync.synced_at),
        );
    }
    for credentials in &status.credentials {
        let _ = writeln!(
            text,
            "{} / {}: {:?} until {}, kept: {}",
            mask.name(Kind::Account, &credentials.role.account),
            mask.name(Kind::PermissionSet, &credentials.role.permission_set),
            credentials.state,
            credentials
                .expires_at
                .map_or("unknown".to_owned(), |time| time.to_string()),
            credentials.kept,
        );
    }
    text
}

/// The titles of notices name roles and portals, and stand in no quotation marks of ours.
fn without_titles(lines: &str) -> String {
    let each = lines.lines().map(|line| match line.split_once("title=\"") {
        Some((before, title)) => {
            let behind = title.rsplit_once('"').map_or("", |(_, behind)| behind);
            format!("{before}title=[removed]{behind}\n")
        }
        None => format!("{line}\n"),
    });
    each.collect()
}

fn last_lines(path: &Path) -> io::Result<String> {
    let mut file = std::fs::File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(BYTES)))?;
    let mut bytes = Vec::new();
    file.take(BYTES).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(LINES)..].join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x3_titles_of_notices_are_left_out_of_the_log() {
        let line = "INFO portray::shell: no desktop error=x title=\"New: \\\"acme\\\" / ReadOnly\" more";
        let expected = "INFO portray::shell: no desktop error=x title=[removed] more\n";
        assert_eq!(without_titles(line), expected);
        assert_eq!(without_titles("a line"), "a line\n");
    }
}
