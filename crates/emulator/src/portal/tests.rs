//! The portal API over HTTP, in process.

use serde_json::json;

use crate::testing::Client;
use crate::{Assignment, Fault, MissingScope, Operation, World};

const CREDENTIALS: &str = "/federation/credentials?role_name=ReadOnly&account_id=111122223333";

#[tokio::test]
async fn lists_are_paged_without_gaps_or_repeats() {
    let mut client = Client::new();
    let token = client.access_token("chiara").await;
    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let reply = client
            .get_as(&format!("/assignment/accounts?max_result=5{next}"), &token)
            .await
            .json();
        let rows = reply["accountList"].as_array().unwrap().clone();
        assert!(rows.len() <= 5);
        ids.extend(
            rows.iter()
                .map(|row| row["accountId"].as_str().unwrap().to_owned()),
        );
        let Some(token) = reply["nextToken"].as_str() else {
            break;
        };
        next = format!("&next_token={token}");
    }
    assert_eq!(ids.len(), 12);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 12);
    assert_eq!(ids[0], "012345678901", "a leading zero stays");
}

#[tokio::test]
async fn a_page_size_outside_1_to_100_and_a_foreign_token_are_refused() {
    let mut client = Client::new();
    let token = client.access_token("ben").await;
    for query in [
        "max_result=0",
        "max_result=101",
        "max_result=x",
        "next_token=nonsense",
    ] {
        let reply = client
            .get_as(&format!("/assignment/accounts?{query}"), &token)
            .await;
        assert_eq!(
            (reply.status.as_u16(), reply.exception()),
            (400, "InvalidRequestException"),
            "{query}"
        );
    }
    let page = client
        .get_as("/assignment/accounts?max_result=1", &token)
        .await
        .member("nextToken");
    let path = format!("/assignment/roles?account_id=111122223333&next_token={page}");
    assert_eq!(client.get_as(&path, &token).await.status, 400);
}

#[tokio::test]
async fn role_credentials_live_as_long_as_the_permission_set_says_in_milliseconds() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let reply = client.get_as(CREDENTIALS, &token).await;
    let credentials = reply.json()["roleCredentials"].clone();
    let expected = client.emulator.now().as_millisecond() + 8 * 3_600 * 1_000;
    assert_eq!(credentials["expiration"], expected);
    assert!(credentials["accessKeyId"].as_str().unwrap().starts_with("ASIA"));
    assert!(credentials["sessionToken"].as_str().unwrap().len() >= 832);
    assert!(reply.headers.contains_key("x-amzn-requestid"));
    assert_eq!(reply.headers["date"], "Tue, 01 Jan 2030 08:00:00 GMT");
}

#[tokio::test]
async fn a_role_that_is_not_assigned_is_403_and_leaves_the_session_alone() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let path = "/federation/credentials?account_id=666677778888&role_name=AdministratorAccess";
    let refused = client.get_as(path, &token).await;
    assert_eq!(
        (refused.status.as_u16(), refused.exception()),
        (403, "ForbiddenException")
    );
    assert_eq!(refused.member("message"), "No access");
    assert_eq!(
        refused.member("__type"),
        "com.amazonaws.switchboard.portal#ForbiddenException"
    );
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);
}

#[tokio::test]
async fn assignments_change_while_clients_run() {
    let mut client = Client::new();
    let token = client.access_token("noor").await;
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 403);

    let assignment = Assignment::user("noor", "ReadOnly", "111122223333");
    client.emulator.assign(&assignment).unwrap();
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);

    assert!(client.emulator.unassign(&assignment));
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 403);
    assert!(
        client
            .emulator
            .assign(&Assignment::user("noor", "ReadOnly", "000000000000"))
            .is_err()
    );
}

#[tokio::test]
async fn a_missing_unknown_or_expired_token_is_401() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    assert_eq!(client.get("/assignment/accounts").await.status, 401);
    assert_eq!(
        client.get_as("/assignment/accounts", "aoaNonsense").await.status,
        401
    );
    client.advance(3_600);
    let expired = client.get_as("/assignment/accounts", &token).await;
    assert_eq!(
        (expired.status.as_u16(), expired.exception()),
        (401, "UnauthorizedException")
    );
    assert_eq!(expired.member("message"), "Session token not found or invalid");
}

