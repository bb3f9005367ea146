//! The federation sign-in URL and the access portal's shortcut link.

use ::url::{Url, form_urlencoded};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::console::destinations::region_of;
use crate::identity_center::error::is_of_the_network;
use crate::identity_center::portal::under;
use crate::identity_center::{AccountId, Failure, HttpStack, Meaning, Portal, RoleCredentials, Trouble};
use crate::secret::Secret;

const OPERATION: &str = "console federation";

/// How long a console session may last.
pub const SESSION_SECONDS: std::ops::RangeInclusive<u32> = 900..=43_200;

/// The JSON that AWS documents for `Session`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Session<'credentials> {
    session_id: &'credentials str,
    session_key: &'credentials str,
    session_token: &'credentials str,
}

#[derive(Deserialize)]
struct SigninToken {
    #[serde(rename = "SigninToken")]
    token: String,
}

/// The URL that signs a browser in to the console. Good for 15 minutes; whoever holds it gets the session.
///
/// `duration_seconds` is one of [`SESSION_SECONDS`]; without it the console session lasts as long as the credentials, which is
/// what works with every kind of them.
pub async fn federation(
    http: &HttpStack,
    portal: &Portal,
    credentials: &RoleCredentials,
    destination: &Url,
    duration_seconds: Option<u32>,
) -> Result<Secret, Failure> {
    if credentials.expires_at <= http.now() {
        return Err(Failure::new(
            OPERATION,
            Meaning::Invalid,
            "the credentials have expired",
        ));
    }
    let endpoint = federation_endpoint(portal, destination);
    let request = signin_token_request(&endpoint, credentials, duration_seconds)?;
    let answer = http.get(OPERATION, &request).await;
    String::from(request).zeroize();
    let mut answer = answer?;
    let captive = is_of_the_network(answer.status, answer.content_type.as_deref(), &answer.body);
    let trouble = if captive {
        Trouble::Captive
    } else {
        Trouble::Answer
    };
    let parsed = token_in(answer.status, &answer.body).map_err(|failure| failure.with_trouble(trouble));
    answer.body.zeroize();
    let token = parsed?;
    let mut login = endpoint;
    login
        .query_pairs_mut()
        .append_pair("Action", "login")
        .append_pair("Issuer", portal.endpoints.portal.as_str())
        .append_pair("Destination", destination.as_str())
        .append_pair("SigninToken", token.expose());
    Ok(String::from(login).into())
}

/// The access portal's link to a console session; the browser's own portal session does the rest.
pub fn shortcut(
    portal: &Portal,
    account: &AccountId,
    permission_set: Option<&str>,
    destination: Option<&Url>,
) -> Url {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("account_id", &account.0);
    if let Some(permission_set) = permission_set {
        query.append_pair("role_name", permission_set);
    }
    if let Some(destination) = destination {
        query.append_pair("destination", destination.as_str());
    }
    // A form's "+" for a space is not known to everybody who reads a fragment.
    let query = query.finish().replace('+', "%20");
    let mut url = under(&portal.endpoints.portal, "");
    url.set_fragment(Some(&format!("/console?{query}")));
    url
}

/// The host of the destination's region, because a session begins where it signs in. An endpoint of the
/// portal's own serves all regions.
fn federation_endpoint(portal: &Portal, destination: &Url) -> Url {
    let partition = portal.partition();
    let mut endpoint = under(&portal.endpoints.signin, "federation");
    if endpoint.host_str() == Some(&partition.signin_host(None)) {
        let region = region_of(portal, destination);
        // Region names are checked to be nothing but letters, digits and hyphens.
        let _ = endpoint.set_host(Some(&partition.signin_host(region.as_deref())));
    }
    endpoint
}

fn signin_token_request(
    endpoint: &Url,
    credentials: &RoleCredentials,
    duration_seconds: Option<u32>,
) -> Result<Url, Failure> {
    let session = Session {
        session_id: &credentials.access_key_id,
        session_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
    };
    let session = serde_json::to_string(&session)
        .map(Secret::new)
        .map_err(|_| Failure::new(OPERATION, Meaning::Invalid, "the session cannot be written"))?;
    let mut url = endpoint.clone();
    url.query_pairs_mut().append_pair("Action", "getSigninToken");
    if let Some(seconds) = duration_seconds {
        url.query_pairs_mut()
            .append_pair("SessionDuration", &seconds.to_string());
    }
    url.query_pairs_mut().append_pair("Session", session.expose());
    Ok(url)
}

