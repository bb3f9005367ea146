//! What is offered, and told, when a console session is over or never began.

use serde_json::Value;

use super::{credentials, login_path, signin_token};
use crate::testing::{Client, Reply, encode};

async fn login(client: &mut Client, token: &str, destination: &str) -> Reply {
    let query = encode(&[
        ("Action", "login"),
        ("Issuer", "https://portal.example/roles"),
        ("Destination", destination),
        ("SigninToken", token),
    ]);
    client.get(&format!("/federation?{query}")).await
}

const HOME: &str = "https://console.aws.amazon.com/";

#[tokio::test]
async fn the_issuer_is_offered_after_the_end_and_after_signing_out() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    let token = signin_token(&mut client, &keys, &[]).await.member("SigninToken");
    for (way_out, title) in [
        ("/oauth?Action=logout", "Signed out"),
        ("", "Console session ended"),
    ] {
        let page = login(&mut client, &token, HOME).await;
        assert_eq!(page.element("role"), "Developer");
        if way_out.is_empty() {
            client.advance(4 * 3_600);
        } else {
            let out = client.get(way_out).await;
            assert!(out.text.contains(title));
            assert_eq!(out.attribute("issuer", "href"), "https://portal.example/roles");
        }
        let page = client.get("/console").await;
        assert!(page.text.contains("Console session ended"), "{title}");
        assert_eq!(
            page.attribute("issuer", "href"),
            "https://portal.example/roles",
            "{title}"
        );
        assert_eq!(page.element("issuer"), "Go back to portal.example");
    }
    assert_eq!(
        Client::with(client.emulator.clone())
            .get("/console")
            .await
            .attribute("issuer", "href"),
        "/start"
    );
}

#[tokio::test]
async fn the_log_tells_who_is_refused_as_far_as_that_is_known() {
    let mut client = Client::new();
    let keys = credentials(&mut client, "Developer").await;
    let token = signin_token(&mut client, &keys, &[]).await.member("SigninToken");
    login(&mut client, &token, "https://evil.example/").await;
    client.advance(15 * 60);
    let second = signin_token(&mut client, &keys, &[]).await.member("SigninToken");
    login(&mut client, &token, HOME).await;
    login(&mut client, "made up", HOME).await;
    client.get(&login_path(&second)).await;
    let records = client.get("/_control/audit").await.json();
    let of_logins = records["Records"].as_array().unwrap().iter();
    let of_logins = of_logins.filter(|record| record["eventName"] == "ConsoleLogin");
    let told: Vec<(&Value, &Value)> = of_logins
        .map(|record| {
            (
                &record["responseElements"]["ConsoleLogin"],
                &record["userIdentity"]["type"],
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            (&"Failure".into(), &"AssumedRole".into()),
            (&"Failure".into(), &"AssumedRole".into()),
            (&"Failure".into(), &Value::from("Unknown")),
            (&Value::from("Success"), &Value::from("AssumedRole")),
        ]
    );
}
