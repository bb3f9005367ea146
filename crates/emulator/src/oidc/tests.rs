//! SSO-OIDC over HTTP, in process.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::testing::{Client, REDIRECT, VERIFIER, authorize_path};
use crate::{Operation, Rotation, World};

#[tokio::test]
async fn a_registration_looks_like_the_one_of_aws() {
    let mut client = Client::new();
    let body =
        json!({ "clientName": "x", "clientType": "public", "scopes": ["sso:account:access"], "more": 1 });
    let reply = client.post("/client/register", &body).await;
    let answer = reply.json();
    let client_id = URL_SAFE_NO_PAD
        .decode(answer["clientId"].as_str().unwrap())
        .unwrap();
    assert_eq!(&client_id[16..], b"eu-west-1");
    let secret = answer["clientSecret"].as_str().unwrap();
    assert!(
        (1_600..2_000).contains(&secret.len()) && secret.split('.').count() == 3,
        "{}",
        secret.len()
    );
    let life =
        answer["clientSecretExpiresAt"].as_i64().unwrap() - answer["clientIdIssuedAt"].as_i64().unwrap();
    assert_eq!(life, 7_776_000);
    assert!(answer.get("authorizationEndpoint").is_none());
}

#[tokio::test]
async fn a_registration_that_aws_refuses_is_refused() {
    let mut client = Client::new();
    let issuer = client.emulator.start_url();
    let code = json!({
        "clientName": "x", "clientType": "public", "scopes": ["sso:account:access"],
        "grantTypes": ["authorization_code", "refresh_token"],
        "redirectUris": ["http://127.0.0.1/oauth/callback"], "issuerUrl": issuer,
    });
    let cases = [
        ("clientName", json!(null), "InvalidClientMetadataException"),
        (
            "clientType",
            json!("confidential"),
            "InvalidClientMetadataException",
        ),
        ("grantTypes", json!(["implicit"]), "UnsupportedGrantTypeException"),
        (
            "grantTypes",
            json!(["authorization_code", crate::oidc::DEVICE_CODE]),
            "InvalidScopeException",
        ),
        ("redirectUris", json!([]), "InvalidRedirectUriException"),
        (
            "redirectUris",
            json!(["http://localhost/oauth/callback"]),
            "InvalidRedirectUriException",
        ),
        (
            "redirectUris",
            json!(["https://127.0.0.1/oauth/callback"]),
            "InvalidRedirectUriException",
        ),
        (
            "redirectUris",
            json!(["http://127.0.0.1/elsewhere"]),
            "InvalidRedirectUriException",
        ),
        ("scopes", json!([]), "InvalidScopeException"),
        ("scopes", json!(["nonsense"]), "InvalidScopeException"),
        (
            "issuerUrl",
            json!("https://other.awsapps.com/start"),
            "InvalidRequestException",
        ),
    ];
    for (member, value, exception) in cases {
        let mut body = code.clone();
        body[member] = value;
        let reply = client.post("/client/register", &body).await;
        assert_eq!(
            (reply.status.as_u16(), reply.exception()),
            (400, exception),
            "{body}"
        );
        assert!(!reply.member("error").is_empty() && !reply.member("error_description").is_empty());
    }
    assert_eq!(client.post("/client/register", &code).await.status, 200);
    assert_eq!(
        client
            .post("/client/register", &json!("no object"))
            .await
            .exception(),
        "InvalidRequestException"
    );
}

