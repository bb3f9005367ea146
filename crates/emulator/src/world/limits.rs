//! What AWS takes as a name, an address, a description. The hostile world asks for the opposite.

use std::collections::BTreeMap;

use toml::Spanned;

use super::WorldError;
use super::checker::Checker;
use super::tables::{AccountTable, PermissionSetTable, UserTable};

/// The attributes of a user that attributes for access control may name, besides `emails[primary eq true].value`.
const ATTRIBUTES: [&str; 22] = [
    "addresses[type eq \"work\"].country",
    "addresses[type eq \"work\"].formatted",
    "addresses[type eq \"work\"].locality",
    "addresses[type eq \"work\"].postalCode",
    "addresses[type eq \"work\"].region",
    "addresses[type eq \"work\"].streetAddress",
    "displayName",
    "emails[primary eq true].value",
    "enterprise.costCenter",
    "enterprise.department",
    "enterprise.division",
    "enterprise.employeeNumber",
    "enterprise.manager.value",
    "enterprise.organization",
    "locale",
    "name.familyName",
    "name.givenName",
    "nickName",
    "phoneNumbers[type eq \"work\"].value",
    "timezone",
    "title",
    "userName",
];

impl Checker<'_> {
    /// `region` in the form that all of AWS's have; which there are changes too often to be listed.
    pub(super) fn region(&self, region: &Spanned<String>) -> Result<(), WorldError> {
        let parts: Vec<&str> = region.get_ref().split('-').collect();
        let is_word = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
        let is_region = match parts.as_slice() {
            [area, words @ .., number] => {
                is_word(area)
                    && !words.is_empty()
                    && words.iter().all(is_word)
                    && !number.is_empty()
                    && number.bytes().all(|byte| byte.is_ascii_digit())
            }
            [_] | [] => false,
        };
        // No name of anybody's: the hostile world has a real one too, or no client would find its host.
        match is_region {
            true => Ok(()),
            false => {
                let problem = format!("{:?} is no region such as eu-west-1", region.get_ref());
                Err(self.invalid("region", region, problem))
            }
        }
    }

    pub(super) fn limits_of_user(&self, user: &UserTable) -> Result<(), WorldError> {
        self.text("user.name", &user.name, 128)?;
        self.text("user.display_name", &user.display_name, 1024)?;
        self.email("user.email", &user.email)?;
        self.insist(
            !user.password.get_ref().is_empty(),
            "user.password",
            &user.password,
            || "is empty: nobody could sign in with it".to_owned(),
        )?;
        for name in user.attributes.keys() {
            self.insist(is_attribute(name.get_ref()), "user.attributes", name, || {
                unknown_attribute(name.get_ref())
            })?;
        }
        Ok(())
    }

    /// An account of AWS, and a user of a directory, has an e-mail address of its own, in any case of letters. `new` and
    /// `all` are pairs of address and owner; `all` has the new ones too.
    pub(super) fn own_addresses<'a>(
        &self,
        key: &'static str,
        new: &[(&Spanned<String>, &str)],
        all: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Result<(), WorldError> {
        let mut owners: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (address, owner) in all {
            owners.entry(address.to_lowercase()).or_default().push(owner);
        }
        for (address, owner) in new {
            let same = owners.get(&address.get_ref().to_lowercase());
            let mut others = same.into_iter().flatten();
            let other = others.find(|other| !other.eq_ignore_ascii_case(owner));
            self.insist(other.is_none(), key, address, || {
                let other = other.copied().unwrap_or_default();
                format!("{:?} is the address of {other} too", address.get_ref())
            })?;
        }
        Ok(())
    }

    /// Of Active Directory: people type it behind their name.
    pub(super) fn domain(&self, domain: &Spanned<String>) -> Result<(), WorldError> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let mut labels = domain.get_ref().split('.');
        let is_domain = labels.all(|label| !label.is_empty() && label.bytes().all(is_letter));
        self.insist(is_domain, "identity_source.domain", domain, || {
            format!("{:?} is no domain such as corp.example.com", domain.get_ref())
        })
    }

    pub(super) fn limits_of_account(&self, account: &AccountTable) -> Result<(), WorldError> {
        self.text("account.name", &account.name, 50)?;
        self.email("account.email", &account.email)
    }

    pub(super) fn limits_of_set(&self, set: &PermissionSetTable) -> Result<(), WorldError> {
        let name = set.name.get_ref();
        let is_letter = |letter: char| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter);
        let is_name = (1..=32).contains(&name.len()) && name.chars().all(is_letter);
        self.insist(is_name, "permission_set.name", &set.name, || {
            format!("{name:?} is not 1 to 32 letters, digits and _+=,.@-")
        })?;
        if let Some(description) = &set.description {
            let length = description.get_ref().chars().count();
            self.insist(length <= 700, "permission_set.description", description, || {
                format!("has {length} characters, and 700 at most are allowed")
            })?;
        }
        let Some(relay_state) = &set.relay_state else {
            return Ok(());
        };
        let address = relay_state.get_ref();
        let is_address = address.starts_with("https://") && (1..=240).contains(&address.len());
        self.insist(is_address, "permission_set.relay_state", relay_state, || {
            "is a page of the console, https://…, of 240 characters at most".to_owned()
        })
    }

    /// A value such as `${path:enterprise.costCenter}`.
    pub(super) fn attribute_source(&self, source: &Spanned<String>) -> Result<(), WorldError> {
        let key = "attributes_for_access_control";
        let path = source.get_ref().strip_prefix("${path:");
        let Some(path) = path.and_then(|rest| rest.strip_suffix('}')) else {
            let problem = "takes values such as \"${path:enterprise.costCenter}\"".to_owned();
            return Err(self.invalid(key, source, problem));
        };
        self.insist(is_attribute(path), key, source, || unknown_attribute(path))
    }

    pub(super) fn text(
        &self,
        key: &'static str,
        text: &Spanned<String>,
        most: usize,
    ) -> Result<(), WorldError> {
        let length = text.get_ref().chars().count();
        let is_fine = (1..=most).contains(&length) && !text.get_ref().chars().any(char::is_control);
        self.insist(is_fine, key, text, || {
            format!("is 1 to {most} characters, without control characters")
        })
    }

    fn email(&self, key: &'static str, address: &Spanned<String>) -> Result<(), WorldError> {
        let text = address.get_ref();
        let is_odd = |letter: char| letter.is_control() || letter.is_whitespace();
        let has_both_sides = text
            .rsplit_once('@')
            .is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        self.insist(has_both_sides && !text.contains(is_odd), key, address, || {
            format!("{text:?} is no e-mail address")
        })
    }

    fn insist<T>(
        &self,
        is_fine: bool,
        key: &'static str,
        at: &Spanned<T>,
        problem: impl FnOnce() -> String,
    ) -> Result<(), WorldError> {
        if is_fine || self.hostile {
            return Ok(());
        }
        let problem = format!("{} (hostile = true allows what AWS does not)", problem());
        Err(self.invalid(key, at, problem))
    }
}

fn is_attribute(path: &str) -> bool {
    ATTRIBUTES.contains(&path)
}

fn unknown_attribute(path: &str) -> String {
    format!("{path:?} is no attribute of a user such as enterprise.costCenter, title or userName")
}
