//! The pages as a browser uses them, in process.

use jiff::SignedDuration;

use crate::testing::{Client, authorize_path, encode};
use crate::{IdentitySource, World};

#[tokio::test]
async fn a_wrong_password_is_refused_and_the_right_one_leads_on() {
    let mut browser = Client::new();
    let page = browser.get("/start").await;
    assert!(page.text.contains("id=\"username\"") && page.text.contains("id=\"sign-in\""));

    let wrong = browser
        .submit(
            "/sign-in",
            &[("username", "amara"), ("password", "x"), ("next", "/device")],
        )
        .await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.text.contains("role=\"alert\""));
    assert_eq!(wrong.hidden("next"), "/device");

    assert_eq!(browser.sign_in("amara").await.location(), "/start");
    let portal = browser.get("/start").await;
    assert!(portal.text.contains("acme-dev") && !portal.text.contains("acme-audit"));
}

#[tokio::test]
async fn the_portal_links_the_applications_of_the_user() {
    for (user, wiki, invoices) in [
        ("amara", true, false),
        ("dmitri", true, true),
        ("noor", false, false),
    ] {
        let mut browser = Client::new();
        browser.sign_in(user).await;
        let page = browser.get("/start").await.text;
        assert_eq!(
            page.contains("href=\"https://wiki.acme.example/saml/start\""),
            wiki,
            "{user}"
        );
        assert_eq!(page.contains("https://invoices.acme.example"), invoices, "{user}");
    }
}

#[tokio::test]
async fn the_sign_in_page_says_who_keeps_the_passwords() {
    let mut world = World::acme();
    world.identity_source = IdentitySource::ActiveDirectory {
        domain: "corp.acme.example".to_owned(),
    };
    let mut browser = Client::of(world);
    assert!(
        browser
            .get("/start")
            .await
            .text
            .contains("<code>CORP\\name</code>")
    );
    let fields = [
        ("username", "CORP\\amara"),
        ("password", "demo-amara"),
        ("next", "/start"),
    ];
    assert_eq!(browser.submit("/sign-in", &fields).await.status, 303);

    let mut world = World::acme();
    world.identity_source = IdentitySource::ExternalIdp {
        name: "Okta".to_owned(),
        session_duration: Some(SignedDuration::from_hours(1)),
    };
    let mut browser = Client::of(world);
    assert!(browser.get("/start").await.text.contains("Sign in at Okta"));
    browser.sign_in("amara").await;
    browser.advance(3_600);
    assert!(
        browser.get("/start").await.text.contains("id=\"sign-in\""),
        "the provider's hour is over"
    );
}

#[tokio::test]
async fn signing_in_never_redirects_to_another_site() {
    let mut browser = Client::new();
    for next in ["https://evil.example/", "//evil.example/", "/\\evil.example", ""] {
        let fields = [("username", "amara"), ("password", "demo-amara"), ("next", next)];
        assert_eq!(browser.submit("/sign-in", &fields).await.location(), "/start");
    }
}

#[tokio::test]
async fn a_second_authorize_does_not_ask_for_the_password_again() {
    let mut browser = Client::new();
    let client = browser.register_for_code().await;
    let path = authorize_path(&client.id, &[]);
    let page = browser.get(&path).await;
    assert_eq!(page.hidden("next"), path);
    browser.sign_in("amara").await;
    for _ in 0..2 {
        let consent = browser.get(&path).await;
        assert!(consent.text.contains("Some program") && consent.text.contains("id=\"allow\""));
    }
}

#[tokio::test]
async fn the_device_page_shows_the_code_and_takes_the_decision() {
    for (decision, exception) in [("allow", ""), ("deny", "AccessDeniedException")] {
        let mut browser = Client::new();
        let client = browser.register_for_device().await;
        let started = browser.start_device(&client).await;
        let (device_code, user_code) = (started.member("deviceCode"), started.member("userCode"));
        browser.sign_in("amara").await;

        let typed = user_code.replace('-', " ").to_lowercase();
        let page = browser
            .get(&format!("/device?{}", encode(&[("user_code", &typed)])))
            .await;
        assert!(
            page.text
                .contains(&format!("id=\"user-code\" class=\"user-code\">{user_code}<"))
        );

        let fields = [("user_code", user_code.as_str()), ("decision", decision)];
        assert!(
            browser
                .submit("/device", &fields)
                .await
                .text
                .contains("id=\"done\"")
        );
        assert_eq!(
            browser.submit("/device", &fields).await.status,
            400,
            "a code is decided once"
        );
        assert_eq!(browser.poll(&client, &device_code).await.exception(), exception);
    }
}

#[tokio::test]
async fn the_device_page_needs_a_pending_code_of_this_instance() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    assert_eq!(browser.get("/device?user_code=AAAA-AAAA").await.status, 400);

    let client = browser.register_for_device().await;
    let body = serde_json::json!({
        "clientId": client.id, "clientSecret": client.secret, "startUrl": "https://other.awsapps.com/start",
    });
    let started = browser.post("/device_authorization", &body).await;
    assert_eq!(
        started.status, 200,
        "AWS looks at the start URL only when a person approves"
    );
    let page = browser
        .get(&format!("/device?user_code={}", started.member("userCode")))
        .await;
    assert_eq!(page.status, 400);
    assert!(page.text.contains("invalid_grant"));
}

#[tokio::test]
async fn the_portal_opens_the_console_of_an_assigned_role_only() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    let destination = "https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-central-1";
    let query = |role| {
        encode(&[
            ("account_id", "111122223333"),
            ("role_name", role),
            ("destination", destination),
        ])
    };
    let opened = browser
        .get(&format!("/start/console?{}", query("ReadOnly")))
        .await;
    let console = browser.get(opened.location()).await;
    for expected in [
        "id=\"account\">acme-dev (111122223333)<",
        "id=\"role\">ReadOnly<",
        "id=\"region\">eu-central-1<",
        "id=\"destination\">https://eu-west-1.console.aws.amazon.com/s3/home?region=eu-central-1<",
    ] {
        assert!(console.text.contains(expected), "{expected}");
    }
    assert_eq!(
        browser
            .get(&format!("/start/console?{}", query("AdministratorAccess")))
            .await
            .status,
        403
    );
}

#[tokio::test]
async fn signing_out_of_the_portal_ends_the_session_of_its_programs_too() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    let client = browser.register_for_device().await;
    let started = browser.start_device(&client).await;
    browser
        .submit(
            "/device",
            &[("user_code", &started.member("userCode")), ("decision", "allow")],
        )
        .await;
    let token = browser
        .poll(&client, &started.member("deviceCode"))
        .await
        .member("accessToken");
    assert_eq!(browser.get_as("/assignment/accounts", &token).await.status, 200);

    browser.submit("/start/sign-out", &[]).await;

    assert_eq!(browser.get_as("/assignment/accounts", &token).await.status, 401);
    assert!(browser.get("/start").await.text.contains("id=\"sign-in\""));
}

#[tokio::test]
async fn names_are_shown_as_text() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    let client = browser
        .register(&serde_json::json!({ "clientName": "<script>alert(1)</script>" }))
        .await;
    let started = browser.start_device(&client).await;
    let page = browser
        .get(&format!("/device?user_code={}", started.member("userCode")))
        .await;
    assert!(page.text.contains("&lt;script&gt;alert(1)") && !page.text.contains("<script>alert"));
    assert!(
        page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
}
