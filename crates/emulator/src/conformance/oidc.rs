//! Points 6 to 13: registration, both sign-in flows, tokens.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::testing::{Client, REDIRECT, Registered, Reply, VERIFIER, authorize_path};
use crate::{DoubleGrant, LoggedOutRefresh, Rotation, World};

const BOTH: [&str; 2] = ["authorization_code", crate::oidc::DEVICE_CODE];

fn code_registration(client: &Client) -> Value {
    json!({
        "clientName": "x", "clientType": "public", "scopes": ["sso:account:access"], "unknownMember": [1],
        "grantTypes": ["authorization_code", "refresh_token"],
        "redirectUris": ["http://127.0.0.1/oauth/callback"], "issuerUrl": client.emulator.start_url(),
    })
}

async fn refused(client: &mut Client, changes: Value) -> (u16, String) {
    let mut body = code_registration(client);
    for (member, value) in changes.as_object().unwrap() {
        body[member] = value.clone();
    }
    let reply = client.post("/client/register", &body).await;
    (reply.status.as_u16(), reply.exception().to_owned())
}

#[tokio::test]
async fn conforms_06_register_client_takes_and_refuses_what_aws_does() {
    let mut client = Client::new();
    for (changes, exception) in [
        (json!({ "clientName": null }), "InvalidClientMetadataException"),
        (
            json!({ "clientType": "confidential" }),
            "InvalidClientMetadataException",
        ),
        (json!({ "grantTypes": BOTH }), "InvalidScopeException"),
        (
            json!({ "grantTypes": ["password"] }),
            "UnsupportedGrantTypeException",
        ),
        (json!({ "redirectUris": null }), "InvalidRedirectUriException"),
        (
            json!({ "redirectUris": ["http://[::1]/oauth/callback"] }),
            "InvalidRedirectUriException",
        ),
        (
            json!({ "redirectUris": ["http://127.0.0.1"] }),
            "InvalidRedirectUriException",
        ),
        (
            json!({ "issuerUrl": "https://d-0000000000.awsapps.com/start" }),
            "InvalidRequestException",
        ),
        (json!({ "scopes": [] }), "InvalidScopeException"),
    ] {
        let wanted = (400, exception.to_owned());
        assert_eq!(refused(&mut client, changes.clone()).await, wanted, "{changes}");
    }
    let body = code_registration(&client);
    let answer = client.post("/client/register", &body).await.json();
    let id = URL_SAFE_NO_PAD
        .decode(answer["clientId"].as_str().unwrap())
        .unwrap();
    assert_eq!((id.len(), &id[16..]), (16 + 9, &b"eu-west-1"[..]));
    let secret = answer["clientSecret"].as_str().unwrap();
    assert!((1_600..2_100).contains(&secret.len()), "{}", secret.len());
    let header = URL_SAFE_NO_PAD.decode(secret.split('.').next().unwrap()).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&header).unwrap()["alg"], "HS384");
    assert_eq!(
        answer["clientSecretExpiresAt"].as_i64().unwrap() - answer["clientIdIssuedAt"].as_i64().unwrap(),
        7_776_000
    );

    let mut world = World::acme();
    world.unsettled.double_grant = DoubleGrant::ServerError;
    world.unsettled.bare_redirect = true;
    let mut client = Client::of(world);
    let both = refused(&mut client, json!({ "grantTypes": BOTH })).await;
    assert_eq!(both, (500, "InternalServerException".to_owned()));
    let bare = json!({ "redirectUris": ["http://127.0.0.1"] });
    assert_eq!(refused(&mut client, bare).await.0, 200);
}

#[tokio::test]
async fn conforms_07_device_authorization_looks_at_the_client_now_and_at_the_start_url_later() {
    let mut client = Client::new();
    let registered = client.register_for_device().await;
    let started = client.start_device(&registered).await.json();
    assert_eq!(
        (&started["expiresIn"], &started["interval"]),
        (&json!(600), &json!(1))
    );
    let code = started["userCode"].as_str().unwrap();
    assert!(code.len() == 9 && code.as_bytes()[4] == b'-');
    let (uri, complete) = (&started["verificationUri"], &started["verificationUriComplete"]);
    assert_eq!(uri, "http://127.0.0.1:8417/device");
    assert_eq!(
        *complete,
        format!("http://127.0.0.1:8417/device?user_code={code}")
    );

    let other = json!({
        "clientId": registered.id, "clientSecret": registered.secret,
        "startUrl": "https://d-0000000000.awsapps.com/start",
    });
    let other = client.post("/device_authorization", &other).await;
    assert_eq!(other.status, 200);
    client.sign_in("amara").await;
    let page = client
        .get(&format!("/device?user_code={}", other.member("userCode")))
        .await;
    assert!(page.status == 400 && page.text.contains("invalid_grant"));

    let elsewhere = Registered {
        id: URL_SAFE_NO_PAD.encode(b"0123456789abcdefus-east-1"),
        secret: registered.secret.clone(),
    };
    let wrong_region = client.start_device(&elsewhere).await;
    assert_eq!(
        (wrong_region.status.as_u16(), wrong_region.exception()),
        (401, "InvalidClientException")
    );
    client.emulator.expire_registrations();
    assert_eq!(
        client.start_device(&registered).await.exception(),
        "InvalidClientException"
    );
}