#[tokio::test]
async fn a_device_code_is_pending_then_exchanged_once() {
    let mut client = Client::new();
    let registered = client.register_for_device().await;
    let started = client.start_device(&registered).await;
    assert_eq!(
        (
            started.json()["expiresIn"].as_i64(),
            started.json()["interval"].as_i64()
        ),
        (Some(600), Some(1))
    );
    assert_eq!(started.member("verificationUri"), "http://127.0.0.1:8417/device");
    let code = started.member("deviceCode");

    for _ in 0..2 {
        let pending = client.poll(&registered, &code).await;
        assert_eq!(
            (pending.status.as_u16(), pending.exception()),
            (400, "AuthorizationPendingException")
        );
        assert_eq!(pending.member("error"), "authorization_pending");
    }
    client
        .emulator
        .approve_device(&started.member("userCode"), "amara")
        .unwrap();
    let tokens = client.poll(&registered, &code).await.json();
    assert_eq!(
        (tokens["expiresIn"].as_i64(), tokens["tokenType"].as_str()),
        (Some(3_600), Some("Bearer"))
    );
    for (member, prefix) in [("accessToken", "aoa"), ("refreshToken", "aor")] {
        let token = tokens[member].as_str().unwrap();
        assert!(token.starts_with(prefix) && token.contains(':') && (200..400).contains(&token.len()));
    }
    assert_eq!(
        client.poll(&registered, &code).await.exception(),
        "InvalidGrantException"
    );
}

#[tokio::test]
async fn l5_hasty_polling_is_told_to_slow_down_and_codes_expire() {
    let mut client = Client::new();
    let registered = client.register_for_device().await;
    let code = client.start_device(&registered).await.member("deviceCode");
    for _ in 0..3 {
        assert_eq!(
            client.poll(&registered, &code).await.exception(),
            "AuthorizationPendingException"
        );
    }
    assert_eq!(
        client.poll(&registered, &code).await.exception(),
        "SlowDownException"
    );
    client.advance(600);
    assert_eq!(
        client.poll(&registered, &code).await.exception(),
        "ExpiredTokenException"
    );
}

#[tokio::test]
async fn a_wrong_secret_and_an_expired_registration_are_an_invalid_client() {
    let mut client = Client::new();
    let mut registered = client.register_for_device().await;
    let secret = std::mem::replace(&mut registered.secret, "wrong".into());
    let reply = client.start_device(&registered).await;
    assert_eq!(
        (reply.status.as_u16(), reply.exception()),
        (401, "InvalidClientException")
    );

    registered.secret = secret;
    assert_eq!(client.start_device(&registered).await.status, 200);
    client.advance(7_776_000);
    assert_eq!(
        client.start_device(&registered).await.exception(),
        "InvalidClientException"
    );
}

#[tokio::test]
async fn a_client_may_use_only_the_grants_it_registered() {
    let mut client = Client::new();
    let for_code = client.register_for_code().await;
    assert_eq!(
        client.start_device(&for_code).await.exception(),
        "UnauthorizedClientException"
    );
    let for_device = client.register_for_device().await;
    let reply = client.exchange(&for_device, "code", VERIFIER).await;
    assert_eq!(reply.exception(), "UnauthorizedClientException");
    let reply = client.token(&for_device, "password", ("x", "y")).await;
    assert_eq!(reply.exception(), "UnsupportedGrantTypeException");
    assert_eq!(client.get(&authorize_path(&for_device.id, &[])).await.status, 400);
}

#[tokio::test]
async fn a_browser_brings_the_code_and_the_verifier_opens_it_once() {
    let mut client = Client::new();
    let registered = client.register_for_code().await;
    client.sign_in("amara").await;
    let consent = client.get(&authorize_path(&registered.id, &[])).await;
    let fields = [
        ("request", consent.hidden("request")),
        ("decision", "allow".to_owned()),
    ];
    let fields = fields.each_ref().map(|(name, value)| (*name, value.as_str()));
    let allowed = client.submit("/authorize", &fields).await;
    assert_eq!(allowed.status, 302);
    assert!(allowed.location().starts_with(REDIRECT));
    assert_eq!(allowed.redirected_with("state").as_deref(), Some("some-state"));
    assert_eq!(
        client.submit("/authorize", &fields).await.status,
        400,
        "a consent is given once"
    );

    let code = allowed.redirected_with("code").unwrap();
    let tokens = client.exchange(&registered, &code, VERIFIER).await;
    assert_eq!(tokens.status, 200, "{}", tokens.text);
    assert!(tokens.json()["refreshToken"].is_string());
    assert_eq!(
        client.exchange(&registered, &code, VERIFIER).await.exception(),
        "InvalidGrantException"
    );
}

