//! The pages as a browser uses them, in process.

mod portal;

use jiff::SignedDuration;

use crate::testing::{Client, Reply, authorize_path, encode};
use crate::{IdentitySource, World};

#[tokio::test]
async fn a_wrong_password_is_refused_and_the_right_one_leads_on() {
    let mut browser = Client::new();
    let page = browser.get("/start").await;
    assert!(page.text.contains("id=\"username\"") && page.text.contains("id=\"username\""));

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
async fn the_user_name_comes_first_and_does_not_tell_who_is_there() {
    let mut browser = Client::new();
    let page = browser.get("/device").await;
    assert!(page.text.contains("id=\"next\"") && !page.text.contains("type=\"password\""));
    assert!(page.text.contains("<title>Sign in to Acme Corporation</title>"));
    assert!(
        page.text
            .contains("<code>amara</code> with the password <code>demo-amara</code>"),
        "a new user can be somebody"
    );
    for name in ["amara", "nobody"] {
        let fields = [("username", name), ("next", "/device")];
        let page = browser.submit("/sign-in", &fields).await;
        assert_eq!(
            (page.status.as_u16(), page.hidden("next")),
            (200, "/device".to_owned())
        );
        assert_eq!(page.attribute("username", "value"), name);
        assert!(page.text.contains("type=\"password\"") && !page.text.contains("role=\"alert\""));
    }
    let empty = browser.submit("/sign-in", &[("username", " ")]).await;
    assert_eq!(
        (empty.status.as_u16(), empty.element("problem")),
        (401, "Type your user name.".to_owned())
    );
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
    let page = browser.submit("/sign-in", &[("username", "amara")]).await;
    assert!(page.text.contains("type=\"password\"") && page.text.contains("This page stands for it."));
    browser.sign_in("amara").await;
    browser.advance(3_600);
    assert!(
        browser.get("/start").await.text.contains("id=\"username\""),
        "the provider's hour is over"
    );
}

#[tokio::test]
async fn a_session_that_ends_while_a_code_is_compared_leads_back_to_the_code() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    let client = browser.register_for_device().await;
    let started = browser.start_device(&client).await;
    let user_code = started.member("userCode");
    browser.emulator.end_sessions("amara").unwrap();
    let fields = [("user_code", user_code.as_str()), ("decision", "allow")];
    let page = browser.submit("/device", &fields).await;
    assert!(page.element("problem").contains("nothing was decided"));
    let next = page.hidden("next");
    assert_eq!(next, format!("/device?user_code={user_code}"));
    browser.sign_in("amara").await;
    assert!(browser.get(&next).await.text.contains(&user_code));
}

#[tokio::test]
async fn a_session_that_ends_before_a_program_is_allowed_leads_back_to_what_it_asks() {
    let mut browser = Client::new();
    let client = browser.register_for_code().await;
    let path = authorize_path(&client.id, &[]);
    browser.sign_in("amara").await;
    let request = browser.get(&path).await.hidden("request");
    browser.emulator.end_sessions("amara").unwrap();
    let fields = [("request", request.as_str()), ("decision", "allow")];
    let page = browser.submit("/authorize", &fields).await;
    assert!(page.element("problem").contains("nothing was decided"));
    assert_eq!(page.hidden("next"), path);
    browser.sign_in("amara").await;
    assert!(browser.get(&path).await.text.contains("id=\"allow\""));
}

#[tokio::test]
async fn signing_in_never_redirects_to_another_site() {
    let mut browser = Client::new();
    for next in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "",
    ] {
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
async fn a_code_that_does_not_work_says_why() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    let client = browser.register_for_device().await;
    let started = browser.start_device(&client).await;
    let path = format!("/device?user_code={}", started.member("userCode"));
    assert_eq!(browser.get(&path).await.status, 200);

    let unknown = browser.get("/device?user_code=AAAA-AAAA").await;
    assert!(
        unknown
            .element("problem")
            .starts_with("Nothing waits for this code.")
    );
    let fields = [("user_code", &*started.member("userCode")), ("decision", "deny")];
    assert!(
        browser
            .submit("/device", &fields)
            .await
            .text
            .contains("Access denied")
    );
    let used = browser.get(&path).await;
    assert!(used.element("problem").contains("allowed or denied already"));

    let started = browser.start_device(&client).await;
    let path = format!("/device?user_code={}", started.member("userCode"));
    browser.advance(600);
    let expired = browser.get(&path).await;
    assert!(expired.element("problem").contains("older than ten minutes"));
    assert!(
        expired.text.contains("href=\"/device\""),
        "another one can be typed"
    );
    let fields = [("user_code", &*started.member("userCode")), ("decision", "allow")];
    assert_eq!(browser.submit("/device", &fields).await.status, 400);
}

#[tokio::test]
async fn no_page_is_kept_or_runs_a_script_of_its_own_or_sends_a_form_elsewhere() {
    let mut browser = Client::new();
    let client = browser.register_for_code().await;
    let authorize = authorize_path(&client.id, &[]);
    let signed_out = [
        "/start",
        "/console",
        "/sessions/v1/opt-in",
        "/federation?Action=login",
    ];
    let signed_in = [
        "/device",
        "/start/applications",
        "/start/keys?account_id=111122223333&role_name=ReadOnly",
    ];
    let mut pages = Vec::new();
    for path in signed_out {
        pages.push(browser.get(path).await);
    }
    browser.sign_in("amara").await;
    for path in signed_out
        .into_iter()
        .chain(signed_in)
        .chain([authorize.as_str()])
    {
        pages.push(browser.get(path).await);
    }
    for page in &pages {
        let header = |name: &str| page.headers[name].to_str().unwrap();
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "same-origin");
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'; "),
            "{policy}"
        );
        assert!(
            policy.contains("; base-uri 'none'; frame-ancestors 'none'"),
            "{policy}"
        );
        assert!(!page.text.contains("<script>") && !page.text.contains(" style="));
    }
    let forms = |page: &Reply| {
        let policy = page.headers["content-security-policy"]
            .to_str()
            .unwrap()
            .to_owned();
        policy
            .split("; ")
            .find(|part| part.starts_with("form-action"))
            .unwrap()
            .trim()
            .to_owned()
    };
    let (consent, others) = pages.split_last().unwrap();
    assert!(others.iter().all(|page| forms(page) == "form-action 'self'"));
    assert_eq!(
        forms(consent),
        "form-action 'self' http://127.0.0.1:49152",
        "the program's answer goes there"
    );
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

#[tokio::test]
async fn everybody_of_the_hostile_world_can_sign_in_by_the_name_that_is_theirs() {
    let world = World::hostile();
    for user in world.users.clone() {
        let mut client = Client::of(world.clone());
        let fields = [
            ("username", user.name.as_str()),
            ("password", &user.password),
            ("next", "/start"),
        ];
        let reply = client.submit("/sign-in", &fields).await;
        assert_eq!(reply.status, 303, "{:?}", user.name);
    }
}
