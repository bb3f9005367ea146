//! Points 14 to 18: the portal API.

use axum::http::Request;
use serde_json::Value;

use crate::testing::{Client, Reply};
use crate::{Keys, UnassignedRole, World};

const CREDENTIALS: &str = "/federation/credentials?role_name=ReadOnly&account_id=111122223333";

async fn log_out(client: &mut Client, token: &str) -> Reply {
    let request = Request::post("/logout").header("x-amz-sso_bearer_token", token);
    client.send(request.body("".into()).unwrap()).await
}

#[tokio::test]
async fn conforms_14_a_token_that_does_not_count_is_401_whatever_the_reason() {
    let ends: [fn(&Client); 4] = [
        |client| client.advance(3_600),
        |client| client.advance(8 * 3_600),
        |client| assert_eq!(client.emulator.end_sessions("amara").unwrap(), 1),
        |client| client.emulator.disable_user("amara").unwrap(),
    ];
    for end in ends {
        let mut client = Client::new();
        let token = client.access_token("amara").await;
        assert_eq!(client.get_as(CREDENTIALS, &token).await.status, 200);
        end(&client);
        for path in [
            CREDENTIALS,
            "/assignment/accounts",
            "/assignment/roles?account_id=111122223333",
        ] {
            let reply = client.get_as(path, &token).await;
            assert_eq!(
                (reply.status.as_u16(), reply.exception()),
                (401, "UnauthorizedException")
            );
            assert_eq!(reply.member("message"), "Session token not found or invalid");
        }
        assert_eq!(log_out(&mut client, &token).await.status, 401);
    }
    let mut client = Client::new();
    assert_eq!(client.get("/assignment/accounts").await.status, 401);
    assert_eq!(
        client.get_as("/assignment/accounts", "aoaUnknown:x").await.status,
        401
    );
}

#[tokio::test]
async fn conforms_15_lists_have_pages_of_1_to_100_in_a_stable_order() {
    let mut client = Client::of(World {
        page_size: 2,
        ..World::acme()
    });
    let token = client.access_token("ben").await;
    for size in ["0", "101", "-1", "x"] {
        let reply = client
            .get_as(&format!("/assignment/accounts?max_result={size}"), &token)
            .await;
        assert_eq!(
            (reply.status.as_u16(), reply.exception()),
            (400, "InvalidRequestException")
        );
    }
    let whole = client
        .get_as("/assignment/accounts?max_result=100", &token)
        .await
        .json();
    assert_eq!(whole.get("nextToken"), None);
    let (mut rows, mut query) = (Vec::<Value>::new(), String::new());
    loop {
        let page = client
            .get_as(&format!("/assignment/accounts?{query}"), &token)
            .await
            .json();
        let found = page["accountList"].as_array().unwrap();
        assert!(found.len() <= 2);
        rows.extend(found.clone());
        let Some(next) = page["nextToken"].as_str() else {
            break;
        };
        query = format!("next_token={next}");
        client.advance(1);
    }
    assert_eq!(whole["accountList"], Value::from(rows));
    let account = whole["accountList"][0].as_object().unwrap();
    let mut members: Vec<&String> = account.keys().collect();
    members.sort();
    assert_eq!(members, ["accountId", "accountName", "emailAddress"]);
}

#[tokio::test]
async fn conforms_16_role_credentials_end_in_milliseconds_and_an_unassigned_role_is_403_or_404() {
    let mut client = Client::new();
    let token = client.access_token("amara").await;
    let credentials = client.get_as(CREDENTIALS, &token).await.json()["roleCredentials"].clone();
    let life = client
        .emulator
        .world()
        .permission_set("ReadOnly")
        .unwrap()
        .session_duration;
    assert_eq!(
        credentials["expiration"],
        (client.emulator.now() + life).as_millisecond()
    );
    let key = credentials["accessKeyId"].as_str().unwrap();
    assert!(key.starts_with("ASIA") && key.len() == 20);
    assert!(credentials["sessionToken"].as_str().unwrap().len() >= 832);
    let again = client.get_as(CREDENTIALS, &token).await.json()["roleCredentials"].clone();
    assert_ne!(again["accessKeyId"], credentials["accessKeyId"]);

    let unassigned = "/federation/credentials?role_name=AdministratorAccess&account_id=666677778888";
    let reply = client.get_as(unassigned, &token).await;
    assert_eq!(
        (reply.status.as_u16(), reply.exception()),
        (403, "ForbiddenException")
    );
    assert_eq!(reply.member("message"), "No access");

    let mut world = World::acme();
    world.unsettled.unassigned_role = UnassignedRole::NotFound;
    world.unsettled.role_credentials = Keys::Same;
    let mut client = Client::of(world);
    let token = client.access_token("amara").await;
    let reply = client.get_as(unassigned, &token).await;
    assert_eq!(
        (reply.status.as_u16(), reply.exception()),
        (404, "ResourceNotFoundException")
    );
    let first = client.get_as(CREDENTIALS, &token).await.json();
    assert_eq!(client.get_as(CREDENTIALS, &token).await.json(), first);
}

#[tokio::test]
async fn conforms_17_logout_is_200_and_empty_and_ends_all_tokens_of_the_session() {
    let mut client = Client::new();
    let (registered, tokens) = client.signed_in_with("firefox", "amara").await;
    let (_, others) = client.signed_in_with("firefox", "amara").await;
    let elsewhere = client.access_token("amara").await;
    let [token, other] = [&tokens, &others].map(|tokens| tokens["accessToken"].as_str().unwrap());
    let reply = log_out(&mut client, token).await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (200, ""));
    for (token, status) in [(token, 401), (other, 401), (&elsewhere, 200)] {
        assert_eq!(client.get_as(CREDENTIALS, token).await.status, status);
    }
    let refresh = client
        .refresh(&registered, tokens["refreshToken"].as_str().unwrap())
        .await;
    assert_eq!(refresh.exception(), "InvalidGrantException");
}

#[tokio::test]
async fn conforms_18_the_three_reads_share_20_requests_a_second() {
    for (requests_per_second, refused) in [(20, 4), (0, 0)] {
        let mut client = Client::of(World {
            requests_per_second,
            ..World::acme()
        });
        let token = client.access_token("amara").await;
        let mut throttled = 0;
        for _ in 0..8 {
            for path in [
                CREDENTIALS,
                "/assignment/accounts",
                "/assignment/roles?account_id=111122223333",
            ] {
                let reply = client.get_as(path, &token).await;
                if reply.status == 429 {
                    assert_eq!(reply.exception(), "TooManyRequestsException");
                    assert_eq!(reply.member("message"), "HTTP 429 Unknown Code");
                    throttled += 1;
                }
            }
        }
        assert_eq!(throttled, refused);
    }
}
