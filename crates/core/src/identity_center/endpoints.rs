//! Where the services of a portal are: AWS's own endpoints, an emulator's, or those that the settings name.

use url::Url;

use crate::identity_center::partition::Partition;
use crate::identity_center::portal::{PortalError, StartUrl, is_under};
use crate::identity_center::start_url::shown;
use crate::paths::is_loopback;
use crate::settings::EndpointSettings;

/// Where the services of a portal are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoints {
    pub sso_oidc: Url,
    pub sso: Url,
    pub sts: Url,
    pub signin: Url,
    /// The access portal as a browser opens it.
    pub portal: Url,
    /// True where any of them is not AWS's own: what is stored for such a portal never meets a real token.
    pub custom: bool,
}

impl Endpoints {
    /// AWS's own for a region.
    pub fn of_aws(region: &str, start_url: &StartUrl) -> Result<Self, PortalError> {
        let partition = Partition::of_region(region);
        let suffix = partition.dns_suffix();
        let https = |host: &str| {
            Url::parse(&format!("https://{host}")).map_err(|_| PortalError::NotARegion(region.to_owned()))
        };
        Ok(Self {
            sso_oidc: https(&format!("oidc.{region}.{suffix}"))?,
            sso: https(&format!("portal.sso.{region}.{suffix}"))?,
            sts: https(&format!("sts.{region}.{suffix}"))?,
            signin: https(&partition.signin_host(None))?,
            portal: Url::parse(&start_url.0).map_err(|_| PortalError::NotAStartUrl(start_url.0.clone()))?,
            custom: false,
        })
    }

    /// Everything at one loopback base URL (`PORTRAY_ENDPOINT_URL`): the emulator.
    pub fn at_loopback(base: &Url) -> Result<Self, PortalError> {
        let plain = base.username().is_empty() && base.password().is_none();
        if !plain || !is_loopback(base) {
            return Err(PortalError::EndpointNotAllowed(base.to_string()));
        }
        let mut base = base.clone();
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            portal: under(&base, "start"),
            sso_oidc: base.clone(),
            sso: base.clone(),
            sts: base.clone(),
            signin: base,
            custom: true,
        })
    }

    /// These, with what the settings name in their place.
    pub(crate) fn with_settings(
        mut self,
        settings: &EndpointSettings,
        region: &str,
    ) -> Result<Self, PortalError> {
        let partition = Partition::of_region(region);
        let service =
            |prefixes: &'static [&'static str]| move |host: &str| is_service_host(host, prefixes, partition);
        let signin = |host: &str| is_under(host, &partition.signin_host(None));
        let portal = |host: &str| StartUrl(format!("https://{host}")).is_of_aws();
        let mut place = |endpoint: &mut Url, named: &Option<Url>, is_of_aws: &dyn Fn(&str) -> bool| {
            let Some(named) = named else { return Ok(()) };
            if !may_be_used(named, is_of_aws) {
                return Err(PortalError::EndpointNotAllowed(shown(named.as_str())));
            }
            *endpoint = named.clone();
            self.custom = true;
            Ok(())
        };
        place(
            &mut self.sso_oidc,
            &settings.sso_oidc,
            &service(&["oidc", "oidc-fips"]),
        )?;
        place(
            &mut self.sso,
            &settings.sso,
            &service(&["portal.sso", "portal.sso-fips"]),
        )?;
        place(&mut self.sts, &settings.sts, &service(&["sts", "sts-fips"]))?;
        place(&mut self.signin, &settings.signin, &signin)?;
        place(&mut self.portal, &settings.portal, &portal)?;
        Ok(self)
    }

    pub(crate) fn all(&self) -> [&Url; 5] {
        [&self.sso_oidc, &self.sso, &self.sts, &self.signin, &self.portal]
    }
}

/// A path below a base URL, whether or not that ends in a slash.
pub(crate) fn under(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url
}

fn may_be_used(url: &Url, is_of_aws: &dyn Fn(&str) -> bool) -> bool {
    let plain = url.username().is_empty() && url.password().is_none();
    let https = url.scheme() == "https" && url.port().is_none();
    plain && (is_loopback(url) || https && url.host_str().is_some_and(is_of_aws))
}

/// Not every host below amazonaws.com will do: buckets and functions of anybody are there too.
fn is_service_host(host: &str, prefixes: &[&str], partition: Partition) -> bool {
    let suffixes = [partition.dns_suffix(), partition.dual_stack_suffix()];
    let region = suffixes
        .iter()
        .find_map(|suffix| host.strip_suffix(&format!(".{suffix}")));
    let region = region.and_then(|rest| {
        prefixes
            .iter()
            .find_map(|prefix| rest.strip_prefix(&format!("{prefix}.")))
    });
    region.is_some_and(crate::identity_center::partition::is_region)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_follow_the_partition() {
        let rows = [
            (
                "eu-west-1",
                "oidc.eu-west-1.amazonaws.com",
                "signin.aws.amazon.com",
            ),
            (
                "us-gov-west-1",
                "oidc.us-gov-west-1.amazonaws.com",
                "signin.amazonaws-us-gov.com",
            ),
            (
                "cn-north-1",
                "oidc.cn-north-1.amazonaws.com.cn",
                "signin.amazonaws.cn",
            ),
            (
                "eusc-de-east-1",
                "oidc.eusc-de-east-1.amazonaws.eu",
                "signin.amazonaws-eusc.eu",
            ),
        ];
        let start_url = StartUrl::parse("acme").unwrap();
        for (region, oidc, signin) in rows {
            let endpoints = Endpoints::of_aws(region, &start_url).unwrap();
            assert_eq!(endpoints.sso_oidc.host_str(), Some(oidc));
            assert_eq!(
                endpoints.sso.host_str(),
                Some(oidc.replace("oidc", "portal.sso").as_str())
            );
            assert_eq!(
                endpoints.sts.host_str(),
                Some(oidc.replace("oidc", "sts").as_str())
            );
            assert_eq!(endpoints.signin.host_str(), Some(signin));
            assert_eq!(endpoints.portal.as_str(), start_url.0);
        }
    }

    #[test]
    fn an_endpoint_is_on_this_machine_or_awss_own() {
        let try_oidc = |text: &str| {
            let settings = EndpointSettings {
                sso_oidc: Some(Url::parse(text).unwrap()),
                ..EndpointSettings::default()
            };
            let aws = Endpoints::of_aws("eu-west-1", &StartUrl::parse("acme").unwrap()).unwrap();
            aws.with_settings(&settings, "eu-west-1").is_ok()
        };
        for text in [
            "http://127.0.0.1:4567",
            "https://localhost",
            "https://oidc.us-east-2.amazonaws.com",
            "https://oidc-fips.us-east-2.api.aws",
        ] {
            assert!(try_oidc(text), "{text}");
        }
        for text in [
            "http://oidc.us-east-2.amazonaws.com",
            "https://oidc.us-east-2.amazonaws.com.example.com",
            "https://abc.execute-api.us-east-2.amazonaws.com",
            "https://bucket.s3.us-east-2.amazonaws.com",
            "https://user@oidc.us-east-2.amazonaws.com",
            "https://example.com",
        ] {
            assert!(!try_oidc(text), "{text}");
        }
    }
}
