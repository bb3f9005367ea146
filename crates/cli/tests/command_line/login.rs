//! What `login` prints for a person who opens the page somewhere else.

use serde_json::{Value, json};

use crate::home::{Home, text};

#[test]
fn login_without_a_browser_prints_one_line_and_waits() {
    let home = Home::new();
    let requests = home.with_agent(vec![
        json!({"v": 1, "answer": "sign_in", "url": "https://acme.example/x?user_code=AB",
            "user_code": "AB", "expires_at": "2026-03-02T12:10:00Z"}),
        json!({"v": 1, "answer": "done"}),
    ]);
    let output = home
        .portray(&["login", "--no-browser", "--json"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(
        text(&output.stdout),
        "{\"url\":\"https://acme.example/x?user_code=AB\",\"user_code\":\"AB\",\"expires_at\":\"2026-03-02T12:10:00Z\"}\n"
    );
    let asked = requests.iter().find(|asked| asked["op"] == "login").unwrap();
    assert_eq!(
        (&asked["open_browser"], &asked["device_code"]),
        (&json!(false), &json!(false))
    );
}

#[test]
fn a_page_that_only_this_machine_can_open_is_said_to_be_one() {
    let answers = |user_code: Value| {
        let url =
            "https://oidc.example/authorize?state=x&redirect_uri=http%3A%2F%2F127.0.0.1%3A4567%2Fcallback";
        let sign_in = json!({"v": 1, "answer": "sign_in", "url": url, "user_code": user_code,
            "expires_at": "2026-03-02T12:10:00Z"});
        vec![sign_in, json!({"v": 1, "answer": "done"})]
    };
    for (user_code, warned) in [(Value::Null, true), (json!("BCDF-GHJK"), false)] {
        let home = Home::new();
        let _requests = home.with_agent(answers(user_code.clone()));
        let mut login = home.portray(&["login", "--no-browser"]);
        let login = login.env("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22").output();
        let stderr = text(&login.unwrap().stderr);
        let says = |part: &str| stderr.contains(part);
        assert_eq!(
            says("portray login --device-code"),
            warned,
            "{user_code}: {stderr}"
        );
        assert_eq!(says("ssh -L 4567:127.0.0.1:4567"), warned, "{stderr}");
    }
}
