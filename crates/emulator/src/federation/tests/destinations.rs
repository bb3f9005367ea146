//! Where a console session leads, and where it came from.

use super::{DESTINATION, credentials, signin_token};
use crate::World;
use crate::testing::{Client, encode};

/// The path that signs in to `destination`, and then has come from `issuer`.
async fn login(client: &mut Client, issuer: &str, destination: &str) -> String {
    let keys = credentials(client, "Developer").await;
    let token = signin_token(client, &keys, &[]).await.member("SigninToken");
    let pairs = [
        ("Action", "login"),
        ("Issuer", issuer),
        ("Destination", destination),
        ("SigninToken", &token),
    ];
    format!("/federation?{}", encode(&pairs))
}

#[tokio::test]
async fn the_console_opens_at_pages_of_aws_only() {
    let start = "https://d-9967123abc.awsapps.com/start";
    for (destination, status) in [
        ("https://console.aws.amazon.com/", 200),
        ("https://eu-west-1.console.aws.amazon.com/s3/home", 200),
        ("https://quicksight.aws.amazon.com/", 200),
        ("https://evil.example/", 400),
        (
            "https://d-xyz.console.aws.amazon.com.evil.example/?region=us-west-2",
            400,
        ),
        ("https://evilaws.amazon.com/", 400),
        ("http://console.aws.amazon.com/", 400),
        ("javascript:alert(1)", 400),
        ("https://console.amazonaws.cn/", 400),
    ] {
        let mut client = Client::new();
        let path = login(&mut client, start, destination).await;
        assert_eq!(client.get(&path).await.status, status, "{destination}");
    }
    let mut world = World::acme();
    world.unsettled.foreign_destinations = true;
    let mut client = Client::of(world);
    for (destination, status) in [("https://evil.example/", 200), ("javascript:alert(1)", 400)] {
        let path = login(&mut client, start, destination).await;
        assert_eq!(client.get(&path).await.status, status, "{destination}");
    }
}

#[tokio::test]
async fn an_ended_console_session_offers_the_page_that_it_came_from() {
    for (issuer, offered, words) in [
        (
            "https://d-9967123abc.awsapps.com/start",
            "/start",
            "Go to the access portal",
        ),
        (
            "https://sso.example.com/in?a=1&b=2",
            "https://sso.example.com/in?a=1&b=2",
            "Go back to sso.example.com",
        ),
        ("javascript:alert(1)", "/start", "Go to the access portal"),
    ] {
        let mut client = Client::new();
        let path = login(&mut client, issuer, DESTINATION).await;
        assert_eq!(client.get(&path).await.status, 200);
        client.advance(4 * 3_600);
        let page = client.get("/console").await;
        assert!(page.text.contains("the console session has ended"));
        assert_eq!(page.attribute("issuer", "href"), offered);
        assert_eq!(page.element("issuer"), words);
    }
}
