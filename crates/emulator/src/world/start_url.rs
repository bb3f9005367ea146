//! The forms of start URL that AWS gives out. Another host would have to redirect to one of them, and nothing here does.

/// What an error shows; the README has the others.
pub(super) const FORMS: &str = "https://d-1234567890.awsapps.com/start, \
     https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws or another of the forms in the README";

/// Hosts whose path names the instance, and what the path begins with.
const NAMED_BY_PATH: [(&str, &str); 6] = [
    ("identitycenter.amazonaws.com", "ssoins-"),
    ("identitycenter.amazonaws.com.cn", "ssoins-"),
    ("identitycenter.amazonaws.eu", "ssoins-"),
    ("identitycenter.us-gov.amazonaws.com", "ssoins-"),
    ("start.us-gov-home.awsapps.com", "directory/"),
    ("start.home.awsapps.cn", "directory/"),
];
/// What stands around the region, behind the instance's name.
const NAMED_BY_REGION: [(&str, &str); 6] = [
    ("portal.", ".app.aws"),
    ("portal.", ".app.amazonwebservices.com.cn"),
    ("portal.", ".api.amazonwebservices.eu"),
    ("", ".portal.amazonaws.com"),
    ("", ".portal.amazonaws.com.cn"),
    ("", ".portal.amazonaws.eu"),
];

/// `url` has no slash at its end.
pub(super) fn is_start_url(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("https://") else {
        return false;
    };
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    if let Some((_, beginning)) = NAMED_BY_PATH.iter().find(|(known, _)| host == *known) {
        return path.strip_prefix(beginning).is_some_and(is_label);
    }
    let company = [".awsapps.com", ".awsapps.cn"]
        .iter()
        .find_map(|domain| host.strip_suffix(domain));
    match company {
        Some(company) => is_label(company) && path == "start",
        None => path.is_empty() && is_named_by_region(host),
    }
}

fn is_named_by_region(host: &str) -> bool {
    let Some((instance, rest)) = host.split_once('.') else {
        return false;
    };
    let mut around = NAMED_BY_REGION.iter();
    let is_region = |(before, after): &(&str, &str)| {
        let region = rest
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after));
        region.is_some_and(|region| is_label(region) && region.contains('-'))
    };
    instance.strip_prefix("ssoins-").is_some_and(is_label) && around.any(is_region)
}

fn is_label(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && !text.starts_with('-') && text.bytes().all(is_letter)
}

#[cfg(test)]
mod tests {
    use super::is_start_url;

    #[test]
    fn every_form_of_aws_is_a_start_url_and_nothing_else() {
        for url in [
            "https://d-9967123abc.awsapps.com/start",
            "https://acme.awsapps.com/start",
            "https://acme.awsapps.cn/start",
            "https://start.us-gov-home.awsapps.com/directory/agency",
            "https://start.home.awsapps.cn/directory/d-9967123abc",
            "https://identitycenter.amazonaws.com/ssoins-1234567890abcdef",
            "https://identitycenter.us-gov.amazonaws.com/ssoins-1234567890abcdef",
            "https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws",
            "https://ssoins-1234567890abcdef.portal.cn-north-1.app.amazonwebservices.com.cn",
            "https://ssoins-1234567890abcdef.portal.eusc-de-east-1.api.amazonwebservices.eu",
            "https://ssoins-1234567890abcdef.eu-west-1.portal.amazonaws.com",
            "https://ssoins-1234567890abcdef.cn-north-1.portal.amazonaws.com.cn",
            "https://ssoins-1234567890abcdef.eusc-de-east-1.portal.amazonaws.eu",
        ] {
            assert!(is_start_url(url), "{url}");
        }
        for url in [
            "http://acme.awsapps.com/start",
            "https://sso.acme.example",
            "https://sso.acme.example/start",
            "https://acme.awsapps.com",
            "https://acme.awsapps.com/start?x=1",
            "https://acme.awsapps.com/start/more",
            "https://acme.awsapps.com:443/start",
            "https://me@acme.awsapps.com/start",
            "https://a.b.awsapps.com/start",
            "https://ACME.awsapps.com/start",
            "https://.awsapps.com/start",
            "https://awsapps.com/start",
            "https://acme.awsapps.com.evil.example/start",
            "https://start.us-gov-home.awsapps.com/start",
            "https://start.us-gov-home.awsapps.com/directory",
            "https://identitycenter.amazonaws.com/start",
            "https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws/start",
            "https://acme.portal.eu-west-1.app.aws",
            "https://ssoins-1234567890abcdef.portal.app.aws",
            "https://",
            "",
        ] {
            assert!(!is_start_url(url), "{url}");
        }
    }
}
