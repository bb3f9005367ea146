//! The window's hardening, checked in the files that are shipped: configuration, capability, page.

use std::path::{Path, PathBuf};

use serde_json::Value;

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(here(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&text(path)).expect("a JSON file")
}

/// The content security policy, directive by directive.
fn policy() -> Vec<(String, Vec<String>)> {
    let config = json("tauri.conf.json");
    let policy = config["app"]["security"]["csp"]
        .as_str()
        .expect("a policy")
        .to_owned();
    let directives = policy.split(';').map(|directive| {
        let mut words = directive.split_whitespace().map(str::to_owned);
        (words.next().expect("a directive has a name"), words.collect())
    });
    directives.collect()
}

#[test]
fn w1_the_policy_lets_only_the_embedded_page_run() {
    let expected = [
        ("default-src", vec!["'self'"]),
        ("script-src", vec!["'self'"]),
        ("connect-src", vec!["ipc:", "http://ipc.localhost"]),
        ("img-src", vec!["'self'", "data:"]),
        ("style-src", vec!["'self'"]),
        ("object-src", vec!["'none'"]),
        ("base-uri", vec!["'none'"]),
        ("form-action", vec!["'none'"]),
        ("frame-src", vec!["'none'"]),
        ("frame-ancestors", vec!["'none'"]),
    ];
    let expected = expected.map(|(name, sources)| {
        let sources = sources.into_iter().map(str::to_owned).collect();
        (name.to_owned(), sources)
    });
    assert_eq!(policy(), expected);
}

#[test]
fn w1_the_page_gets_no_global_api_and_no_foreign_prototypes() {
    let app = &json("tauri.conf.json")["app"];
    assert_eq!(app["withGlobalTauri"], false);
    assert_eq!(app["security"]["freezePrototype"], true);
    assert_eq!(app["security"]["assetProtocol"]["enable"], false);
    assert_eq!(app["windows"].as_array().unwrap().len(), 0);
    let security = app["security"].as_object().unwrap();
    let dangerous: Vec<&String> = security
        .keys()
        .filter(|key| key.starts_with("dangerous"))
        .collect();
    assert!(dangerous.is_empty(), "{dangerous:?}");
}

#[test]
fn w1_there_is_no_server_for_development() {
    let build = &json("tauri.conf.json")["build"];
    assert!(build.get("devUrl").is_none());
    assert!(build["frontendDist"].as_str().unwrap().starts_with("../"));
}

#[test]
fn w1_one_capability_is_named_for_one_window() {
    let config = json("tauri.conf.json");
    assert_eq!(
        config["app"]["security"]["capabilities"],
        serde_json::json!(["window"])
    );
    let files: Vec<_> = std::fs::read_dir(here("capabilities")).unwrap().collect();
    assert_eq!(files.len(), 1);
    let capability = json("capabilities/window.json");
    assert_eq!(capability["windows"], serde_json::json!(["main"]));
    for key in ["remote", "webviews", "platforms"] {
        assert!(capability.get(key).is_none(), "{key}");
    }
}

#[test]
fn w1_the_page_may_call_our_commands_and_listen_and_nothing_else() {
    let capability = json("capabilities/window.json");
    let allowed: Vec<&str> = capability["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|permission| permission.as_str().unwrap())
        .collect();
    let commands = ["snapshot", "search", "ask", "hide_window"];
    let build = text("build.rs");
    for command in commands {
        assert!(
            build.contains(&format!("\"{command}\"")),
            "build.rs lists {command}"
        );
        assert!(allowed.contains(&format!("allow-{}", command.replace('_', "-")).as_str()));
    }
    assert!(allowed.contains(&"core:event:allow-listen"));
    assert!(allowed.contains(&"core:event:allow-unlisten"));
    assert_eq!(allowed.len(), commands.len() + 2, "{allowed:?}");
    assert!(build.contains("AppManifest::new().commands("));
}

#[test]
fn w1_the_embedded_page_loads_nothing_from_elsewhere_and_has_no_inline_script() {
    let page = text("../ui/dist/index.html");
    for script in page.split("<script").skip(1) {
        let (tag, rest) = script.split_once('>').unwrap();
        assert!(
            tag.contains("src=\"/") || tag.contains("src=\"./"),
            "<script{tag}>"
        );
        assert!(rest.starts_with("</script>"), "a script has content of its own");
    }
    for forbidden in [
        "http://",
        "https://",
        "src=\"//",
        "href=\"//",
        "<iframe",
        "<base",
        " onload=",
        " onerror=",
        "javascript:",
    ] {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn w1_tauri_plugins_serve_rust_and_not_the_page() {
    let lock = text("../Cargo.lock");
    let plugins: Vec<&str> = lock
        .lines()
        .filter_map(|line| line.strip_prefix("name = \"tauri-plugin-"))
        .collect();
    assert_eq!(plugins, ["shell\""]);
    let page = text("../ui/package.json");
    assert!(!page.contains("@tauri-apps/plugin-"));
}

#[test]
fn l4_no_link_opens_the_application() {
    let config = json("tauri.conf.json");
    let bundle = config["bundle"].as_object().unwrap();
    assert!(
        config.get("plugins").is_none(),
        "none that answers to links of its own"
    );
    assert!(!bundle.contains_key("fileAssociations"));
    for (platform, settings) in bundle.iter().filter(|(_, settings)| settings.is_object()) {
        let text = settings.to_string();
        for opener in ["desktopTemplate", "infoPlist", "MimeType", "x-scheme-handler"] {
            assert!(!text.contains(opener), "{platform}: {opener}");
        }
    }
    assert!(!text("Cargo.toml").contains("deep-link"));
}
