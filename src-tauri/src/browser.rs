//! Opens links in the person's browser.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use portray_core::app::shell::{Opening, ShellError};
use portray_core::paths::{Environment, is_loopback};
use portray_core::secret::Secret;
use tauri::AppHandle;
use tauri::Url;
use tauri_plugin_shell::ShellExt;

/// An opener that still runs after this time has become the browser itself.
const SETTLED: Duration = Duration::from_secs(3);

/// How links are opened on this machine.
#[derive(Debug, Clone)]
pub struct Browser {
    opener: Option<CommandLine>,
}

/// A program and its arguments; the URL goes where `{url}` stands, as part of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
struct CommandLine {
    program: String,
    arguments: Vec<String>,
}

impl Browser {
    /// Looks the desktop's opener up once, so that a later change of PATH cannot put another program in its place.
    pub fn find(environment: &Environment) -> Self {
        let found = openers(environment).iter().find_map(|(program, arguments)| {
            let program = absolute(program, environment)?;
            Some(CommandLine {
                program: program.to_str()?.to_owned(),
                arguments: arguments.iter().map(ToString::to_string).collect(),
            })
        });
        Self { opener: found }
    }

    /// Opens `url`, with the command line `browser` where the settings name one.
    pub fn open(&self, app: &AppHandle, url: &Secret, browser: Option<&str>) -> Opening {
        match self.command(app, url, browser) {
            Ok(command) => Box::pin(started(command)),
            Err(error) => Box::pin(std::future::ready(Err(error))),
        }
    }

    fn command(&self, app: &AppHandle, url: &Secret, browser: Option<&str>) -> Result<Command, ShellError> {
        let url = permitted(url.expose())?;
        let line = match browser {
            Some(text) => CommandLine::parse(text)?,
            None => self
                .opener
                .clone()
                .ok_or_else(|| ShellError("this desktop has no program that opens links".to_owned()))?,
        };
        let arguments = line.arguments_for(&url);
        let mut command: Command = app.shell().command(line.program).args(arguments).into();
        // A browser outlives us: it must not hold our pipes, nor die with our terminal.
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        Ok(command)
    }
}

impl CommandLine {
    /// Splits at spaces; single and double quotes hold a word together. There is no shell and nothing else is special.
    fn parse(text: &str) -> Result<Self, ShellError> {
        let mut words = split(text)
            .ok_or_else(|| ShellError(format!("a quote is not closed in the browser command “{text}”")))?
            .into_iter();
        let program = words
            .next()
            .ok_or_else(|| ShellError("the browser command in the settings is empty".to_owned()))?;
        let mut arguments: Vec<String> = words.collect();
        if !arguments.iter().any(|argument| argument.contains("{url}")) {
            arguments.push("{url}".to_owned());
        }
        Ok(Self { program, arguments })
    }

    fn arguments_for(&self, url: &Url) -> Vec<String> {
        self.arguments
            .iter()
            .map(|argument| argument.replace("{url}", url.as_str()))
            .collect()
    }
}

/// Only an https page, or a page of this machine, is ever handed to another program.
fn permitted(text: &str) -> Result<Url, ShellError> {
    let url = Url::parse(text).map_err(|_| ShellError("the link is not a URL".to_owned()))?;
    let plain = url.username().is_empty() && url.password().is_none();
    if plain && (url.scheme() == "https" || is_loopback(&url)) {
        Ok(url)
    } else {
        Err(ShellError(format!(
            "links of the kind “{}” are not opened",
            url.scheme()
        )))
    }
}

async fn started(command: Command) -> Result<(), ShellError> {
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .map_err(|error| ShellError(format!("{program} cannot be started: {error}")))?;
    match tokio::time::timeout(SETTLED, child.wait()).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(ShellError(format!("{program} ended with {status}"))),
        Ok(Err(error)) => Err(ShellError(format!("{program}: {error}"))),
        Err(_still_running) => Ok(()),
    }
}

/// The words of a command line; none where a quote is not closed.
fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote: Option<char> = None;
    for character in text.chars() {
        match (quote, character) {
            (Some(open), close) if open == close => quote = None,
            (None, '"' | '\'') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, space) if space.is_whitespace() => words.extend(word.take()),
            (_, other) => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
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

    const LINK: &str = "http://127.0.0.1:40123/go/x%20y";

    fn arguments(browser: &str) -> Vec<String> {
        let line = CommandLine::parse(browser).unwrap();
        let mut all = vec![line.program.clone()];
        all.extend(line.arguments_for(&permitted(LINK).unwrap()));
        all
    }

    #[test]
    fn b3_the_url_is_one_argument_wherever_it_stands() {
        assert_eq!(
            arguments("firefox -P work {url}"),
            ["firefox", "-P", "work", LINK]
        );
        assert_eq!(arguments("firefox"), ["firefox", LINK]);
        assert_eq!(
            arguments(r#""C:\Program Files\b.exe" --profile='a b' --app={url}"#),
            [
                r"C:\Program Files\b.exe",
                "--profile=a b",
                &format!("--app={LINK}")
            ]
        );
    }

    #[test]
    fn b3_no_shell_reads_the_command_line() {
        assert_eq!(arguments("b $(id) ;rm {url}"), ["b", "$(id)", ";rm", LINK]);
        assert!(CommandLine::parse("firefox 'oops {url}").is_err());
        assert!(CommandLine::parse("  ").is_err());
    }

    #[test]
    fn b3_only_https_and_this_machine_are_opened() {
        for good in [LINK, "http://localhost:1/", "https://acme.awsapps.com/start"] {
            assert!(permitted(good).is_ok(), "{good}");
        }
        for bad in [
            "http://acme.awsapps.com/start",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://user:pass@host/",
            "http://127.0.0.1.evil.example/",
            "--help",
            "",
        ] {
            assert!(permitted(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn b3_a_refusal_does_not_repeat_the_link() {
        let error = permitted("ftp://host/canary").unwrap_err();
        assert!(!error.to_string().contains("canary"));
    }

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
