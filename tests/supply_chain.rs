//! What we depend on: locked, few, no known hole, an explanation for every exception.

use crate::sources::{files_below, read, root};

#[test]
fn w4_lock_files_are_kept_and_npm_runs_no_scripts() {
    let lock_files = [
        "Cargo.lock",
        "ui/package-lock.json",
        "tests/aws_clients/javascript/package-lock.json",
    ];
    for path in lock_files {
        assert!(root().join(path).is_file(), "{path} is missing");
        let name = path.rsplit('/').next().unwrap();
        assert!(
            !read(".gitignore").contains(name),
            "{path} belongs into the repository"
        );
    }
    let mut installs = files_below(&["crates/xtask/src"], &[".rs"]);
    installs.retain(|file| file.text.contains("\"ci\", \"--ignore-scripts\""));
    assert_eq!(
        installs.len(),
        1,
        "npm packages are installed from the lock file, without scripts"
    );
    let package: serde_json::Value = serde_json::from_str(&read("ui/package.json")).unwrap();
    let runtime = package["dependencies"]
        .as_object()
        .map_or(0, serde_json::Map::len);
    assert!(runtime <= 5, "{runtime} npm packages at run time; at most 5");
}

#[test]
fn w4_every_exception_in_deny_toml_has_a_reason() {
    let rules: toml::Table = read("deny.toml").parse().unwrap();
    let mut exceptions = Vec::new();
    for (section, list) in [
        ("bans", "deny"),
        ("bans", "skip"),
        ("licenses", "exceptions"),
        ("advisories", "ignore"),
    ] {
        exceptions.extend(
            rules[section]
                .get(list)
                .and_then(toml::Value::as_array)
                .into_iter()
                .flatten(),
        );
    }
    assert!(!exceptions.is_empty());
    for exception in exceptions {
        let reason = exception
            .get("reason")
            .and_then(toml::Value::as_str)
            .unwrap_or_default();
        assert!(reason.len() > 10, "no reason: {exception}");
    }
    for (section, rule) in [
        ("sources", "unknown-registry"),
        ("sources", "unknown-git"),
        ("bans", "wildcards"),
    ] {
        assert_eq!(rules[section][rule].as_str(), Some("deny"), "{section}.{rule}");
    }
}

#[test]
fn w5_no_version_below_its_floor_and_no_typosquat_is_locked() {
    let locked = locked_versions();
    let versions = |name: &str| -> Vec<&str> {
        let named = locked.iter().filter(|(one, _)| one == name);
        named.map(|(_, version)| version.as_str()).collect()
    };
    let floors = [
        ("tauri", [2, 11, 1]),
        ("tauri-plugin-shell", [2, 2, 1]),
        ("webbrowser", [1, 2, 2]),
        ("aws-sigv4", [0, 55, 1]),
    ];
    for (name, floor) in floors {
        for version in versions(name) {
            assert!(numbers(version) >= floor, "{name} {version} is below {floor:?}");
        }
    }
    assert!(!versions("tauri").is_empty(), "the lock file is read wrongly");
    for squat in ["tauri-win-rt-notification", "tauri-winrt-notifications"] {
        assert!(versions(squat).is_empty(), "{squat} is not what it seems");
    }
}

#[test]
fn w5_the_floors_are_in_deny_toml_too() {
    let rules = read("deny.toml");
    for ban in [
        "tauri@<2.11.1",
        "tauri-plugin-shell@<2.2.1",
        "webbrowser@<1.2.2",
        "aws-sigv4@<0.55.1",
        "tauri-win-rt-notification",
        "tauri-winrt-notifications",
    ] {
        assert!(rules.contains(&format!("\"{ban}\"")), "{ban} is not banned");
    }
}

fn locked_versions() -> Vec<(String, String)> {
    let lock: toml::Table = read("Cargo.lock").parse().expect("cargo writes TOML");
    let packages = lock["package"].as_array().expect("a list of packages").iter();
    let text = |package: &toml::Value, key: &str| package[key].as_str().expect("a text").to_owned();
    packages
        .map(|package| (text(package, "name"), text(package, "version")))
        .collect()
}

fn numbers(version: &str) -> [u64; 3] {
    let release = version.split(['-', '+']).next().unwrap_or(version);
    let mut numbers = release.split('.').map(|number| number.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

mod rules_themselves {
    //! A rule that compared versions wrongly would hold for everything.

    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("2.11.1") > numbers("2.9.10"));
        assert_eq!(numbers("1.2.2-rc.1+build"), [1, 2, 2]);
    }
}