#[tokio::test]
async fn conforms_08_a_device_code_is_pending_twice_at_once_then_decided_or_expired_and_works_once() {
    let mut client = Client::new();
    let registered = client.register_for_device().await;
    let started = client.start_device(&registered).await;
    let (code, user_code) = (started.member("deviceCode"), started.member("userCode"));
    for expected in [
        "AuthorizationPendingException",
        "AuthorizationPendingException",
        "AuthorizationPendingException",
        "SlowDownException",
    ] {
        assert_eq!(client.poll(&registered, &code).await.exception(), expected);
    }
    client.emulator.approve_device(&user_code, "amara").unwrap();
    assert_eq!(client.poll(&registered, &code).await.status, 200);
    assert_eq!(
        client.poll(&registered, &code).await.exception(),
        "InvalidGrantException"
    );

    let denied = client.start_device(&registered).await;
    client.emulator.deny_device(&denied.member("userCode")).unwrap();
    let denied = client.poll(&registered, &denied.member("deviceCode")).await;
    assert_eq!(denied.exception(), "AccessDeniedException");

    let late = client.start_device(&registered).await;
    client.advance(600);
    assert_eq!(
        client
            .poll(&registered, &late.member("deviceCode"))
            .await
            .exception(),
        "ExpiredTokenException"
    );
    assert!(
        client
            .emulator
            .approve_device(&late.member("userCode"), "amara")
            .is_err()
    );
}

#[tokio::test]
async fn conforms_09_authorize_checks_then_asks_then_redirects() {
    let mut client = Client::new();
    let registered = client.register_for_code().await;
    for (id, redirect) in [
        ("unknown", REDIRECT),
        (registered.id.as_str(), "http://127.0.0.1:1/x"),
        (registered.id.as_str(), "https://evil.example/oauth/callback"),
    ] {
        let page = client
            .get(&authorize_path(id, &[("redirect_uri", redirect)]))
            .await;
        assert!(
            page.status == 400 && !page.headers.contains_key("location"),
            "{redirect}"
        );
    }
    client.emulator.auto_approve(Some("amara")).unwrap();
    for (parameter, value) in [
        ("response_type", "token"),
        ("code_challenge_method", "plain"),
        ("scopes", "sso:x"),
    ] {
        let reply = client
            .get(&authorize_path(&registered.id, &[(parameter, value)]))
            .await;
        assert_eq!(reply.status, 302);
        assert!(reply.redirected_with("error").is_some() && reply.redirected_with("code").is_none());
    }
    let other_port = "http://127.0.0.1:1/oauth/callback";
    for changes in [
        &[("redirect_uri", other_port)][..],
        &[("scopes", ""), ("scope", "sso:account:access")][..],
    ] {
        let reply = client.get(&authorize_path(&registered.id, changes)).await;
        assert_eq!(reply.redirected_with("state").as_deref(), Some("some-state"));
        assert!(reply.redirected_with("code").is_some());
    }
    client.emulator.auto_approve(None).unwrap();
    client.sign_in("amara").await;
    let question = client.get(&authorize_path(&registered.id, &[])).await;
    let id = question.hidden("request");
    let denied = client
        .submit("/authorize", &[("request", &id), ("decision", "deny")])
        .await;
    assert_eq!(denied.status, 302);
    assert_eq!(denied.redirected_with("error").as_deref(), Some("access_denied"));
    assert!(denied.redirected_with("error_description").is_some());
    assert_eq!(denied.redirected_with("state").as_deref(), Some("some-state"));
}

#[tokio::test]
async fn conforms_10_a_code_needs_its_verifier_redirect_and_client_and_works_once_in_time() {
    let mut client = Client::new();
    let (registered, other) = (client.register_for_code().await, client.register_for_code().await);
    client.emulator.auto_approve(Some("amara")).unwrap();
    let mut fresh = Vec::new();
    for _ in 0..5 {
        let reply = client.get(&authorize_path(&registered.id, &[])).await;
        fresh.push(reply.redirected_with("code").unwrap());
    }
    let wrong = client
        .exchange(&registered, &fresh[0], &VERIFIER.replace('a', "b"))
        .await;
    assert_eq!(
        (wrong.status.as_u16(), wrong.exception()),
        (400, "InvalidGrantException")
    );
    assert_eq!(
        client.exchange(&other, &fresh[1], VERIFIER).await.exception(),
        "InvalidGrantException"
    );
    let body = json!({
        "clientId": registered.id, "clientSecret": registered.secret, "grantType": "authorization_code",
        "code": fresh[2], "redirectUri": "http://127.0.0.1/oauth/callback", "codeVerifier": VERIFIER,
    });
    assert_eq!(
        client.post("/token", &body).await.exception(),
        "InvalidGrantException"
    );
    assert_eq!(
        client.exchange(&registered, &fresh[3], VERIFIER).await.status,
        200
    );
    assert_eq!(
        client
            .exchange(&registered, &fresh[3], VERIFIER)
            .await
            .exception(),
        "InvalidGrantException"
    );
    client.advance(600);
    assert_eq!(
        client
            .exchange(&registered, &fresh[4], VERIFIER)
            .await
            .exception(),
        "InvalidGrantException"
    );
}

