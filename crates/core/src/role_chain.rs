//! Further roles that are assumed from a permission set: what the settings say of them, checked by AWS's rules.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

use crate::identity_center::assume_role::FurtherRole;
use crate::identity_center::portal::is_region;
use crate::identity_center::{AccountId, Partition, Portal, PortalId, RoleKey};
use crate::paths::short_hash;
use crate::settings::chains::is_ignored;
use crate::settings::{About, ChainSettings, Fault};

/// A role that is assumed from a permission set, by its name in the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    pub name: String,
    pub portal: PortalId,
    /// The account of the permission set, by id or name.
    pub source_account: String,
    pub source_permission_set: String,
    /// The account that the role is in.
    pub account: AccountId,
    /// What comes last in its ARN.
    pub role_name: String,
    /// None: the name of the portal's user.
    pub session_name: Option<String>,
    pub role: FurtherRole,
}

/// The roles of all portals. Clones are the same.
pub type Chains = Arc<[Arc<Chain>]>;

/// The role that was assumed, as it is written down and asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Assumed {
    pub role_arn: String,
    /// The account that it is in, twelve digits.
    pub account: String,
    /// Empty where that account is in no listing.
    pub account_name: String,
    pub role_name: String,
}

/// What became of the role that a launch began with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    Same,
    /// The settings say something else.
    OtherSettings,
    /// They say the same, and the account's name is that of another account.
    OtherAccount,
}

/// What is wrong with a chained role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum ChainError {
    #[error(
        "its name has to be 1 to 64 letters, digits and _+=,.@-, not “-” at first: it must not be taken for ACCOUNT/PERMISSION_SET"
    )]
    NotAName,
    #[error("another one has this name, or the same in capital and small letters")]
    Taken,
    #[error("there are several portals, and it does not say which one: portal = \"…\"")]
    PortalNeeded,
    #[error("there is no portal “{0}” that can be used")]
    NoPortal(String),
    #[error("from = “{0}” is not ACCOUNT/PERMISSION_SET")]
    NotASource(String),
    #[error("role_arn = “{0}” is not the ARN of a role, such as arn:aws:iam::111122223333:role/Deployer")]
    NotAnArn(String),
    #[error("{what} is in the partition {partition}, and its portal in {own}")]
    OtherPartition {
        what: &'static str,
        partition: String,
        own: &'static str,
    },
    #[error("external_id has to be 2 to 1224 letters, digits and _+=,.@:/\\-")]
    ExternalId,
    #[error("session_name has to be 2 to 64 letters, digits and _+=,.@-")]
    SessionName,
    #[error("the tag “{0}” has characters, or a length, that AWS does not take")]
    Tag(String),
    #[error("the tag “{0}” begins with aws:, which is AWS's own")]
    ReservedTag(String),
    #[error("the tag “{0}” is there twice: AWS makes no difference between capital and small letters")]
    DoubleTag(String),
    #[error("it has more than 50 tags")]
    TooManyTags,
    #[error("transitive_tags names “{0}”, which is not among its tags")]
    NoSuchTag(String),
    #[error("duration = “{0}” is not like 15m or 1h")]
    NotADuration(String),
    #[error("duration = “{0}” is shorter than the 15 minutes that AWS gives at least")]
    TooShort(String),
    #[error("duration = “{0}” is too long: AWS ends a role that is assumed from a role after one hour")]
    TooLong(String),
    #[error("mfa_serial has to be a serial number or the ARN of an MFA device, 9 to 256 characters")]
    MfaSerial,
    #[error("region = “{0}” is not the name of an AWS region")]
    NotARegion(String),
}

const DURATIONS: RangeInclusive<SignedDuration> =
    SignedDuration::from_mins(15)..=SignedDuration::from_hours(1);
const LONGEST: Duration = Duration::from_secs(60 * 60);
const MOST_TAGS: usize = 50;

/// Every role that can be used with these portals, and what is wrong with the others.
pub fn chains(settings: &[ChainSettings], portals: &[Portal]) -> (Chains, Vec<Fault>) {
    let mut names = BTreeSet::new();
    let (mut chains, mut faults) = (Vec::new(), Vec::new());
    for chain in settings {
        let is_free = names.insert(chain.name.to_lowercase());
        let made = match is_free {
            true => Chain::from_settings(chain, portals),
            false => Err(("name", ChainError::Taken)),
        };
        match made {
            Ok(made) => chains.push(Arc::new(made)),
            // It waits for the first portal, and so does everything else: nothing of it is to be corrected.
            Err((_, ChainError::PortalNeeded)) if portals.is_empty() => {}
            Err((key, error)) => faults.push(Fault {
                line: chain.line_of(key),
                about: About::Chain(Some(chain.name.clone())),
                what: format!("{}: {error}", is_ignored(&chain.name)),
            }),
        }
    }
    (chains.into(), faults)
}

