//! Point 21: the control interface.

use serde_json::{Value, json};

use crate::Operation;
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
async fn an_approval_that_fails_changes_nothing() {
    let mut client = Client::new();
    let registered = client.register_for_device().await;
    let body = json!({
        "clientId": registered.id, "clientSecret": registered.secret,
        "startUrl": "https://other.awsapps.com/start",
    });
    let foreign = client.post("/device_authorization", &body).await;
    for (code, why) in [
        (foreign.member("userCode"), "invalid_grant"),
        ("XXXX-XXXX".to_owned(), "no pending user code"),
    ] {
        let body = json!({ "user_code": code, "user": "amara" });
        let refused = client.post("/_control/approve", &body).await;
        assert_eq!(refused.status, 400, "{code}");
        assert!(refused.member("error").contains(why), "{}", refused.text);
    }
    let polled = client.poll(&registered, &foreign.member("deviceCode")).await;
    assert_eq!(polled.exception(), "AuthorizationPendingException");
    let live = client.get("/_control/sessions").await.json();
    assert_eq!(live["sessions"], json!([]));
}

#[tokio::test]
async fn each_approval_is_a_browser_of_its_own_unless_it_names_one() {
    let mut client = Client::new();
    let token = |tokens: &Value| tokens["accessToken"].as_str().unwrap().to_owned();
    let first = token(&client.signed_in("amara").await.1);
    let second = token(&client.signed_in("amara").await.1);
    let third = token(&client.signed_in_with("firefox", "amara").await.1);
    let fourth = token(&client.signed_in_with("firefox", "amara").await.1);
    let request = axum::http::Request::post("/logout").header("x-amz-sso_bearer_token", &first);
    client.send(request.body("".into()).unwrap()).await;
    let request = axum::http::Request::post("/logout").header("x-amz-sso_bearer_token", &third);
    client.send(request.body("".into()).unwrap()).await;
    for (token, status) in [(first, 401), (second, 200), (third, 401), (fourth, 401)] {
        assert_eq!(client.get_as("/assignment/accounts", &token).await.status, status);
    }

    let registered = client.register_for_code().await;
    for (approval, sessions) in [
        (json!({ "user": "ben" }), 2),
        (json!({ "user": "ben", "browser": "chromium" }), 3),
    ] {
        tell(&mut client, "auto-approve", &approval).await;
        for _ in 0..2 {
            let path = crate::testing::authorize_path(&registered.id, &[]);
            assert_eq!(client.get(&path).await.status, 302);
        }
        let live = client.get("/_control/sessions").await.json();
        let live = live["sessions"].as_array().unwrap().iter();
        assert_eq!(live.filter(|session| session["user"] == "ben").count(), sessions);
    }
}

