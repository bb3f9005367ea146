//! The built program with settings that people have written: what is wrong in them is said, and takes nothing else away.

use serde_json::Value;

use crate::home::{Home, text};

const GOOD: &str =
    "[[portal]]\nname = \"good\"\nstart_url = \"https://good.awsapps.com/start\"\nregion = \"eu-west-1\"\n";

/// A home with settings, and the agent that is started there.
struct Settled(Home);

/// How a command ended: its exit code and both of its streams.
type Ended = (Option<i32>, String, String);

impl Settled {
    fn by(settings: &str) -> Self {
        let home = Home::new();
        std::fs::write(home.path().join("settings.toml"), settings).unwrap();
        Self(home)
    }

    fn portray(&self, arguments: &[&str]) -> Ended {
        let output = self.0.portray(arguments).output().unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn names(&self) -> Vec<String> {
        let (_, listed, _) = self.portray(&["portal", "list", "--json"]);
        let portals: Vec<Value> = serde_json::from_str(&listed).unwrap();
        let name = |portal: &Value| portal["name"].as_str().unwrap().to_owned();
        portals.iter().map(name).collect()
    }
}

impl Drop for Settled {
    fn drop(&mut self) {
        self.0.stop_agent();
    }
}

#[test]
fn r9_damaged_settings_are_said_wherever_a_portal_is_missed() {
    let home = Settled::by("[[portal]]\nname=");
    let (code, status, _) = home.portray(&["status"]);
    assert_eq!(code, Some(0));
    assert!(
        status.contains("line 2") && status.contains("settings.toml.bad-"),
        "{status}"
    );
    let (_, _, listed) = home.portray(&["portal", "list"]);
    assert!(
        listed.contains("settings.toml.bad-") && !listed.contains("No portal yet"),
        "{listed}"
    );
    for command in [&["login", "x"][..], &["credentials", "a/b"], &["accounts"]] {
        let (code, _, said) = home.portray(command);
        assert_eq!(code, Some(2), "{said}");
        assert!(
            said.contains("line 2") && said.contains("settings.toml.bad-"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 2, "{said}");
    }
}

#[test]
fn r9_what_is_wrong_with_a_part_is_said_with_its_line_and_the_rest_holds() {
    let portal = |rest: &str| format!("[[portal]]\nname = \"bad\"\n{rest}\n");
    let bad_url = "start_url = \"http://bad.awsapps.com/start\"\nregion = \"eu-west-1\"";
    let bad_region = "start_url = \"https://bad.awsapps.com/start\"\nregion = \"mars\"";
    let bad_endpoint = "start_url = \"https://bad.awsapps.com/start\"\nregion = \"eu-west-1\"\nendpoints = {sso = \"https://evil.com\"}";
    for (bad, line) in [
        (portal("region = \"eu-west-1\""), 5),
        (portal(bad_url), 5),
        (portal(bad_region), 5),
        (portal(bad_endpoint), 5),
        ("[console]\nvia = \"zz\"\n".to_owned(), 6),
        ("[console]\nvya = \"portal\"\n".to_owned(), 6),
    ] {
        let settings = format!("{GOOD}{bad}");
        let home = Settled::by(&settings);
        assert_eq!(home.names(), ["good"], "{bad}");
        let (_, status, _) = home.portray(&["status"]);
        let place = format!("settings.toml, line {line}: ");
        assert!(status.contains(&place), "{bad}\n{status}");
        let (_, document, _) = home.portray(&["status", "--json"]);
        let document: Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["problems"].as_array().unwrap().len(), 1, "{document}");
        let (code, _, said) = home.portray(&["login", "bad"]);
        assert_eq!(code, Some(2));
        assert!(said.contains("no portal “bad”"), "{said}");
        // What is wrong elsewhere is not why.
        assert_eq!(said.contains(&place), bad.starts_with("[[portal]]"), "{said}");
        let kept = std::fs::read_to_string(home.0.path().join("settings.toml")).unwrap();
        assert_eq!(kept, settings);
    }
}

#[test]
fn a_name_is_one_that_can_be_typed_and_is_given_once() {
    let home = Settled::by(GOOD);
    let add = |url: &str, name: &str| {
        home.portray(&["portal", "add", url, "--region", "eu-west-1", "--name", name])
    };
    for name in ["", "  ", "a\nb", "\u{1b}[2J", "a:b", "a/b"] {
        let (code, _, said) = add("acme", name);
        assert_eq!((code, said.lines().count()), (Some(2), 2), "{name:?} {said}");
        assert!(said.contains("cannot be a portal's name"), "{said}");
    }
    for (url, name, why) in [
        ("acme", "good", "Another portal"),
        ("acme", "GOOD", "Another portal"),
    ] {
        let (code, _, said) = add(url, name);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(why), "{said}");
    }
    assert_eq!(add("good", "good").0, Some(0), "again the same");
    assert_eq!(add("good", "second").0, Some(0), "two users of one portal");
    let (code, _, said) = add("acme", "Zoë's zoo");
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("portray login 'Zoë'\\''s zoo'"), "{said}");
    assert_eq!(home.names(), ["good", "second", "Zoë's zoo"]);
    let (code, _, said) = home.portray(&["portal", "add", "good.awsapps.cn", "--region", "eu-west-1"]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("different partitions"), "{said}");
    let (code, _, said) = home.portray(&["portal", "add", "loud", "--region", " EU-WEST-1"]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("in eu-west-1."), "{said}");
    let instance = "https://ssoins-1234567890abcdef.portal.eu-west-1.app.aws";
    let (code, _, said) = home.portray(&["portal", "add", instance, "--region", "us-east-1"]);
    assert_eq!((code, said.lines().count()), (Some(2), 2), "{said}");
    assert!(said.contains("eu-west-1") && said.contains("us-east-1"), "{said}");
}
