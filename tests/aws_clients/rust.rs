//! AWS's SDK for Rust: `aws-config` as programs use it, and SSO-OIDC with a person at a real browser.

use anyhow::{Context, Result};
use aws_sdk_ssooidc::config::{BehaviorVersion, Region};
use aws_sdk_ssooidc::operation::create_token::CreateTokenOutput;
use aws_sdk_ssooidc::operation::create_token::builders::CreateTokenFluentBuilder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use harness::{Finished, Person};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use url::Url;

use super::assume_role::signs_in_and_assumes_a_role;
use super::cache_files;
use super::client::Client;
use super::surroundings::{
    ACCOUNT, DEADLINE, PERMISSION_SET, PROFILE, Surroundings, assert_is_read_only_in_dev,
};
use super::table::compare_operations;

const VERIFIER: &str = "0123456789-abcdefghijklmnopqrstuvwxyz.ABCDEFGHIJKLMNOPQRSTUVWXYZ~_";
const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The registration of a client.
struct Registered {
    id: String,
    secret: String,
}

#[tokio::test]
async fn conforms_24_the_sdk_for_rust_signs_in_in_a_real_browser_and_calls_every_operation() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let judge = Sdk::new(&surroundings);
    let registered = judge.register_for_codes(&surroundings).await?;
    let tokens = judge.sign_in_with_browser(&surroundings, &registered).await?;
    let renewed = judge
        .create_token(&registered, "refresh_token")
        .refresh_token(tokens.refresh_token().context("a refresh token")?)
        .send()
        .await?;
    judge.sign_in_by_device_code(&surroundings).await?;
    judge.use_portal(&renewed).await?;
    let token = tokens.access_token().context("an access token")?;
    let refused = judge.portal.list_accounts().access_token(token).send().await;
    let refused = refused.err().context("its session was signed out of")?;
    assert!(refused.into_service_error().is_unauthorized_exception());

    let finished = who_am_i_with_cached_token(&surroundings).await?;
    assert_is_read_only_in_dev(&Client::Rust.told(&finished)?)?;
    signs_in_and_assumes_a_role(&surroundings, Client::Rust).await?;
    let records = surroundings.records().await?;
    compare_operations(&Client::Rust.column()?, "aws-sdk-rust/", &records)
}

#[tokio::test]
async fn conforms_28_the_sdk_for_rust_makes_the_expected_calls_with_every_cache_file() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    cache_files::judge(&surroundings, Client::Rust, false).await
}

/// A program with `aws-config`, a profile with an sso-session, and a token that has just run out.
async fn who_am_i_with_cached_token(surroundings: &Surroundings) -> Result<Finished> {
    let sign_in = surroundings.sign_in().await?;
    let token = surroundings.token(&sign_in, surroundings.now().await?)?;
    surroundings.keep_only(&surroundings.token_file(), &token)?;
    let command = Client::Rust.who_am_i(surroundings, PROFILE).await?;
    surroundings.run(command).await?.expect_code(0)
}

/// The SDK's own clients.
struct Sdk {
    oidc: aws_sdk_ssooidc::Client,
    portal: aws_sdk_sso::Client,
}

