//! What a world file may say, and what its errors name.

use jiff::SignedDuration;

use super::*;
use crate::world::Rotation;

const HOUR: SignedDuration = SignedDuration::from_hours(1);

pub(super) const SMALL: &str = r#"company = "One"
region = "eu-west-1"
start_url = "https://d-1234567890.awsapps.com/start/"
[[user]]
name = "ada"
display_name = "Ada"
email = "ada@example.com"
password = "demo"
[[account]]
id = "000000000001"
name = "only"
email = "only@example.com"
ou = "dev"
[[permission_set]]
name = "ReadOnly"
[[assignment]]
user = "ada"
permission_sets = ["ReadOnly"]
accounts = ["only"]
"#;

#[test]
fn a_small_file_is_a_world_with_the_defaults_of_aws() {
    let world = parse(SMALL).unwrap();
    assert_eq!(world.start_url, "https://d-1234567890.awsapps.com/start");
    assert_eq!(world.session_duration, HOUR * 8);
    assert_eq!(world.rotation, Rotation::Grace);
    assert!(world.is_assigned(world.user("ada").unwrap(), "000000000001", "ReadOnly"));
}

#[test]
fn an_error_names_key_and_line() {
    let cases = [
        (
            "accounts = [\"only\"]",
            "accounts = [\"other\"]",
            "line 19, assignment.accounts: there is no account",
        ),
        (
            "user = \"ada\"",
            "user = \"eve\"",
            "line 17, assignment.user: there is no user \"eve\"",
        ),
        (
            "name = \"ReadOnly\"\n",
            "name = \"ReadOnly\"\nsession_duration = \"90s\"\n",
            "line 16, permission_set.session_duration",
        ),
        ("id = \"000000000001\"", "id = \"1\"", "line 10, account.id"),
        ("company = \"One\"\n", "", "it has no company"),
        (
            "password = \"demo\"",
            "password = \"demo\"\nmfa = { totp = \"not base32\" }",
            "line 9, user.mfa: ",
        ),
        (
            "password = \"demo\"",
            "password = \"demo\"\nmfa = \"sms\"",
            "line 9, column 7",
        ),
        ("ou = \"dev\"", "ou = \"dev//x\"", "line 13, account.ou: "),
        (
            "accounts = [\"only\"]",
            "ous = [\"de\"]",
            "line 19, assignment.ous: there is no account in the OU \"de\"",
        ),
        (
            "name = \"ReadOnly\"\n",
            "name = \"ReadOnly\"\nmanaged_policies = [\"ReadOnlyAccess\"]\n",
            "line 16, permission_set.managed_policies: ",
        ),
        (
            "[[user]]",
            "[identity_source]\nkind = \"active_directory\"\n[[user]]",
            "line 4, identity_source: ",
        ),
        (
            "[[user]]",
            "attributes_for_access_control = { Team = \"team\" }\n[[user]]",
            "line 4, attributes_for_access_control: ",
        ),
        (
            "[[user]]",
            "[[application]]\nname = \"x\"\nurl = \"javascript:x\"\n[[user]]",
            "line 6, application.url: ",
        ),
        ("email = \"ada@example.com\"", "mail = \"x\"", "line 7, column 1"),
        ("ou = \"dev\"", "ou = \"dev\"\nouu = 1", "unknown field `ouu`"),
    ];
    for (from, to, expected) in cases {
        let error = parse(&SMALL.replace(from, to)).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} is not in {error:?}");
    }
}

#[test]
fn an_account_is_assigned_by_a_name_that_only_it_has() {
    let twin = "[[account]]\nid = \"000000000002\"\nname = \"only\"\nemail = \"x@y\"\n[[permission_set]]";
    let text = SMALL.replace("[[permission_set]]", twin);
    let error = parse(&text).unwrap_err().to_string();
    assert!(
        error.contains("line 23, assignment.accounts: \"only\" is the name of several accounts: use the id"),
        "{error}"
    );
    let by_id = text.replace("[\"only\"]", "[\"000000000002\"]");
    let world = parse(&by_id).unwrap();
    let ada = world.user("ada").unwrap();
    assert!(world.is_assigned(ada, "000000000002", "ReadOnly"));
    assert!(!world.is_assigned(ada, "000000000001", "ReadOnly"));
}

#[test]
fn a_lifetime_is_named_as_it_was_written() {
    let error = |text: &str| {
        let text = format!("session_duration = \"{text}\"\n{SMALL}");
        parse(&text).unwrap_err().to_string()
    };
    assert!(
        error("91d").contains("session_duration: 91d is outside 15m to 90d"),
        "{}",
        error("91d")
    );
    assert!(error("90s").contains("90s is outside 15m"), "{}", error("90s"));
    assert!(
        error("1m").contains("1m is outside 15m to 90d"),
        "{}",
        error("1m")
    );
    let text = format!("access_token_duration = \"2h\"\n{SMALL}");
    let error = parse(&text).unwrap_err().to_string();
    assert!(
        error.contains("2h is outside 1h to 1h") && !error.contains("allows"),
        "{error}"
    );
}

