//! Start URLs, partitions and endpoints.

use serde::{Deserialize, Serialize};
use url::Url;

/// Names a portal for good: several users of one start URL are several portals.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PortalId(pub String);

/// A start URL as AWS is to be sent it: https, without `#/…` and without a trailing slash.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StartUrl(pub String);

/// A group of regions with names and consoles of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Partition {
    Aws,
    AwsCn,
    AwsUsGov,
    AwsEusc,
    AwsIso,
    AwsIsoB,
    AwsIsoE,
    AwsIsoF,
}

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
    #[error("the endpoint {0} is neither on this machine nor https on a host of AWS")]
    EndpointNotAllowed(String),
}

impl StartUrl {
    /// Understands every form in which people paste a start URL, also just the company's part of it.
    pub fn parse(text: &str) -> Result<Self, PortalError> {
        let _ = text;
        todo!()
    }

    /// The region, where the host names it.
    pub fn region(&self) -> Option<String> {
        todo!()
    }
}

impl Partition {
    /// By the region's name; an unknown pattern counts as `aws`.
    pub fn of_region(region: &str) -> Self {
        let _ = region;
        todo!()
    }
}

impl Endpoints {
    /// AWS's own for a region.
    pub fn of_aws(region: &str, start_url: &StartUrl) -> Result<Self, PortalError> {
        let _ = (region, start_url);
        todo!()
    }

    /// Everything at one loopback base URL (`PORTRAY_ENDPOINT_URL`): the emulator.
    pub fn at_loopback(base: &Url) -> Result<Self, PortalError> {
        let _ = base;
        todo!()
    }
}
