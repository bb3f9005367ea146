//! What the settings say of those who ask for credentials: whom a person confirms, and how long nobody has to ask.

use std::time::Duration;

use jiff::SignedDuration;
use serde::Deserialize;
use toml_edit::{Item, Value};

/// Which roles' programs wait for a person's word.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Confirm {
    #[default]
    Never,
    Always,
    /// Patterns for `ACCOUNT/PERMISSION_SET`, by the account's name or id.
    Roles(Vec<String>),
    /// Something stands there that nobody can read.
    Unreadable,
}

/// `[confirm]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfirmSettings {
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

/// Shorter ones would give up what somebody has just begun to keep.
const SHORTEST: Duration = Duration::from_secs(60);

impl Default for UnusedFor {
    fn default() -> Self {
        Self::Time(Duration::from_secs(24 * 3600))
    }
}

impl Confirm {
    /// Else what stands there.
    pub(super) fn read(written: &Item) -> Result<Self, String> {
        let is = || written.to_string().trim().to_owned();
        match written.as_value() {
            Some(Value::String(word)) if word.value() == "ask" => Ok(Self::Always),
            Some(Value::String(word)) if word.value() == "never" => Ok(Self::Never),
            Some(Value::Array(list)) => {
                let patterns = list.iter().map(|pattern| pattern.as_str().map(str::to_owned));
                let patterns: Option<Vec<_>> = patterns.collect();
                patterns.map(Self::Roles).ok_or_else(is)
            }
            _ => Err(is()),
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
            ("[keep]\nunused_for = \"soon\"", "soon"),
            ("[keep]\nunused_for = \"-1h\"", "-1h"),
            ("[keep]\nunused_for = \"1s\"", "1s"),
        ] {
            let faults = read(text).faults;
            assert_eq!(faults.len(), 1, "{text}");
            assert!(faults[0].what.contains(word), "{faults:?}");
        }
    }

    #[test]
    fn a6_what_of_confirming_cannot_be_read_is_said_and_is_not_never() {
        for (text, line, stands) in [
            ("[confirm]\nprograms = \"yes\"", 2, "programs = \"yes\""),
            ("[confirm]\nprograms = \"Ask\"", 2, "programs = \"Ask\""),
            ("[confirm]\nprograms = [1]", 2, "programs = [1]"),
            ("[confirm]\nprograms = [\"*prod*\", 1] # all", 2, "1]"),
            ("[confirm]\nprograms = true", 2, "programs = true"),
            ("[confirm]\nprogram = [\"*prod*\"]", 2, "program = [\"*prod*\"]"),
            ("[confirm.programs]\nprod = 1", 1, "programs"),
            ("[[confirm]]\nprograms = \"ask\"", 1, "confirm"),
            ("confirm = \"ask\"", 1, "confirm = \"ask\""),
        ] {
            let read = read(text);
            assert_eq!(read.confirm.programs, Confirm::Unreadable, "{text}");
            let [fault] = read.faults.as_slice() else {
                panic!("{text}: {:?}", read.faults)
            };
            assert!(fault.what.contains(stands), "{fault:?}");
            assert!(
                fault.what.contains("programs = \"ask\"") && !fault.what.contains('\n'),
                "{fault:?}"
            );
            assert_eq!(fault.line, line, "{text}");
            assert_eq!(read.unknown_keys, []);
        }
        let beside = read("[confirm]\nprogram = 1\nprograms = \"never\"");
        assert_eq!(
            (beside.confirm.programs, beside.faults.len()),
            (Confirm::Never, 0)
        );
        assert_eq!(beside.unknown_keys.len(), 1);
        let nothing = read("[confirm]");
        assert_eq!(
            (nothing.confirm.programs, nothing.faults.len()),
            (Confirm::Never, 0)
        );
    }
}