#[tokio::test]
async fn a_denial_is_told_to_the_program() {
    let mut client = Client::new();
    let registered = client.register_for_code().await;
    client.sign_in("amara").await;
    let consent = client.get(&authorize_path(&registered.id, &[])).await;
    let id = consent.hidden("request");
    let denied = client
        .submit("/authorize", &[("request", &id), ("decision", "deny")])
        .await;
    assert_eq!(denied.redirected_with("error").as_deref(), Some("access_denied"));
    assert_eq!(denied.redirected_with("state").as_deref(), Some("some-state"));
    assert_eq!(denied.redirected_with("code"), None);
}

#[tokio::test]
async fn l3_a_code_fails_with_a_wrong_verifier_client_or_redirect_and_after_ten_minutes() {
    let mut client = Client::new();
    let (registered, other) = (client.register_for_code().await, client.register_for_code().await);
    client.emulator.auto_approve(Some("amara")).unwrap();
    let mut codes = Vec::new();
    for _ in 0..4 {
        let redirected = client.get(&authorize_path(&registered.id, &[])).await;
        codes.push(redirected.redirected_with("code").unwrap());
    }
    let wrong = "wrong-verifier-wrong-verifier-wrong-verifier";
    assert_eq!(
        client.exchange(&registered, &codes[0], wrong).await.exception(),
        "InvalidGrantException"
    );
    assert_eq!(
        client
            .exchange(&registered, &codes[0], VERIFIER)
            .await
            .exception(),
        "InvalidGrantException"
    );
    assert_eq!(
        client.exchange(&other, &codes[1], VERIFIER).await.exception(),
        "InvalidGrantException"
    );
    assert_eq!(
        client.exchange(&registered, &codes[2], VERIFIER).await.status,
        200
    );
    client.advance(600);
    assert_eq!(
        client
            .exchange(&registered, &codes[3], VERIFIER)
            .await
            .exception(),
        "InvalidGrantException"
    );
}

#[tokio::test]
async fn authorize_checks_before_it_redirects() {
    let mut client = Client::new();
    let registered = client.register_for_code().await;
    client.emulator.auto_approve(Some("amara")).unwrap();
    for (id, redirect_uri) in [
        ("unknown", REDIRECT),
        (registered.id.as_str(), "http://127.0.0.1:1/elsewhere"),
        (registered.id.as_str(), "https://evil.example/oauth/callback"),
        (registered.id.as_str(), "http://localhost:1/oauth/callback"),
    ] {
        let reply = client
            .get(&authorize_path(id, &[("redirect_uri", redirect_uri)]))
            .await;
        assert_eq!(
            reply.status, 400,
            "{redirect_uri} must get a page, not a redirect"
        );
    }
    for (changed, error) in [
        (("response_type", "token"), "unsupported_response_type"),
        (("code_challenge_method", "plain"), "invalid_request"),
        (("code_challenge", "short"), "invalid_request"),
        (("scopes", "sso:other"), "invalid_scope"),
    ] {
        let reply = client.get(&authorize_path(&registered.id, &[changed])).await;
        assert_eq!(reply.redirected_with("error").as_deref(), Some(error));
        assert_eq!(reply.redirected_with("state").as_deref(), Some("some-state"));
    }
    let singular = authorize_path(&registered.id, &[("scopes", ""), ("scope", "sso:account:access")]);
    assert!(client.get(&singular).await.redirected_with("code").is_some());
}

#[tokio::test]
async fn without_scopes_a_token_lives_eight_hours_and_cannot_be_refreshed() {
    let mut client = Client::new();
    let registered = client.register(&json!({})).await;
    let started = client.start_device(&registered).await;
    client
        .emulator
        .approve_device(&started.member("userCode"), "amara")
        .unwrap();
    let tokens = client
        .poll(&registered, &started.member("deviceCode"))
        .await
        .json();
    assert_eq!(tokens["expiresIn"], 28_800);
    assert!(tokens.get("refreshToken").is_none());
}

