//! The person's browser: which links it is given, and the command line that the settings may name.

use std::process::{Command, Stdio};
use std::time::Duration;

use ::url::Url;

use crate::paths::is_loopback;

/// A program that still runs after this time has become the browser itself.
const SETTLED: Duration = Duration::from_secs(3);

/// A program and its arguments; the URL goes where `{url}` stands, as part of one argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserCommand {
    pub program: String,
    pub arguments: Vec<String>,
}

/// A link or a command line that is not used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrowserError {
    #[error("a quote is not closed in the browser command “{0}”")]
    OpenQuote(String),
    #[error("the browser command in the settings is empty")]
    Empty,
    #[error("the link is not a URL")]
    NotAUrl,
    #[error("links of the kind “{0}” are not opened")]
    KindNotOpened(String),
    #[error("{program} cannot be started: {reason}")]
    NotStarted { program: String, reason: String },
    #[error("{program} ended with {status}")]
    Ended { program: String, status: String },
}

impl BrowserCommand {
    /// Splits at spaces; single and double quotes hold a word together. There is no shell and nothing else is special.
    pub fn parse(text: &str) -> Result<Self, BrowserError> {
        Ok(Self::split(text)?.with_place_for_url())
    }

    /// The commands of a `BROWSER` variable in the order of preference: separated by colons (semicolons on Windows,
    /// where paths have colons), `%s` or `{url}` for the URL, which else comes last, `%%` and `%c` for a percent sign
    /// and a colon.
    pub fn of_variable(text: &str) -> Result<Vec<Self>, BrowserError> {
        let separator = if cfg!(windows) { ';' } else { ':' };
        let commands = text.split(separator).filter(|command| !command.trim().is_empty());
        let commands = commands.map(|command| {
            let mut command = Self::split(command)?;
            for word in std::iter::once(&mut command.program).chain(&mut command.arguments) {
                *word = expand(word);
            }
            Ok(command.with_place_for_url())
        });
        commands.collect()
    }

    fn split(text: &str) -> Result<Self, BrowserError> {
        let words = split(text).ok_or_else(|| BrowserError::OpenQuote(text.to_owned()))?;
        let mut words = words.into_iter();
        let program = words.next().ok_or(BrowserError::Empty)?;
        Ok(Self {
            program,
            arguments: words.collect(),
        })
    }

    fn with_place_for_url(mut self) -> Self {
        if !self.arguments.iter().any(|argument| argument.contains("{url}")) {
            self.arguments.push("{url}".to_owned());
        }
        self
    }

    pub fn arguments_for(&self, url: &Url) -> Vec<String> {
        self.arguments
            .iter()
            .map(|argument| argument.replace("{url}", url.as_str()))
            .collect()
    }
}

/// Only an https page, or a page of this machine, is ever handed to another program.
pub fn permitted(text: &str) -> Result<Url, BrowserError> {
    let url = Url::parse(text).map_err(|_| BrowserError::NotAUrl)?;
    let plain = url.username().is_empty() && url.password().is_none();
    match plain && (url.scheme() == "https" || is_loopback(&url)) {
        true => Ok(url),
        false => Err(BrowserError::KindNotOpened(url.scheme().to_owned())),
    }
}

/// A word of `BROWSER` with the URL's place as we write it.
fn expand(word: &str) -> String {
    let mut expanded = String::new();
    let mut letters = word.chars();
    while let Some(letter) = letters.next() {
        match (letter, letters.clone().next()) {
            ('%', Some('s')) => expanded.push_str("{url}"),
            ('%', Some('c')) => expanded.push(':'),
            ('%', Some('%')) => expanded.push('%'),
            _ => {
                expanded.push(letter);
                continue;
            }
        }
        letters.next();
    }
    expanded
}

/// Starts a browser, or a program that opens one, and sees whether it ends at once with a failure.
pub async fn start(mut command: Command) -> Result<(), BrowserError> {
    // A browser outlives us: it must not hold our pipes, nor die with our terminal.
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let program = command.get_program().to_string_lossy().into_owned();
    let not_started = |error: std::io::Error| BrowserError::NotStarted {
        program: program.clone(),
        reason: error.to_string(),
    };
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .map_err(not_started)?;
    match tokio::time::timeout(SETTLED, child.wait()).await {
        Ok(Ok(status)) if !status.success() => Err(BrowserError::Ended {
            program,
            status: status.to_string(),
        }),
        Ok(Err(error)) => Err(not_started(error)),
        Ok(Ok(_)) | Err(_) => Ok(()),
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

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "http://127.0.0.1:40123/go/x%20y";

    fn arguments(browser: &str) -> Vec<String> {
        let line = BrowserCommand::parse(browser).unwrap();
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
        assert!(BrowserCommand::parse("firefox 'oops {url}").is_err());
        assert!(BrowserCommand::parse("  ").is_err());
    }

    #[test]
    #[cfg(not(windows))]
    fn b3_the_variable_names_commands_in_the_order_of_preference() {
        let commands = |text| {
            let url = permitted(LINK).unwrap();
            let line = |command: BrowserCommand| {
                let mut words = vec![command.program.clone()];
                words.extend(command.arguments_for(&url));
                words
            };
            let parsed = BrowserCommand::of_variable(text).unwrap();
            parsed.into_iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(
            commands("firefox:w3m -o 'a b' %s : /opt/x --app={url} -n"),
            [
                vec!["firefox", LINK],
                vec!["w3m", "-o", "a b", LINK],
                vec!["/opt/x", &format!("--app={LINK}"), "-n"],
            ]
        );
        assert_eq!(
            commands("b --at=%c0 100%% %s"),
            [vec!["b", "--at=:0", "100%", LINK]]
        );
        assert_eq!(
            commands("b $(id);%20 `id`"),
            [vec!["b", "$(id);%20", "`id`", LINK]]
        );
        assert_eq!(commands(" : "), Vec::<Vec<&str>>::new());
        assert!(BrowserCommand::of_variable("b 'oops").is_err());
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
}
