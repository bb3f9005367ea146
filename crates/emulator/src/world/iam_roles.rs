//! IAM roles of the accounts: who may assume them, and on which terms.

use jiff::SignedDuration;
use toml::Spanned;

use super::checker::{Checker, merge};
use super::tables::{MfaDeviceTable, RoleTable};
use super::{Mfa, World, WorldError};
use crate::audit::AssumedRole;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// A role that AssumeRole gives.
#[derive(Clone, Debug)]
pub struct IamRole {
    /// Twelve digits.
    pub account: String,
    pub name: String,
    /// Whom the trust policy names.
    pub trusted: Vec<Trustee>,
    /// What the trust policy wants to be told, where it wants that.
    pub external_id: Option<String>,
    /// The device whose code the trust policy wants.
    pub mfa: Option<MfaDevice>,
    pub max_session_duration: SignedDuration,
}

/// A principal of a trust policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trustee {
    /// Everybody in the account of this id.
    Account(String),
    /// Whoever has this permission set there.
    PermissionSet { account: String, name: String },
    /// A role or a role session: `*` stands for anything.
    Arn(String),
}

/// A device that shows codes.
#[derive(Clone, Debug)]
pub struct MfaDevice {
    pub serial: String,
    pub codes: Mfa,
}

impl Trustee {
    fn is(&self, caller: &AssumedRole) -> bool {
        match self {
            Self::Account(id) => caller.account == *id,
            Self::PermissionSet { account, name } => {
                let reserved = caller.role_name.strip_prefix("AWSReservedSSO_");
                let set = reserved
                    .and_then(|rest| rest.rsplit_once('_'))
                    .map(|(set, _)| set);
                caller.account == *account && set == Some(name.as_str())
            }
            Self::Arn(pattern) => fits(pattern, &caller.role_arn) || fits(pattern, &caller.arn),
        }
    }
}

impl IamRole {
    pub(crate) fn trusts(&self, caller: &AssumedRole) -> bool {
        self.trusted.iter().any(|trustee| trustee.is(caller))
    }
}

impl World {
    /// The role of this ARN, in this world's partition.
    pub(crate) fn iam_role(&self, arn: &str) -> Option<&IamRole> {
        let mut roles = self.roles.iter();
        roles.find(|role| {
            format!(
                "arn:{}:iam::{}:role/{}",
                self.partition(),
                role.account,
                role.name
            ) == arn
        })
    }
}

impl World {
    /// The device of this serial number, whichever role wants it.
    pub(crate) fn device(&self, serial: &str) -> Option<&MfaDevice> {
        let mut devices = self.roles.iter().filter_map(|role| role.mfa.as_ref());
        devices.find(|device| device.serial == serial)
    }
}

