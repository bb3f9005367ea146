//! Who can sign in: the identity source, users with their second factor, groups inside groups.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use totp_rs::{Builder, Secret, Totp};

/// Where users come from. It changes the sign-in page, and whose session length counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IdentitySource {
    /// Identity Center's own directory.
    #[default]
    IdentityCenter,
    /// People sign in as `name`, `name@domain` or `DOMAIN\name`.
    ActiveDirectory { domain: String },
    /// An external provider signs people in by SAML. Its `SessionNotOnOrAfter` may end a session earlier, and it asks
    /// for a second factor itself.
    ExternalIdp {
        name: String,
        session_duration: Option<SignedDuration>,
    },
}

#[derive(Clone, Debug)]
pub struct User {
    pub name: String,
    pub display_name: String,
    pub email: String,
    pub password: String,
    /// As the world file names them.
    pub groups: Vec<String>,
    /// With the groups that those are in.
    pub all_groups: BTreeSet<String>,
    pub mfa: Mfa,
    /// By path, such as `enterprise.costCenter`: for attributes for access control.
    pub attributes: BTreeMap<String, String>,
    pub disabled: bool,
}

#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub description: String,
    /// The groups that this group is a member of.
    pub groups: Vec<String>,
}

/// The second factor of a user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mfa {
    #[default]
    None,
    /// An authenticator app: six digits every 30 seconds (RFC 6238) from this secret in base32.
    Totp { secret: String },
}

impl IdentitySource {
    /// The directory's name for what somebody typed as a user name.
    pub(crate) fn user_name<'a>(&self, typed: &'a str) -> &'a str {
        let typed = typed.trim();
        let Self::ActiveDirectory { domain } = self else {
            return typed;
        };
        let netbios = domain.split('.').next().unwrap_or(domain);
        if let Some((name, suffix)) = typed.rsplit_once('@')
            && suffix.eq_ignore_ascii_case(domain)
        {
            return name;
        }
        match typed.split_once('\\') {
            Some((prefix, name)) if prefix.eq_ignore_ascii_case(netbios) => name,
            Some(_) | None => typed,
        }
    }
}

impl Mfa {
    /// The step that `code` belongs to, if it is one of now, of 30 seconds before or of 30 seconds after.
    pub(crate) fn step_of(&self, code: &str, now: Timestamp) -> Option<u64> {
        let code: String = code.chars().filter(char::is_ascii_digit).collect();
        self.generator()?.check(&code, seconds(now))
    }

    /// What the authenticator app shows.
    pub(crate) fn code(&self, now: Timestamp) -> Option<String> {
        Some(self.generator()?.generate(seconds(now)).to_string())
    }

    fn generator(&self) -> Option<Totp> {
        match self {
            Self::None => None,
            Self::Totp { secret } => generator(secret),
        }
    }
}

/// None if the secret is not base32 of at least 128 bits.
pub(super) fn generator(secret: &str) -> Option<Totp> {
    let secret = Secret::try_from_base32(secret).ok()?;
    Builder::new().with_secret(secret).build().ok()
}

/// All groups that a member of `groups` is in.
pub(super) fn memberships(groups: &[String], all: &[Group]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = groups.iter().collect();
    while let Some(name) = open.pop() {
        if found.insert(name.clone())
            && let Some(group) = all.iter().find(|group| group.name == *name)
        {
            open.extend(&group.groups);
        }
    }
    found
}

fn seconds(now: Timestamp) -> u64 {
    u64::try_from(now.as_second()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_agree_with_rfc_6238() {
        // The RFC's secret, "12345678901234567890", and its times; the last six of its eight digits.
        let mfa = Mfa::Totp {
            secret: "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".to_owned(),
        };
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (20_000_000_000, "353130"),
        ] {
            let now = Timestamp::from_second(second).unwrap();
            assert_eq!(mfa.code(now).as_deref(), Some(code));
            assert!(mfa.step_of(code, now).is_some());
            assert!(mfa.step_of(code, now + SignedDuration::from_secs(90)).is_none());
        }
        assert_eq!(Mfa::None.code(Timestamp::UNIX_EPOCH), None);
    }

    #[test]
    fn a_user_of_active_directory_may_be_written_in_three_ways() {
        let source = IdentitySource::ActiveDirectory {
            domain: "corp.acme.example".to_owned(),
        };
        for typed in ["amara", " amara@CORP.acme.example", "CORP\\amara"] {
            assert_eq!(source.user_name(typed), "amara");
        }
        assert_eq!(source.user_name("OTHER\\amara"), "OTHER\\amara");
        assert_eq!(IdentitySource::IdentityCenter.user_name("a@b"), "a@b");
    }
}
