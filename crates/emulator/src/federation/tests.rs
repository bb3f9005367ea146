//! Console federation and STS over HTTP, in process.

mod destinations;
mod endings;

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::testing::{Client, Reply, encode};

const DESTINATION: &str = "https://console.aws.amazon.com/s3/home?region=eu-west-1";

async fn credentials(client: &mut Client, role: &str) -> Value {
    let token = client.access_token("amara").await;
    let path = format!("/federation/credentials?account_id=111122223333&role_name={role}");
    client.get_as(&path, &token).await.json()["roleCredentials"].clone()
}

async fn signin_token(client: &mut Client, keys: &Value, more: &[(&str, &str)]) -> Reply {
    let session = json!({
        "sessionId": keys["accessKeyId"], "sessionKey": keys["secretAccessKey"], "sessionToken": keys["sessionToken"],
    });
    let session = session.to_string();
    let pairs = [
        &[("Action", "getSigninToken"), ("Session", session.as_str())],
        more,
    ]
    .concat();
    client.get(&format!("/federation?{}", encode(&pairs))).await
}

fn login_path(token: &str) -> String {
    let pairs = [
        ("Action", "login"),
        ("Issuer", "https://d-9967123abc.awsapps.com/start"),
        ("Destination", DESTINATION),
        ("SigninToken", token),
    ];
    format!("/federation?{}", encode(&pairs))
}

async fn get_caller_identity(client: &mut Client, keys: &Value) -> Reply {
    let key = |name: &str| keys[name].as_str().unwrap();
    let request = Request::post("/")
        .header("host", "127.0.0.1:8417")
        .header("x-amz-date", "20300101T080000Z")
        .header("x-amz-security-token", key("sessionToken"));
    let request = request
        .body(Body::from("Action=GetCallerIdentity&Version=2011-06-15"))
        .unwrap();
    client
        .send(crate::sts::signed(request, key("accessKeyId"), key("secretAccessKey")).await)
        .await
}

#[tokio::test]
async fn role_credentials_open_the_console_of_their_account_and_role() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    let token = signin_token(&mut client, &keys, &[]).await.member("SigninToken");
    let page = client.get(&login_path(&token)).await;
    assert_eq!(page.status, 200);
    for expected in [
        "id=\"account\">acme-dev (111122223333)<",
        "id=\"role\">Developer<",
        "id=\"user\">amara<",
    ] {
        assert!(page.text.contains(expected), "{expected}");
    }
    assert!(!page.text.contains(&token), "the page keeps no sign-in token");

    let reloaded = client
        .get(&format!("/console?{}", encode(&[("destination", DESTINATION)])))
        .await;
    assert!(reloaded.text.contains("id=\"role\">Developer<"));
}

#[tokio::test]
async fn credentials_that_do_not_belong_together_are_refused() {
    let mut client = Client::new();
    let (keys, others) = (
        credentials(&mut client, "Developer").await,
        credentials(&mut client, "ReadOnly").await,
    );
    for member in ["accessKeyId", "secretAccessKey", "sessionToken"] {
        let mut mixed = keys.clone();
        mixed[member] = others[member].clone();
        assert_eq!(
            signin_token(&mut client, &mixed, &[]).await.status,
            400,
            "{member}"
        );
    }
    assert_eq!(
        client
            .get("/federation?Action=getSigninToken&Session=nonsense")
            .await
            .status,
        400
    );
    assert_eq!(client.get("/federation?Action=other").await.status, 400);
}

#[tokio::test]
async fn expired_credentials_and_odd_session_durations_are_refused() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    for (seconds, status) in [
        ("899", 400),
        ("900", 200),
        ("43200", 200),
        ("43201", 400),
        ("x", 400),
    ] {
        let reply = signin_token(&mut client, &keys, &[("SessionDuration", seconds)]).await;
        assert_eq!(reply.status, status, "{seconds}");
    }
    client.advance(4 * 3_600);
    assert_eq!(signin_token(&mut client, &keys, &[]).await.status, 400);
}

#[tokio::test]
async fn a_signin_token_is_good_for_fifteen_minutes() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    let token = signin_token(&mut client, &keys, &[]).await.member("SigninToken");
    client.advance(899);
    assert_eq!(client.get(&login_path(&token)).await.status, 200);
    client.advance(1);
    assert_eq!(client.get(&login_path(&token)).await.status, 400);
}

