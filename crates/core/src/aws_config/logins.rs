//! The sign-ins that `~/.aws/config` asks of the AWS CLI and the SDKs: which portals, and under which keys of the cache.

use std::collections::BTreeMap;

use crate::aws_config::document::{Document, Line, Name, Section};

/// A sign-in that profiles share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub key: LoginKey,
    /// As it is written there.
    pub start_url: String,
    /// The region of the Identity Center.
    pub region: String,
    /// How many profiles use it.
    pub profiles: usize,
}

/// What the file in `~/.aws/sso/cache` is named after.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum LoginKey {
    /// `[sso-session NAME]`.
    Session(String),
    /// The start URL of profiles in the older form, exactly as it is written there.
    StartUrl(String),
}

impl LoginKey {
    /// The text whose SHA-1 names the file.
    pub fn text(&self) -> &str {
        match self {
            Self::Session(text) | Self::StartUrl(text) => text,
        }
    }
}

/// Every complete sign-in of the file, by key. Sessions come first.
pub fn logins(config: &[u8]) -> Vec<Login> {
    let document = Document::read(config);
    let mut found: BTreeMap<LoginKey, Login> = BTreeMap::new();
    let sections = document.sections();
    for section in &sections {
        if let Name::SsoSession(name) = &section.name {
            let key = LoginKey::Session(name.clone());
            let known = found
                .get(&key)
                .map(|login| (login.start_url.clone(), login.region.clone()));
            let values = Values::of(&document, section);
            // A section that stands twice is one, of which the later values count.
            let start_url = values.get("sso_start_url").or(known.clone().map(|(url, _)| url));
            let region = values.get("sso_region").or(known.map(|(_, region)| region));
            if let (Some(start_url), Some(region)) = (start_url, region) {
                found.insert(
                    key.clone(),
                    Login {
                        key,
                        start_url,
                        region,
                        profiles: 0,
                    },
                );
            }
        }
    }
    for section in &sections {
        if matches!(section.name, Name::Profile(_)) {
            count(&mut found, &Values::of(&document, section));
        }
    }
    found.into_values().collect()
}

/// Adds a profile to the sign-in that it uses; one in the older form brings its own.
fn count(found: &mut BTreeMap<LoginKey, Login>, profile: &Values) {
    if let Some(session) = profile.get("sso_session") {
        if let Some(login) = found.get_mut(&LoginKey::Session(session)) {
            login.profiles += 1;
        }
        return;
    }
    let (Some(start_url), Some(region)) = (profile.get("sso_start_url"), profile.get("sso_region")) else {
        return;
    };
    let key = LoginKey::StartUrl(start_url.clone());
    let login = found.entry(key.clone()).or_insert(Login {
        key,
        start_url,
        region,
        profiles: 0,
    });
    login.profiles += 1;
}

/// The properties of one section. Names count in any case, and of two the later one.
struct Values(BTreeMap<String, String>);

impl Values {
    fn of(document: &Document<'_>, section: &Section) -> Self {
        let lines = &document.lines[section.body.clone()];
        let properties = lines.iter().filter_map(Line::property);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        let values = properties.filter_map(|property| {
            let value = text(property.value)?;
            Some((text(property.key)?.trim().to_lowercase(), value.trim().to_owned()))
        });
        Self(values.collect())
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).filter(|value| !value.is_empty()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "\
[default]
region = eu-west-1

[sso-session corp]
sso_start_url = https://acme.awsapps.com/start
SSO_Region = eu-west-1
sso_registration_scopes = sso:account:access

[profile dev]
sso_session = corp
sso_account_id = 111122223333

[profile ops]
sso_session=corp
[profile old]
sso_start_url = https://other.awsapps.com/start#/
sso_region = us-east-1
[profile older]
sso_start_url = https://other.awsapps.com/start#/
sso_region = us-east-1
[profile broken]
sso_session = nowhere
[sso-session half]
sso_start_url = https://half.awsapps.com/start
[profile keys]
aws_access_key_id = AKIA
";

    #[test]
    fn sessions_and_profiles_of_the_older_form_are_sign_ins_each_with_the_key_of_its_file() {
        let found = logins(CONFIG.as_bytes());
        let told: Vec<_> = found
            .iter()
            .map(|login| {
                (
                    login.key.text(),
                    login.start_url.as_str(),
                    login.region.as_str(),
                    login.profiles,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                ("corp", "https://acme.awsapps.com/start", "eu-west-1", 2),
                (
                    "https://other.awsapps.com/start#/",
                    "https://other.awsapps.com/start#/",
                    "us-east-1",
                    2
                ),
            ]
        );
    }

    #[test]
    fn what_is_no_configuration_has_no_sign_ins() {
        for text in [
            "",
            "[sso-session]\nsso_start_url = x\nsso_region = y",
            "\u{fffd}\0[",
            "[profile x]\nsso_start_url =",
        ] {
            assert_eq!(logins(text.as_bytes()), [], "{text:?}");
        }
        assert_eq!(
            logins(b"[sso-session a]\nsso_start_url = \xff\nsso_region = x\n"),
            []
        );
    }
}
