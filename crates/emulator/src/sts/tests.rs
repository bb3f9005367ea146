//! The ways to STS: by GET and POST, signed in the head or in the query, answered in XML or JSON.

use axum::http::Request;
use serde_json::{Value, json};

use super::{presigned, signed};
use crate::Operation;
use crate::testing::{Client, Reply};

const HOST: &str = "127.0.0.1:8417";
const CLUSTER: [(&str, &str); 1] = [("x-k8s-aws-id", "my-cluster")];

async fn keys(client: &mut Client) -> Value {
    let wanted = json!({ "user": "amara", "account": "111122223333", "permission_set": "Developer" });
    client.post("/_control/credentials", &wanted).await.json()
}

async fn get(client: &mut Client, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(path).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    client.send(request.body("".into()).unwrap()).await
}

fn code(reply: &Reply) -> &str {
    let (_, rest) = reply.text.split_once("<Code>").unwrap_or(("", ""));
    rest.split('<').next().unwrap()
}

#[tokio::test]
async fn conforms_19_a_presigned_request_says_who_signed_it() {
    let mut client = Client::new();
    let keys = keys(&mut client).await;
    let path = presigned(&keys, HOST, &CLUSTER);
    let reply = get(&mut client, &path, &CLUSTER).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert!(
        reply.text.contains("<Account>111122223333</Account>"),
        "{}",
        reply.text
    );
    assert_eq!(client.emulator.counters().calls(Operation::GetCallerIdentity), 1);

    for (headers, changed) in [
        (&[][..], path.clone()),
        (&[("x-k8s-aws-id", "another-cluster")], path.clone()),
        (&CLUSTER, path.replace("X-Amz-Expires=60", "X-Amz-Expires=61")),
        (
            &CLUSTER,
            path.replace("&Version=2011-06-15", "&Version=2011-06-15&More=1"),
        ),
    ] {
        let reply = get(&mut client, &changed, headers).await;
        assert_eq!(
            (reply.status.as_u16(), code(&reply)),
            (403, "SignatureDoesNotMatch"),
            "{changed}"
        );
    }
    let reply = client
        .send(
            Request::post(&path)
                .header("host", HOST)
                .header(CLUSTER[0].0, CLUSTER[0].1)
                .body("".into())
                .unwrap(),
        )
        .await;
    assert_eq!(code(&reply), "SignatureDoesNotMatch", "the method is signed too");
}

#[tokio::test]
async fn conforms_19_a_presigned_request_is_good_for_15_minutes_and_as_long_as_its_keys() {
    let mut client = Client::new();
    let keys = keys(&mut client).await;
    let path = presigned(&keys, HOST, &[]);
    client.advance(15 * 60);
    assert_eq!(get(&mut client, &path, &[]).await.status, 200);
    client.advance(1);
    let reply = get(&mut client, &path, &[]).await;
    assert_eq!(code(&reply), "SignatureDoesNotMatch");
    let why = "Signature expired: 20300101T080000Z is now earlier than 20300101T080001Z (20300101T081501Z - 15 min.)";
    assert!(reply.text.contains(why), "{}", reply.text);
    client.advance(-1_202);
    assert!(
        get(&mut client, &path, &[])
            .await
            .text
            .contains("Signature not yet current")
    );
    client.advance(5 * 3_600);
    assert_eq!(code(&get(&mut client, &path, &[]).await), "ExpiredToken");
}