#[test]
fn short_lifetimes_have_to_be_asked_for() {
    let short = SMALL.replace(
        "name = \"ReadOnly\"\n",
        "name = \"ReadOnly\"\nsession_duration = \"90s\"\n",
    );
    assert!(parse(&short).is_err());
    assert!(parse(&format!("short_lifetimes = true\n{short}")).is_ok());
}

#[test]
fn groups_may_be_nested_and_never_in_a_circle() {
    let groups = "[[group]]\nname = \"a\"\ngroups = [\"b\"]\n[[group]]\nname = \"b\"\ngroups = [\"c\"]\n[[group]]\nname = \"c\"\n";
    let nested = SMALL.replace("password = \"demo\"", "password = \"demo\"\ngroups = [\"a\"]") + groups;
    let world = parse(&nested).unwrap();
    let groups: Vec<&str> = world.users[0].all_groups.iter().map(String::as_str).collect();
    assert_eq!(groups, ["a", "b", "c"]);

    let circle = nested + "groups = [\"a\"]\n";
    let error = parse(&circle).unwrap_err().to_string();
    assert!(
        error.contains("line 23, group.groups: ") && error.contains("circle"),
        "{error}"
    );
}

#[test]
fn an_ou_reaches_the_accounts_below_it() {
    let nested = SMALL.replace("ou = \"dev\"", "ou = \"workloads/dev/team\"");
    for (ou, reaches) in [
        ("workloads", true),
        ("workloads/dev", true),
        ("workloads/de", false),
    ] {
        let text = nested.replace("accounts = [\"only\"]", &format!("ous = [\"{ou}\"]"));
        assert_eq!(parse(&text).is_ok(), reaches, "{ou}");
    }
}

#[test]
fn a_piece_changes_a_running_world_as_a_whole_or_not_at_all() {
    let mut world = parse(SMALL).unwrap();
    let piece = "session_duration = \"1h\"\n[[permission_set]]\nname = \"ReadOnly\"\nsession_duration = \"2h\"\n\
                 [[account]]\nid = \"000000000002\"\nname = \"two\"\nemail = \"x@y\"\n\
                 [[assignment]]\nuser = \"ada\"\npermission_sets = [\"ReadOnly\"]\naccounts = [\"two\"]\n";
    world.amend(piece).unwrap();
    assert_eq!((world.accounts.len(), world.permission_sets.len()), (2, 1));
    assert_eq!(world.permission_sets[0].session_duration, HOUR * 2);
    assert_eq!(world.session_duration, HOUR);
    assert!(world.is_assigned(world.user("ada").unwrap(), "000000000001", "ReadOnly"));

    for refused in [
        "region = \"us-east-1\"".to_owned(),
        "requests_per_second = 1\n[[assignment]]\nuser = \"eve\"\npermission_sets = []\n".to_owned(),
    ] {
        assert!(world.amend(&refused).is_err(), "{refused}");
    }
    assert_eq!(world.requests_per_second, 20);
}

/// Every key of the world file, by table, as the parser itself knows them.
fn keys() -> Vec<String> {
    let tables = [
        ("", ""),
        ("identity_source.", "[identity_source]\n"),
        ("unsettled.", "[unsettled]\n"),
        ("user.", "[[user]]\n"),
        ("group.", "[[group]]\n"),
        ("account.", "[[account]]\n"),
        ("permission_set.", "[[permission_set]]\n"),
        ("assignment.", "[[assignment]]\n"),
        ("application.", "[[application]]\n"),
        ("role.", "[[role]]\n"),
    ];
    let keys_of = |(prefix, header): (&str, &str)| -> Vec<String> {
        let error = parse(&format!("{header}no_such_key = 1\n"))
            .unwrap_err()
            .to_string();
        let (_, list) = error.split_once("expected one of ").unwrap();
        let names = list.lines().next().unwrap().split(", ");
        names
            .map(|name| format!("{prefix}{}", name.trim_matches('`')))
            .collect()
    };
    tables.into_iter().flat_map(keys_of).collect()
}

#[test]
fn the_readme_describes_every_key_of_the_world_file_and_no_other() {
    let readme = include_str!("../../../README.md");
    let (_, section) = readme.split_once("## The world file").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let described: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|key| !key.starts_with('['))
        .collect();
    let keys = keys();
    // A table is described by its own keys.
    let is_table = |key: &str| described.iter().any(|one| one.starts_with(&format!("{key}.")));
    for key in &keys {
        assert!(
            described.contains(&key.as_str()) || is_table(key),
            "the README does not describe {key}"
        );
    }
    for key in described {
        assert!(keys.iter().any(|known| known == key), "there is no key {key}");
    }
}
