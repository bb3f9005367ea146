//! Role credentials: made without being remembered, so that a million of them cost no memory.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::audit::AssumedRole;
use crate::random::{Random, hex};
use crate::world::World;

/// How session tokens of AWS begin.
const TOKEN_PREFIX: &str = "IQoJb3JpZ2luX2Vj";
/// With the prefix this becomes 872 characters; AWS's are at least 832.
const SEALED_LENGTH: usize = 640;
const SEAL_LENGTH: usize = 16;
const KEY_ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// One set of keys as GetRoleCredentials hands it out.
#[derive(Clone)]
pub(crate) struct RoleCredentials {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    pub(crate) session_token: String,
    pub(crate) expiration: Timestamp,
}

/// What a session token says about itself.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct RoleSession {
    pub(crate) access_key_id: String,
    pub(crate) account: String,
    pub(crate) permission_set: String,
    pub(crate) user: String,
    /// Got by AssumeRole with other role credentials.
    #[serde(default)]
    pub(crate) chained: bool,
    /// The role that AssumeRole gave; none: the permission set's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) further: Option<FurtherRole>,
    /// Its session tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    /// How many roles of this name there were before this one.
    #[serde(default)]
    predecessors: u32,
    issued_at_ms: i64,
    expires_at_ms: i64,
}

/// A session of a role that was assumed from another one. Its account is the session's.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
pub(crate) struct FurtherRole {
    pub(crate) name: String,
    pub(crate) session_name: String,
    /// Whether the caller answered for an MFA device.
    #[serde(default)]
    pub(crate) with_mfa: bool,
    /// Handed on to sessions that are assumed from this one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) transitive_tags: BTreeMap<String, String>,
}

/// A role session that Identity Center begins.
pub(crate) struct NewSession<'a> {
    pub(crate) account: &'a str,
    pub(crate) permission_set: &'a str,
    pub(crate) user: &'a str,
    pub(crate) tags: BTreeMap<String, String>,
}

/// A session of a further role.
pub(crate) struct NewChain {
    /// The role's.
    pub(crate) account: String,
    pub(crate) role: FurtherRole,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) life: SignedDuration,
}

/// Seals role sessions into session tokens and opens them again.
pub(crate) struct Mint {
    key: Vec<u8>,
}

impl RoleSession {
    pub(crate) fn expires(&self) -> Timestamp {
        Timestamp::from_millisecond(self.expires_at_ms).unwrap_or(Timestamp::MIN)
    }

    /// As people know it: the permission set, or the further role.
    pub(crate) fn shown_role(&self) -> &str {
        let further = self.further.as_ref();
        further.map_or(&self.permission_set, |further| &further.name)
    }

    /// Whether the IAM role is there still, and not another one of the same name.
    pub(crate) fn is_there(&self, world: &World) -> bool {
        let account = &self.account;
        match &self.further {
            None => self.predecessors == world.deleted_roles.of_set(account, &self.permission_set),
            Some(further) => {
                let mut roles = world.roles.iter();
                roles.any(|role| role.account == *account && role.name == further.name)
            }
        }
    }

    /// The name of the IAM role: Identity Center makes one for a permission set in an account.
    pub(crate) fn role_name(&self) -> String {
        if let Some(further) = &self.further {
            return further.name.clone();
        }
        let (account, set, number) = (&self.account, &self.permission_set, self.number());
        let digest = Sha256::digest(format!("{account}/{set}{number}"));
        format!("AWSReservedSSO_{}_{}", self.permission_set, hex(&digest[..8]))
    }

    /// The role's unique identifier, as IAM makes them: a prefix and 17 characters of base32.
    pub(crate) fn role_id(&self) -> String {
        let role = match &self.further {
            None => self.permission_set.clone(),
            Some(further) => format!("role/{}", further.name),
        };
        let digest = Sha256::digest(format!("role id {}/{role}{}", self.account, self.number()));
        let alphabet = KEY_ALPHABET.as_bytes();
        let letters = digest.iter().take(17);
        let letters = letters.map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
        format!("AROA{}", letters.collect::<String>())
    }

    /// Tells roles of one name apart that were there one after the other.
    fn number(&self) -> String {
        match self.predecessors {
            0 => String::new(),
            number => format!(" {number}"),
        }
    }

    /// Who the keys make of their holder.
    pub(crate) fn assumed(&self, world: &World) -> AssumedRole {
        let (partition, account, role_name) = (world.partition(), &self.account, self.role_name());
        let path = match (&self.further, world.region.as_str()) {
            (Some(_), _) => String::new(),
            // The roles of an instance in us-east-1 have no region in their path.
            (None, "us-east-1") => "aws-reserved/sso.amazonaws.com/".to_owned(),
            (None, region) => format!("aws-reserved/sso.amazonaws.com/{region}/"),
        };
        let further = self.further.as_ref();
        let session_name = further
            .map_or(&self.user, |further| &further.session_name)
            .clone();
        AssumedRole {
            arn: format!("arn:{partition}:sts::{account}:assumed-role/{role_name}/{session_name}"),
            account: account.clone(),
            role_id: self.role_id(),
            role_arn: format!("arn:{partition}:iam::{account}:role/{path}{role_name}"),
            role_name,
            session_name,
            access_key_id: self.access_key_id.clone(),
            with_mfa: further.is_some_and(|further| further.with_mfa),
            created: Timestamp::from_millisecond(self.issued_at_ms).unwrap_or(Timestamp::MIN),
        }
    }
}

