//! The person's browser: which links it is given, and the command line that the settings may name.

use ::url::Url;

use crate::paths::is_loopback;

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
}

impl BrowserCommand {
    /// Splits at spaces; single and double quotes hold a word together. There is no shell and nothing else is special.
    pub fn parse(text: &str) -> Result<Self, BrowserError> {
        let words = split(text).ok_or_else(|| BrowserError::OpenQuote(text.to_owned()))?;
        let mut words = words.into_iter();
        let program = words.next().ok_or(BrowserError::Empty)?;
        let mut arguments: Vec<String> = words.collect();
        if !arguments.iter().any(|argument| argument.contains("{url}")) {
            arguments.push("{url}".to_owned());
        }
        Ok(Self { program, arguments })
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
