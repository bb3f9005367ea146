//! What a start URL that somebody is typing turns out to be.

use crate::app::contract::{Answer, ProblemView, StartUrlView};
use crate::identity_center::StartUrl;
use crate::identity_center::portal::regions;

/// What a start URL that is being typed turns out to be.
pub fn inspect(text: &str) -> Answer {
    let view = match StartUrl::parse(text) {
        Ok(start_url) => StartUrlView {
            region: start_url.region(),
            regions: region_names(|region| start_url.check_region(region).is_ok()),
            start_url: Some(start_url.0),
            problem: None,
        },
        Err(error) => StartUrlView {
            start_url: None,
            region: None,
            regions: region_names(|_| true),
            problem: Some(ProblemView::portal(&error)),
        },
    };
    Answer::StartUrl { view }
}

fn region_names(fits: impl Fn(&str) -> bool) -> Vec<String> {
    regions()
        .iter()
        .filter(|name| fits(name))
        .map(ToString::to_string)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regions_of_the_start_urls_partition_are_offered() {
        let offered = |text: &str| {
            let Answer::StartUrl { view } = inspect(text) else {
                panic!("{text:?} is no start URL")
            };
            view.regions
        };
        let china = "https://start.home.awsapps.cn/directory/agency";
        assert_eq!(offered(china), ["cn-north-1", "cn-northwest-1"]);
        let government = "https://start.us-gov-home.awsapps.com/directory/agency";
        assert_eq!(offered(government), ["us-gov-east-1", "us-gov-west-1"]);
        let commercial = offered("acme");
        assert_eq!(commercial[0], "us-east-1");
        assert!(!commercial.iter().any(|region| region.starts_with("cn-")));
        let of_a_company = offered("https://aws.acme.example");
        assert_eq!(of_a_company.len(), regions().len());
    }
}
