//! Services, regions and partitions of the AWS console.

use ::url::Url;

use crate::identity_center::portal::{is_region, is_under};
use crate::identity_center::{Partition, Portal};

/// Where in the console a session begins.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    #[error("“{0}” is no service that Portray knows; give the console's URL instead")]
    UnknownService(String),
    #[error("{0} is not a page of this partition's console")]
    ForeignHost(String),
    #[error("“{0}” is not a region of this portal's partition")]
    ForeignRegion(String),
    #[error("the address of a page says itself which region it shows, so “{0}” has no place in it")]
    RegionOfPage(String),
}

/// A service's page in the console.
struct Service {
    keywords: &'static [&'static str],
    path: &'static str,
    /// Global services have one page for all regions.
    regional: bool,
}

const fn regional(keywords: &'static [&'static str], path: &'static str) -> Service {
    Service {
        keywords,
        path,
        regional: true,
    }
}

const fn global(keywords: &'static [&'static str], path: &'static str) -> Service {
    Service {
        keywords,
        path,
        regional: false,
    }
}

const SERVICES: &[Service] = &[
    regional(&["acm", "certificates"], "acm/home"),
    regional(&["apigateway", "api-gateway"], "apigateway/home"),
    regional(&["athena"], "athena/home"),
    regional(&["backup"], "backup/home"),
    regional(&["batch"], "batch/home"),
    regional(&["bedrock"], "bedrock/home"),
    global(&["billing"], "billing/home"),
    regional(&["cloud9"], "cloud9/home"),
    regional(&["cloudformation", "cfn"], "cloudformation/home"),
    global(&["cloudfront"], "cloudfront/v4/home"),
    regional(&["cloudtrail"], "cloudtrail/home"),
    regional(&["cloudwatch", "cw"], "cloudwatch/home"),
    regional(&["codeartifact"], "codesuite/codeartifact/home"),
    regional(&["codebuild"], "codesuite/codebuild/home"),
    regional(&["codecommit"], "codesuite/codecommit/home"),
    regional(&["codedeploy"], "codesuite/codedeploy/home"),
    regional(&["codepipeline"], "codesuite/codepipeline/home"),
    regional(&["cognito"], "cognito/home"),
    regional(&["config"], "config/home"),
    global(&["cost", "costs", "cost-explorer"], "cost-management/home"),
    global(&["directconnect", "dx"], "directconnect/v2/home"),
    regional(&["dms"], "dms/v2/home"),
    regional(&["dynamodb", "ddb"], "dynamodbv2/home"),
    regional(&["ec2"], "ec2/v2/home"),
    regional(&["ecr"], "ecr/home"),
    regional(&["ecs"], "ecs/v2/home"),
    regional(&["efs"], "efs/home"),
    regional(&["eks"], "eks/home"),
    regional(&["elasticache"], "elasticache/home"),
    regional(&["elasticbeanstalk", "beanstalk"], "elasticbeanstalk/home"),
    regional(&["eventbridge", "events"], "events/home"),
    global(&["globalaccelerator"], "globalaccelerator/home"),
    regional(&["glue"], "glue/home"),
    regional(&["guardduty"], "guardduty/home"),
    global(&["iam"], "iamv2/home"),
    regional(&["identitycenter", "sso"], "singlesignon/home"),
    regional(&["inspector"], "inspector/v2/home"),
    regional(&["kinesis"], "kinesis/home"),
    regional(&["kms"], "kms/home"),
    regional(&["lambda"], "lambda/home"),
    regional(&["logs"], "cloudwatch/home"),
    regional(&["mq", "amazonmq"], "amazon-mq/home"),
    regional(&["msk"], "msk/home"),
    regional(&["opensearch"], "aos/home"),
    global(&["organizations", "orgs"], "organizations/v2/home"),
    regional(
        &["parameterstore", "parameter-store"],
        "systems-manager/parameters",
    ),
    regional(&["ram"], "ram/home"),
    regional(&["rds"], "rds/home"),
    regional(&["redshift"], "redshiftv2/home"),
    global(&["route53", "r53"], "route53/v2/home"),
    regional(&["s3"], "s3/home"),
    regional(&["sagemaker"], "sagemaker/home"),
    regional(&["secretsmanager", "secrets"], "secretsmanager/home"),
    regional(&["securityhub"], "securityhub/home"),
    regional(&["servicequotas", "quotas"], "servicequotas/home"),
    regional(&["ses"], "ses/home"),
    regional(&["sns"], "sns/v3/home"),
    regional(&["sqs"], "sqs/v3/home"),
    regional(&["ssm", "systems-manager"], "systems-manager/home"),
    regional(
        &["stepfunctions", "step-functions", "states", "sfn"],
        "states/home",
    ),
    global(&["support"], "support/home"),
    global(&["trustedadvisor"], "trustedadvisor/home"),
    regional(&["vpc"], "vpc/home"),
    regional(&["waf", "wafv2"], "wafv2/homev2"),
    regional(&["workspaces"], "workspaces/v2/home"),
    regional(&["xray"], "xray/home"),
];