async fn signed_in(rotation: Rotation) -> (Client, Registered, String) {
    let mut client = Client::of(World {
        rotation,
        ..World::acme()
    });
    let (registered, tokens) = client.signed_in("amara").await;
    let token = tokens["refreshToken"].as_str().unwrap().to_owned();
    (client, registered, token)
}

fn is_dead(reply: &Reply) -> bool {
    reply.exception() == "InvalidGrantException"
        && reply.member("error_description") == "Invalid refresh token provided"
}

#[tokio::test]
async fn conforms_11_a_refresh_always_gives_a_refresh_token_and_never_more_session() {
    let (mut client, registered, first) = signed_in(Rotation::Off).await;
    let again = client.refresh(&registered, &first).await;
    assert_eq!(again.member("refreshToken"), first);

    let (mut client, registered, first) = signed_in(Rotation::Grace).await;
    let second = client.refresh(&registered, &first).await.member("refreshToken");
    assert_ne!(second, first);
    client.advance(60);
    assert_eq!(client.refresh(&registered, &first).await.status, 200);
    client.advance(1);
    assert!(is_dead(&client.refresh(&registered, &first).await));
    assert_eq!(client.refresh(&registered, &second).await.status, 200);

    let (mut client, registered, first) = signed_in(Rotation::Strict).await;
    let second = client.refresh(&registered, &first).await.member("refreshToken");
    assert!(is_dead(&client.refresh(&registered, &first).await));
    assert!(
        is_dead(&client.refresh(&registered, &second).await),
        "the whole family is revoked"
    );

    let (mut client, registered, token) = signed_in(Rotation::Off).await;
    client.advance(8 * 3_600 - 90);
    assert_eq!(client.refresh(&registered, &token).await.json()["expiresIn"], 90);
    client.advance(90);
    assert!(is_dead(&client.refresh(&registered, &token).await));

    for end in [
        |client: &Client| client.emulator.disable_user("amara").unwrap(),
        |client: &Client| assert_eq!(client.emulator.end_sessions("amara").unwrap(), 1),
    ] {
        let (mut client, registered, token) = signed_in(Rotation::Off).await;
        end(&client);
        assert!(is_dead(&client.refresh(&registered, &token).await));
    }
}

#[tokio::test]
async fn conforms_11_the_unsettled_answers_of_a_refresh_are_switches() {
    let mut world = World::acme();
    world.unsettled.logged_out_refresh = LoggedOutRefresh::InvalidClient;
    world.unsettled.shortened_tokens = false;
    let mut client = Client::of(world);
    let (registered, tokens) = client.signed_in("amara").await;
    let refresh = tokens["refreshToken"].as_str().unwrap();
    client.advance(8 * 3_600 - 90);
    let refreshed = client.refresh(&registered, refresh).await;
    assert_eq!(refreshed.json()["expiresIn"], 3_600);
    let access = refreshed.member("accessToken");
    let request = axum::http::Request::post("/logout").header("x-amz-sso_bearer_token", access);
    assert_eq!(client.send(request.body("".into()).unwrap()).await.status, 200);
    client.signed_in("ben").await;
    let reply = client.refresh(&registered, refresh).await;
    assert_eq!(
        (reply.status.as_u16(), reply.exception()),
        (401, "InvalidClientException")
    );
}

#[tokio::test]
async fn conforms_12_scopes_decide_the_life_of_tokens_and_whether_they_refresh() {
    let mut client = Client::new();
    for (members, life, refreshes) in [
        (json!({}), 28_800, false),
        (json!({ "scopes": ["sso:account:access"] }), 3_600, true),
    ] {
        let registered = client.register(&members).await;
        let started = client.start_device(&registered).await;
        client
            .emulator
            .approve_device(&started.member("userCode"), "amara")
            .unwrap();
        let tokens = client
            .poll(&registered, &started.member("deviceCode"))
            .await
            .json();
        assert_eq!(
            (&tokens["expiresIn"], &tokens["tokenType"]),
            (&json!(life), &json!("Bearer"))
        );
        assert_eq!(tokens["refreshToken"].is_string(), refreshes);
    }
}

#[tokio::test]
async fn conforms_13_tokens_have_the_look_of_aws() {
    let mut client = Client::new();
    let mut letters = String::new();
    for _ in 0..20 {
        let (_, tokens) = client.signed_in("amara").await;
        for (member, prefix) in [("accessToken", "aoa"), ("refreshToken", "aor")] {
            let token = tokens[member].as_str().unwrap();
            assert!(token.starts_with(prefix) && token.contains(':'), "{token}");
            assert!((200..=400).contains(&token.len()), "{}", token.len());
            letters.push_str(token);
        }
    }
    assert!("-_:/+=".chars().all(|letter| letters.contains(letter)));
}
