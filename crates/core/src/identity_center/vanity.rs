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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
    use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
    use aws_smithy_types::body::SdkBody;

    use super::*;
    use crate::clock::ManualClock;

    /// A host that answers everything with one redirect.
    #[derive(Debug)]
    struct Redirects(u16, &'static str);

    impl HttpConnector for Redirects {
        fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
            let mut response = HttpResponse::new(self.0.try_into().unwrap(), SdkBody::empty());
            response.headers_mut().insert("location", self.1);
            HttpConnectorFuture::ready(Ok(response))
        }
    }

    async fn resolved(status: u16, location: &'static str, start_url: &str) -> Result<String, Meaning> {
        let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
        let http = HttpStack::with_connector(Redirects(status, location), Arc::new(clock));
        let resolved = resolve_vanity(&http, &StartUrl::parse(start_url).unwrap()).await;
        resolved.map(|url| url.0).map_err(|failure| failure.meaning)
    }

    #[tokio::test]
    async fn a_companys_own_address_leads_to_aws_in_one_redirect() {
        let company = "https://aws.acme.example";
        let found = resolved(302, "https://acme.awsapps.com/start/#/", company).await;
        assert_eq!(found.unwrap(), "https://acme.awsapps.com/start");
        for (status, location) in [
            (302, "https://elsewhere.example/"),
            (302, "http://acme.awsapps.com/start"),
            (302, "/login"),
            (200, "https://acme.awsapps.com/start"),
        ] {
            assert_eq!(
                resolved(status, location, company).await,
                Err(Meaning::Invalid),
                "{location}"
            );
        }
        let asked_nobody = resolved(500, "", "acme").await;
        assert_eq!(asked_nobody.unwrap(), "https://acme.awsapps.com/start");
    }
}
