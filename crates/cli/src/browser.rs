//! The browser of an agent without a tray: what the settings or `BROWSER` name, else the system's.

use std::process::Command;

use portray_core::app::shell::ShellError;
use portray_core::console::browsers::{self, BrowserCommand, BrowserError};
use portray_core::secret::Secret;

/// The commands to try, the first that works; none for the system's own browser.
pub fn commands(setting: Option<&str>, variable: Option<&str>) -> Result<Vec<BrowserCommand>, BrowserError> {
    match (setting, variable) {
        (Some(setting), _) => Ok(vec![BrowserCommand::parse(setting)?]),
        (None, Some(variable)) => BrowserCommand::of_variable(variable),
        (None, None) => Ok(Vec::new()),
    }
}

/// Opens a link with the first of these commands that works.
pub async fn open(
    url: Secret,
    commands: Result<Vec<BrowserCommand>, BrowserError>,
) -> Result<(), ShellError> {
    let (url, commands) = (browsers::permitted(url.expose())?, commands?);
    if commands.is_empty() {
        let opened = tokio::task::spawn_blocking(move || opener::open_browser(url.as_str()));
        return match opened.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ShellError(error.to_string())),
            Err(_) => Err(ShellError("it crashed".to_owned())),
        };
    }
    let mut outcome = Ok(());
    for command in commands {
        let mut line = Command::new(&command.program);
        line.args(command.arguments_for(&url));
        outcome = browsers::start(line).await;
        match &outcome {
            Ok(()) => break,
            Err(error) => tracing::info!(%error, "a browser did not open"),
        }
    }
    Ok(outcome?)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    /// What the commands of this `BROWSER` were started with, and how it went.
    async fn opened(variable: &str) -> (String, Result<(), ShellError>) {
        let scratch = tempfile::tempdir().unwrap();
        let script = scratch.path().join("browser");
        let log = scratch.path().join("log");
        let text = format!("#!/bin/sh\nprintf '%s\\n' \"$@\" >>'{}'\n", log.display());
        std::fs::write(&script, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&script, mode).unwrap();
        let variable = variable.replace("BROWSER", script.to_str().unwrap());
        let outcome = open(
            Secret::from("https://acme.example/x?a=b&c=$(id)"),
            commands(None, Some(&variable)),
        );
        let outcome = outcome.await;
        (std::fs::read_to_string(log).unwrap_or_default(), outcome)
    }

    #[tokio::test]
    async fn b3_the_first_command_that_works_opens_the_link_and_no_shell_reads_it() {
        let link = "https://acme.example/x?a=b&c=$(id)";
        for (variable, arguments) in [
            ("BROWSER", format!("{link}\n")),
            (
                "/no/such/browser:false:BROWSER -n:BROWSER again",
                format!("-n\n{link}\n"),
            ),
            ("BROWSER 'a b' --at=%s", format!("a b\n--at={link}\n")),
            ("BROWSER {url} $HOME", format!("{link}\n$HOME\n")),
        ] {
            let (log, outcome) = opened(variable).await;
            assert_eq!((log, outcome), (arguments, Ok(())), "{variable}");
        }
        let (log, outcome) = opened("/no/such/browser:false").await;
        assert_eq!(log, "");
        assert!(outcome.unwrap_err().0.contains("false"));
    }
}
