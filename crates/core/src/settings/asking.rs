//! What the settings say of those who ask for credentials: whom a person confirms, and how long nobody has to ask.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;

/// Which roles' programs wait for a person's word.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "WrittenConfirm")]
pub enum Confirm {
    #[default]
    Never,
    Always,
    /// Patterns for `ACCOUNT/PERMISSION_SET`, by the account's name or id.
    Roles(Vec<String>),
}

/// `[confirm]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct ConfirmSettings {
    #[serde(default)]
    pub programs: Confirm,
}

/// `[keep]`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct KeepSettings {
    #[serde(default)]
    pub unused_for: UnusedFor,
}

/// How long a role is kept fresh that nobody uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum UnusedFor {
    Time(Duration),
    Never,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WrittenConfirm {
    Word(String),
    Roles(Vec<String>),
}

/// Shorter ones would give up what somebody has just begun to keep.
const SHORTEST: Duration = Duration::from_secs(60);

impl Default for UnusedFor {
    fn default() -> Self {
        Self::Time(Duration::from_secs(24 * 3600))
    }
}

impl TryFrom<WrittenConfirm> for Confirm {
    type Error = String;

    fn try_from(written: WrittenConfirm) -> Result<Self, String> {
        match written {
            WrittenConfirm::Word(word) if word == "ask" => Ok(Self::Always),
            WrittenConfirm::Word(word) if word == "never" => Ok(Self::Never),
            WrittenConfirm::Word(word) => Err(format!(
                "“{word}” is neither “ask”, nor “never”, nor a list of patterns"
            )),
            WrittenConfirm::Roles(patterns) => Ok(Self::Roles(patterns)),
        }
    }
}

impl TryFrom<String> for UnusedFor {
    type Error = String;

    fn try_from(written: String) -> Result<Self, String> {
        if written == "never" {
            return Ok(Self::Never);
        }
        let told =
            || format!("“{written}” is neither “never” nor a time of a minute or more, like 24h or 90m");
        let time: SignedDuration = written.parse().map_err(|_| told())?;
        let time = Duration::try_from(time).map_err(|_| told())?;
        if time < SHORTEST {
            return Err(told());
        }
        Ok(Self::Time(time))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::settings::Settings;

    fn read(text: &str) -> Settings {
        Settings::parse(text.as_bytes(), Path::new("settings.toml")).unwrap()
    }

    #[test]
    fn a6_whom_to_confirm_and_how_long_to_keep_is_read_and_what_does_not_hold_is_said() {
        let nothing = read("");
        assert_eq!(nothing.confirm.programs, Confirm::Never);
        assert_eq!(
            nothing.keep.unused_for,
            UnusedFor::Time(Duration::from_secs(24 * 3600))
        );
        let said = read("[confirm]\nprograms = \"ask\"\n[keep]\nunused_for = \"never\"\n");
        assert_eq!(said.confirm.programs, Confirm::Always);
        assert_eq!(said.keep.unused_for, UnusedFor::Never);
        let roles = read("[confirm]\nprograms = [\"*prod*\"]\n[keep]\nunused_for = \"90m\"\n");
        assert_eq!(roles.confirm.programs, Confirm::Roles(vec!["*prod*".to_owned()]));
        assert_eq!(roles.keep.unused_for, UnusedFor::Time(Duration::from_secs(5400)));
        for (text, word) in [
            ("[confirm]\nprograms = \"yes\"", "yes"),
            ("[keep]\nunused_for = \"soon\"", "soon"),
            ("[keep]\nunused_for = \"-1h\"", "-1h"),
            ("[keep]\nunused_for = \"1s\"", "1s"),
        ] {
            let faults = read(text).faults;
            assert_eq!(faults.len(), 1, "{text}");
            assert!(faults[0].what.contains(word), "{faults:?}");
        }
    }
}