#[tokio::test]
async fn a_browser_has_one_console_session_until_it_logs_out() {
    let mut client = Client::new();
    let (first, second) = (
        credentials(&mut client, "Developer").await,
        credentials(&mut client, "ReadOnly").await,
    );
    let first = signin_token(&mut client, &first, &[]).await.member("SigninToken");
    let second = login_path(
        &signin_token(&mut client, &second, &[])
            .await
            .member("SigninToken"),
    );
    client.get(&login_path(&first)).await;

    let refused = client.get(&second).await;
    assert!(
        refused
            .text
            .contains("You must first log out before logging into a different AWS account")
    );
    let logout = format!(
        "/oauth?{}",
        encode(&[("Action", "logout"), ("redirect_uri", &second)])
    );
    assert_eq!(client.get(&logout).await.location(), second);
    assert!(client.get(&second).await.text.contains("id=\"role\">ReadOnly<"));

    for (address, path) in [
        (
            format!("https://us-east-1.signin.aws.amazon.com{second}"),
            second.clone(),
        ),
        (
            format!("https://eu-west-1.signin.aws.amazon.com{second}"),
            second.clone(),
        ),
        (
            DESTINATION.to_owned(),
            format!("/console?{}", encode(&[("destination", DESTINATION)])),
        ),
    ] {
        let logout = encode(&[("Action", "logout"), ("redirect_uri", &address)]);
        let out = client.get(&format!("/oauth?{logout}")).await;
        assert_eq!((out.status.as_u16(), out.location()), (303, path.as_str()));
    }
    for elsewhere in [
        "https://evil.example/",
        "https://signin.aws.amazon.com.evil.example/federation",
        "https://evilsignin.aws.amazon.com/federation",
        "http://signin.aws.amazon.com/federation",
        "https://signin.aws.amazon.com/_control/audit",
    ] {
        let logout = encode(&[("Action", "logout"), ("redirect_uri", elsewhere)]);
        assert_eq!(
            client.get(&format!("/oauth?{logout}")).await.status,
            200,
            "no redirect to {elsewhere}"
        );
    }
}

/// The path that signs in to the console of an account of ben's.
async fn administrators_login(client: &mut Client, account: &str) -> String {
    let wanted = json!({ "user": "ben", "account": account, "permission_set": "AdministratorAccess" });
    let keys = client.post("/_control/credentials", &wanted).await.json();
    login_path(&signin_token(client, &keys, &[]).await.member("SigninToken"))
}

async fn has_ended(client: &mut Client, console: &str) -> bool {
    let page = client.get(console).await;
    page.text.contains("the console session has ended")
}

#[tokio::test]
async fn with_multi_session_a_browser_has_up_to_five_consoles() {
    const ACCOUNTS: [&str; 6] = [
        "111122223333",
        "222233334444",
        "333344445555",
        "444455556666",
        "555566667777",
        "666677778888",
    ];
    let mut client = Client::new();
    let first = administrators_login(&mut client, ACCOUNTS[0]).await;
    client.get(&first).await;
    let second = administrators_login(&mut client, ACCOUNTS[1]).await;
    let refused = client.get(&second).await;
    let opt_in = refused.attribute("multi-session", "href");
    assert!(opt_in.starts_with("/sessions/v1/opt-in?redirect_uri="));
    assert_eq!(
        refused
            .attribute("log-out-and-continue", "href")
            .find("/oauth?Action=logout&redirect_uri="),
        Some(0)
    );
    let asked = client.get(&opt_in).await;
    assert!(asked.element("state").contains("is off") && asked.attribute("back", "href") == second);
    let back = asked.hidden("redirect_uri");
    let on = client
        .submit(
            "/sessions/v1/opt-in",
            &[("decision", "on"), ("redirect_uri", &back)],
        )
        .await;
    assert_eq!(on.location(), second);

    for account in &ACCOUNTS[1..5] {
        let path = administrators_login(&mut client, account).await;
        let page = client.get(&path).await;
        assert!(
            page.text.contains(&format!("id=\"console-host\">{account}-")),
            "{account}: {}",
            page.text
        );
    }
    let sixth = administrators_login(&mut client, ACCOUNTS[5]).await;
    let full = client.get(&sixth).await;
    assert!(
        full.element("problem")
            .contains("signed in to 5 console sessions")
    );
    assert_eq!(full.text.matches("class=\"log-out-and-continue\"").count(), 5);
    let latest = client.get("/console").await;
    assert_eq!(latest.element("account"), "acme-payments-staging (555566667777)");
    let host = latest.element("console-host");
    let (name, rest) = host.split_once('.').unwrap();
    assert_eq!(
        (name.len(), rest),
        (12 + 1 + 8, "eu-west-1.console.aws.amazon.com")
    );

    let one_out = encode(&[("Action", "logout"), ("session", name), ("redirect_uri", &sixth)]);
    assert_eq!(client.get(&format!("/oauth?{one_out}")).await.location(), sixth);
    assert!(has_ended(&mut client, &format!("/console/{name}")).await);
    assert_eq!(
        client.get(&sixth).await.element("account"),
        "acme-prod (666677778888)"
    );
    let out = client.get("/oauth?Action=logout").await;
    assert!(!out.text.contains("id=\"other-sessions\""), "all of them");
    let state = client.get("/sessions/v1/opt-in").await.element("state");
    assert!(state.contains("is on"), "it belongs to the browser: {state}");
}

