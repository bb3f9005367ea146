//! Start URLs in every form in which AWS gives them out and people paste them.

use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::identity_center::partition::{Partition, is_region};
use crate::identity_center::portal::{PortalError, is_under};

/// A start URL as AWS is to be sent it: https, without `#/…` and without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartUrl(pub String);

/// What follows the instance's name in a host that names its region.
const REGION_LAST: [&str; 3] = [
    "portal.{}.app.aws",
    "portal.{}.app.amazonwebservices.com.cn",
    "portal.{}.api.amazonwebservices.eu",
];
const REGION_FIRST: [&str; 3] = [
    "{}.portal.amazonaws.com",
    "{}.portal.amazonaws.com.cn",
    "{}.portal.amazonaws.eu",
];

/// Hosts whose path names the instance.
const ISSUERS: [&str; 4] = [
    "identitycenter.amazonaws.com",
    "identitycenter.amazonaws.com.cn",
    "identitycenter.amazonaws.eu",
    "identitycenter.us-gov.amazonaws.com",
];
const DIRECTORIES: [&str; 2] = ["start.us-gov-home.awsapps.com", "start.home.awsapps.cn"];

/// Domains of AWS's own on which no company's access portal is, apart from the forms above.
const NO_PORTALS: [&str; 10] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "aws.amazon.com",
    "amazon.com",
    "signin.aws",
    "api.aws",
    "awsapps.com",
    "awsapps.cn",
    "app.aws",
];

/// No start URL of AWS's is as long as that, in bytes.
const LONGEST: usize = 500;

/// How much of a text that is no start URL is repeated, in characters.
const SHOWN: usize = 60;

impl StartUrl {
    /// Understands every form in which people paste a start URL, also just the company's part of it.
    pub fn parse(text: &str) -> Result<Self, PortalError> {
        let text = text.trim();
        let refused = || PortalError::NotAStartUrl(shown(text));
        if text.len() > LONGEST {
            return Err(refused());
        }
        let url = Url::parse(&with_scheme(text)?).map_err(|_| refused())?;
        if url.scheme() != "https" {
            return Err(PortalError::NotHttps);
        }
        let plain = url.username().is_empty() && url.password().is_none() && url.port().is_none();
        match url.host() {
            Some(Host::Domain(host)) if plain && has_labels(host) => {
                let path = path_of(host, &url).ok_or_else(refused)?;
                Ok(Self(format!("https://{host}{path}")))
            }
            Some(Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_)) | None => Err(refused()),
        }
    }

    /// The region, where the host names it.
    pub fn region(&self) -> Option<String> {
        region_in(self.host())
    }

    /// A short name for the portal: the company's part of the URL.
    pub fn suggested_name(&self) -> String {
        let host = self.host();
        let named_by_path = ISSUERS.contains(&host) || DIRECTORIES.contains(&host);
        if let Some(name) = self.0.rsplit('/').next().filter(|_| named_by_path) {
            return name.to_owned();
        }
        let general = [
            "www", "sso", "aws", "login", "signin", "portal", "start", "access",
        ];
        let labels: Vec<&str> = host.split('.').collect();
        let label = match labels.as_slice() {
            [first, second, _, ..] if general.contains(first) => second,
            [first, ..] => first,
            [] => "portal",
        };
        label.to_owned()
    }

    /// Whether the host is one of AWS's access portals; any other has to redirect to one.
    pub fn is_of_aws(&self) -> bool {
        let host = self.host();
        ISSUERS.contains(&host)
            || DIRECTORIES.contains(&host)
            || awsapps_name(host).is_some()
            || region_in(host).is_some()
    }

    /// Whether the portal can be in this region, as far as the host tells its region or partition.
    pub fn check_region(&self, region: &str) -> Result<(), PortalError> {
        if let Some(own) = self.region().filter(|own| own != region) {
            return Err(PortalError::OtherRegion {
                host: self.host().to_owned(),
                own,
                region: region.to_owned(),
            });
        }
        let partition = Partition::of_region(region);
        let fits = match partition_of(self.host()) {
            None => true,
            // GovCloud has portals there too.
            Some(Partition::Aws) => matches!(partition, Partition::Aws | Partition::AwsUsGov),
            Some(other) => partition == other,
        };
        if fits {
            return Ok(());
        }
        Err(PortalError::OtherPartition {
            host: self.host().to_owned(),
            region: region.to_owned(),
        })
    }

    pub(crate) fn host(&self) -> &str {
        let rest = self.0.strip_prefix("https://").unwrap_or(&self.0);
        rest.split(['/', '?', '#']).next().unwrap_or_default()
    }
}

