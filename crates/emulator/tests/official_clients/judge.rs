//! An emulator on a socket with the SDK's clients pointed at it.

use std::time::Duration;

use aws_sdk_sso::config::timeout::TimeoutConfig;
use aws_sdk_sso::config::{BehaviorVersion, Region};
use aws_sdk_sso::operation::list_accounts::ListAccountsOutput;
use aws_sdk_sso::types::RoleCredentials;
use aws_sdk_ssooidc::operation::create_token::{CreateTokenError, CreateTokenOutput};
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use identity_center_emulator::{Clock, Emulator, Options, World};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
pub const REDIRECT: &str = "http://127.0.0.1:49152/oauth/callback";
pub const VERIFIER: &str = "0123456789-abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Every refusal of the portal API, by type.
pub type Refusal = aws_sdk_sso::Error;

/// An emulator on a port of its own, with the two SDK clients pointed at it.
pub struct Judge {
    pub emulator: Emulator,
    pub oidc: aws_sdk_ssooidc::Client,
    pub portal: aws_sdk_sso::Client,
    server: JoinHandle<()>,
}

impl Drop for Judge {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Judge {
    pub async fn new() -> Self {
        let mut world = World::acme();
        world.page_size = 5;
        Self::of(world).await
    }

    pub async fn of(world: World) -> Self {
        let clock = Clock::fixed("2030-01-01T08:00:00Z".parse().unwrap());
        let emulator = Emulator::new(
            world,
            Options {
                clock,
                seed: Some(1),
                ..Options::default()
            },
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let serving = emulator.clone();
        let server = tokio::spawn(async move { serving.serve(listener).await.unwrap() });
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let deadline = TimeoutConfig::builder()
            .operation_timeout(Duration::from_secs(5))
            .build();
        let oidc = aws_sdk_ssooidc::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(&endpoint)
            .http_client(http.clone())
            .build();
        let portal = aws_sdk_sso::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .endpoint_url(&endpoint)
            .http_client(http)
            .retry_config(aws_sdk_sso::config::retry::RetryConfig::disabled())
            .timeout_config(deadline)
            .build();
        let (oidc, portal) = (
            aws_sdk_ssooidc::Client::from_conf(oidc),
            aws_sdk_sso::Client::from_conf(portal),
        );
        Self {
            emulator,
            oidc,
            portal,
            server,
        }
    }

    pub async fn register_for_device(&self) -> (String, String) {
        let request = self
            .oidc
            .register_client()
            .client_name("judge")
            .client_type("public");
        let answer = request.scopes("sso:account:access").send().await.unwrap();
        assert_eq!(
            answer.client_secret_expires_at() - answer.client_id_issued_at(),
            7_776_000
        );
        (
            answer.client_id().unwrap().to_owned(),
            answer.client_secret().unwrap().to_owned(),
        )
    }

    /// Signs in by device code; gives access and refresh token, client id and secret.
    pub async fn sign_in(&self, user: &str) -> (String, String, (String, String)) {
        let (id, secret) = self.register_for_device().await;
        let started = self
            .oidc
            .start_device_authorization()
            .client_id(&id)
            .client_secret(&secret);
        let started = started.start_url(self.emulator.start_url()).send().await.unwrap();
        self.emulator
            .approve_device(started.user_code().unwrap(), user)
            .unwrap();
        let poll = self
            .oidc
            .create_token()
            .client_id(&id)
            .client_secret(&secret)
            .grant_type(DEVICE_CODE);
        let tokens = poll
            .device_code(started.device_code().unwrap())
            .send()
            .await
            .unwrap();
        let (access, refresh) = (tokens.access_token().unwrap(), tokens.refresh_token().unwrap());
        (access.to_owned(), refresh.to_owned(), (id, secret))
    }

    pub async fn refresh(
        &self,
        refresh_token: &str,
        client: &(String, String),
    ) -> Result<CreateTokenOutput, CreateTokenError> {
        let request = self
            .oidc
            .create_token()
            .client_id(&client.0)
            .client_secret(&client.1);
        let answer = request
            .grant_type("refresh_token")
            .refresh_token(refresh_token)
            .send()
            .await;
        answer.map_err(aws_sdk_ssooidc::error::SdkError::into_service_error)
    }

    pub async fn accounts(&self, token: &str) -> Result<ListAccountsOutput, Refusal> {
        let request = self.portal.list_accounts().access_token(token).max_results(100);
        request.send().await.map_err(aws_sdk_sso::Error::from)
    }

    /// Whether role credentials that were handed out still open something: the console's sign-in.
    pub async fn are_alive(&self, credentials: &RoleCredentials) -> bool {
        let session = serde_json::json!({
            "sessionId": credentials.access_key_id(),
            "sessionKey": credentials.secret_access_key(),
            "sessionToken": credentials.session_token(),
        });
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("Action", "getSigninToken")
            .append_pair("Session", &session.to_string())
            .finish();
        let answer = get(&self.emulator.base_url(), &format!("/federation?{query}")).await;
        answer.starts_with("HTTP/1.1 200 ")
    }

    pub async fn credentials(&self, token: &str, role: &str) -> Result<RoleCredentials, Refusal> {
        let request = self
            .portal
            .get_role_credentials()
            .access_token(token)
            .account_id("111122223333");
        let answer = request
            .role_name(role)
            .send()
            .await
            .map_err(aws_sdk_sso::Error::from)?;
        Ok(answer.role_credentials().unwrap().clone())
    }
}

/// Where `/authorize` sends the browser.
pub async fn redirect(base_url: &str, client_id: &str) -> String {
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER));
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("response_type", "code")
        .append_pair("client_id", client_id)
        .append_pair("redirect_uri", REDIRECT)
        .append_pair("state", "some-state")
        .append_pair("code_challenge_method", "S256")
        .append_pair("scopes", "sso:account:access")
        .append_pair("code_challenge", &challenge)
        .finish();
    let answer = get(base_url, &format!("/authorize?{query}")).await;
    assert!(answer.starts_with("HTTP/1.1 302 "), "{answer}");
    let line = answer.lines().find_map(|line| line.strip_prefix("location: "));
    line.unwrap().to_owned()
}

/// The whole answer to a request of a browser.
async fn get(base_url: &str, path: &str) -> String {
    let authority = base_url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(authority).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}