/// The session name that AWS's answer to “who am I?” ends in, if it can be one of ours.
pub fn session_name_of(arn: &str) -> String {
    let own = arn.rsplit('/').next().unwrap_or_default();
    let letters = own.chars().map(|letter| match letter {
        letter if is_of(letter, "+=,.@-") => letter,
        _ => '-',
    });
    let name: String = letters.take(64).collect();
    match name.len() {
        0 | 1 => "portray".to_owned(),
        _ => name,
    }
}

impl Chain {
    /// Another text for another role: where it is assumed from, which one it is, and what its owner is shown. Not what it
    /// is called, how long it lives and the like. The same in every agent. Behind a dot the same as the settings word it,
    /// which tells why it is another one.
    pub fn definition(&self, source: &RoleKey) -> String {
        let of = |account: &str, set: &str| {
            let external_id = self.role.external_id.as_deref().unwrap_or_default();
            short_hash(
                [&source.portal.0, account, set, &self.role.arn, external_id]
                    .join("\n")
                    .as_bytes(),
            )
        };
        let role = of(&source.account.0, &source.permission_set);
        let wording = of(&self.source_account, &self.source_permission_set);
        format!("{role}.{wording}")
    }

    /// What a launch's role has become, by its definition when it began.
    pub fn since(&self, begun: &str, source: &RoleKey) -> Since {
        let now = self.definition(source);
        let parts = |definition: &str| -> (String, Option<String>) {
            match definition.split_once('.') {
                Some((role, wording)) => (role.to_owned(), Some(wording.to_owned())),
                None => (definition.to_owned(), None),
            }
        };
        let ((role_then, wording_then), (role, wording)) = (parts(begun), parts(&now));
        match (role_then == role, wording_then == wording) {
            (true, _) => Since::Same,
            (false, true) => Since::OtherAccount,
            (false, false) => Since::OtherSettings,
        }
    }

    /// The permission set, as the settings name it.
    pub fn from(&self) -> String {
        format!("{}/{}", self.source_account, self.source_permission_set)
    }

    fn from_settings(
        settings: &ChainSettings,
        portals: &[Portal],
    ) -> Result<Self, (&'static str, ChainError)> {
        let named = |key: &'static str| move |error| (key, error);
        if !is_name(&settings.name) {
            return Err(("name", ChainError::NotAName));
        }
        let portal = portal_of(settings, portals)?;
        let source = settings.from.rsplit_once('/');
        let source = source.map(|(account, set)| (account.trim(), set.trim()));
        let source = source.filter(|(account, set)| !account.is_empty() && !set.is_empty());
        let (account, permission_set) =
            source.ok_or_else(|| ("from", ChainError::NotASource(settings.from.clone())))?;
        let (role_account, role_name) = role_of(&settings.role_arn, portal).map_err(named("role_arn"))?;
        check_texts(settings)?;
        check_tags(settings)?;
        let region = region_of(settings, portal).map_err(named("region"))?;
        Ok(Self {
            name: settings.name.clone(),
            portal: portal.id.clone(),
            source_account: account.to_owned(),
            source_permission_set: permission_set.to_owned(),
            account: AccountId(role_account),
            role_name,
            session_name: settings.session_name.clone(),
            role: FurtherRole {
                arn: settings.role_arn.clone(),
                external_id: settings.external_id.clone(),
                tags: settings.tags.clone(),
                transitive_tags: settings.transitive_tags.clone(),
                duration: duration_of(settings).map_err(named("duration"))?,
                mfa_serial: settings.mfa_serial.clone(),
                region,
            },
        })
    }
}

fn portal_of<'a>(
    settings: &ChainSettings,
    portals: &'a [Portal],
) -> Result<&'a Portal, (&'static str, ChainError)> {
    match (&settings.portal, portals) {
        (None, [only]) => Ok(only),
        (None, _) => Err(("name", ChainError::PortalNeeded)),
        (Some(name), _) => {
            let mut portals = portals.iter();
            let found = portals.find(|portal| portal.name.to_lowercase() == name.to_lowercase());
            found.ok_or_else(|| ("portal", ChainError::NoPortal(name.clone())))
        }
    }
}

