//! What stands after the dashes of `portray ssh`: options of ssh, a host, and perhaps a command.

use portray_core::app::contract::ProblemView;

/// Options of ssh that take a value.
const WITH_VALUE: &str = "BbcDEeFIiJLlmOoPpQRSWw";

/// Options that leave no session to work in, or none of ours: no command, the background, another connection's socket.
const REFUSED: &str = "fGMNnOQSsVW";

/// ssh's words, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Words {
    pub options: Vec<String>,
    pub host: String,
    /// As ssh joins it; empty for the login shell.
    pub command: String,
}

impl Words {
    pub fn of(words: &[String]) -> Result<Self, ProblemView> {
        let mut options = Vec::new();
        let mut host = None;
        let mut rest = words.iter();
        let mut command: Vec<&str> = Vec::new();
        let mut are_options_over = false;
        while let Some(word) = rest.next() {
            match word.strip_prefix('-') {
                Some("-") if !are_options_over => are_options_over = true,
                // ssh takes options behind the host too.
                Some(letters) if !are_options_over && !letters.is_empty() => {
                    let lacks_value = take(letters)?;
                    options.push(word.clone());
                    if lacks_value {
                        options.push(rest.next().ok_or_else(ProblemView::no_ssh_host)?.clone());
                    }
                }
                None | Some(_) if host.is_none() => host = Some(word.clone()),
                None | Some(_) => {
                    command.push(word);
                    command.extend(rest.by_ref().map(String::as_str));
                }
            }
        }
        Ok(Self {
            options,
            host: host
                .filter(|host| !host.is_empty() && !host.starts_with('-'))
                .ok_or_else(ProblemView::no_ssh_host)?,
            command: command.join(" "),
        })
    }
}

/// Looks at a word with options; says whether the next word is the value of its last one.
fn take(letters: &str) -> Result<bool, ProblemView> {
    for (at, letter) in letters.char_indices() {
        if REFUSED.contains(letter) {
            return Err(ProblemView::ssh_option(&format!("-{letter}")));
        }
        if WITH_VALUE.contains(letter) {
            return Ok(at + letter.len_utf8() == letters.len());
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Result<Words, ProblemView> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        Words::of(&words)
    }

    #[test]
    fn ssh_finds_its_options_the_host_and_the_command() {
        for (line, options, host, command) in [
            ("build", "", "build", ""),
            ("-p 22 me@build", "-p 22", "me@build", ""),
            ("-p22 -tt build uptime -p", "-p22 -tt", "build", "uptime -p"),
            ("-vAp 22 build", "-vAp 22", "build", ""),
            ("build -p 22 ls -l", "-p 22", "build", "ls -l"),
            (
                "-o StrictHostKeyChecking=yes ssh://me@build:22 a b",
                "-o StrictHostKeyChecking=yes",
                "ssh://me@build:22",
                "a b",
            ),
            ("build -- -x", "", "build", "-x"),
            ("-- build ls", "", "build", "ls"),
        ] {
            let found = words(line).unwrap();
            assert_eq!(found.options.join(" "), options, "{line}");
            assert_eq!(
                (found.host.as_str(), found.command.as_str()),
                (host, command),
                "{line}"
            );
        }
    }

    #[test]
    fn ssh_options_that_leave_no_session_are_refused() {
        for line in [
            "-N build",
            "-f build ls",
            "-vN build",
            "-O exit build",
            "-M build",
            "-W a:1 build",
            "-S /x build",
            "build -N",
        ] {
            let refused = words(line).unwrap_err();
            assert!(
                refused.what_happened.contains("portray ssh"),
                "{line}: {refused:?}"
            );
        }
        for line in ["", "-p 22", "-p", "-v", "-- -oProxyCommand=x"] {
            assert_eq!(words(line), Err(ProblemView::no_ssh_host()), "{line}");
        }
    }
}