impl Mint {
    pub(crate) fn new(random: &mut Random) -> Self {
        Self {
            key: random.bytes(32),
        }
    }

    pub(crate) fn issue(
        &self,
        random: &mut Random,
        new: NewSession<'_>,
        world: &World,
        now: Timestamp,
        life: SignedDuration,
    ) -> RoleCredentials {
        let (account, permission_set) = (new.account, new.permission_set);
        let session = RoleSession {
            access_key_id: format!("ASIA{}", random.text(KEY_ALPHABET, 16)),
            account: account.to_owned(),
            permission_set: permission_set.to_owned(),
            user: new.user.to_owned(),
            chained: false,
            further: None,
            tags: new.tags,
            predecessors: world.deleted_roles.of_set(account, permission_set),
            issued_at_ms: now.as_millisecond(),
            expires_at_ms: (now + life).as_millisecond(),
        };
        self.hand_out(session, random)
    }

    /// A session of a further role for whoever holds `of`.
    pub(crate) fn assume(
        &self,
        random: &mut Random,
        of: &RoleSession,
        new: NewChain,
        now: Timestamp,
    ) -> RoleCredentials {
        let NewChain {
            account,
            role,
            tags,
            life,
        } = new;
        let session = RoleSession {
            access_key_id: format!("ASIA{}", random.text(KEY_ALPHABET, 16)),
            predecessors: 0,
            account,
            chained: true,
            further: Some(role),
            tags,
            issued_at_ms: now.as_millisecond(),
            expires_at_ms: (now + life).as_millisecond(),
            ..of.clone()
        };
        self.hand_out(session, random)
    }

    /// The same role session as AssumeRole would give it: an hour at most.
    pub(crate) fn chain(&self, random: &mut Random, of: &RoleSession, now: Timestamp) -> RoleCredentials {
        let session = RoleSession {
            access_key_id: format!("ASIA{}", random.text(KEY_ALPHABET, 16)),
            chained: true,
            issued_at_ms: now.as_millisecond(),
            expires_at_ms: (now + SignedDuration::from_hours(1)).as_millisecond(),
            ..of.clone()
        };
        self.hand_out(session, random)
    }

    fn hand_out(&self, session: RoleSession, random: &mut Random) -> RoleCredentials {
        RoleCredentials {
            secret_access_key: self.secret_access_key(&session.access_key_id),
            session_token: self.seal(&session, random),
            expiration: session.expires(),
            access_key_id: session.access_key_id,
        }
    }

    /// What a session token of ours stands for, expired or not.
    pub(crate) fn open(&self, session_token: &str) -> Option<RoleSession> {
        let sealed = STANDARD.decode(session_token.strip_prefix(TOKEN_PREFIX)?).ok()?;
        let (seal, content) = sealed.split_at_checked(SEAL_LENGTH)?;
        if seal != self.digest(content).get(..SEAL_LENGTH)? {
            return None;
        }
        let mut values = serde_json::Deserializer::from_slice(content).into_iter::<RoleSession>();
        values.next()?.ok()
    }

    /// The secret that belongs to an access key id.
    pub(crate) fn secret_access_key(&self, access_key_id: &str) -> String {
        STANDARD.encode(&self.digest(access_key_id.as_bytes())[..30])
    }

    fn seal(&self, session: &RoleSession, random: &mut Random) -> String {
        let mut content = serde_json::to_vec(session).expect("a struct of strings and a number is JSON");
        content.push(b' ');
        let padding = (SEALED_LENGTH - SEAL_LENGTH).saturating_sub(content.len());
        content.extend(random.bytes(padding));
        let mut sealed = self.digest(&content)[..SEAL_LENGTH].to_vec();
        sealed.extend(content);
        format!("{TOKEN_PREFIX}{}", STANDARD.encode(sealed))
    }

    fn digest(&self, content: &[u8]) -> Vec<u8> {
        Sha256::new()
            .chain_update(&self.key)
            .chain_update(content)
            .finalize()
            .to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_token_opens_to_what_was_sealed_and_not_after_a_change() {
        let mut random = Random::from_seed(1);
        let mint = Mint::new(&mut random);
        let now = Timestamp::UNIX_EPOCH;
        let issued = mint.issue(
            &mut random,
            NewSession {
                account: "111122223333",
                permission_set: "ReadOnly",
                user: "amara",
                tags: BTreeMap::new(),
            },
            &World::acme(),
            now,
            SignedDuration::from_hours(1),
        );

        let session = mint.open(&issued.session_token).unwrap();
        assert_eq!(session.access_key_id, issued.access_key_id);
        assert_eq!(session.expires(), issued.expiration);
        assert!(issued.session_token.len() >= 832);
        assert_eq!(issued.access_key_id.len(), 20);
        assert_eq!(issued.secret_access_key.len(), 40);

        let changed = issued
            .session_token
            .replacen("IQoJb3JpZ2luX2Vj", "IQoJb3JpZ2luX2VjA", 1);
        assert_eq!(mint.open(&changed), None);
        assert_eq!(Mint::new(&mut random).open(&issued.session_token), None);
    }
}
