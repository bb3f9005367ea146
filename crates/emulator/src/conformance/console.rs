//! Points 19 and 20: STS, and signing in to the console.

use axum::http::Request;
use serde_json::{Value, json};

use crate::sts::signed;
use crate::testing::{Client, Reply, encode};
use crate::{Emulator, World};

/// Keys as the control interface makes them.
async fn keys(client: &mut Client, chained: bool) -> Value {
    let wanted = json!({
        "user": "amara", "account": "111122223333", "permission_set": "Developer", "chained": chained,
    });
    let reply = client.post("/_control/credentials", &wanted).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    reply.json()
}

fn text<'a>(keys: &'a Value, member: &str) -> &'a str {
    keys[member].as_str().unwrap()
}

async fn who(client: &mut Client, keys: &Value) -> Reply {
    let request = Request::post("/")
        .header("host", "127.0.0.1:8417")
        .header("x-amz-date", "20300101T080000Z")
        .header("x-amz-security-token", text(keys, "sessionToken"));
    let request = request
        .body("Action=GetCallerIdentity&Version=2011-06-15".into())
        .unwrap();
    let request = signed(request, text(keys, "accessKeyId"), text(keys, "secretAccessKey")).await;
    client.send(request).await
}

/// The element that names the request, as the header does.
fn request_id(reply: &Reply) -> String {
    let id = reply.headers["x-amzn-requestid"].to_str().unwrap();
    format!("<RequestId>{id}</RequestId>")
}

#[tokio::test]
async fn conforms_19_get_caller_identity_answers_in_the_query_protocol() {
    let mut client = Client::new();
    let keys = keys(&mut client, false).await;
    let reply = who(&mut client, &keys).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.headers["content-type"], "text/xml");
    for part in [
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult><Arn>",
        "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Developer_",
        "/amara</Arn><UserId>AROA",
        "<Account>111122223333</Account>",
        &format!("<ResponseMetadata>{}</ResponseMetadata>", request_id(&reply)),
    ] {
        assert!(reply.text.contains(part), "{part} is not in {}", reply.text);
    }
    let record = client.get("/_control/audit").await.json()["Records"][0].clone();
    assert_eq!(record["eventSource"], "sts.amazonaws.com");
    assert_eq!(record["userIdentity"]["type"], "AssumedRole");
    assert_eq!(record["userIdentity"]["accountId"], "111122223333");
    let mut forged = keys.clone();
    forged["secretAccessKey"] = "forged".into();
    let refused = who(&mut client, &forged).await;
    for part in [
        "<Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>",
        &format!("</Error>{}</ErrorResponse>", request_id(&refused)),
    ] {
        assert!(refused.text.contains(part), "{part} is not in {}", refused.text);
    }

    client.emulator.delete_permission_set("Developer");
    let gone = who(&mut client, &keys).await;
    assert!(gone.status == 403 && gone.text.contains("<Code>InvalidClientTokenId</Code>"));
    client
        .emulator
        .amend("[[permission_set]]\nname = \"Developer\"\n")
        .unwrap();
    client.advance(4 * 3_600);
    let expired = who(&mut client, &keys).await;
    assert!(expired.status == 403 && expired.text.contains("<Code>ExpiredToken</Code>"));
}

async fn signin_token(client: &mut Client, keys: &Value, more: &[(&str, &str)]) -> Reply {
    let session = json!({
        "sessionId": keys["accessKeyId"], "sessionKey": keys["secretAccessKey"], "sessionToken": keys["sessionToken"],
    });
    let session = session.to_string();
    let mut pairs = vec![("Action", "getSigninToken"), ("Session", session.as_str())];
    pairs.extend(more);
    client.get(&format!("/federation?{}", encode(&pairs))).await
}

async fn open(client: &mut Client, token: &str) -> Reply {
    let query = encode(&[
        ("Action", "login"),
        ("Issuer", "https://example.com"),
        (
            "Destination",
            "https://console.aws.amazon.com/s3/home?region=eu-central-1",
        ),
        ("SigninToken", token),
    ]);
    client.get(&format!("/federation?{query}")).await
}

#[tokio::test]
async fn conforms_20_the_federation_endpoint_gives_a_token_for_15_minutes_and_a_console_page() {
    let mut client = Client::new();
    let (direct, chained) = (keys(&mut client, false).await, keys(&mut client, true).await);
    let token = signin_token(&mut client, &direct, &[])
        .await
        .member("SigninToken");
    let page = open(&mut client, &token).await;
    assert!(
        page.status == 200 && page.text.contains("id=\"role\">Developer<"),
        "no redirect to AWS"
    );
    client.advance(15 * 60);
    assert_eq!(open(&mut client, &token).await.status, 400);

    for duration in ["900", "43200"] {
        assert_eq!(
            signin_token(&mut client, &direct, &[("SessionDuration", duration)])
                .await
                .status,
            200
        );
    }
    for duration in ["899", "43201", "x"] {
        assert_eq!(
            signin_token(&mut client, &direct, &[("SessionDuration", duration)])
                .await
                .status,
            400
        );
    }
    assert_eq!(signin_token(&mut client, &chained, &[]).await.status, 200);
    assert_eq!(
        signin_token(&mut client, &chained, &[("SessionDuration", "3600")])
            .await
            .status,
        400
    );
    assert_eq!(signin_token(&mut client, &json!({}), &[]).await.status, 400);
    let out = client.get("/oauth?Action=logout").await;
    assert!(out.status == 200 && out.text.contains("signed out"));
    client.advance(4 * 3_600);
    assert_eq!(
        signin_token(&mut client, &direct, &[]).await.status,
        400,
        "expired"
    );
}

#[tokio::test]
async fn conforms_20_post_is_a_switch() {
    for (allowed, status) in [(false, 404), (true, 200)] {
        let mut world = World::acme();
        world.unsettled.federation_post = allowed;
        let mut client = Client::of(world);
        let emulator: Emulator = client.emulator.clone();
        let keys = keys(&mut client, false).await;
        let session = json!({
            "sessionId": keys["accessKeyId"], "sessionKey": keys["secretAccessKey"],
            "sessionToken": keys["sessionToken"],
        });
        let fields = [("Action", "getSigninToken"), ("Session", &session.to_string())];
        assert_eq!(
            Client::with(emulator).submit("/federation", &fields).await.status,
            status
        );
    }
}
