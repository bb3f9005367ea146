//! The partitions of AWS: each has names of its own for the same hosts.

/// Where a region belongs. An unknown one is taken for the commercial partition, as the SDKs do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Partition {
    Commercial,
    China,
    GovCloud,
    EuropeanSovereign,
}

impl Partition {
    pub(crate) const ALL: [Self; 4] = [
        Self::Commercial,
        Self::China,
        Self::GovCloud,
        Self::EuropeanSovereign,
    ];

    pub(crate) fn of(region: &str) -> Self {
        match region.split('-').next() {
            Some("cn") => Self::China,
            Some("eusc") => Self::EuropeanSovereign,
            Some(_) | None if region.starts_with("us-gov-") => Self::GovCloud,
            Some(_) | None => Self::Commercial,
        }
    }

    /// As ARNs name it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Commercial => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
            Self::EuropeanSovereign => "aws-eusc",
        }
    }

    /// What the hosts of services end in: `oidc.REGION.` and the like come before it.
    pub(crate) fn service_domains(self) -> [&'static str; 2] {
        match self {
            Self::Commercial | Self::GovCloud => ["amazonaws.com", "api.aws"],
            Self::China => ["amazonaws.com.cn", "api.amazonwebservices.com.cn"],
            Self::EuropeanSovereign => ["amazonaws.eu", "api.amazonwebservices.eu"],
        }
    }

    pub(crate) fn sign_in_host(self) -> &'static str {
        match self {
            Self::Commercial => "signin.aws.amazon.com",
            Self::China => "signin.amazonaws.cn",
            Self::GovCloud => "signin.amazonaws-us-gov.com",
            Self::EuropeanSovereign => "signin.amazonaws-eusc.eu",
        }
    }

    pub(crate) fn console_host(self) -> &'static str {
        match self {
            Self::Commercial => "console.aws.amazon.com",
            Self::China => "console.amazonaws.cn",
            Self::GovCloud => "console.amazonaws-us-gov.com",
            Self::EuropeanSovereign => "console.amazonaws-eusc.eu",
        }
    }
}
