//! An access portal: its start URL, region and endpoints, and which URLs belong to it.

use serde::{Deserialize, Serialize};
use url::Url;

pub use crate::identity_center::endpoints::Endpoints;
pub(crate) use crate::identity_center::endpoints::under;
pub use crate::identity_center::partition::{Partition, REGIONS, is_region, regions};
pub use crate::identity_center::start_url::StartUrl;
use crate::settings::PortalSettings;

/// Names a portal for good: several users of one start URL are several portals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortalId(pub String);

/// An access portal that a person uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    pub id: PortalId,
    pub name: String,
    pub start_url: StartUrl,
    pub region: String,
    pub endpoints: Endpoints,
}

/// Why a text is no start URL, a region none, or an endpoint not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PortalError {
    #[error("the start URL must begin with https://")]
    NotHttps,
    #[error("this is not a start URL: {0}")]
    NotAStartUrl(String),
    #[error("the region cannot be told from this start URL")]
    RegionNeeded,
    #[error("“{0}” is not the name of an AWS region")]
    NotARegion(String),
    #[error("{host} and the region {region} are in different partitions of AWS")]
    OtherPartition { host: String, region: String },
    #[error("{host} is in the region {own}, not in {region}")]
    OtherRegion {
        host: String,
        own: String,
        region: String,
    },
    #[error("“{0}” cannot be a portal's name")]
    NotAName(String),
    #[error("the endpoint {0} is neither on this machine nor https on a host of AWS")]
    EndpointNotAllowed(String),
}

impl Portal {
    /// The portal that the settings describe. Its own `endpoints` win over `environment_endpoint`
    /// (`PORTRAY_ENDPOINT_URL`), which wins over AWS's.
    pub fn from_settings(
        settings: &PortalSettings,
        environment_endpoint: Option<&Url>,
    ) -> Result<Self, PortalError> {
        let (start_url, region) = Self::place(settings)?;
        let base = match environment_endpoint {
            Some(base) => Endpoints::at_loopback(base)?,
            None => Endpoints::of_aws(&region, &start_url)?,
        };
        Ok(Self {
            id: PortalId(settings.id.clone()),
            name: settings.name.clone(),
            endpoints: base.with_settings(&settings.endpoints, &region)?,
            start_url,
            region,
        })
    }

    /// The start URL and the region that the settings describe.
    pub fn place(settings: &PortalSettings) -> Result<(StartUrl, String), PortalError> {
        let start_url = StartUrl::parse(&settings.start_url)?;
        let region = region_of(&settings.region, &start_url)?;
        start_url.check_region(&region)?;
        Ok((start_url, region))
    }

    /// Whether both are one portal, under whatever name: what is stored of one is that of the other.
    pub fn is_same(&self, other: &Self) -> bool {
        let ours = (&self.id, &self.start_url, &self.region, &self.endpoints);
        ours == (&other.id, &other.start_url, &other.region, &other.endpoints)
    }

    pub fn partition(&self) -> Partition {
        Partition::of_region(&self.region)
    }

    /// Whether a URL belongs to this portal, so that it may be opened in a browser or believed when AWS's answer
    /// names it as the page to open. Our own one-time links are not among them: they are ours by construction.
    pub fn allows(&self, url: &Url) -> bool {
        let plain = url.username().is_empty() && url.password().is_none();
        if plain
            && self
                .endpoints
                .all()
                .iter()
                .any(|endpoint| endpoint.origin() == url.origin())
        {
            return true;
        }
        let https = url.scheme() == "https" && url.port().is_none();
        let Some(host) = url.host_str().filter(|_| plain && https) else {
            return false;
        };
        host == self.start_url.host() || self.is_host_of_partition(host)
    }

    /// The portal, OIDC, sign-in and console hosts of the region and its partition.
    fn is_host_of_partition(&self, host: &str) -> bool {
        let partition = self.partition();
        let region = &self.region;
        let domains = [partition.signin_host(None), partition.console_host()];
        let hosts = [partition.dns_suffix(), partition.dual_stack_suffix()]
            .into_iter()
            .flat_map(|suffix| {
                [
                    format!("oidc.{region}.{suffix}"),
                    format!("device.sso.{region}.{suffix}"),
                ]
            });
        domains.iter().any(|domain| is_under(host, domain))
            || hosts.into_iter().any(|known| known == host)
            || is_access_portal(host, partition)
    }
}