#[tokio::test]
async fn web_pages_and_foreign_names_do_not_reach_the_control_interface() {
    let mut client = Client::new();
    for (name, value, status) in [
        ("host", "evil.com", 403),
        ("host", "127.0.0.1.evil.com:8417", 403),
        ("host", "127.0.0.2:8417", 403),
        ("host", "[::2]:8417", 403),
        ("host", "127.0.0.1:8417", 200),
        ("host", "localhost:8417", 200),
        ("host", "[::1]:8417", 200),
        ("origin", "https://evil.com", 403),
        ("origin", "null", 403),
        ("referer", "https://evil.com/", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("sec-fetch-site", "same-site", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("sec-fetch-site", "none", 200),
    ] {
        for method in ["GET", "POST"] {
            let path = if method == "GET" {
                "secrets"
            } else {
                "users/disable"
            };
            let request = axum::http::Request::builder()
                .method(method)
                .uri(format!("/_control/{path}"));
            let body = json!({ "user": "dmitri" }).to_string();
            let request = request.header(name, value).body(body.into()).unwrap();
            let reply = client.send(request).await;
            assert_eq!(reply.status, status, "{method} with {name}: {value}");
            if status == 403 {
                let is_disabled = client.emulator.world().user("dmitri").unwrap().disabled;
                assert!(!is_disabled && !reply.member("error").is_empty());
            }
        }
        client.emulator.enable_user("dmitri").unwrap();
    }
    let far = crate::call::Peer {
        address: "192.0.2.1".parse().unwrap(),
        with_tls: false,
    };
    let request = axum::http::Request::get("/_control/secrets").extension(far);
    assert_eq!(client.send(request.body("".into()).unwrap()).await.status, 403);
}

#[tokio::test]
async fn faults_and_clock_refuse_what_cannot_be_meant() {
    let mut client = Client::new();
    for (path, body) in [
        ("faults", json!({ "operation": "ListAccounts" })),
        (
            "faults",
            json!([{ "operation": "ListAccounts", "status": 500 }, { "operation": "ListAccounts", "status": 1000 }]),
        ),
        ("clock", json!({ "advance_seconds": 1e18 })),
        ("clock", json!({ "advance_seconds": -1e18 })),
        ("clock", json!({ "advance_seconds": 1e300 })),
        ("network", json!({})),
        ("network", json!({ "refuse_ms": 3_600_001 })),
        ("network", json!({ "refuse": 1 })),
        ("sessions/end", json!({})),
        ("sessions/end", json!({ "user": "amara", "session": "x" })),
        ("auto-approve", json!({ "browser": "one" })),
        ("assignments", json!({})),
        ("accounts/remove", json!({ "account": "000000000000" })),
        ("permission-sets/delete", json!({ "permission_set": "Nobody" })),
    ] {
        let reply = client.post(&format!("/_control/{path}"), &body).await;
        assert_eq!(reply.status, 400, "{body}");
        assert!(!reply.member("error").is_empty());
    }
    let token = client.access_token("amara").await;
    assert_eq!(client.get_as("/assignment/accounts", &token).await.status, 200);
    assert_eq!(
        client.get("/_control/clock").await.json()["now"],
        "2030-01-01T08:00:00Z"
    );
}

#[tokio::test]
async fn what_the_control_interface_does_not_have_is_told_there_and_not_counted() {
    let mut client = Client::new();
    for (reply, what) in [
        (
            client.post("/_control/secrets", &json!({})).await,
            "POST /_control/secrets",
        ),
        (client.get("/_control/nothing").await, "GET /_control/nothing"),
    ] {
        assert_eq!(reply.status, 404);
        assert!(reply.member("error").contains(what), "{}", reply.text);
    }
    assert_eq!(client.emulator.counters().calls(Operation::Unknown), 0);
}

#[tokio::test]
async fn counters_tell_what_a_script_answered_from_what_was_refused() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let script = json!([
        { "operation": "ListAccounts", "trouble": "unauthorized", "times": 2 },
        { "operation": "ListAccounts", "trouble": "wrong_date", "times": 1 },
        { "operation": "ListAccounts", "drop": true, "times": 1 },
    ]);
    tell(&mut client, "faults", &script).await;
    for _ in 0..2 {
        client.get_as("/assignment/accounts", &token).await;
    }
    // Spoiled, and refused all the same.
    client.get_as("/assignment/accounts", "nobody's").await;
    client.get_as("/assignment/accounts", &token).await;
    client.get_as("/assignment/accounts", "nobody's").await;
    let counters = client.get("/_control/counters").await.json();
    assert_eq!(
        counters["errors"]["ListAccounts"],
        json!({ "UnauthorizedException": 2 })
    );
    let injected = json!({ "UnauthorizedException": 2, "Fault": 2 });
    assert_eq!(counters["injected"]["ListAccounts"], injected);
    assert_eq!(counters["operations"]["ListAccounts"], 5);
    let counters = client.emulator.counters();
    assert_eq!(
        counters.injected(Operation::ListAccounts, "UnauthorizedException"),
        2
    );
    assert_eq!(
        counters.errors(Operation::ListAccounts, "UnauthorizedException"),
        2
    );
}

#[tokio::test]
async fn a_user_whom_a_piece_of_a_world_disables_has_no_session_afterwards_either() {
    let mut client = Client::new();
    let token = client.access_token("dmitri").await;
    let piece = |disabled: bool| {
        let dmitri =
            "[[user]]\nname = \"dmitri\"\ndisplay_name = \"Dmitri\"\nemail = \"dmitri@acme.example\"\n";
        format!("{dmitri}password = \"demo-dmitri\"\ndisabled = {disabled}\n")
    };
    for disabled in [true, false] {
        let changed = amend(&mut client, &piece(disabled)).await;
        assert_eq!(changed.status, 200, "{}", changed.text);
        assert_eq!(
            client.get_as("/assignment/accounts", &token).await.status,
            401,
            "{disabled}"
        );
    }
    assert_eq!(
        client.get("/_control/sessions").await.json()["sessions"],
        json!([])
    );
}

#[tokio::test]
async fn live_sessions_are_told_in_the_order_in_which_they_began() {
    let mut client = Client::new();
    let users = ["dmitri", "amara", "ben", "chiara", "amara", "ben"];
    for user in users {
        client.access_token(user).await;
        client.advance(1);
    }
    let told = client.get("/_control/sessions").await.json();
    let told: Vec<&Value> = told["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["user"])
        .collect();
    assert_eq!(told, users);
}
