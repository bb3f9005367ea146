//! Credentials in the words of shells and tools; quoting that gives exactly the value.

use clap::ValueEnum;
use jiff::Timestamp;
use portray_core::agent::protocol::CredentialsReply;
use serde::Serialize;

/// How credentials are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// What credential_process gives: one JSON line.
    Process,
    /// Everything that is known, as JSON.
    Json,
    /// For eval in bash, zsh and other POSIX shells.
    Bash,
    /// For fish: portray credentials … | source
    Fish,
    /// For PowerShell: … | Out-String | Invoke-Expression
    Powershell,
    /// For the Windows command prompt.
    Cmd,
    /// For a profile in a credentials file.
    Ini,
}

/// A value that a shell has no quoting for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unquotable;

/// Other sources of credentials that would win over the ones given, or be mixed up with them.
pub const COMPETING: [&str; 2] = ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"];

/// What `credential_process` prints.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ProcessDocument<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
    account_id: &'a str,
}

impl<'a> From<&'a CredentialsReply> for ProcessDocument<'a> {
    fn from(credentials: &'a CredentialsReply) -> Self {
        Self {
            version: 1,
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
            expiration: whole_seconds(credentials.expires_at),
            account_id: &credentials.role.account,
        }
    }
}

/// Everything that is known about the credentials.
#[derive(Serialize)]
pub struct CredentialsDocument<'a> {
    portal: &'a str,
    account: &'a str,
    account_name: &'a str,
    permission_set: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expires_at: String,
}

impl<'a> From<&'a CredentialsReply> for CredentialsDocument<'a> {
    fn from(credentials: &'a CredentialsReply) -> Self {
        Self {
            portal: &credentials.portal_name,
            account: &credentials.role.account,
            account_name: &credentials.account_name,
            permission_set: &credentials.role.permission_set,
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
            expires_at: whole_seconds(credentials.expires_at),
        }
    }
}

/// The variables that AWS tools look at.
pub fn variables(credentials: &CredentialsReply, region: Option<&str>) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("AWS_ACCESS_KEY_ID", credentials.access_key_id.clone()),
        (
            "AWS_SECRET_ACCESS_KEY",
            credentials.secret_access_key.expose().to_owned(),
        ),
        ("AWS_SESSION_TOKEN", credentials.session_token.expose().to_owned()),
        ("AWS_CREDENTIAL_EXPIRATION", whole_seconds(credentials.expires_at)),
    ];
    if let Some(region) = region {
        variables.push(("AWS_REGION", region.to_owned()));
        variables.push(("AWS_DEFAULT_REGION", region.to_owned()));
    }
    variables
}

/// Statements that set variables in bash, zsh and other POSIX shells.
pub fn posix(variables: &[(&str, String)]) -> Result<String, Unquotable> {
    let unset = format!("unset {}", COMPETING.join(" "));
    statements(unset, variables, |name, value| {
        let value = value.replace('\'', r"'\''");
        Ok(format!("export {name}='{value}'"))
    })
}

pub fn fish(variables: &[(&str, String)]) -> Result<String, Unquotable> {
    let unset = format!("set -e {}", COMPETING.join(" "));
    statements(unset, variables, |name, value| {
        let value = value.replace('\\', r"\\").replace('\'', r"\'");
        Ok(format!("set -gx {name} '{value}'"))
    })
}

pub fn powershell(variables: &[(&str, String)]) -> Result<String, Unquotable> {
    let paths: Vec<_> = COMPETING.iter().map(|name| format!("Env:{name}")).collect();
    let unset = format!("Remove-Item -ErrorAction SilentlyContinue {}", paths.join(","));
    statements(unset, variables, |name, value| {
        Ok(format!("$Env:{name} = '{}'", doubled_quotes(value)))
    })
}

/// Inside quotes the command prompt still expands % and ! and ends at a quote or a line's end.
pub fn cmd(variables: &[(&str, String)]) -> Result<String, Unquotable> {
    let unset: Vec<_> = COMPETING.iter().map(|name| format!("set \"{name}=\"")).collect();
    statements(unset.join("\n"), variables, |name, value| {
        let is_plain = !value
            .chars()
            .any(|letter| letter.is_control() || "\"%!".contains(letter));
        is_plain
            .then(|| format!("set \"{name}={value}\""))
            .ok_or(Unquotable)
    })
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

/// RFC 3339 in UTC without a fraction: what every SDK understands.
pub fn whole_seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn statements(
    unset: String,
    variables: &[(&str, String)],
    set: impl Fn(&str, &str) -> Result<String, Unquotable>,
) -> Result<String, Unquotable> {
    let mut lines = vec![unset];
    for (name, value) in variables {
        if value.contains('\0') {
            return Err(Unquotable);
        }
        lines.push(set(name, value)?);
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

    fn is_installed(shell: &str) -> bool {
        std::process::Command::new(shell)
            .arg("-c")
            .arg("exit 0")
            .output()
            .is_ok()
    }

    #[test]
    #[cfg(unix)]
    fn i4_posix_shells_get_exactly_the_value() {
        for shell in ["sh", "bash", "zsh"]
            .into_iter()
            .filter(|shell| *shell == "sh" || is_installed(shell))
        {
            for value in HOSTILE {
                assert_eq!(evaluate(shell, &posix(&one(value)).unwrap()), value, "{shell}");
            }
        }
    }

    #[test]
    #[cfg(unix)]
    fn i4_fish_gets_exactly_the_value() {
        let rules = [("it's", r"'it\'s'"), (r"a\b", r"'a\\b'"), ("$(id)", "'$(id)'")];
        for (value, quoted) in rules {
            let statements = fish(&one(value)).unwrap();
            assert!(
                statements.ends_with(&format!("set -gx AWS_VALUE {quoted}")),
                "{statements}"
            );
        }
        if is_installed("fish") {
            for value in HOSTILE {
                assert_eq!(evaluate("fish", &fish(&one(value)).unwrap()), value);
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
            let statements = powershell(&one(value)).unwrap();
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
            assert_eq!(cmd(&one(value)).is_ok(), fits, "{value}");
        }
        assert!(cmd(&one("a b")).unwrap().ends_with("set \"AWS_VALUE=a b\""));
    }

    #[test]
    fn i4_a_profile_has_no_room_for_lines() {
        assert_eq!(ini(&one("x\n[default]"), "acme"), Err(Unquotable));
        assert_eq!(ini(&one("x"), "acme").unwrap(), "[acme]\naws_value = x");
    }

    #[test]
    fn no_shell_takes_a_nul() {
        for statements in [posix, fish, powershell, cmd] {
            assert_eq!(statements(&one("a\0b")), Err(Unquotable));
        }
    }

    #[test]
    fn the_expiry_has_a_zone_and_no_fraction() {
        let time: Timestamp = "2026-03-02T12:00:00.123Z".parse().unwrap();
        assert_eq!(whole_seconds(time), "2026-03-02T12:00:00Z");
    }
}
