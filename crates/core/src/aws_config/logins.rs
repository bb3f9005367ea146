//! The sign-ins that `~/.aws/config` asks of the AWS CLI and the SDKs: which portals, and under which keys of the cache.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws_config::document::{Document, Kind, Line, Name, Section};

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
    /// Where those lead it.
    pub places: BTreeSet<Place>,
}

/// Where the services of a sign-in are by `endpoint_url`, as it is written there; none: AWS's own.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub sso_oidc: Option<String>,
    pub sso: Option<String>,
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
                        places: BTreeSet::new(),
                    },
                );
            }
        }
    }
    let services = services(&document, &sections);
    for section in &sections {
        if matches!(section.name, Name::Profile(_)) {
            count(&mut found, &Values::of(&document, section), &services);
        }
    }
    found.into_values().collect()
}

/// Endpoints by the name of a `[services …]` section and the service.
type Services = BTreeMap<(String, String), String>;

fn services(document: &Document<'_>, sections: &[Section]) -> Services {
    let mut endpoints = Services::new();
    for section in sections {
        let Name::Services(name) = &section.name else {
            continue;
        };
        let mut service = None;
        for line in &document.lines[section.body.clone()] {
            match line.kind {
                Kind::Property(property) => service = text(property.key),
                Kind::Nested => {
                    let pair = text(line.content);
                    let pair = pair.as_deref().and_then(|pair| pair.split_once('='));
                    if let (Some((key, url)), Some(service)) = (pair, &service)
                        && key.trim().eq_ignore_ascii_case("endpoint_url")
                    {
                        let key = (name.clone(), service.trim().to_lowercase());
                        endpoints.insert(key, url.trim().to_owned());
                    }
                }
                Kind::Blank | Kind::Comment | Kind::Section(_) | Kind::Unclear => {}
            }
        }
    }
    endpoints
}

/// Where a profile leads the services of its sign-in.
fn place(profile: &Values, services: &Services) -> Place {
    let ignored = profile.get("ignore_configured_endpoint_urls");
    if ignored.is_some_and(|ignored| ignored.eq_ignore_ascii_case("true")) {
        return Place::default();
    }
    let named = profile.get("services");
    let of = |service: &str| {
        let own = named
            .clone()
            .and_then(|name| services.get(&(name, service.to_owned())));
        own.cloned().or_else(|| profile.get("endpoint_url"))
    };
    Place {
        sso_oidc: of("sso_oidc"),
        sso: of("sso"),
    }
}

/// Adds a profile to the sign-in that it uses; one in the older form brings its own.
fn count(found: &mut BTreeMap<LoginKey, Login>, profile: &Values, services: &Services) {
    let place = place(profile, services);
    if let Some(session) = profile.get("sso_session") {
        if let Some(login) = found.get_mut(&LoginKey::Session(session)) {
            login.profiles += 1;
            login.places.insert(place);
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
        places: BTreeSet::new(),
    });
    login.profiles += 1;
    login.places.insert(place);
}

/// The properties of one section. Names count in any case, and of two the later one.
struct Values(BTreeMap<String, String>);

impl Values {
    fn of(document: &Document<'_>, section: &Section) -> Self {
        let lines = &document.lines[section.body.clone()];
        let properties = lines.iter().filter_map(Line::property);
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

fn text(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
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
    fn where_profiles_lead_a_sign_in_is_told_for_each_place() {
        let config = "\
[sso-session corp]
sso_start_url = https://acme.awsapps.com/start
sso_region = eu-west-1
[services local]
s3 =
  endpoint_url = http://127.0.0.1:9000
SSO =
  Endpoint_URL = http://127.0.0.1:1
sso_oidc =
  endpoint_url=http://127.0.0.1:2
[profile both]
sso_session = corp
services = local
endpoint_url = http://127.0.0.1:3
[profile all]
sso_session = corp
services = nowhere
endpoint_url = http://127.0.0.1:3
[profile ignoring]
sso_session = corp
services = local
ignore_configured_endpoint_urls = True
[profile old]
sso_start_url = https://other.awsapps.com/start
sso_region = us-east-1
services = local
";
        let found = logins(config.as_bytes());
        let place = |sso_oidc: &str, sso: &str| Place {
            sso_oidc: Some(format!("http://127.0.0.1:{sso_oidc}")),
            sso: Some(format!("http://127.0.0.1:{sso}")),
        };
        assert_eq!(
            found[0].places,
            BTreeSet::from([Place::default(), place("2", "1"), place("3", "3")])
        );
        assert_eq!(found[1].places, BTreeSet::from([place("2", "1")]));
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
