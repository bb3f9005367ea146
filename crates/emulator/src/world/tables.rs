//! The form of a world file: its tables and keys, before anything is checked.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, MapAccess, Unexpected, Visitor};
use toml::Spanned;

use super::{
    AbsentMembers, DoubleGrant, Keys, LoggedOutRefresh, MissingScope, Rotation, UnassignedRole,
    VerificationUri,
};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// Everything is optional here: the same form serves as a whole file and as a piece of one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WorldFile {
    pub(super) company: Option<Spanned<String>>,
    pub(super) region: Option<Spanned<String>>,
    pub(super) start_url: Option<Spanned<String>>,
    pub(super) identity_source: Option<Spanned<IdentitySourceTable>>,
    pub(super) hostile: Option<bool>,
    pub(super) short_lifetimes: Option<bool>,
    pub(super) session_duration: Option<Spanned<Lifetime>>,
    pub(super) access_token_duration: Option<Spanned<Lifetime>>,
    pub(super) rotation: Option<Rotation>,
    pub(super) requests_per_second: Option<u32>,
    pub(super) page_size: Option<Spanned<usize>>,
    pub(super) check_signature_dates: Option<bool>,
    pub(super) attributes_for_access_control: Option<BTreeMap<String, Spanned<String>>>,
    pub(super) unsettled: Option<UnsettledTable>,
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
    #[serde(default)]
    pub(super) application: Vec<ApplicationTable>,
    #[serde(default)]
    pub(super) role: Vec<RoleTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IdentitySourceTable {
    pub(super) kind: SourceKind,
    /// Of an external provider, as the sign-in page shows it.
    pub(super) name: Option<Spanned<String>>,
    /// Of Active Directory, such as `corp.example.com`.
    pub(super) domain: Option<Spanned<String>>,
    /// Of an external provider: `SessionNotOnOrAfter` from the moment of the sign-in on.
    pub(super) session_duration: Option<Spanned<Lifetime>>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(super) enum SourceKind {
    IdentityCenter,
    ActiveDirectory,
    ExternalIdp,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnsettledTable {
    pub(super) double_grant: Option<DoubleGrant>,
    pub(super) absent_members: Option<AbsentMembers>,
    pub(super) unassigned_role: Option<UnassignedRole>,
    pub(super) logged_out_refresh: Option<LoggedOutRefresh>,
    pub(super) role_credentials: Option<Keys>,
    pub(super) verification_uri: Option<VerificationUri>,
    pub(super) authorization_code_duration: Option<Spanned<Lifetime>>,
    pub(super) shortened_tokens: Option<bool>,
    pub(super) bare_redirect: Option<bool>,
    pub(super) missing_scope: Option<MissingScope>,
    pub(super) foreign_destinations: Option<bool>,
    pub(super) federation_post: Option<bool>,
    pub(super) mfa_of_role_sessions: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UserTable {
    pub(super) name: Spanned<String>,
    pub(super) display_name: Spanned<String>,
    pub(super) email: Spanned<String>,
    pub(super) password: Spanned<String>,
    #[serde(default)]
    pub(super) groups: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) mfa: MfaTable,
    #[serde(default)]
    pub(super) attributes: BTreeMap<Spanned<String>, String>,
    #[serde(default)]
    pub(super) disabled: bool,
}

/// `"none"` or `{ totp = "SECRET" }`.
#[derive(Default)]
pub(super) enum MfaTable {
    #[default]
    None,
    Totp(Spanned<String>),
}

impl<'de> Deserialize<'de> for MfaTable {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(MfaForm)
    }
}

/// Its error says both forms: the word `"totp"` is a natural mistake.
struct MfaForm;

impl<'de> Visitor<'de> for MfaForm {
    type Value = MfaTable;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("\"none\", or { totp = \"…\" } with a secret in base32")
    }

    fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<MfaTable, E> {
        match word {
            "none" => Ok(MfaTable::None),
            _ => Err(E::invalid_value(Unexpected::Str(word), &self)),
        }
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<MfaTable, M::Error> {
        let totp = match map.next_key::<String>()?.as_deref() {
            Some("totp") => map.next_value()?,
            Some(_) | None => return Err(M::Error::invalid_value(Unexpected::Map, &self)),
        };
        match map.next_key::<String>()? {
            None => Ok(MfaTable::Totp(totp)),
            Some(_) => Err(M::Error::invalid_value(Unexpected::Map, &self)),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupTable {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
    /// The groups that this one is a member of.
    #[serde(default)]
    pub(super) groups: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AccountTable {
    pub(super) id: Spanned<String>,
    pub(super) name: Spanned<String>,
    pub(super) email: Spanned<String>,
    pub(super) ou: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PermissionSetTable {
    pub(super) name: Spanned<String>,
    pub(super) description: Option<Spanned<String>>,
    #[serde(default = "default_role_duration")]
    pub(super) session_duration: Spanned<Lifetime>,
    pub(super) relay_state: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) managed_policies: Vec<Spanned<String>>,
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApplicationTable {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) description: String,
    pub(super) url: Spanned<String>,
    #[serde(default)]
    pub(super) users: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) groups: Vec<Spanned<String>>,
}

/// A role of an account, and the terms of its trust policy.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleTable {
    pub(super) account: Spanned<String>,
    pub(super) name: Spanned<String>,
    /// `ACCOUNT`, `ACCOUNT/PERMISSION_SET`, or an ARN with `*` in it.
    pub(super) trust: Spanned<Vec<Spanned<String>>>,
    pub(super) external_id: Option<Spanned<String>>,
    pub(super) mfa: Option<MfaDeviceTable>,
    #[serde(default = "default_role_duration")]
    pub(super) max_session_duration: Spanned<Lifetime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MfaDeviceTable {
    pub(super) serial: Spanned<String>,
    pub(super) totp: Spanned<String>,
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

impl fmt::Display for Lifetime {
    /// In the largest unit that needs no fraction, as people write it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [(86_400, "d"), (3_600, "h"), (60, "m")];
        let is_whole = |(size, _): &&(i64, &str)| seconds % size == 0 && seconds >= *size;
        let (size, unit) = units.iter().find(is_whole).unwrap_or(&(1, "s"));
        write!(formatter, "{}{unit}", seconds / size)
    }
}

fn default_role_duration() -> Spanned<Lifetime> {
    Spanned::new(0..0, Lifetime(HOUR))
}
