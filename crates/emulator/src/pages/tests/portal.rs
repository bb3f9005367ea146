//! The access portal's pages.

use super::*;

#[tokio::test]
async fn the_portal_links_the_applications_of_the_user() {
    for (user, wiki, invoices) in [
        ("amara", true, false),
        ("dmitri", true, true),
        ("noor", false, false),
    ] {
        let mut browser = Client::new();
        browser.sign_in(user).await;
        let page = browser.get("/start/applications").await.text;
        assert!(page.contains("<a href=\"/start/applications\" aria-current=\"page\">"));
        assert_eq!(
            page.contains("href=\"https://wiki.acme.example/saml/start\""),
            wiki,
            "{user}"
        );
        assert_eq!(page.contains("https://invoices.acme.example"), invoices, "{user}");
    }
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
async fn a_link_to_an_account_that_is_not_there_says_so() {
    let mut browser = Client::new();
    browser.sign_in("amara").await;
    for query in [
        "",
        "account_id=000000000000",
        "account_id=999911112222&role_name=ReadOnly",
    ] {
        let page = browser.get(&format!("/start/console?{query}")).await;
        assert_eq!(page.status, 403);
        let problem = page.element("problem");
        assert!(problem.contains("names no account"), "{query}: {problem}");
    }
    let role = "account_id=111122223333&role_name=AdministratorAccess";
    let page = browser.get(&format!("/start/console?{role}")).await;
    assert!(
        page.element("problem")
            .contains("permission set is not assigned to you")
    );
    let portal = browser.get("/start").await.text;
    assert!(portal.contains("<title>Accounts · Acme Corporation</title>"));
    assert!(portal.contains("role_name=Developer\" target=\"_blank\" rel=\"noopener\""));
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
    assert!(browser.get("/start").await.text.contains("id=\"username\""));
}

#[tokio::test]
async fn hostile_names_are_text_on_every_page() {
    let world = World::hostile();
    let (accounts, sets) = (world.accounts.clone(), world.permission_sets.clone());
    let applications = world.applications.clone();
    let mut browser = Client::of(world);
    browser.sign_in("amara").await;
    let mut pages = vec![browser.get("/start/applications").await.text];
    for page in 1..=4 {
        pages.push(browser.get(&format!("/start?page={page}")).await.text);
    }
    for set in &sets {
        let role = encode(&[("account_id", &accounts[0].id), ("role_name", &set.name)]);
        pages.push(browser.get(&format!("/start/keys?{role}")).await.text);
        let opened = browser.get(&format!("/start/console?{role}")).await;
        let path = opened.location().to_owned();
        pages.push(browser.get(&path).await.text);
    }
    let search = encode(&[("search", "<img src=x onerror=alert(1)> </textarea><script>")]);
    pages.push(browser.get(&format!("/start?{search}")).await.text);
    let names = accounts.iter().map(|account| &account.name);
    let names = names.chain(sets.iter().map(|set| &set.name));
    let names: Vec<&String> = names.chain(applications.iter().map(|one| &one.name)).collect();
    let pages = pages.join("\n");
    for name in &names {
        let shown = super::super::escape(name);
        assert!(
            pages.contains(&format!("<bdi>{shown}</bdi>")),
            "{name:?} is not shown"
        );
        let breaks_out = name.contains(['<', '"', '\'']) && name.len() > 3;
        assert!(
            !breaks_out || !pages.contains(name.as_str()),
            "{name:?} is there raw"
        );
    }
}