/// Whether `host` is `domain` or below it.
pub(crate) fn is_under(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn region_of(configured: &str, start_url: &StartUrl) -> Result<String, PortalError> {
    let configured = configured.trim().to_ascii_lowercase();
    if configured.is_empty() {
        return start_url.region().ok_or(PortalError::RegionNeeded);
    }
    if is_region(&configured) {
        Ok(configured)
    } else {
        Err(PortalError::NotARegion(configured))
    }
}

/// AWS may name another of its portal hosts than the one that was configured (`d-…` for an alias).
fn is_access_portal(host: &str, partition: Partition) -> bool {
    let of_aws = StartUrl(format!("https://{host}"));
    let china = host.ends_with(".cn");
    let sovereign = host.ends_with(".eu");
    of_aws.is_of_aws()
        && match partition {
            Partition::AwsCn => china,
            Partition::AwsEusc => sovereign,
            Partition::Aws | Partition::AwsUsGov => !china && !sovereign,
            Partition::AwsIso | Partition::AwsIsoB | Partition::AwsIsoE | Partition::AwsIsoF => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(start_url: &str, region: &str) -> PortalSettings {
        let mut settings = crate::settings::Settings::default();
        settings.add_portal("acme", start_url, region).clone()
    }

    fn portal(start_url: &str, region: &str) -> Portal {
        Portal::from_settings(&settings(start_url, region), None).unwrap()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_region_is_asked_for_and_never_guessed() {
        let region = |start_url, region| {
            Portal::from_settings(&settings(start_url, region), None).map(|portal| portal.region)
        };
        assert_eq!(region("acme", ""), Err(PortalError::RegionNeeded));
        assert_eq!(
            region("acme", "Mars"),
            Err(PortalError::NotARegion("mars".to_owned()))
        );
        assert_eq!(region("acme", "EU-west-1"), Ok("eu-west-1".to_owned()));
        assert_eq!(
            region("https://ssoins-01.portal.eu-west-1.app.aws", ""),
            Ok("eu-west-1".to_owned())
        );
    }

    #[test]
    fn a_portals_own_endpoint_wins_over_the_environments_which_wins_over_aws() {
        let mut settings = settings("acme", "eu-west-1");
        assert!(!Portal::from_settings(&settings, None).unwrap().endpoints.custom);
        let environment = url("http://127.0.0.1:4567");
        settings.endpoints.sso = Some(url("http://localhost:9"));
        let endpoints = Portal::from_settings(&settings, Some(&environment))
            .unwrap()
            .endpoints;
        assert_eq!(endpoints.sso.as_str(), "http://localhost:9/");
        assert_eq!(endpoints.sso_oidc.as_str(), "http://127.0.0.1:4567/");
        assert_eq!(endpoints.portal.as_str(), "http://127.0.0.1:4567/start");
        assert!(endpoints.custom);
    }

    #[test]
    fn b3_only_pages_of_the_portal_may_be_opened() {
        let portal = portal("acme", "eu-west-1");
        let allowed = [
            "https://acme.awsapps.com/start/#/device?user_code=ABCD-EFGH",
            "https://d-1234567890.awsapps.com/start/#/device",
            "https://device.sso.eu-west-1.amazonaws.com/?user_code=ABCD-EFGH",
            "https://oidc.eu-west-1.amazonaws.com/authorize?x=y",
            "https://ssoins-01.eu-west-1.portal.amazonaws.com/",
            "https://eu-west-1.signin.aws.amazon.com/federation",
            "https://eu-west-1.console.aws.amazon.com/ec2/home",
        ];
        for text in allowed {
            assert!(portal.allows(&url(text)), "{text}");
        }
        let refused = [
            "http://acme.awsapps.com/start",
            "https://acme.awsapps.com.example.com/",
            "https://evil-console.aws.amazon.com.example/",
            "https://evilconsole.aws.amazon.com/",
            "https://user@acme.awsapps.com/start",
            "https://acme.awsapps.com:8443/start",
            "https://oidc.us-east-1.amazonaws.com/authorize",
            "https://bucket.s3.amazonaws.com/",
            "https://ssoins-01.cn-north-1.portal.amazonaws.com.cn/",
            "http://127.0.0.1:80/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "data:text/html,x",
        ];
        for text in refused {
            assert!(!portal.allows(&url(text)), "{text}");
        }
    }

    #[test]
    fn b3_with_an_emulator_its_own_pages_may_be_opened_too() {
        let base = url("http://127.0.0.1:4567");
        let portal = Portal::from_settings(&settings("acme", "eu-west-1"), Some(&base)).unwrap();
        assert!(portal.allows(&url("http://127.0.0.1:4567/device?user_code=x")));
        assert!(!portal.allows(&url("http://127.0.0.1:4568/device")));
        assert!(!portal.allows(&url("http://user@127.0.0.1:4567/device")));
    }
}