#[tokio::test]
async fn logout_ends_the_whole_session() {
    let mut client = Client::new();
    let (registered, tokens) = client.signed_in("amara").await;
    let token = tokens["accessToken"].as_str().unwrap();
    let request = axum::http::Request::post("/logout").header("x-amz-sso_bearer_token", token);
    let reply = client.send(request.body("".into()).unwrap()).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));

    assert_eq!(client.get_as(CREDENTIALS, token).await.status, 401);
    let refreshed = client
        .refresh(&registered, tokens["refreshToken"].as_str().unwrap())
        .await;
    assert_eq!(refreshed.exception(), "InvalidGrantException");
}

#[tokio::test]
async fn an_ended_session_and_a_disabled_user_are_401() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    assert_eq!(client.emulator.end_sessions("amara").unwrap(), 1);
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 401);

    let token = client.access_token("amara").await;
    client.emulator.disable_user("amara").unwrap();
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 401);
    client.emulator.enable_user("amara").unwrap();
    assert_eq!(
        client.get_as(CREDENTIALS, &token).await.status,
        401,
        "the old session stays ended"
    );
}

#[tokio::test]
async fn the_quota_is_shared_by_the_reads_and_fills_up_again() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    for _ in 0..10 {
        assert_eq!(client.get_as("/assignment/accounts", &token).await.status, 200);
        assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);
    }
    let refused = client.get_as(CREDENTIALS, &token).await;
    assert_eq!(
        (refused.status.as_u16(), refused.exception()),
        (429, "TooManyRequestsException")
    );
    assert_eq!(refused.member("message"), "HTTP 429 Unknown Code");
    client.advance(1);
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);

    let counters = client.emulator.counters();
    assert_eq!(
        counters.role_calls(Operation::GetRoleCredentials, "111122223333", "ReadOnly"),
        12
    );
    assert_eq!(
        counters.errors(Operation::GetRoleCredentials, "TooManyRequestsException"),
        1
    );
    assert_eq!(counters.peak_portal_calls_per_second, 21);
}

#[tokio::test]
async fn a_scripted_fault_answers_in_the_form_of_aws() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let fault = Fault::status(Operation::GetRoleCredentials, 429)
        .with_header("Retry-After", "7")
        .times(1);
    client.emulator.add_fault(fault);
    let reply = client.get_as(CREDENTIALS, &token).await;
    assert_eq!(
        (reply.status.as_u16(), reply.exception()),
        (429, "TooManyRequestsException")
    );
    assert_eq!(reply.headers["retry-after"], "7");
    assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);
}

#[tokio::test]
async fn what_was_called_is_in_the_audit_log_with_user_role_and_outcome() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    client.get_as(CREDENTIALS, &token).await;
    let event = client.emulator.audit().pop().unwrap();
    assert_eq!(event.operation, Operation::GetRoleCredentials);
    assert_eq!(event.user.as_deref(), Some("amara"));
    assert_eq!(event.role.as_deref(), Some("111122223333/ReadOnly"));
    assert_eq!((event.status, event.error), (200, None));
}

/// An access token of a registration with these scopes.
async fn token_for(client: &mut Client, scope: &str) -> String {
    let registered = client.register(&json!({ "scopes": [scope] })).await;
    let started = client.start_device(&registered).await;
    let code = started.member("userCode");
    client.emulator.approve_device(&code, "amara").unwrap();
    client
        .poll(&registered, &started.member("deviceCode"))
        .await
        .member("accessToken")
}

#[tokio::test]
async fn a_token_reaches_accounts_only_with_a_scope_for_them() {
    for (answer, status) in [(MissingScope::Unauthorized, 401), (MissingScope::Forbidden, 403)] {
        let mut world = World::acme();
        world.unsettled.missing_scope = answer;
        let mut client = Client::of(world);
        for (scope, expected) in [
            ("codewhisperer:completions", status),
            ("openid", status),
            ("sso:account:access", 200),
            ("sso-portal:*", 200),
        ] {
            let token = token_for(&mut client, scope).await;
            for path in ["/assignment/accounts", CREDENTIALS] {
                assert_eq!(
                    client.get_as(path, &token).await.status,
                    expected,
                    "{scope} {path}"
                );
            }
        }
    }
}
