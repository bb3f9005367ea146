//! Every form of a start URL, and what is none.

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
fn a_region_that_contradicts_the_host_is_refused() {
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
        ("https://ssoins-01.portal.eu-west-1.app.aws", "us-east-1", false),
        ("https://ssoins-01.portal.eu-west-1.app.aws", "eu-west-1", true),
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