/// The console page for a service keyword or a URL; the console's home where nothing is asked for.
pub fn destination(
    portal: &Portal,
    asked: Option<&str>,
    region: Option<&str>,
) -> Result<Url, DestinationError> {
    let asked = asked.map(str::trim).filter(|asked| !asked.is_empty());
    let region = region.map(str::trim).filter(|region| !region.is_empty());
    let partition = portal.partition();
    if let Some(foreign) = region.filter(|region| !is_region_of(partition, region)) {
        return Err(DestinationError::ForeignRegion(foreign.to_owned()));
    }
    match asked {
        None => Ok(page_of(partition, "console/home", region)),
        Some(text) if text.contains("://") => match region {
            None => page_asked_for(portal, text),
            Some(region) => Err(DestinationError::RegionOfPage(region.to_owned())),
        },
        Some(keyword) => {
            let unknown = || DestinationError::UnknownService(keyword.to_owned());
            let service = service(keyword).ok_or_else(unknown)?;
            Ok(page_of(
                partition,
                service.path,
                region.filter(|_| service.regional),
            ))
        }
    }
}

/// The keywords that [`destination`] knows, the first of each service.
pub fn services() -> impl Iterator<Item = &'static str> {
    SERVICES
        .iter()
        .filter_map(|service| service.keywords.first().copied())
}

/// The region that a console page belongs to; none for a global one.
pub(crate) fn region_of(portal: &Portal, destination: &Url) -> Option<String> {
    let in_query = destination
        .query_pairs()
        .find(|(name, _)| name == "region")
        .map(|(_, value)| value.into_owned());
    let in_host = || {
        let console = format!(".{}", portal.partition().console_host());
        let before = destination.host_str()?.strip_suffix(&console)?;
        before.rsplit('.').next().map(str::to_owned)
    };
    in_query
        .or_else(in_host)
        .filter(|region| is_region_of(portal.partition(), region))
}

fn service(keyword: &str) -> Option<&'static Service> {
    let keyword = keyword.to_ascii_lowercase();
    SERVICES
        .iter()
        .find(|service| service.keywords.contains(&keyword.as_str()))
}

fn is_region_of(partition: Partition, region: &str) -> bool {
    is_region(region) && Partition::of_region(region) == partition
}

fn page_of(partition: Partition, path: &str, region: Option<&str>) -> Url {
    let mut url = Url::parse(&format!("https://{}/{path}", partition.console_host()))
        .expect("console hosts and paths are constants that make a URL");
    if let Some(region) = region {
        url.query_pairs_mut().append_pair("region", region);
    }
    url
}