/// At least two, and none of them empty.
fn has_labels(host: &str) -> bool {
    host.contains('.') && host.split('.').all(|label| !label.is_empty())
}

fn with_scheme(text: &str) -> Result<String, PortalError> {
    let scheme = text
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    match scheme.as_deref() {
        Some("https") => Ok(text.to_owned()),
        Some(_) => Err(PortalError::NotHttps),
        None if is_label(text) => Ok(format!("https://{text}.awsapps.com/start")),
        None => Ok(format!("https://{text}")),
    }
}

/// The path to be sent for a host; none where the URL names no portal.
fn path_of(host: &str, url: &Url) -> Option<String> {
    let mut segments = url.path().split('/').filter(|segment| !segment.is_empty());
    if ISSUERS.contains(&host) {
        let instance = segments.next().filter(|name| name.starts_with("ssoins-"))?;
        return Some(format!("/{instance}"));
    }
    if DIRECTORIES.contains(&host) {
        let directory = segments
            .next()
            .filter(|segment| *segment == "directory")
            .and(segments.next())?;
        return Some(format!("/directory/{directory}"));
    }
    if awsapps_name(host).is_some() {
        let is_portal = segments.next().is_none_or(|segment| segment == "start");
        return is_portal.then(|| "/start".to_owned());
    }
    if region_in(host).is_none() && NO_PORTALS.iter().any(|domain| is_under(host, domain)) {
        return None;
    }
    Some(url.path().trim_end_matches('/').to_owned())
}

/// Where one of AWS's hosts is; none for a company's own.
fn partition_of(host: &str) -> Option<Partition> {
    if let Some(region) = region_in(host) {
        return Some(Partition::of_region(&region));
    }
    let of_aws = ISSUERS.contains(&host) || DIRECTORIES.contains(&host) || awsapps_name(host).is_some();
    of_aws.then(|| match host {
        _ if host.ends_with(".cn") => Partition::AwsCn,
        _ if host.ends_with(".eu") => Partition::AwsEusc,
        _ if host.contains(".us-gov") => Partition::AwsUsGov,
        _ => Partition::Aws,
    })
}

/// A text that is no start URL as it may be repeated: without a password, and not at any length.
pub(crate) fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let text = match (authority.rsplit_once('@'), scheme) {
        (None, _) => text.to_owned(),
        (Some((user, _)), "") => format!("…{}", &rest[user.len()..]),
        (Some((user, _)), scheme) => format!("{scheme}://…{}", &rest[user.len()..]),
    };
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// The company in `<company>.awsapps.com`.
fn awsapps_name(host: &str) -> Option<&str> {
    [".awsapps.com", ".awsapps.cn"]
        .iter()
        .find_map(|domain| host.strip_suffix(domain))
        .filter(|name| is_label(name))
}

fn region_in(host: &str) -> Option<String> {
    let (instance, rest) = host.split_once('.')?;
    let between = |pattern: &&str| {
        let (before, after) = pattern.split_once("{}")?;
        rest.strip_prefix(before)?.strip_suffix(after)
    };
    let region = REGION_LAST.iter().chain(&REGION_FIRST).find_map(between)?;
    (instance.starts_with("ssoins-") && is_region(region)).then(|| region.to_owned())
}

fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests;
