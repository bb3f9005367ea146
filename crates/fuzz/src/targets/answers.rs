//! What AWS, or something that calls itself AWS, may answer. The first byte says to which operation, the second with
//! which status; then come headers up to an empty line, and the body.

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use portray_core::console::url::federation;
use portray_core::identity_center::vanity::resolve_vanity;
use portray_core::identity_center::{
    AccountId, Failure, Flow, HttpStack, IdentityCenter, Priority, RoleCredentials, StartUrl,
};
use portray_core::secret::Secret;
use url::Url;

use crate::bounds::bounded_async;
use crate::scene;

const STATUSES: [u16; 12] = [200, 200, 200, 302, 400, 401, 403, 404, 429, 500, 503, 204];

/// Time goes on in these steps: nothing waits for longer than an hour.
const STEP: Duration = Duration::from_secs(10);

/// Answers every request alike.
#[derive(Debug, Clone)]
pub struct Scripted(Option<(u16, Vec<u8>)>);

impl Scripted {
    /// Nobody answers.
    pub fn silent() -> Self {
        Self(None)
    }
}

pub fn run(input: &[u8]) {
    let [operation, status, rest @ ..] = input else {
        return;
    };
    let status = STATUSES[usize::from(*status) % STATUSES.len()];
    let clock = scene::clock();
    let http = HttpStack::with_connector(Scripted(Some((status, rest.to_vec()))), Arc::new(clock.clone()));
    let center = IdentityCenter::new(scene::portal(), &http, Arc::new(clock.clone()));
    bounded_async(input, async {
        let work = ask(*operation, &http, &center);
        let outcome = scene::while_time_passes(&clock, STEP, work).await;
        let outcome = outcome.expect("every call ends");
        if let Err(failure) = outcome {
            let said = failure.to_string();
            let is_told = scene::contains(rest, scene::CANARY);
            assert!(is_told || !said.contains(scene::CANARY), "{said}");
            assert!(said.chars().count() < 1000, "{said}");
            assert!(!said.chars().any(char::is_control), "{said:?}");
        }
    });
}

async fn ask(operation: u8, http: &HttpStack, center: &IdentityCenter) -> Result<(), Failure> {
    let (device, browser) = (
        scene::registration(Flow::DeviceCode),
        scene::registration(Flow::Browser),
    );
    let (token, account) = (scene::token(), AccountId("111122223333".to_owned()));
    match operation % 9 {
        0 => center.register(Flow::Browser).await.map(drop),
        1 => center.refresh(&browser, &token).await.map(drop),
        2 => {
            let begun = center.begin_device_sign_in(&device).await?;
            let page = Url::parse(&begun.verification_url).expect("a page to open is a URL");
            assert!(center.portal.allows(&page), "{page} is not the portal's");
            center.finish_device_sign_in(begun, &device).await.map(drop)
        }
        3 => {
            let accounts = center.accounts(&token, None, Priority::Interactive);
            accounts.await.map(drop)
        }
        4 => {
            let sets = center.permission_sets(&token, &account, None, Priority::Background);
            sets.await.map(drop)
        }
        5 => {
            let given = center
                .role_credentials(&token, &account, "ReadOnly", Priority::Interactive)
                .await?;
            assert!(given.expires_at > scene::noon(), "nothing expired is taken");
            Ok(())
        }
        6 => center.sign_out(&token).await,
        7 => {
            let own = StartUrl::parse("https://aws.acme.example").expect("a start URL");
            let resolved = resolve_vanity(http, &own).await?;
            assert!(resolved.is_of_aws());
            Ok(())
        }
        _ => console(http, center).await,
    }
}

async fn console(http: &HttpStack, center: &IdentityCenter) -> Result<(), Failure> {
    let credentials = RoleCredentials {
        access_key_id: "ASIAEXAMPLE".to_owned(),
        secret_access_key: Secret::from(scene::CANARY),
        session_token: Secret::from(scene::CANARY),
        expires_at: "2026-03-02T13:00:00Z".parse().expect("a time"),
    };
    let destination = Url::parse("https://eu-west-1.console.aws.amazon.com/").expect("a URL");
    let login = federation(http, &center.portal, &credentials, &destination, None).await?;
    let login = Url::parse(login.expose()).expect("it is a URL");
    let signin = center.portal.endpoints.signin.host_str().unwrap_or_default();
    assert!(
        login.host_str().is_some_and(|host| host.ends_with(signin)),
        "{login} leads elsewhere"
    );
    Ok(())
}

impl HttpConnector for Scripted {
    fn call(&self, _request: HttpRequest) -> HttpConnectorFuture {
        let Some((status, rest)) = &self.0 else {
            let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
            return HttpConnectorFuture::ready(Err(ConnectorError::io(refused.into())));
        };
        let status = (*status).try_into().expect("a status");
        let (head, body) = head_and_body(rest);
        let mut response = HttpResponse::new(status, SdkBody::from(body.to_vec()));
        for line in head.lines() {
            if let Some((name, value)) = line.split_once(':') {
                // What is no header would not have come through a connection either.
                let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().to_owned());
                let _ = response.headers_mut().try_insert(name, value);
            }
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

fn head_and_body(bytes: &[u8]) -> (String, &[u8]) {
    match bytes.windows(2).position(|window| window == b"\n\n") {
        Some(end) => (
            String::from_utf8_lossy(&bytes[..end]).into_owned(),
            &bytes[end + 2..],
        ),
        None => (String::new(), bytes),
    }
}
