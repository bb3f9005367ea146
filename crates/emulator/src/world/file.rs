//! World files: TOML, read strictly, with errors that name key and line.

use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use toml::Spanned;

use super::checker::Checker;
use super::{DoubleGrant, Rotation, World};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Why a world cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("cannot read the world file {path}: {source}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("the world file is not valid: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("the world file is not valid: line {line}, {key}: {problem}")]
    Invalid {
        line: usize,
        key: &'static str,
        problem: String,
    },
    #[error("this world has no {key} {name:?}")]
    Unknown { key: &'static str, name: String },
}

pub(super) fn parse(text: &str) -> Result<World, WorldError> {
    let file: WorldFile = toml::from_str(text)?;
    let checker = Checker {
        text,
        short_lifetimes: file.short_lifetimes,
    };
    checker.world(file)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorldFile {
    pub(super) company: String,
    pub(super) region: String,
    pub(super) start_url: Spanned<String>,
    #[serde(default)]
    pub(super) short_lifetimes: bool,
    #[serde(default = "default_session_duration")]
    pub(super) session_duration: Spanned<Lifetime>,
    #[serde(default = "default_access_token_duration")]
    pub(super) access_token_duration: Spanned<Lifetime>,
    #[serde(default)]
    pub(super) rotation: Rotation,
    #[serde(default)]
    pub(super) double_grant: DoubleGrant,
    #[serde(default = "default_requests_per_second")]
    pub(super) requests_per_second: u32,
    #[serde(default = "default_page_size")]
    pub(super) page_size: Spanned<usize>,
    #[serde(default)]
    pub(super) user: Vec<UserTable>,
    #[serde(default)]
    pub(super) group: Vec<GroupTable>,
    #[serde(default)]
    pub(super) account: Vec<AccountTable>,
    #[serde(default)]
    pub(super) permission_set: Vec<PermissionSetTable>,
    #[serde(default)]
    pub(super) assignment: Vec<AssignmentTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserTable {
    pub(super) name: Spanned<String>,
    pub(super) display_name: String,
    pub(super) email: String,
    pub(super) password: String,
    #[serde(default)]
    pub(super) groups: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) disabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountTable {
    pub(super) id: Spanned<String>,
    pub(super) name: String,
    pub(super) email: String,
    pub(super) ou: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionSetTable {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default = "default_role_duration")]
    pub(super) session_duration: Spanned<Lifetime>,
    pub(super) relay_state: Option<String>,
}

/// `user` or `group`, one or more `permission_sets`, in `accounts` (by name or id) and whole `ous`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AssignmentTable {
    pub(super) user: Option<Spanned<String>>,
    pub(super) group: Option<Spanned<String>>,
    pub(super) permission_sets: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    pub(super) accounts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) ous: Vec<Spanned<String>>,
}

/// A duration such as `90s`, `15m`, `8h` or `30d`.
#[derive(Clone, Copy)]
pub(super) struct Lifetime(pub(super) SignedDuration);

impl<'de> Deserialize<'de> for Lifetime {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let parsed = text.char_indices().last().and_then(|(unit_at, unit)| {
            let number: i32 = text[..unit_at].parse().ok().filter(|number| *number > 0)?;
            let seconds = match unit {
                's' => 1,
                'm' => 60,
                'h' => 3_600,
                'd' => 86_400,
                _ => return None,
            };
            Some(Self(SignedDuration::from_secs(i64::from(number) * seconds)))
        });
        parsed.ok_or_else(|| D::Error::custom(format!("{text:?} is no duration such as 90s, 15m, 8h or 30d")))
    }
}

fn default_session_duration() -> Spanned<Lifetime> {
    Spanned::new(0..0, Lifetime(HOUR * 8))
}

fn default_access_token_duration() -> Spanned<Lifetime> {
    Spanned::new(0..0, Lifetime(HOUR))
}

fn default_role_duration() -> Spanned<Lifetime> {
    Spanned::new(0..0, Lifetime(HOUR))
}

fn default_requests_per_second() -> u32 {
    20
}

fn default_page_size() -> Spanned<usize> {
    Spanned::new(0..0, 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"company = "One"
region = "eu-west-1"
start_url = "https://d-1234567890.awsapps.com/start/"
[[user]]
name = "ada"
display_name = "Ada"
email = "ada@example.com"
password = "demo"
[[account]]
id = "000000000001"
name = "only"
email = "only@example.com"
ou = "dev"
[[permission_set]]
name = "ReadOnly"
[[assignment]]
user = "ada"
permission_sets = ["ReadOnly"]
accounts = ["only"]
"#;

    #[test]
    fn a_small_file_is_a_world_with_the_defaults_of_aws() {
        let world = parse(SMALL).unwrap();
        assert_eq!(world.start_url, "https://d-1234567890.awsapps.com/start");
        assert_eq!(world.session_duration, HOUR * 8);
        assert_eq!(world.rotation, Rotation::Grace);
        assert!(world.is_assigned(world.user("ada").unwrap(), "000000000001", "ReadOnly"));
    }

    #[test]
    fn an_error_names_key_and_line() {
        let cases = [
            (
                "accounts = [\"only\"]",
                "accounts = [\"other\"]",
                "line 19, assignment.accounts: there is no account",
            ),
            (
                "user = \"ada\"",
                "user = \"eve\"",
                "line 17, assignment.user: there is no user \"eve\"",
            ),
            (
                "name = \"ReadOnly\"\n",
                "name = \"ReadOnly\"\nsession_duration = \"90s\"\n",
                "line 16, permission_set.session_duration",
            ),
            ("id = \"000000000001\"", "id = \"1\"", "line 10, account.id"),
            ("email = \"ada@example.com\"", "mail = \"x\"", "line 7, column 1"),
            ("ou = \"dev\"", "ou = \"dev\"\nouu = 1", "unknown field `ouu`"),
        ];
        for (from, to, expected) in cases {
            let error = parse(&SMALL.replace(from, to)).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected:?} is not in {error:?}");
        }
    }

    #[test]
    fn short_lifetimes_have_to_be_asked_for() {
        let short = SMALL.replace(
            "name = \"ReadOnly\"\n",
            "name = \"ReadOnly\"\nsession_duration = \"90s\"\n",
        );
        assert!(parse(&short).is_err());
        assert!(parse(&format!("short_lifetimes = true\n{short}")).is_ok());
    }
}