impl Checker<'_> {
    pub(super) fn roles(&self, tables: Vec<RoleTable>, world: &mut World) -> Result<(), WorldError> {
        let serials = tables
            .iter()
            .filter_map(|table| Some(table.mfa.as_ref()?.serial.clone()));
        let serials: Vec<Spanned<String>> = serials.collect();
        let mut roles: Vec<IamRole> = Vec::new();
        for table in tables {
            let role = self.role(table, world, &roles)?;
            roles.push(role);
        }
        merge(&mut world.roles, roles.into_iter(), |role| {
            format!("{}/{}", role.account, role.name)
        });
        // Several roles may want one device, which shows the same codes to all of them.
        let devices = || world.roles.iter().filter_map(|role| role.mfa.as_ref());
        for serial in &serials {
            let mut same = devices().filter(|device| device.serial == *serial.get_ref());
            let first = same.next();
            if same.any(|other| first.is_some_and(|first| first.codes != other.codes)) {
                let problem = format!("{:?} is there with another secret", serial.get_ref());
                return Err(self.invalid("role.mfa", serial, problem));
            }
        }
        Ok(())
    }

    fn role(&self, table: RoleTable, world: &World, before: &[IamRole]) -> Result<IamRole, WorldError> {
        let account = self.account_id("role.account", &table.account, world)?;
        let name = table.name.get_ref();
        if !is_made_of(name, 1..=64, "+=,.@-_") {
            let problem = format!("{name:?} is not 1 to 64 letters, digits and +=,.@-_");
            return Err(self.invalid("role.name", &table.name, problem));
        }
        let is_here = |role: &&IamRole| role.account == account && role.name.eq_ignore_ascii_case(name);
        if before.iter().any(|role| is_here(&role)) {
            let problem =
                format!("{name:?} is there twice: IAM does not tell capital letters from small ones");
            return Err(self.invalid("role.name", &table.name, problem));
        }
        if let Some(known) = world.roles.iter().find(is_here)
            && known.name != *name
        {
            let problem = format!(
                "{name:?} is not told from {:?}: only capital letters differ",
                known.name
            );
            return Err(self.invalid("role.name", &table.name, problem));
        }
        if let Some(external_id) = &table.external_id
            && !is_made_of(external_id.get_ref(), 2..=1224, "+=,.@:/-_")
        {
            let problem = "is 2 to 1224 letters, digits and +=,.@:/-_".to_owned();
            return Err(self.invalid("role.external_id", external_id, problem));
        }
        if table.trust.get_ref().is_empty() {
            let problem = "names nobody: the role could not be assumed".to_owned();
            return Err(self.invalid("role.trust", &table.trust, problem));
        }
        let trusted = table.trust.get_ref().iter();
        let key = "role.max_session_duration";
        Ok(IamRole {
            trusted: trusted
                .map(|one| self.trustee(one, world))
                .collect::<Result<_, _>>()?,
            max_session_duration: self.lifetime(key, &table.max_session_duration, HOUR, HOUR * 12)?,
            mfa: table.mfa.map(|device| self.device(device)).transpose()?,
            external_id: table.external_id.map(Spanned::into_inner),
            name: table.name.into_inner(),
            account,
        })
    }

    /// An ARN, `ACCOUNT/PERMISSION_SET`, or `ACCOUNT`.
    fn trustee(&self, text: &Spanned<String>, world: &World) -> Result<Trustee, WorldError> {
        let key = "role.trust";
        if text.get_ref().starts_with("arn:") {
            return trustee_of_arn(text.get_ref(), world.partition()).ok_or_else(|| {
                let partition = world.partition();
                let problem = format!(
                    "{:?} is no ARN of this partition for a role (arn:{partition}:iam::ACCOUNT:role/NAME), a role \
                     session (arn:{partition}:sts::ACCOUNT:assumed-role/ROLE/SESSION) or an account \
                     (arn:{partition}:iam::ACCOUNT:root)",
                    text.get_ref()
                );
                self.invalid(key, text, problem)
            });
        }
        let is_account = world
            .accounts
            .iter()
            .any(|account| account.name == *text.get_ref());
        // An account's name may have a slash too.
        let Some((account, set)) = text
            .get_ref()
            .rsplit_once('/')
            .filter(|(account, set)| !is_account || self.is_set_of(account, set, world))
        else {
            return Ok(Trustee::Account(self.account_id(key, text, world)?));
        };
        if is_account {
            let problem = format!(
                "{:?} is the name of an account, and {set:?} a permission set of {account:?}: use the id of either account",
                text.get_ref()
            );
            return Err(self.invalid(key, text, problem));
        }
        if world.permission_set(set).is_none() {
            return Err(self.invalid(key, text, format!("there is no permission set {set:?}")));
        }
        let account = Spanned::new(text.span(), account.to_owned());
        Ok(Trustee::PermissionSet {
            account: self.account_id(key, &account, world)?,
            name: set.to_owned(),
        })
    }

    /// Whether this could stand for everybody with a permission set in an account.
    fn is_set_of(&self, account: &str, set: &str, world: &World) -> bool {
        let mut accounts = world.accounts.iter();
        accounts.any(|known| known.id == account || known.name == account)
            && world.permission_set(set).is_some()
    }

    fn device(&self, table: MfaDeviceTable) -> Result<MfaDevice, WorldError> {
        if !is_made_of(table.serial.get_ref(), 9..=256, "+=/:,.@-_") {
            let problem = "is a serial number or an ARN of 9 to 256 characters".to_owned();
            return Err(self.invalid("role.mfa", &table.serial, problem));
        }
        let secret = self.totp_secret("role.mfa", &table.totp)?;
        Ok(MfaDevice {
            serial: table.serial.into_inner(),
            codes: Mfa::Totp { secret },
        })
    }
}

