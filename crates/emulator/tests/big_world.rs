//! 10,000 accounts with 5 permission sets each: all of them are listed, in time and without much memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use identity_center_emulator::{Emulator, Options, World};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const ACCOUNTS: u32 = 10_000;
const SETS: u32 = 5;

async fn send(router: &Router, request: Request<Body>) -> Value {
    let answer = router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(&to_bytes(answer.into_body(), usize::MAX).await.unwrap()).unwrap()
}

async fn post(router: &Router, path: &str, body: &Value) -> Value {
    send(router, Request::post(path).body(body.to_string().into()).unwrap()).await
}

async fn access_token(emulator: &Emulator, router: &Router) -> String {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let registration = json!({ "clientName": "x", "clientType": "public" });
    let mut body = post(router, "/client/register", &registration).await;
    body["startUrl"] = emulator.start_url().into();
    let started = post(router, "/device_authorization", &body).await;
    emulator
        .approve_device(&text(&started["userCode"]), "amara")
        .unwrap();
    body["grantType"] = "urn:ietf:params:oauth:grant-type:device_code".into();
    body["deviceCode"] = started["deviceCode"].clone();
    text(&post(router, "/token", &body).await["accessToken"])
}

/// Kilobytes in use by this process, where the system says so.
fn memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

#[tokio::test]
async fn ten_thousand_accounts_are_listed_with_all_their_roles() {
    let before = memory();
    let mut world = World::from_toml(&World::generated(ACCOUNTS, SETS)).unwrap();
    world.requests_per_second = 0;
    let emulator = Emulator::new(world, Options::default());
    let router = emulator.router();
    let token = access_token(&emulator, &router).await;
    let get = |path: String| {
        let request = Request::get(path).header("x-amz-sso_bearer_token", &token);
        send(&router, request.body(Body::empty()).unwrap())
    };

    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let page = get(format!("/assignment/accounts?max_result=100{next}")).await;
        let rows = page["accountList"].as_array().unwrap();
        ids.extend(
            rows.iter()
                .map(|row| row["accountId"].as_str().unwrap().to_owned()),
        );
        let Some(token) = page["nextToken"].as_str() else {
            break;
        };
        next = format!("&next_token={token}");
    }
    assert_eq!(ids.len(), 10_000);
    let mut roles = 0;
    for id in &ids {
        let page = get(format!("/assignment/roles?max_result=100&account_id={id}")).await;
        roles += page["roleList"].as_array().unwrap().len();
    }
    assert_eq!(roles, 50_000);
    assert!(emulator.audit().len() <= 20_000);

    if let (Some(before), Some(after)) = (before, memory()) {
        let grown = (after - before) / 1_024;
        println!("10,000 accounts x 5 permission sets: {grown} MB");
        assert!(grown < 150, "{grown} MB");
    }
}
