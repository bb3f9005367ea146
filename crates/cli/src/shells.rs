//! Statements that set and clear variables, in the words of each shell; quoting that gives exactly the value.

use std::path::Path;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use portray_core::paths::Environment;

/// A shell, or a family of shells that quote alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// bash, zsh and other POSIX shells, for eval.
    #[value(aliases = ["zsh", "sh", "posix"])]
    Bash,
    /// fish, for source.
    Fish,
    /// PowerShell, for Invoke-Expression.
    #[value(alias = "pwsh")]
    Powershell,
    /// The Windows command prompt.
    Cmd,
}

/// A value that a shell has no quoting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unquotable;

impl Shell {
    /// Reads an option: under every name that people have for their shell, so that an error and help list them all.
    pub fn parser() -> impl TypedValueParser<Value = Self> {
        let names = [
            PossibleValue::new("bash"),
            PossibleValue::new("zsh"),
            PossibleValue::new("sh").alias("posix"),
            PossibleValue::new("fish"),
            PossibleValue::new("powershell").alias("pwsh"),
            PossibleValue::new("cmd").help("the Windows command prompt"),
        ];
        PossibleValuesParser::new(names).try_map(|name| Self::from_str(&name, false))
    }

    /// The shell that the person uses, as far as the environment tells.
    pub fn of(environment: &Environment) -> Self {
        let login_shell = environment.text("SHELL").map(Path::new);
        match login_shell
            .and_then(Path::file_stem)
            .and_then(|name| name.to_str())
        {
            Some("fish") => Self::Fish,
            Some("pwsh") => Self::Powershell,
            Some(_) => Self::Bash,
            None if cfg!(windows) => Self::Powershell,
            None => Self::Bash,
        }
    }

    /// Statements that clear some variables, then set others.
    pub fn set(self, clear: &[&str], variables: &[(&str, String)]) -> Result<String, Unquotable> {
        let mut lines = self.clear(clear);
        for (name, value) in variables {
            if value.contains('\0') {
                return Err(Unquotable);
            }
            lines.push(self.assignment(name, value)?);
        }
        Ok(lines.join("\n"))
    }

    fn clear(self, names: &[&str]) -> Vec<String> {
        if names.is_empty() {
            return Vec::new();
        }
        match self {
            Self::Bash => vec![format!("unset {}", names.join(" "))],
            Self::Fish => vec![format!("set -e {}", names.join(" "))],
            Self::Powershell => {
                let paths: Vec<_> = names.iter().map(|name| format!("Env:{name}")).collect();
                vec![format!(
                    "Remove-Item -ErrorAction SilentlyContinue {}",
                    paths.join(",")
                )]
            }
            Self::Cmd => names.iter().map(|name| format!("set \"{name}=\"")).collect(),
        }
    }

    fn assignment(self, name: &str, value: &str) -> Result<String, Unquotable> {
        match self {
            Self::Bash => Ok(format!("export {name}='{}'", value.replace('\'', r"'\''"))),
            Self::Fish => {
                let value = value.replace('\\', r"\\").replace('\'', r"\'");
                Ok(format!("set -gx {name} '{value}'"))
            }
            Self::Powershell => Ok(format!("$Env:{name} = '{}'", doubled_quotes(value))),
            Self::Cmd => in_command_prompt(name, value),
        }
    }
}

/// Inside quotes the command prompt still expands % and ! and ends at a quote or a line's end.
fn in_command_prompt(name: &str, value: &str) -> Result<String, Unquotable> {
    let is_plain = !value
        .chars()
        .any(|letter| letter.is_control() || "\"%!".contains(letter));
    is_plain
        .then(|| format!("set \"{name}={value}\""))
        .ok_or(Unquotable)
}

/// A profile's lines; the format knows no quoting at all.
pub fn ini(variables: &[(&str, String)], profile: &str) -> Result<String, Unquotable> {
    let mut lines = vec![format!("[{profile}]")];
    for (name, value) in variables {
        let key = match *name {
            "AWS_CREDENTIAL_EXPIRATION" | "AWS_DEFAULT_REGION" => continue,
            "AWS_REGION" => "region".to_owned(),
            name => name.to_lowercase(),
        };
        if value.chars().any(char::is_control) || value.trim() != value {
            return Err(Unquotable);
        }
        lines.push(format!("{key} = {value}"));
    }
    Ok(lines.join("\n"))
}

