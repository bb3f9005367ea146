//! Point 21: the control interface.

use serde_json::{Value, json};

use crate::testing::{Client, Reply};

const CREDENTIALS: &str = "/federation/credentials?role_name=Auditor&account_id=000000000042";

const NEWCOMER: &str = r#"session_duration = "2h"
[[user]]
name = "kim"
display_name = "Kim"
email = "kim@acme.example"
password = "demo-kim"
[[account]]
id = "000000000042"
name = "new"
email = "new@acme.example"
[[permission_set]]
name = "Auditor"
session_duration = "3h"
[[assignment]]
user = "kim"
permission_sets = ["Auditor"]
accounts = ["new"]
"#;

async fn tell(client: &mut Client, path: &str, body: &Value) -> Reply {
    let reply = client.post(&format!("/_control/{path}"), body).await;
    assert_eq!(reply.status, 200, "{path}: {}", reply.text);
    reply
}

async fn amend(client: &mut Client, piece: &str) -> Reply {
    let request = axum::http::Request::post("/_control/world");
    client.send(request.body(piece.to_owned().into()).unwrap()).await
}

#[tokio::test]
async fn conforms_21_everything_is_seeded_changed_and_read_while_it_runs() {
    let mut client = Client::new();
    assert_eq!(amend(&mut client, NEWCOMER).await.status, 200);
    let refused = amend(&mut client, "page_size = 0").await;
    assert!(
        refused.status == 400 && refused.text.contains("line 1, page_size"),
        "{}",
        refused.text
    );

    let (registered, tokens) = client.signed_in("kim").await;
    let token = tokens["accessToken"].as_str().unwrap().to_owned();
    let expiration = client.get_as(CREDENTIALS, &token).await.json()["roleCredentials"]["expiration"].clone();
    assert_eq!(expiration, client.emulator.now().as_millisecond() + 3 * 3_600_000);
    let live = client.get("/_control/sessions").await.json();
    assert_eq!(live["sessions"][0]["user"], "kim");
    assert_eq!(live["sessions"][0]["ends"], "2030-01-01T10:00:00Z");

    let role = json!({ "user": "kim", "permission_set": "Auditor", "account": "000000000042" });
    tell(&mut client, "assignments", &json!({ "remove": role })).await;
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 403);
    tell(&mut client, "assignments", &json!({ "add": role })).await;
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);
    tell(
        &mut client,
        "accounts/remove",
        &json!({ "account": "000000000042" }),
    )
    .await;
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 403);
    tell(
        &mut client,
        "permission-sets/delete",
        &json!({ "permission_set": "Auditor" }),
    )
    .await;

    tell(
        &mut client,
        "registrations/expire",
        &json!({ "client_id": "another" }),
    )
    .await;
    let refresh_token = tokens["refreshToken"].as_str().unwrap();
    let refreshed = client.refresh(&registered, refresh_token).await;
    assert_eq!(refreshed.status, 200);
    tell(
        &mut client,
        "sessions/end",
        &json!({ "session": live["sessions"][0]["session"] }),
    )
    .await;
    assert_eq!(client.get_as("/assignment/accounts", &token).await.status, 401);
    tell(
        &mut client,
        "registrations/expire",
        &json!({ "client_name": "Some program" }),
    )
    .await;
    let gone = client.refresh(&registered, refresh_token).await;
    assert_eq!(gone.exception(), "InvalidClientException");
    tell(&mut client, "clock", &json!({ "advance_seconds": -30 })).await;
}

#[tokio::test]
async fn conforms_21_faults_are_injected_per_operation_and_the_log_has_timings() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let script = json!([
        { "operation": "ListAccounts", "trouble": "unavailable", "times": 1 },
        { "operation": "ListAccounts", "trouble": "garbage_json", "times": 1 },
    ]);
    tell(&mut client, "faults", &script).await;
    assert_eq!(client.get_as("/assignment/accounts", &token).await.status, 503);
    let garbage = client.get_as("/assignment/accounts", &token).await;
    assert!(garbage.status == 200 && serde_json::from_str::<Value>(&garbage.text).is_err());
    assert_eq!(client.get_as("/assignment/accounts", &token).await.status, 200);

    let records = client.get("/_control/audit").await.json();
    let last = records["Records"].as_array().unwrap().last().unwrap();
    assert_eq!(last["eventName"], "ListAccounts");
    assert!(last["additionalEventData"]["durationMs"].is_u64());
    let seconds = client.get("/_control/counters/seconds").await.json();
    let second = client.emulator.now().as_second().to_string();
    assert_eq!(seconds[second]["ListAccounts"][""], 3);
}

#[tokio::test]
async fn the_audit_log_has_the_shape_of_cloudtrail_and_no_secret() {
    let mut client = Client::new();
    let (registered, tokens) = client.signed_in("amara").await;
    let token = tokens["accessToken"].as_str().unwrap();
    client
        .get_as(
            "/federation/credentials?role_name=ReadOnly&account_id=111122223333",
            token,
        )
        .await;
    client
        .get_as(
            "/federation/credentials?role_name=Nothing&account_id=111122223333",
            token,
        )
        .await;
    let text = client.get("/_control/audit").await.text;
    for secret in [
        registered.secret.as_str(),
        token,
        tokens["refreshToken"].as_str().unwrap(),
    ] {
        assert!(!text.contains(secret));
    }
    let records: Value = serde_json::from_str(&text).unwrap();
    let [.., created, issued, refused] = records["Records"].as_array().unwrap().as_slice() else {
        panic!("{records}");
    };
    assert_eq!(
        created["requestParameters"]["clientSecret"],
        "HIDDEN_DUE_TO_SECURITY_REASONS"
    );
    assert_eq!(
        created["requestParameters"]["grantType"],
        crate::oidc::DEVICE_CODE
    );
    assert_eq!(issued["eventVersion"], "1.11");
    assert_eq!(issued["eventSource"], "sso.amazonaws.com");
    assert_eq!(issued["eventTime"], "2030-01-01T08:00:00Z");
    assert_eq!(issued["sourceIPAddress"], "127.0.0.1");
    assert_eq!(issued["eventType"], "AwsServiceEvent");
    assert_eq!(issued["requestParameters"], Value::Null);
    assert_eq!(issued["serviceEventDetails"]["role_name"], "ReadOnly");
    assert_eq!(issued["serviceEventDetails"]["account_id"], "111122223333");
    let identity = &issued["userIdentity"];
    assert_eq!(identity["type"], "IdentityCenterUser");
    assert_eq!(identity["credentialId"], created["userIdentity"]["credentialId"]);
    let store = identity["onBehalfOf"]["identityStoreArn"].as_str().unwrap();
    assert!(store.ends_with(":identitystore/d-9967123abc"), "{store}");
    assert_eq!(
        issued["additionalEventData"]["principalTags"]["CostCenter"],
        "4711"
    );
    assert_eq!(refused["errorCode"], "ForbiddenException");
    assert_eq!(refused["additionalEventData"]["principalTags"], json!({}));
}