/// Account and name of a role, by its ARN.
fn role_of(arn: &str, portal: &Portal) -> Result<(String, String), ChainError> {
    let no_arn = || ChainError::NotAnArn(arn.to_owned());
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", partition, "iam", "", account, role] = parts.as_slice() else {
        return Err(no_arn());
    };
    let name = role
        .strip_prefix("role/")
        .and_then(|path| path.rsplit('/').next());
    let name = name
        .filter(|name| is_made_of(name, 1..=64, "+=,.@-"))
        .ok_or_else(no_arn)?;
    let is_account = AccountId::is_one(account);
    if !is_account || arn.len() > 2048 || arn.contains(|letter: char| !letter.is_ascii_graphic()) {
        return Err(no_arn());
    }
    same_partition("role_arn", partition, portal)?;
    Ok(((*account).to_owned(), name.to_owned()))
}

fn region_of(settings: &ChainSettings, portal: &Portal) -> Result<Option<String>, ChainError> {
    let Some(region) = &settings.region else {
        return Ok(None);
    };
    if !is_region(region) {
        return Err(ChainError::NotARegion(region.clone()));
    }
    same_partition("region", Partition::of_region(region).name(), portal)?;
    Ok(Some(region.clone()))
}

fn same_partition(what: &'static str, partition: &str, portal: &Portal) -> Result<(), ChainError> {
    let own = portal.partition().name();
    if partition == own {
        return Ok(());
    }
    Err(ChainError::OtherPartition {
        what,
        partition: partition.to_owned(),
        own,
    })
}

fn duration_of(settings: &ChainSettings) -> Result<Duration, ChainError> {
    let Some(text) = &settings.duration else {
        return Ok(LONGEST);
    };
    let duration: SignedDuration = text.parse().map_err(|_| ChainError::NotADuration(text.clone()))?;
    if duration < *DURATIONS.start() {
        return Err(ChainError::TooShort(text.clone()));
    }
    if duration > *DURATIONS.end() {
        return Err(ChainError::TooLong(text.clone()));
    }
    Ok(duration.unsigned_abs())
}

fn check_texts(settings: &ChainSettings) -> Result<(), (&'static str, ChainError)> {
    let rules = [
        (
            "external_id",
            &settings.external_id,
            2..=1224,
            "+=,.@:/\\-",
            ChainError::ExternalId,
        ),
        (
            "session_name",
            &settings.session_name,
            2..=64,
            "+=,.@-",
            ChainError::SessionName,
        ),
        (
            "mfa_serial",
            &settings.mfa_serial,
            9..=256,
            "+=/:,.@-",
            ChainError::MfaSerial,
        ),
    ];
    for (key, text, length, signs, error) in rules {
        if text.as_ref().is_some_and(|text| !is_made_of(text, length, signs)) {
            return Err((key, error));
        }
    }
    Ok(())
}

fn check_tags(settings: &ChainSettings) -> Result<(), (&'static str, ChainError)> {
    let wrong = |error| Err(("tags", error));
    if settings.tags.len() > MOST_TAGS {
        return wrong(ChainError::TooManyTags);
    }
    let mut keys = BTreeSet::new();
    for (key, value) in &settings.tags {
        if !is_tag(key, 1..=128) || !is_tag(value, 0..=256) {
            return wrong(ChainError::Tag(key.clone()));
        }
        if key.to_lowercase().starts_with("aws:") {
            return wrong(ChainError::ReservedTag(key.clone()));
        }
        if !keys.insert(key.to_lowercase()) {
            return wrong(ChainError::DoubleTag(key.clone()));
        }
    }
    match settings
        .transitive_tags
        .iter()
        .find(|key| !settings.tags.contains_key(*key))
    {
        Some(key) => Err(("transitive_tags", ChainError::NoSuchTag(key.clone()))),
        None => Ok(()),
    }
}

fn is_name(text: &str) -> bool {
    is_made_of(text, 1..=64, "+=,.@-") && !text.starts_with('-')
}

fn is_made_of(text: &str, length: RangeInclusive<usize>, signs: &str) -> bool {
    length.contains(&text.len()) && text.chars().all(|letter| is_of(letter, signs))
}

fn is_of(letter: char, signs: &str) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || signs.contains(letter)
}

/// Letters, digits and spaces of all languages, and some signs.
fn is_tag(text: &str, length: RangeInclusive<usize>) -> bool {
    let is_allowed = |letter: char| {
        letter.is_alphanumeric()
            || (letter.is_whitespace() && !letter.is_control())
            || "_.:/=+-@".contains(letter)
    };
    length.contains(&text.chars().count()) && text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests;