/// As in a trust policy. A role and a role session may have `*` in them, also in place of the account.
fn trustee_of_arn(arn: &str, partition: &str) -> Option<Trustee> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let ["arn", of, service, "", account, resource] = parts.as_slice() else {
        return None;
    };
    let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
    if *of != partition || !(is_account || *account == "*") {
        return None;
    }
    match (*service, *resource) {
        ("iam", "root") => is_account.then(|| Trustee::Account((*account).to_owned())),
        ("iam", role) if is_more_than("role/", role) => Some(Trustee::Arn(arn.to_owned())),
        ("sts", session) if is_more_than("assumed-role/", session) => Some(Trustee::Arn(arn.to_owned())),
        _ => None,
    }
}

fn is_more_than(beginning: &str, text: &str) -> bool {
    text.strip_prefix(beginning).is_some_and(|rest| !rest.is_empty())
}

fn is_made_of(text: &str, length: std::ops::RangeInclusive<usize>, signs: &str) -> bool {
    let is_of_one = |letter: char| letter.is_ascii_alphanumeric() || signs.contains(letter);
    length.contains(&text.len()) && text.chars().all(is_of_one)
}

/// `*` stands for any characters, as in a policy's `ArnLike`.
fn fits(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_in_a_principal_stands_for_any_characters() {
        let arn = "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Developer_0a";
        for (pattern, expected) in [
            (arn, true),
            ("arn:aws:iam::111122223333:role/*", true),
            ("arn:aws:iam::*:role/*/AWSReservedSSO_Developer_*", true),
            ("*", true),
            ("arn:aws:iam::111122223333:role", false),
            ("arn:aws:iam::*:role/*/AWSReservedSSO_Admin_*", false),
            ("arn:aws:iam::111122223333:role/*_0b", false),
        ] {
            assert_eq!(fits(pattern, arn), expected, "{pattern}");
        }
    }

    #[test]
    fn a_role_that_aws_could_not_have_is_refused_with_its_line() {
        let base = include_str!("../../worlds/one.toml");
        let account = World::from_toml(base).unwrap().accounts[0].id.clone();
        let set = World::from_toml(base).unwrap().permission_sets[0].name.clone();
        let role = |name: &str, rest: &str| {
            let text = format!("{base}\n[[role]]\nname = \"{name}\"\naccount = \"{account}\"\n{rest}");
            World::from_toml(&text)
        };
        let trust =
            format!("trust = [\"{account}/{set}\", \"{account}\", \"arn:aws:sts::*:assumed-role/*\"]\n");
        assert_eq!(role("Ops", &trust).unwrap().roles[0].trusted.len(), 3);
        let root = format!("trust = [\"arn:aws:iam::{account}:root\"]");
        assert_eq!(
            role("Ops", &root).unwrap().roles[0].trusted,
            [Trustee::Account(account.clone())]
        );
        for (name, rest, expected) in [
            ("a b", trust.clone(), "role.name: \"a b\""),
            ("Ops", "trust = []".to_owned(), "role.trust: names nobody"),
            (
                "Ops",
                "trust = [\"nobody\"]".to_owned(),
                "role.trust: there is no account",
            ),
            (
                "Ops",
                format!("trust = [\"{account}/x\"]"),
                "role.trust: there is no permission set \"x\"",
            ),
            (
                "Ops",
                "trust = [\"arn:aws:iam::1:role/x\"]".to_owned(),
                "role.trust: \"arn:aws:iam::1:role/x\" is no ARN of this partition",
            ),
            (
                "Ops",
                "trust = [\"arn:aws-cn:iam::111122223333:role/x\"]".to_owned(),
                "role.trust: \"arn:aws-cn:iam::111122223333:role/x\" is no ARN of this partition",
            ),
            (
                "Ops",
                format!("{trust}external_id = \"x\""),
                "role.external_id: is 2 to 1224",
            ),
            (
                "Ops",
                format!("{trust}max_session_duration = \"13h\""),
                "role.max_session_duration: 13h",
            ),
            (
                "Ops",
                format!("{trust}mfa = {{ serial = \"x\", totp = \"x\" }}"),
                "role.mfa: is a serial",
            ),
        ] {
            let error = role(name, &rest).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(error.contains("line "), "{error}");
        }
        for other in ["Ops", "OPS"] {
            let twice = format!("{trust}[[role]]\nname = \"{other}\"\naccount = \"{account}\"\n{trust}");
            let error = role("Ops", &twice).unwrap_err().to_string();
            assert!(error.contains("is there twice"), "{error}");
        }
    }

    #[test]
    fn a_piece_of_a_world_cannot_have_a_role_that_differs_by_capital_letters_only() {
        let mut acme = World::acme();
        let piece = |name: &str| {
            format!("[[role]]\naccount = \"acme-prod\"\nname = \"{name}\"\ntrust = [\"acme-dev\"]\n")
        };
        let error = acme.amend(&piece("releaseManager")).unwrap_err().to_string();
        assert!(error.contains("is not told from \"ReleaseManager\""), "{error}");
        acme.amend(&piece("ReleaseManager")).unwrap();
        acme.amend(&piece("releaseManager").replace("acme-prod", "acme-dev"))
            .unwrap();
    }

    #[test]
    fn a_device_has_one_secret_whichever_role_wants_it() {
        let mut acme = World::acme();
        let role = |name: &str, secret: &str| {
            format!(
                "[[role]]\naccount = \"acme-prod\"\nname = \"{name}\"\ntrust = [\"acme-dev\"]\n\
                 mfa = {{ serial = \"arn:aws:iam::666677778888:mfa/one\", totp = \"{secret}\" }}\n"
            )
        };
        let (one, other) = (
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
            "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43U",
        );
        acme.amend(&format!("{}{}", role("A", one), role("B", one)))
            .unwrap();
        for piece in [
            role("C", other),
            format!("{}{}", role("C", one), role("D", other)),
            role("A", other),
        ] {
            let error = acme.amend(&piece).unwrap_err().to_string();
            assert!(error.contains("is there with another secret"), "{error}");
        }
        acme.amend(&format!("{}{}", role("A", other), role("B", other)))
            .unwrap();
    }

    #[test]
    fn a_slash_in_the_name_of_an_account_is_not_taken_for_a_permission_set() {
        let mut acme = World::acme();
        let account = |id: &str, name: &str| {
            format!("[[account]]\nid = \"{id}\"\nname = \"{name}\"\nemail = \"{id}@acme.example\"\n")
        };
        let trusting = |whom: &str| {
            format!("[[role]]\naccount = \"acme-prod\"\nname = \"Slash\"\ntrust = [\"{whom}\"]\n")
        };
        acme.amend(&account("000000000011", "dev/eu")).unwrap();
        let mut trusted = |whom: &str| {
            acme.amend(&trusting(whom))
                .map(|()| acme.roles.last().unwrap().trusted[0].clone())
        };
        let id = || "000000000011".to_owned();
        assert_eq!(trusted("dev/eu").unwrap(), Trustee::Account(id()));
        let name = "ReadOnly".to_owned();
        assert_eq!(
            trusted("dev/eu/ReadOnly").unwrap(),
            Trustee::PermissionSet { account: id(), name }
        );
        assert!(
            trusted("dev/us")
                .unwrap_err()
                .to_string()
                .contains("there is no permission set \"us\"")
        );

        acme.amend(&account("000000000012", "acme-dev/ReadOnly")).unwrap();
        let error = acme
            .amend(&trusting("acme-dev/ReadOnly"))
            .unwrap_err()
            .to_string();
        assert!(error.contains("use the id of either account"), "{error}");
        acme.amend(&trusting("111122223333/ReadOnly")).unwrap();
        acme.amend(&trusting("000000000012")).unwrap();
    }
}