#[tokio::test]
async fn refreshing_never_extends_the_session() {
    let mut client = Client::new();
    let (registered, tokens) = client.signed_in("amara").await;
    let mut refresh_token = tokens["refreshToken"].as_str().unwrap().to_owned();
    for _ in 0..15 {
        client.advance(1_800);
        let reply = client.refresh(&registered, &refresh_token).await;
        assert_eq!(reply.status, 200);
        refresh_token = reply.member("refreshToken");
    }
    client.advance(1_000);
    let last = client.refresh(&registered, &refresh_token).await;
    assert_eq!(last.json()["expiresIn"], 800, "what is left of eight hours");
    client.advance(800);
    let over = client.refresh(&registered, &last.member("refreshToken")).await;
    assert_eq!(over.exception(), "InvalidGrantException");
    assert_eq!(over.member("error_description"), "Invalid refresh token provided");
}

#[tokio::test]
async fn a_new_sign_in_joins_the_browsers_session_and_inherits_its_end() {
    let mut client = Client::new();
    client.signed_in("amara").await;
    client.advance(8 * 3_600 - 60);
    let (_, tokens) = client.signed_in("amara").await;
    assert_eq!(tokens["expiresIn"], 60);
    client.advance(60);
    let (_, tokens) = client.signed_in("amara").await;
    assert_eq!(tokens["expiresIn"], 3_600);
}

/// A world that rotates in the given way, and a sign-in whose refresh token was used once.
async fn rotated(rotation: Rotation) -> (Client, crate::testing::Registered, String, crate::testing::Reply) {
    let mut client = Client::of(World {
        rotation,
        ..World::acme()
    });
    let (registered, tokens) = client.signed_in("amara").await;
    let first = tokens["refreshToken"].as_str().unwrap().to_owned();
    let second = client.refresh(&registered, &first).await;
    (client, registered, first, second)
}

#[tokio::test]
async fn without_rotation_the_refresh_token_stays() {
    let (_, _, first, second) = rotated(Rotation::Off).await;
    assert_eq!(second.member("refreshToken"), first);
}

#[tokio::test]
async fn with_grace_a_replaced_refresh_token_works_for_another_minute() {
    let (mut client, registered, first, second) = rotated(Rotation::Grace).await;
    assert_ne!(second.member("refreshToken"), first);
    client.advance(60);
    assert_eq!(client.refresh(&registered, &first).await.status, 200);
    client.advance(1);
    assert_eq!(
        client.refresh(&registered, &first).await.exception(),
        "InvalidGrantException"
    );
    assert_eq!(
        client
            .refresh(&registered, &second.member("refreshToken"))
            .await
            .status,
        200
    );
    assert_eq!(client.emulator.counters().reused_refresh_tokens, 1);
}

#[tokio::test]
async fn r2_strict_rotation_revokes_everything_when_a_token_is_used_again() {
    let (mut client, registered, first, second) = rotated(Rotation::Strict).await;
    let access_token = second.member("accessToken");
    assert_eq!(
        client.get_as("/assignment/accounts", &access_token).await.status,
        200
    );

    assert_eq!(
        client.refresh(&registered, &first).await.exception(),
        "InvalidGrantException"
    );

    assert_eq!(
        client
            .refresh(&registered, &second.member("refreshToken"))
            .await
            .exception(),
        "InvalidGrantException"
    );
    assert_eq!(
        client.get_as("/assignment/accounts", &access_token).await.status,
        401
    );
    let counters = client.emulator.counters();
    assert_eq!(counters.reused_refresh_tokens, 1);
    assert_eq!(
        counters.errors(Operation::CreateToken, "InvalidGrantException"),
        2
    );
}

#[tokio::test]
async fn a_refresh_token_belongs_to_its_client() {
    let mut client = Client::new();
    let (_, tokens) = client.signed_in("amara").await;
    let other = client.register_for_device().await;
    let reply = client
        .refresh(&other, tokens["refreshToken"].as_str().unwrap())
        .await;
    assert_eq!(reply.exception(), "InvalidGrantException");
}