/// Whoever controls the destination controls where a signed-in browser goes.
fn page_asked_for(portal: &Portal, text: &str) -> Result<Url, DestinationError> {
    let foreign = || DestinationError::ForeignHost(text.chars().take(200).collect());
    let url = Url::parse(text).map_err(|_| foreign())?;
    let plain = url.username().is_empty() && url.password().is_none();
    let of_console = url.scheme() == "https"
        && url.port().is_none()
        && url
            .host_str()
            .is_some_and(|host| is_under(host, &portal.partition().console_host()));
    let of_emulator = portal.endpoints.custom && url.origin() == portal.endpoints.signin.origin();
    if plain && (of_console || of_emulator) {
        Ok(url)
    } else {
        Err(foreign())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    pub(super) fn portal(region: &str, endpoint: Option<&str>) -> Portal {
        let mut settings = Settings::default();
        let settings = settings.add_portal("acme", "https://aws.acme.example", region);
        let endpoint = endpoint.map(|endpoint| Url::parse(endpoint).unwrap());
        Portal::from_settings(settings, endpoint.as_ref()).unwrap()
    }

    #[test]
    fn a_keyword_gives_the_services_page_in_the_partitions_console() {
        let rows = [
            (
                "eu-west-1",
                None,
                None,
                "https://console.aws.amazon.com/console/home",
            ),
            (
                "eu-west-1",
                None,
                Some("us-east-2"),
                "https://console.aws.amazon.com/console/home?region=us-east-2",
            ),
            (
                "eu-west-1",
                Some("EC2"),
                Some("eu-north-1"),
                "https://console.aws.amazon.com/ec2/v2/home?region=eu-north-1",
            ),
            (
                "eu-west-1",
                Some("iam"),
                Some("eu-north-1"),
                "https://console.aws.amazon.com/iamv2/home",
            ),
            (
                "eu-west-1",
                Some("s3"),
                None,
                "https://console.aws.amazon.com/s3/home",
            ),
            (
                "us-gov-west-1",
                Some("vpc"),
                None,
                "https://console.amazonaws-us-gov.com/vpc/home",
            ),
            (
                "cn-north-1",
                Some("rds"),
                Some("cn-northwest-1"),
                "https://console.amazonaws.cn/rds/home?region=cn-northwest-1",
            ),
            (
                "eusc-de-east-1",
                None,
                None,
                "https://console.amazonaws-eusc.eu/console/home",
            ),
        ];
        for (home, asked, region, expected) in rows {
            assert_eq!(
                destination(&portal(home, None), asked, region).unwrap().as_str(),
                expected
            );
        }
    }

    #[test]
    fn what_is_unknown_or_elsewhere_is_refused() {
        let portal = portal("eu-west-1", None);
        let refused = |asked, region| destination(&portal, asked, region).unwrap_err();
        assert_eq!(
            refused(Some("teapot"), None),
            DestinationError::UnknownService("teapot".to_owned())
        );
        for region in ["cn-north-1", "mars", "eu-west-1&x=y"] {
            assert_eq!(
                refused(Some("ec2"), Some(region)),
                DestinationError::ForeignRegion(region.to_owned())
            );
        }
    }

    #[test]
    fn a_region_that_an_address_could_not_show_is_refused() {
        let portal = portal("eu-west-1", None);
        let page = "https://console.aws.amazon.com/s3/home?region=eu-west-1";
        assert_eq!(
            destination(&portal, Some(page), Some("us-east-1")),
            Err(DestinationError::RegionOfPage("us-east-1".to_owned()))
        );
    }

    #[test]
    fn b2_a_destination_url_is_a_page_of_the_partitions_console() {
        let portal = portal("eu-west-1", None);
        for url in [
            "https://console.aws.amazon.com/s3/buckets/x?tab=objects#frag",
            "https://eu-west-1.console.aws.amazon.com/ec2/home",
            "https://123456789012-abcdefgh.eu-west-1.console.aws.amazon.com/ec2/home",
        ] {
            assert_eq!(destination(&portal, Some(url), None).unwrap().as_str(), url);
        }
        for url in [
            "http://console.aws.amazon.com/",
            "https://console.aws.amazon.com.example.com/",
            "https://evilconsole.aws.amazon.com/",
            "https://console.aws.amazon.com:444/",
            "https://user@console.aws.amazon.com/",
            "https://console.amazonaws.cn/",
            "https://signin.aws.amazon.com/oauth?Action=logout&redirect_uri=https://example.com",
            "http://127.0.0.1:4567/",
            "javascript://console.aws.amazon.com/%0aalert(1)",
        ] {
            let refused = destination(&portal, Some(url), None).unwrap_err();
            assert_eq!(refused, DestinationError::ForeignHost(url.to_owned()));
        }
    }

    #[test]
    fn an_emulators_own_pages_are_destinations_of_its_portal_only() {
        let emulated = portal("eu-west-1", Some("http://127.0.0.1:4567"));
        assert!(destination(&emulated, Some("http://127.0.0.1:4567/console"), None).is_ok());
        assert!(destination(&emulated, Some("http://127.0.0.1:4568/console"), None).is_err());
        assert!(destination(&emulated, Some("https://console.aws.amazon.com/"), None).is_ok());
    }

    #[test]
    fn a_pages_region_is_read_from_its_query_or_host() {
        let portal = portal("eu-west-1", None);
        let region = |url| region_of(&portal, &Url::parse(url).unwrap());
        assert_eq!(
            region("https://console.aws.amazon.com/ec2?region=us-east-2").as_deref(),
            Some("us-east-2")
        );
        assert_eq!(
            region("https://eu-north-1.console.aws.amazon.com/ec2").as_deref(),
            Some("eu-north-1")
        );
        assert_eq!(
            region("https://1-a.eu-north-1.console.aws.amazon.com/").as_deref(),
            Some("eu-north-1")
        );
        for url in [
            "https://console.aws.amazon.com/iamv2/home",
            "https://console.aws.amazon.com/?region=evil.example",
        ] {
            assert_eq!(region(url), None);
        }
    }

    #[test]
    fn every_keyword_is_unique() {
        let keywords: Vec<_> = SERVICES.iter().flat_map(|service| service.keywords).collect();
        let unique: std::collections::BTreeSet<_> = keywords.iter().collect();
        assert_eq!(unique.len(), keywords.len());
        assert!(services().count() >= 60);
    }
}