#[tokio::test]
async fn opting_in_leads_back_to_pages_of_ours_only_and_out_ends_the_sessions() {
    let mut client = Client::new();
    let elsewhere = [("decision", "on"), ("redirect_uri", "https://evil.example/")];
    let on = client.submit("/sessions/v1/opt-in", &elsewhere).await;
    assert!(on.status == 200 && on.element("state").contains("is on"));
    let path = administrators_login(&mut client, "111122223333").await;
    client.get(&path).await;
    for neither in [&[("decision", "no")][..], &[]] {
        let asked = client.submit("/sessions/v1/opt-in", neither).await;
        assert!(asked.element("state").contains("is on"), "{neither:?}");
        assert!(!has_ended(&mut client, "/console").await, "{neither:?}");
    }
    let off = [
        ("decision", "off"),
        ("redirect_uri", "http://127.0.0.1:8417/console"),
    ];
    let off = client.submit("/sessions/v1/opt-in", &off).await;
    assert_eq!(off.location(), "/console");
    assert!(has_ended(&mut client, "/console").await);
}

#[tokio::test]
async fn a_console_session_ends_with_its_credentials() {
    let mut client = Client::new();
    let path = administrators_login(&mut client, "111122223333").await;
    client.get(&path).await;
    assert_eq!(
        client.get("/console").await.element("session-ends"),
        "2030-01-01 09:00:00 UTC"
    );
    client.advance(3_600);
    assert!(has_ended(&mut client, "/console").await);
    let other = administrators_login(&mut client, "222233334444").await;
    let page = client.get(&other).await;
    assert_eq!(
        page.element("account"),
        "acme-payments-dev (222233334444)",
        "nothing to log out of"
    );
}

#[tokio::test]
async fn sts_knows_whose_keys_signed() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    let reply = get_caller_identity(&mut client, &keys).await;
    assert_eq!(reply.status, 200);
    assert!(reply.text.contains("<Account>111122223333</Account>"));
    let arn = "<Arn>arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_";
    assert!(
        reply.text.contains(arn) && reply.text.contains("/amara</Arn>"),
        "{}",
        reply.text
    );

    let mut foreign = keys.clone();
    foreign["accessKeyId"] = "ASIAAAAAAAAAAAAAAAAA".into();
    let refused = get_caller_identity(&mut client, &foreign).await;
    assert!(refused.status == 403 && refused.text.contains("<Code>InvalidClientTokenId</Code>"));

    let mut mixed = keys.clone();
    mixed["secretAccessKey"] = "another".into();
    let refused = get_caller_identity(&mut client, &mixed).await;
    assert!(refused.status == 403 && refused.text.contains("<Code>SignatureDoesNotMatch</Code>"));

    client.advance(4 * 3_600);
    let expired = get_caller_identity(&mut client, &keys).await;
    assert!(expired.status == 403 && expired.text.contains("<Code>ExpiredToken</Code>"));
}

#[tokio::test]
async fn role_credentials_outlive_the_session_that_got_them() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    client.emulator.disable_user("amara").unwrap();
    assert_eq!(get_caller_identity(&mut client, &keys).await.status, 200);
    assert_eq!(signin_token(&mut client, &keys, &[]).await.status, 200);
}
