//! Groups of regions with names, consoles and sign-in hosts of their own.

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

/// The regions in which AWS offers IAM Identity Center, for a picker: a region that is not listed is no error.
pub const REGIONS: [&str; 39] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "sa-east-1",
    "mx-central-1",
    "af-south-1",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "eusc-de-east-1",
    "us-gov-east-1",
    "us-gov-west-1",
    "cn-north-1",
    "cn-northwest-1",
];

/// See [`REGIONS`].
pub fn regions() -> &'static [&'static str] {
    &REGIONS
}

/// Whether a text has the shape of a region's name. New regions appear, so the list does not decide.
pub fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [area, words @ .., number] = parts.as_slice() else {
        return false;
    };
    let word = |text: &&str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase());
    (2..=4).contains(&area.len())
        && word(area)
        && (1..=2).contains(&words.len())
        && words.iter().all(word)
        && (1..=2).contains(&number.len())
        && number.bytes().all(|byte| byte.is_ascii_digit())
}

impl Partition {
    /// By the region's name; an unknown pattern counts as `aws`.
    pub fn of_region(region: &str) -> Self {
        let prefixes = [
            ("cn-", Self::AwsCn),
            ("us-gov-", Self::AwsUsGov),
            ("eusc-", Self::AwsEusc),
            ("us-iso-", Self::AwsIso),
            ("us-isob-", Self::AwsIsoB),
            ("eu-isoe-", Self::AwsIsoE),
            ("us-isof-", Self::AwsIsoF),
        ];
        prefixes
            .iter()
            .find(|(prefix, _)| region.starts_with(prefix))
            .map_or(Self::Aws, |(_, partition)| *partition)
    }

    /// What the partition is called in an ARN.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsEusc => "aws-eusc",
            Self::AwsIso => "aws-iso",
            Self::AwsIsoB => "aws-iso-b",
            Self::AwsIsoE => "aws-iso-e",
            Self::AwsIsoF => "aws-iso-f",
        }
    }

    /// The domain of service endpoints.
    pub fn dns_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "amazonaws.com",
            Self::AwsCn => "amazonaws.com.cn",
            Self::AwsEusc => "amazonaws.eu",
            Self::AwsIso => "c2s.ic.gov",
            Self::AwsIsoB => "sc2s.sgov.gov",
            Self::AwsIsoE => "cloud.adc-e.uk",
            Self::AwsIsoF => "csp.hci.ic.gov",
        }
    }

    /// The domain of dual-stack service endpoints.
    pub fn dual_stack_suffix(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "api.aws",
            Self::AwsCn => "api.amazonwebservices.com.cn",
            Self::AwsEusc => "api.amazonwebservices.eu",
            Self::AwsIso => "api.aws.ic.gov",
            Self::AwsIsoB => "api.aws.scloud",
            Self::AwsIsoE => "api.cloud-aws.adc-e.uk",
            Self::AwsIsoF => "api.aws.hci.ic.gov",
        }
    }

    /// The console's host; a region's console is a subdomain of it.
    pub fn console_host(self) -> String {
        format!("console.{}", self.console_domain())
    }

    /// The federation host. Every region has one; the partition's first region answers on the plain name.
    pub fn signin_host(self, region: Option<&str>) -> String {
        let domain = match self {
            Self::Aws => "signin.aws.amazon.com".to_owned(),
            Self::AwsCn
            | Self::AwsUsGov
            | Self::AwsEusc
            | Self::AwsIso
            | Self::AwsIsoB
            | Self::AwsIsoE
            | Self::AwsIsoF => format!("signin.{}", self.console_domain()),
        };
        match region {
            Some(region) if Some(region) != self.first_region() && Self::of_region(region) == self => {
                format!("{region}.{domain}")
            }
            Some(_) | None => domain,
        }
    }

    fn console_domain(self) -> &'static str {
        match self {
            Self::Aws => "aws.amazon.com",
            Self::AwsCn => "amazonaws.cn",
            Self::AwsUsGov => "amazonaws-us-gov.com",
            Self::AwsEusc => "amazonaws-eusc.eu",
            Self::AwsIso => "c2shome.ic.gov",
            Self::AwsIsoB => "sc2shome.sgov.gov",
            Self::AwsIsoE => "csphome.adc-e.uk",
            Self::AwsIsoF => "csphome.hci.ic.gov",
        }
    }

    /// The region that answers on the plain sign-in host. In aws-eusc the regional name is the documented one.
    fn first_region(self) -> Option<&'static str> {
        match self {
            Self::Aws => Some("us-east-1"),
            Self::AwsCn => Some("cn-north-1"),
            Self::AwsUsGov => Some("us-gov-west-1"),
            Self::AwsEusc => None,
            Self::AwsIso => Some("us-iso-east-1"),
            Self::AwsIsoB => Some("us-isob-east-1"),
            Self::AwsIsoE => Some("eu-isoe-west-1"),
            Self::AwsIsoF => Some("us-isof-south-1"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picker_lists_39_regions_of_four_partitions() {
        let unique: std::collections::BTreeSet<_> = regions().iter().collect();
        assert_eq!(unique.len(), 39);
        assert!(regions().iter().all(|region| is_region(region)));
        let count = |partition| {
            let of_it = |region: &&&str| Partition::of_region(region) == partition;
            regions().iter().filter(of_it).count()
        };
        assert_eq!(
            [
                Partition::Aws,
                Partition::AwsCn,
                Partition::AwsUsGov,
                Partition::AwsEusc
            ]
            .map(count),
            [34, 2, 2, 1]
        );
    }

    #[test]
    fn a_region_is_known_by_its_shape() {
        for region in ["xx-somewhere-12", "us-isob-east-1", "eusc-de-east-1"] {
            assert!(is_region(region), "{region}");
        }
        for text in [
            "",
            "us-east",
            "us-east-",
            "US-EAST-1",
            "us--1",
            "useast1",
            "a.b-c-1",
            "us-east-1-x",
            "portal",
        ] {
            assert!(!is_region(text), "{text}");
        }
    }

    #[test]
    fn the_plain_sign_in_host_is_the_one_of_the_first_region() {
        let rows = [
            ("us-east-1", "signin.aws.amazon.com"),
            ("eu-west-1", "eu-west-1.signin.aws.amazon.com"),
            ("us-gov-west-1", "signin.amazonaws-us-gov.com"),
            ("us-gov-east-1", "us-gov-east-1.signin.amazonaws-us-gov.com"),
            ("cn-north-1", "signin.amazonaws.cn"),
            ("cn-northwest-1", "cn-northwest-1.signin.amazonaws.cn"),
            ("eusc-de-east-1", "eusc-de-east-1.signin.amazonaws-eusc.eu"),
        ];
        for (region, host) in rows {
            assert_eq!(Partition::of_region(region).signin_host(Some(region)), host);
        }
        assert_eq!(Partition::AwsEusc.signin_host(None), "signin.amazonaws-eusc.eu");
        assert_eq!(
            Partition::Aws.signin_host(Some("cn-north-1")),
            "signin.aws.amazon.com"
        );
    }
}