fn token_in(status: u16, body: &[u8]) -> Result<Secret, Failure> {
    let (meaning, detail) = match status {
        200 => {
            let parsed = serde_json::from_slice::<SigninToken>(body).ok();
            let token = parsed
                .map(|parsed| parsed.token)
                .filter(|token| !token.is_empty());
            return token
                .map(Secret::new)
                .ok_or_else(|| Failure::garbage(OPERATION, "sign-in token"));
        }
        429 => (Meaning::Throttled, "AWS asks to slow down"),
        // The body is a text or a page without a promised form.
        400 | 401 | 403 => (
            Meaning::Invalid,
            "AWS makes no console session from these credentials",
        ),
        _ => (Meaning::Unreachable, "not the answer of a federation endpoint"),
    };
    Err(Failure::new(
        OPERATION,
        meaning,
        &format!("HTTP {status}: {detail}"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;

    fn portal(region: &str) -> Portal {
        let mut settings = Settings::default();
        let start_url = match region.starts_with("cn-") {
            true => "acme.awsapps.cn",
            false if region.starts_with("eusc-") => "https://aws.acme.example",
            false => "acme",
        };
        Portal::from_settings(settings.add_portal("acme", start_url, region), None).unwrap()
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn the_session_begins_in_the_destinations_region() {
        let rows = [
            (
                "eu-west-1",
                "https://console.aws.amazon.com/ec2?region=us-west-2",
                "us-west-2.signin.aws.amazon.com",
            ),
            (
                "eu-west-1",
                "https://console.aws.amazon.com/ec2?region=us-east-1",
                "signin.aws.amazon.com",
            ),
            (
                "eu-west-1",
                "https://console.aws.amazon.com/iamv2/home",
                "signin.aws.amazon.com",
            ),
            (
                "us-gov-west-1",
                "https://console.amazonaws-us-gov.com/ec2?region=us-gov-east-1",
                "us-gov-east-1.signin.amazonaws-us-gov.com",
            ),
            (
                "cn-north-1",
                "https://console.amazonaws.cn/ec2?region=cn-north-1",
                "signin.amazonaws.cn",
            ),
            (
                "eusc-de-east-1",
                "https://console.amazonaws-eusc.eu/ec2?region=eusc-de-east-1",
                "eusc-de-east-1.signin.amazonaws-eusc.eu",
            ),
        ];
        for (region, destination, host) in rows {
            let endpoint = federation_endpoint(&portal(region), &url(destination));
            assert_eq!(endpoint.as_str(), format!("https://{host}/federation"));
        }
    }

    #[test]
    fn b2_answers_of_the_federation_endpoint_have_meanings() {
        let meaning = |status, body: &str| token_in(status, body.as_bytes()).unwrap_err().meaning;
        assert_eq!(meaning(400, "Invalid credentials"), Meaning::Invalid);
        assert_eq!(meaning(429, ""), Meaning::Throttled);
        assert_eq!(meaning(503, ""), Meaning::Unreachable);
        assert_eq!(meaning(302, ""), Meaning::Unreachable);
        assert_eq!(meaning(200, "<html>hotel</html>"), Meaning::Unreachable);
        assert_eq!(meaning(200, r#"{"SigninToken":""}"#), Meaning::Unreachable);
        assert_eq!(
            token_in(200, br#"{"SigninToken":"abc"}"#).unwrap().expose(),
            "abc"
        );
    }

    #[tokio::test]
    async fn a_browser_that_opens_the_url_is_in_the_console() {
        use crate::identity_center::Priority;
        use crate::identity_center::tests::Stage;

        let stage = Stage::acme().await;
        let (_, token) = stage.signed_in().await;
        let account = AccountId("111122223333".to_owned());
        let center = &stage.center;
        let sets = center
            .permission_sets(&token, &account, None, Priority::Interactive)
            .await
            .unwrap();
        let set = sets.items.first().unwrap();
        let credentials = center
            .role_credentials(&token, &account, set, Priority::Interactive)
            .await
            .unwrap();
        let page = url("https://console.aws.amazon.com/s3/home?region=us-west-2");
        let login = federation(&stage.http, &center.portal, &credentials, &page, None)
            .await
            .unwrap();
        assert!(!login.expose().contains(credentials.secret_access_key.expose()));
        let mut next = url(login.expose());
        let shown = loop {
            let answer = stage.http.get("the browser", &next).await.unwrap();
            match answer.location {
                Some(location) => next = next.join(&location).unwrap(),
                None => break answer,
            }
        };
        assert_eq!(shown.status, 200);
        let shown = String::from_utf8(shown.body).unwrap();
        assert!(
            shown.contains("111122223333") || shown.contains("1111-2222-3333"),
            "{shown}"
        );
        assert!(shown.contains(set.as_str()), "{shown}");

        let spoilt = RoleCredentials {
            session_token: "canary".into(),
            ..credentials
        };
        let refused = federation(&stage.http, &center.portal, &spoilt, &page, None)
            .await
            .unwrap_err();
        assert_eq!(refused.meaning, Meaning::Invalid);
        assert!(!format!("{refused:?}").contains("canary"));
    }

    #[test]
    fn the_shortcut_names_account_role_and_destination() {
        let account = AccountId("012345678901".to_owned());
        let destination = url("https://console.aws.amazon.com/s3/home?region=eu-west-1");
        let link = shortcut(
            &portal("eu-west-1"),
            &account,
            Some("Read Only+"),
            Some(&destination),
        );
        assert_eq!(
            link.as_str(),
            "https://acme.awsapps.com/start/#/console?account_id=012345678901&role_name=Read%20Only%2B&\
             destination=https%3A%2F%2Fconsole.aws.amazon.com%2Fs3%2Fhome%3Fregion%3Deu-west-1"
        );
        let link = shortcut(&portal("eu-west-1"), &account, None, None);
        assert_eq!(
            link.as_str(),
            "https://acme.awsapps.com/start/#/console?account_id=012345678901"
        );
    }
}