impl Sdk {
    fn new(surroundings: &Surroundings) -> Sdk {
        let addresses = surroundings.addresses();
        let http = aws_smithy_http_client::Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let oidc = aws_sdk_ssooidc::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(addresses.region.clone()))
            .endpoint_url(addresses.base_url.as_str())
            .http_client(http.clone())
            .build();
        let portal = aws_sdk_sso::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(addresses.region.clone()))
            .endpoint_url(addresses.base_url.as_str())
            .http_client(http)
            .build();
        Sdk {
            oidc: aws_sdk_ssooidc::Client::from_conf(oidc),
            portal: aws_sdk_sso::Client::from_conf(portal),
        }
    }

    async fn register_for_codes(&self, surroundings: &Surroundings) -> Result<Registered> {
        let answer = self
            .oidc
            .register_client()
            .client_name("judge")
            .client_type("public")
            .scopes("sso:account:access")
            .grant_types("authorization_code")
            .grant_types("refresh_token")
            .redirect_uris("http://127.0.0.1/oauth/callback")
            .issuer_url(surroundings.addresses().start_url.as_str())
            .send()
            .await?;
        Ok(Registered {
            id: answer.client_id().context("an id")?.to_owned(),
            secret: answer.client_secret().context("a secret")?.to_owned(),
        })
    }

    fn create_token(&self, registered: &Registered, grant_type: &str) -> CreateTokenFluentBuilder {
        self.oidc
            .create_token()
            .client_id(&registered.id)
            .client_secret(&registered.secret)
            .grant_type(grant_type)
    }

    /// The whole way of RFC 8252: listener, browser, password, consent, redirect, code.
    async fn sign_in_with_browser(
        &self,
        surroundings: &Surroundings,
        registered: &Registered,
    ) -> Result<CreateTokenOutput> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let redirect = format!("http://{}/oauth/callback", listener.local_addr()?);
        let mut authorize = surroundings.addresses().base_url.join("authorize")?;
        authorize.query_pairs_mut().extend_pairs([
            ("response_type", "code"),
            ("client_id", &registered.id),
            ("redirect_uri", &redirect),
            ("state", "6f1d0b7e-5c53-4a0e-9a43-0d3c7d0a3b11"),
            ("code_challenge_method", "S256"),
            ("scopes", "sso:account:access"),
            (
                "code_challenge",
                &URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
            ),
        ]);
        let person = Person::at(&surroundings.desktop).await?;
        person.open(&authorize).await?;
        let redirect_comes = async { tokio::time::timeout(DEADLINE, redirected(&listener)).await? };
        let (callback, ()) = tokio::try_join!(redirect_comes, person.sign_in("amara", "demo-amara"))?;
        person.wait_for_text("body", "You may close this page").await?;
        person.leave().await?;

        let parameter = |name: &str| {
            let found = callback.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        assert_eq!(
            parameter("state").as_deref(),
            Some("6f1d0b7e-5c53-4a0e-9a43-0d3c7d0a3b11")
        );
        let answer = self
            .create_token(registered, "authorization_code")
            .code(parameter("code").context("a code")?)
            .redirect_uri(&redirect)
            .code_verifier(VERIFIER)
            .send()
            .await?;
        assert_eq!(answer.expires_in(), 3_600);
        assert_eq!(answer.token_type(), Some("Bearer"));
        Ok(answer)
    }

    async fn sign_in_by_device_code(&self, surroundings: &Surroundings) -> Result<()> {
        let client = self
            .oidc
            .register_client()
            .client_name("judge")
            .client_type("public");
        let client = client.scopes("sso:account:access").send().await?;
        let registered = Registered {
            id: client.client_id().context("an id")?.to_owned(),
            secret: client.client_secret().context("a secret")?.to_owned(),
        };
        let device = self
            .oidc
            .start_device_authorization()
            .client_id(&registered.id)
            .client_secret(&registered.secret)
            .start_url(surroundings.addresses().start_url.as_str())
            .send()
            .await?;
        let poll = self
            .create_token(&registered, DEVICE_CODE)
            .set_device_code(device.device_code().map(str::to_owned));
        let pending = poll.clone().send().await;
        let pending = pending.err().context("nobody approved it")?.into_service_error();
        assert!(pending.is_authorization_pending_exception(), "{pending:?}");
        let code = device.user_code().context("a user code")?;
        surroundings.emulator.approve(code, "amara").await?;
        let tokens = poll.send().await?;
        assert!(tokens.refresh_token().is_some(), "with a scope");
        Ok(())
    }

    /// Lists page by page, gets role credentials, signs out.
    async fn use_portal(&self, tokens: &CreateTokenOutput) -> Result<()> {
        let token = tokens.access_token().context("an access token")?;
        let accounts: Result<Vec<_>, _> = self
            .portal
            .list_accounts()
            .access_token(token)
            .into_paginator()
            .page_size(1)
            .items()
            .send()
            .collect()
            .await;
        assert!(accounts?.len() > 1, "more than one page");
        let roles: Result<Vec<_>, _> = self
            .portal
            .list_account_roles()
            .access_token(token)
            .account_id(ACCOUNT)
            .into_paginator()
            .page_size(1)
            .items()
            .send()
            .collect()
            .await;
        let roles = roles?;
        assert!(roles.iter().any(|role| role.role_name() == Some(PERMISSION_SET)));
        let credentials = self
            .portal
            .get_role_credentials()
            .access_token(token)
            .account_id(ACCOUNT)
            .role_name(PERMISSION_SET)
            .send()
            .await?;
        let credentials = credentials.role_credentials().context("credentials")?;
        assert!(
            credentials
                .access_key_id()
                .is_some_and(|id| id.starts_with("ASIA"))
        );
        self.portal.logout().access_token(token).send().await?;
        Ok(())
    }
}

/// The address that the browser is sent to, answered with a page as a client does. What else a browser asks for, such as
/// an icon, has no code.
async fn redirected(listener: &TcpListener) -> Result<Url> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut lines = BufReader::new(&mut stream).lines();
        let line = lines.next_line().await?.unwrap_or_default();
        while lines.next_line().await?.is_some_and(|header| !header.is_empty()) {}
        let body = "You may close this page";
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        let path = line.split(' ').nth(1).unwrap_or_default();
        let url = Url::parse("http://127.0.0.1")?.join(path)?;
        if url.query_pairs().any(|(name, _)| name == "code") {
            return Ok(url);
        }
    }
}
