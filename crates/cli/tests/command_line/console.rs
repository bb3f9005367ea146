//! Roles that are named on the command line, and consoles that are asked for.

use serde_json::json;

use crate::home::{Home, problem, text};

#[test]
fn a_target_that_matches_several_roles_names_them_on_stderr() {
    let home = Home::new();
    let mut answer = problem("wrong_use");
    answer["candidates"] = json!([
        "111122223333/Admin  (acme-dev)",
        "444455556666/Admin  (acme\u{1b}-prod)"
    ]);
    let _requests = home.with_agent(vec![answer]);
    let output = home.portray(&["credentials", "acme", "admin"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let stderr = text(&output.stderr);
    assert_eq!(
        stderr.lines().nth(2),
        Some("  111122223333/Admin  (acme-dev)"),
        "{stderr}"
    );
    assert!(!stderr.contains('\u{1b}'));
}

#[test]
fn a_console_without_a_target_and_without_a_terminal_is_wrong_use() {
    let home = Home::new();
    let refused = home.portray(&["console"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    assert_eq!(text(&refused.stdout), "");
    let stderr = text(&refused.stderr);
    assert_eq!(stderr.lines().count(), 2, "{stderr}");
    assert!(stderr.contains("portray accounts"), "{stderr}");
    assert!(!home.socket().exists(), "no agent was started for it");
}

#[test]
fn console_passes_on_all_that_it_is_asked() {
    let home = Home::new();
    let requests = home.with_agent(vec![json!({"v": 1, "answer": "console", "url": null})]);
    let arguments =
        "console acme-dev/ReadOnly --destination s3 --region eu-west-1 --duration 2h --via federation";
    let mut arguments: Vec<&str> = arguments.split(' ').collect();
    arguments.extend(["--browser", "firefox -P work {url}"]);
    let opened = home.portray(&arguments).output().unwrap();
    assert_eq!(opened.status.code(), Some(0), "{opened:?}");
    let expected = json!({
        "v": 1, "op": "console", "role": {"words": "acme-dev/ReadOnly"}, "destination": "s3",
        "region": "eu-west-1", "duration_seconds": 7200, "via": "federation", "open_browser": true,
        "browser": "firefox -P work {url}",
    });
    assert_eq!(requests.recv().unwrap(), expected);
    let both = ["console", "x", "--browser", "firefox", "--print"];
    assert_eq!(home.portray(&both).status().unwrap().code(), Some(2));
}