#[tokio::test]
async fn conforms_19_a_signature_that_is_not_complete_or_for_another_service_says_why() {
    let mut client = Client::new();
    let keys = keys(&mut client).await;
    let path = presigned(&keys, HOST, &[]);
    let without = |name: &str| {
        let (before, rest) = path.split_once(&format!("&{name}=")).unwrap();
        let after = rest.split_once('&').map_or("", |(_, after)| after);
        format!("{before}&{after}")
    };
    for (path, expected, message) in [
        (
            without("X-Amz-Signature"),
            "IncompleteSignature",
            "must include &#39;X-Amz-Signature&#39;",
        ),
        (
            without("X-Amz-Date"),
            "IncompleteSignature",
            "must include &#39;X-Amz-Date&#39;",
        ),
        (
            without("X-Amz-Security-Token"),
            "InvalidClientTokenId",
            "is invalid",
        ),
        (
            path.replace("HMAC-SHA256", "HMAC-MD5"),
            "IncompleteSignature",
            "Unsupported",
        ),
        (
            path.replace("%2Fsts%2F", "%2Fs3%2F"),
            "SignatureDoesNotMatch",
            "correct service: &#39;sts&#39;",
        ),
        (
            path.replace("%2Fsts%2F", "%2F"),
            "IncompleteSignature",
            "exactly 5 slash-delimited",
        ),
        (
            path.replace("=20300101T", "=20300102T"),
            "SignatureDoesNotMatch",
            "&#39;20300101&#39; != &#39;20300102&#39;",
        ),
        (
            path.replace("SignedHeaders=host", "SignedHeaders=x"),
            "SignatureDoesNotMatch",
            "Host",
        ),
        (
            "/?Action=GetCallerIdentity&Version=2011-06-15".to_owned(),
            "MissingAuthenticationToken",
            "missing",
        ),
    ] {
        let reply = get(&mut client, &path, &[]).await;
        assert_eq!(code(&reply), expected, "{path}: {}", reply.text);
        assert!(reply.text.contains(message), "{message} is not in {}", reply.text);
    }
}

#[tokio::test]
async fn conforms_19_the_parameters_may_stand_in_the_query_of_a_post_and_an_action_has_a_version() {
    let mut client = Client::new();
    let keys = keys(&mut client).await;
    let key = |name: &str| keys[name].as_str().unwrap();
    let request = Request::post("/?Action=GetCallerIdentity&Version=2011-06-15")
        .header("host", HOST)
        .header("x-amz-date", "20300101T080000Z")
        .header("x-amz-security-token", key("sessionToken"));
    let request = request.body("".into()).unwrap();
    let request = signed(request, key("accessKeyId"), key("secretAccessKey")).await;
    let reply = client.send(request).await;
    assert_eq!(reply.status, 200, "{}", reply.text);

    for (fields, expected, message) in [
        (&[][..], "MissingAction", "missing an action"),
        (
            &[("Action", "GetCallerIdentity")],
            "InvalidAction",
            "GetCallerIdentity for version NO_VERSION_SPECIFIED",
        ),
        (
            &[("Action", "Nonsense"), ("Version", "2011-06-15")],
            "InvalidAction",
            "Could not find operation Nonsense for version 2011-06-15",
        ),
    ] {
        let reply = client.submit("/", fields).await;
        assert_eq!(
            (reply.status.as_u16(), code(&reply)),
            (400, expected),
            "{}",
            reply.text
        );
        assert!(reply.text.contains(message), "{}", reply.text);
    }
    let counters = client.emulator.counters();
    assert_eq!(counters.calls(Operation::GetCallerIdentity), 2);
    assert_eq!(counters.errors(Operation::Unknown, "InvalidAction"), 1);
    assert_eq!(get(&mut client, "/", &[]).await.location(), "/start", "a person");
}

#[tokio::test]
async fn sts_answers_in_json_to_those_who_accept_it() {
    let mut client = Client::new();
    let keys = keys(&mut client).await;
    let json = [("accept", "application/json")];
    let reply = get(&mut client, &presigned(&keys, HOST, &[]), &json).await;
    assert_eq!(reply.headers["content-type"], "application/json");
    let answer = reply.json();
    let result = &answer["GetCallerIdentityResponse"]["GetCallerIdentityResult"];
    assert_eq!(result["Account"], "111122223333");
    assert!(result["Arn"].as_str().unwrap().ends_with("/amara"));
    let id = &answer["GetCallerIdentityResponse"]["ResponseMetadata"]["RequestId"];
    assert_eq!(id, reply.headers["x-amzn-requestid"].to_str().unwrap());

    let refused = get(
        &mut client,
        "/?Action=GetCallerIdentity&Version=2011-06-15",
        &json,
    )
    .await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["Error"]["Code"], "MissingAuthenticationToken");
    let xml = get(&mut client, &presigned(&keys, HOST, &[]), &[("accept", "*/*")]).await;
    assert_eq!(xml.headers["content-type"], "text/xml");
}
