//! Opens links in the person's browser.

use std::path::PathBuf;
use std::process::Command;

use portray_core::app::shell::{Opening, ShellError};
use portray_core::console::browsers::{self, BrowserCommand};
use portray_core::paths::Environment;
use portray_core::secret::Secret;
use tauri::AppHandle;
use tauri_plugin_shell::ShellExt;

/// How links are opened on this machine.
#[derive(Debug, Clone)]
pub struct Browser {
    opener: Option<BrowserCommand>,
}

impl Browser {
    /// Looks the desktop's opener up once, so that a later change of PATH cannot put another program in its place.
    pub fn find(environment: &Environment) -> Self {
        let found = openers(environment).iter().find_map(|(program, arguments)| {
            let program = absolute(program, environment)?;
            Some(BrowserCommand {
                program: program.to_str()?.to_owned(),
                arguments: arguments.iter().map(ToString::to_string).collect(),
            })
        });
        Self { opener: found }
    }

    /// Opens `url`, with the command line `browser` where the settings name one.
    pub fn open(&self, app: &AppHandle, url: &Secret, browser: Option<&str>) -> Opening {
        match self.command(app, url, browser) {
            Ok(command) => Box::pin(async move { Ok(browsers::start(command).await?) }),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn command(&self, app: &AppHandle, url: &Secret, browser: Option<&str>) -> Result<Command, ShellError> {
        let url = browsers::permitted(url.expose())?;
        let line = match browser {
            Some(text) => BrowserCommand::parse(text)?,
            None => self
                .opener
                .clone()
                .ok_or_else(|| ShellError("this desktop has no program that opens links".to_owned()))?,
        };
        let arguments = line.arguments_for(&url);
        Ok(app.shell().command(line.program).args(arguments).into())
    }
}

#[cfg(all(unix, not(target_os = "macos")))]
fn openers(environment: &Environment) -> Vec<(&'static str, Vec<&'static str>)> {
    let mut openers = vec![
        ("xdg-open", vec!["{url}"]),
        ("gio", vec!["open", "{url}"]),
        ("x-www-browser", vec!["{url}"]),
    ];
    if environment.text("WSL_DISTRO_NAME").is_some() {
        openers.insert(0, ("wslview", vec!["{url}"]));
    }
    openers
}

#[cfg(target_os = "macos")]
fn openers(_environment: &Environment) -> Vec<(&'static str, Vec<&'static str>)> {
    vec![("/usr/bin/open", vec!["{url}"])]
}

#[cfg(windows)]
fn openers(_environment: &Environment) -> Vec<(&'static str, Vec<&'static str>)> {
    vec![("rundll32.exe", vec!["url.dll,FileProtocolHandler", "{url}"])]
}

/// Where a program is, by PATH; relative entries of PATH do not count.
fn absolute(program: &str, environment: &Environment) -> Option<PathBuf> {
    if PathBuf::from(program).is_absolute() {
        return Some(PathBuf::from(program));
    }
    let path = environment.text("PATH")?;
    std::env::split_paths(path)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn b3_the_opener_is_found_once_and_absolute() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = std::env::temp_dir().join(format!("portray-opener-{}", std::process::id()));
        std::fs::create_dir_all(&scratch).unwrap();
        let opener = scratch.join("xdg-open");
        std::fs::write(&opener, "").unwrap();
        std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = format!("relative:{}", scratch.display());
        let browser = Browser::find(&Environment::of(&[("PATH", &path)]));
        assert_eq!(browser.opener.unwrap().program, opener.to_str().unwrap());
        assert!(Browser::find(&Environment::of(&[("PATH", "")])).opener.is_none());
        std::fs::remove_dir_all(&scratch).unwrap();
    }
}
