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
            Some(Host::Domain(host)) if plain && host.contains('.') && !host.ends_with('.') => {
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

    /// Whether the portal can be in this region, as far as the host tells in which partition it is.
    pub fn check_region(&self, region: &str) -> Result<(), PortalError> {
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
mod tests {
    use super::*;

    /// What is typed, the start URL that it means, and the region that it names.
    type Form<'a> = (&'a str, &'a str, Option<&'a str>);

    #[test]
    fn every_way_to_write_a_start_url_is_understood() {
        let rows = [
            ("acme", "https://acme.awsapps.com/start", None),
            ("  ACME ", "https://acme.awsapps.com/start", None),
            ("acme.awsapps.com", "https://acme.awsapps.com/start", None),
            ("Acme.AwsApps.com/start", "https://acme.awsapps.com/start", None),
            (
                "https://acme.awsapps.com/start",
                "https://acme.awsapps.com/start",
                None,
            ),
            (
                "https://acme.awsapps.com/start/",
                "https://acme.awsapps.com/start",
                None,
            ),
            (
                "https://acme.awsapps.com/start#/",
                "https://acme.awsapps.com/start",
                None,
            ),
            (
                "https://acme.awsapps.com/start/#/?tab=accounts",
                "https://acme.awsapps.com/start",
                None,
            ),
            (
                "HTTPS://ACME.AWSAPPS.COM/start?x=y",
                "https://acme.awsapps.com/start",
                None,
            ),
            (
                "https://acme.awsapps.com:443/start",
                "https://acme.awsapps.com/start",
                None,
            ),
            (
                "https://aws.acme.example/sso/",
                "https://aws.acme.example/sso",
                None,
            ),
            ("https://aws.acme.example", "https://aws.acme.example", None),
        ];
        assert_understood(&rows);
    }

    #[test]
    fn every_form_of_a_start_url_is_understood() {
        let rows = [
            ("d-1234567890", "https://d-1234567890.awsapps.com/start", None),
            (
                "https://d-1234567890.awsapps.com/start",
                "https://d-1234567890.awsapps.com/start",
                None,
            ),
            (
                "https://identitycenter.amazonaws.com/ssoins-0123456789abcdef/",
                "https://identitycenter.amazonaws.com/ssoins-0123456789abcdef",
                None,
            ),
            (
                "https://identitycenter.us-gov.amazonaws.com/ssoins-0123456789abcdef",
                "https://identitycenter.us-gov.amazonaws.com/ssoins-0123456789abcdef",
                None,
            ),
            (
                "https://start.us-gov-home.awsapps.com/directory/acme#/",
                "https://start.us-gov-home.awsapps.com/directory/acme",
                None,
            ),
            (
                "https://start.home.awsapps.cn/directory/d-1234567890",
                "https://start.home.awsapps.cn/directory/d-1234567890",
                None,
            ),
            (
                "https://ssoins-01.portal.eu-west-1.app.aws",
                "https://ssoins-01.portal.eu-west-1.app.aws",
                Some("eu-west-1"),
            ),
            (
                "https://ssoins-01.us-west-2.portal.amazonaws.com/",
                "https://ssoins-01.us-west-2.portal.amazonaws.com",
                Some("us-west-2"),
            ),
            (
                "ssoins-01.cn-north-1.portal.amazonaws.com.cn",
                "https://ssoins-01.cn-north-1.portal.amazonaws.com.cn",
                Some("cn-north-1"),
            ),
            (
                "https://ssoins-01.portal.cn-north-1.app.amazonwebservices.com.cn",
                "https://ssoins-01.portal.cn-north-1.app.amazonwebservices.com.cn",
                Some("cn-north-1"),
            ),
            (
                "https://ssoins-01.eusc-de-east-1.portal.amazonaws.eu",
                "https://ssoins-01.eusc-de-east-1.portal.amazonaws.eu",
                Some("eusc-de-east-1"),
            ),
            (
                "https://ssoins-01.portal.eusc-de-east-1.api.amazonwebservices.eu",
                "https://ssoins-01.portal.eusc-de-east-1.api.amazonwebservices.eu",
                Some("eusc-de-east-1"),
            ),
        ];
        assert_understood(&rows);
    }

    fn assert_understood(rows: &[Form<'_>]) {
        for &(typed, start_url, region) in rows {
            let parsed = StartUrl::parse(typed).unwrap();
            assert_eq!(parsed.0, start_url, "{typed}");
            assert_eq!(parsed.region().as_deref(), region, "{typed}");
            assert_eq!(
                StartUrl::parse(start_url).as_ref(),
                Ok(&parsed),
                "parsing again changes nothing"
            );
        }
    }

    #[test]
    fn what_is_no_start_url_is_refused() {
        for text in [
            "http://acme.awsapps.com/start",
            "ftp://acme.awsapps.com",
            "javascript://acme.awsapps.com/%0a",
        ] {
            assert_eq!(StartUrl::parse(text), Err(PortalError::NotHttps), "{text}");
        }
        let nonsense = [
            "",
            "   ",
            "-",
            "two words",
            "https://",
            "https://localhost/start",
            "https://127.0.0.1/start",
            "https://[::1]/start",
            "https://user:secret@acme.awsapps.com/start",
            "https://acme.awsapps.com:8443/start",
            "https://acme.awsapps.com./start",
            "https://awsapps.com/start",
            "https://a.b.awsapps.com/start",
            "https://acme.awsapps.com/foo",
            "https://identitycenter.amazonaws.com/",
            "https://start.us-gov-home.awsapps.com/",
            "https://console.aws.amazon.com/",
            "https://eu-west-1.signin.aws/platform",
            "https://bucket.s3.amazonaws.com/start",
            "javascript:alert(1)",
            "file:///etc/passwd",
        ];
        for text in nonsense {
            let refused = StartUrl::parse(text).unwrap_err();
            assert!(
                matches!(refused, PortalError::NotAStartUrl(_) | PortalError::NotHttps),
                "{text}: {refused:?}"
            );
        }
    }

    #[test]
    fn what_is_refused_is_repeated_without_a_password_and_shortened() {
        let told = |text: &str| StartUrl::parse(text).unwrap_err().to_string();
        let refused = told("https://user:hunter2@acme.awsapps.com/start");
        assert_eq!(
            refused,
            "this is not a start URL: https://…@acme.awsapps.com/start"
        );
        assert_eq!(
            told("user:hunter2@acme.awsapps.com"),
            "this is not a start URL: …@acme.awsapps.com"
        );
        let long = told(&format!("https://acme.example/{}", "ü".repeat(5000)));
        assert!(long.chars().count() < 100 && long.ends_with('…'), "{long}");
    }

    #[test]
    fn a_region_of_another_partition_is_refused() {
        let rows = [
            ("acme", "cn-north-1", false),
            ("acme", "eusc-de-east-1", false),
            ("acme", "eu-west-1", true),
            ("acme", "us-gov-west-1", true),
            ("acme.awsapps.cn", "eu-west-1", false),
            ("acme.awsapps.cn", "cn-north-1", true),
            (
                "https://start.us-gov-home.awsapps.com/directory/agency",
                "eu-west-1",
                false,
            ),
            (
                "https://start.us-gov-home.awsapps.com/directory/agency",
                "us-gov-west-1",
                true,
            ),
            (
                "https://identitycenter.amazonaws.eu/ssoins-01",
                "eu-west-1",
                false,
            ),
            ("https://ssoins-01.portal.eu-west-1.app.aws", "cn-north-1", false),
            ("https://ssoins-01.portal.eu-west-1.app.aws", "us-east-1", true),
            ("https://aws.acme.example", "cn-north-1", true),
        ];
        for (typed, region, fits) in rows {
            let start_url = StartUrl::parse(typed).unwrap();
            assert_eq!(start_url.check_region(region).is_ok(), fits, "{typed} {region}");
        }
    }

    #[test]
    fn the_company_gives_the_portal_its_name() {
        let rows = [
            ("acme", "acme"),
            ("https://start.us-gov-home.awsapps.com/directory/agency", "agency"),
            ("https://identitycenter.amazonaws.com/ssoins-01", "ssoins-01"),
            ("https://aws.acme.example", "acme"),
            ("https://acme.example", "acme"),
        ];
        for (typed, name) in rows {
            assert_eq!(StartUrl::parse(typed).unwrap().suggested_name(), name);
        }
    }

    proptest::proptest! {
        #[test]
        fn f1_no_text_panics_and_what_parses_is_https(text in "\\PC{0,80}") {
            if let Ok(url) = StartUrl::parse(&text) {
                assert!(url.0.starts_with("https://") && !url.0.contains(['#', '?', ' ']), "{}", url.0);
                url.suggested_name();
                url.region();
            }
        }
    }
}
