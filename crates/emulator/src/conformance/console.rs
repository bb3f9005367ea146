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
    let identity = &record["userIdentity"];
    let (_, rest) = reply.text.split_once("<UserId>").unwrap();
    let user_id = rest.split('<').next().unwrap();
    assert_eq!(identity["principalId"], user_id);
    let (role_id, user) = user_id.split_once(':').unwrap();
    let is_base32 = |letter: char| letter.is_ascii_uppercase() || ('2'..='7').contains(&letter);
    assert!(
        role_id.len() == 21 && role_id.starts_with("AROA") && user == "amara",
        "{user_id}"
    );
    assert!(role_id.chars().all(is_base32), "{role_id}");
    assert_eq!(identity["accessKeyId"], keys["accessKeyId"]);
    assert_eq!(record["recipientAccountId"], "111122223333");
    let context = &identity["sessionContext"];
    assert_eq!(context["attributes"]["creationDate"], "2030-01-01T08:00:00Z");
    assert_eq!(context["sessionIssuer"]["principalId"], role_id);
    let role = context["sessionIssuer"]["arn"].as_str().unwrap();
    assert!(
        role.starts_with(
            "arn:aws:iam::111122223333:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Developer_"
        ),
        "{role}"
    );
    let mut forged = keys.clone();
    forged["secretAccessKey"] = "forged".into();
    let refused = who(&mut client, &forged).await;
    for part in [
        "<Error><Type>Sender</Type><Code>SignatureDoesNotMatch</Code><Message>",
        &format!("</Error>{}</ErrorResponse>", request_id(&refused)),
    ] {
        assert!(refused.text.contains(part), "{part} is not in {}", refused.text);
    }

    let records = client.get("/_control/audit").await.json();
    let last = records["Records"].as_array().unwrap().last().unwrap();
    assert_eq!(last["errorCode"], "SignatureDoesNotMatch");
    assert!(
        last["errorMessage"]
            .as_str()
            .unwrap()
            .starts_with("The request signature")
    );

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

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_of_the_emulators_clock() {
    let mut client = Client::new();
    let keys = keys(&mut client, false).await;
    for (seconds, expected) in [
        (300, None),
        (
            1,
            Some(
                "Signature expired: 20300101T080000Z is now earlier than 20300101T080001Z (20300101T080501Z - 5 min.)",
            ),
        ),
        (-601, None),
        (
            -1,
            Some("Signature not yet current: 20300101T080000Z is still later than"),
        ),
    ] {
        client.advance(seconds);
        let reply = who(&mut client, &keys).await;
        match expected {
            None => assert_eq!(reply.status, 200, "{}", reply.text),
            Some(message) => {
                assert_eq!(reply.status, 403);
                assert!(reply.text.contains("<Code>SignatureDoesNotMatch</Code>"));
                assert!(reply.text.contains(message), "{}", reply.text);
            }
        }
    }
    client.emulator.amend("check_signature_dates = false").unwrap();
    assert_eq!(who(&mut client, &keys).await.status, 200);
}

#[tokio::test]
async fn the_audit_log_tells_of_console_sign_ins_as_cloudtrail_does() {
    let mut client = Client::new();
    let keys = keys(&mut client, false).await;
    let token = signin_token(&mut client, &keys, &[]).await.member("SigninToken");
    open(&mut client, &token).await;
    client.get("/console").await;
    signin_token(&mut client, &keys, &[("SessionDuration", "1")]).await;
    open(&mut client, "none").await;
    let audit = client.get("/_control/audit").await;
    assert!(!audit.text.contains(&token));
    let records = audit.json();
    let records = records["Records"].as_array().unwrap();
    let outcomes: Vec<(&str, &Value)> = records
        .iter()
        .map(|record| (record["eventName"].as_str().unwrap(), &record["responseElements"]))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("GetSigninToken", &json!({ "GetSigninToken": "Success" })),
            ("ConsoleLogin", &json!({ "ConsoleLogin": "Success" })),
            ("GetSigninToken", &json!({ "GetSigninToken": "Failure" })),
            ("ConsoleLogin", &json!({ "ConsoleLogin": "Failure" })),
        ],
        "a look at a console that is open is no sign-in"
    );
    for record in records {
        assert_eq!(record["eventType"], "AwsConsoleSignIn");
        assert_eq!(record["additionalEventData"]["MFAUsed"], "No");
        assert_eq!(record["errorCode"], Value::Null);
        let has_failed = record["responseElements"].to_string().contains("Failure");
        assert_eq!(record["errorMessage"].is_string(), has_failed, "{record}");
    }
    assert_eq!(
        records[1]["additionalEventData"]["LoginTo"],
        "https://console.aws.amazon.com/s3/home?region=eu-central-1"
    );
    assert_eq!(records[1]["recipientAccountId"], "111122223333");
    assert_eq!(records[1]["userIdentity"]["type"], "AssumedRole");
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
