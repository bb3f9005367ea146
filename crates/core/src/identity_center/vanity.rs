//! A company's own address for its access portal: the one redirect that it answers with.

use url::Url;

use crate::identity_center::{Failure, HttpStack, Meaning, StartUrl};

const OPERATION: &str = "resolving the start URL";

/// The start URL of AWS to which a company's own one redirects; a start URL of AWS as it is.
///
/// One redirect is followed, and only to an access portal of AWS's.
pub async fn resolve_vanity(http: &HttpStack, start_url: &StartUrl) -> Result<StartUrl, Failure> {
    if start_url.is_of_aws() {
        return Ok(start_url.clone());
    }
    let invalid = |detail| Failure::new(OPERATION, Meaning::Invalid, detail);
    let url = Url::parse(&start_url.0).map_err(|_| invalid("not a URL"))?;
    let answer = http.get(OPERATION, &url).await?;
    let redirect = answer.location.filter(|_| (300..400).contains(&answer.status));
    let redirect =
        redirect.ok_or_else(|| invalid("the page does not redirect to an access portal of AWS"))?;
    url.join(&redirect)
        .ok()
        .and_then(|target| StartUrl::parse(target.as_str()).ok())
        .filter(StartUrl::is_of_aws)
        .ok_or_else(|| invalid("the page redirects to something that is no access portal of AWS"))
}