/// PowerShell takes typographic quotes for single quotes too.
fn doubled_quotes(value: &str) -> String {
    value
        .chars()
        .flat_map(|letter| {
            let copies = if "'\u{2018}\u{2019}\u{201a}\u{201b}".contains(letter) {
                2
            } else {
                1
            };
            std::iter::repeat_n(letter, copies)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: [&str; 14] = [
        "plain",
        "with space",
        "$(id)",
        "`id`",
        "'",
        "\"",
        "\\",
        "\\'",
        "%PATH%",
        "a;b&c|d",
        "-leading",
        "ü \u{1f512}",
        "two\nlines",
        "!x",
    ];

    fn one(value: &str) -> [(&'static str, String); 1] {
        [("AWS_VALUE", value.to_owned())]
    }

    /// Evaluates statements in a real shell and prints the variable.
    fn evaluate(shell: &str, statements: &str) -> String {
        let script = format!("{statements}\nprintf %s \"$AWS_VALUE\"");
        let output = std::process::Command::new(shell)
            .arg("-c")
            .arg(script)
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// The tests' set-up installs it on Linux: there it is missed.
    fn is_installed(shell: &str) -> bool {
        let starts = std::process::Command::new(shell)
            .arg("-c")
            .arg("exit 0")
            .output()
            .is_ok();
        starts || cfg!(target_os = "linux")
    }

    #[test]
    #[cfg(unix)]
    fn i4_posix_shells_get_exactly_the_value() {
        for shell in ["sh", "bash", "zsh"]
            .into_iter()
            .filter(|shell| is_installed(shell))
        {
            for value in HOSTILE {
                assert_eq!(
                    evaluate(shell, &Shell::Bash.set(&[], &one(value)).unwrap()),
                    value,
                    "{shell}"
                );
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn i4_fish_gets_exactly_the_value() {
        let rules = [("it's", r"'it\'s'"), (r"a\b", r"'a\\b'"), ("$(id)", "'$(id)'")];
        for (value, quoted) in rules {
            let statements = Shell::Fish.set(&[], &one(value)).unwrap();
            assert!(
                statements.ends_with(&format!("set -gx AWS_VALUE {quoted}")),
                "{statements}"
            );
        }
        if is_installed("fish") {
            for value in HOSTILE {
                assert_eq!(
                    evaluate("fish", &Shell::Fish.set(&[], &one(value)).unwrap()),
                    value
                );
            }
        }
    }

    /// What PowerShell reads in single quotes: two quotes of any kind are one, everything else stands for itself, and a
    /// single one ends the text.
    fn as_powershell_reads(statement: &str) -> Option<String> {
        let is_quote = |letter: char| "'\u{2018}\u{2019}\u{201a}\u{201b}".contains(letter);
        let mut letters = statement.strip_prefix("$Env:AWS_VALUE = '")?.chars().peekable();
        let mut value = String::new();
        while let Some(letter) = letters.next() {
            if is_quote(letter) && letters.next_if(|next| is_quote(*next)).is_none() {
                return letters.next().is_none().then_some(value);
            }
            value.push(letter);
        }
        None
    }

    /// What the command prompt reads: up to the last quote of the line; a name between two % is its value, ! is with
    /// delayed expansion, and a line's end ends everything.
    fn as_the_command_prompt_reads(statement: &str) -> Option<String> {
        let value = statement.strip_prefix("set \"AWS_VALUE=")?.strip_suffix('"')?;
        (!value.contains(['%', '!', '"', '\r', '\n'])).then(|| value.to_owned())
    }

    #[test]
    fn i4_windows_shells_read_exactly_the_value_or_are_given_none() {
        let more = [
            "\u{2019}x\u{2018}",
            "it's",
            "''",
            "^",
            "a&b|c<>",
            "$x `n",
            "ends with \\",
        ];
        for value in HOSTILE.into_iter().chain(more) {
            let statement = Shell::Powershell.set(&[], &one(value)).unwrap();
            assert_eq!(
                as_powershell_reads(&statement).as_deref(),
                Some(value),
                "{statement}"
            );
            match Shell::Cmd.set(&[], &one(value)) {
                Ok(statement) => assert_eq!(
                    as_the_command_prompt_reads(&statement).as_deref(),
                    Some(value),
                    "{statement}"
                ),
                Err(Unquotable) => assert!(value.contains(['%', '!', '"', '\n']), "{value}"),
            }
        }
    }

    #[test]
    fn i4_powershell_doubles_every_kind_of_single_quote() {
        for (value, quoted) in [
            ("it's", "'it''s'"),
            ("\u{2019}x", "'\u{2019}\u{2019}x'"),
            ("$x `n \"", "'$x `n \"'"),
        ] {
            let statements = Shell::Powershell.set(&[], &one(value)).unwrap();
            assert!(
                statements.ends_with(&format!("$Env:AWS_VALUE = {quoted}")),
                "{statements}"
            );
        }
    }

    #[test]
    fn i4_the_command_prompt_refuses_what_it_cannot_quote() {
        for (value, fits) in [
            ("a&b|c^<>", true),
            ("a b", true),
            ("%PATH%", false),
            ("\"", false),
            ("a\nb", false),
            ("!x", false),
        ] {
            assert_eq!(Shell::Cmd.set(&[], &one(value)).is_ok(), fits, "{value}");
        }
        assert!(
            Shell::Cmd
                .set(&[], &one("a b"))
                .unwrap()
                .ends_with("set \"AWS_VALUE=a b\"")
        );
    }

    #[test]
    fn i4_a_profile_has_no_room_for_lines() {
        assert_eq!(ini(&one("x\n[default]"), "acme"), Err(Unquotable));
        assert_eq!(ini(&one("x"), "acme").unwrap(), "[acme]\naws_value = x");
    }

    #[test]
    fn every_name_that_may_be_given_is_a_shell() {
        let parser = Shell::parser();
        let names = parser.possible_values().into_iter().flatten();
        let names: Vec<_> = names
            .flat_map(|value| {
                value
                    .get_name_and_aliases()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .collect();
        assert!(names.contains(&"zsh".to_owned()) && names.contains(&"sh".to_owned()));
        for name in names {
            assert!(Shell::from_str(&name, false).is_ok(), "{name}");
        }
    }

    #[test]
    fn no_shell_takes_a_nul() {
        for shell in Shell::value_variants() {
            assert_eq!(shell.set(&[], &one("a\0b")), Err(Unquotable), "{shell:?}");
        }
    }
}
