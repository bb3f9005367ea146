//! Further roles as settings have them, by AWS's rules.

use std::path::Path;

use super::*;
use crate::settings::Settings;

const ARN: &str = "arn:aws:iam::666677778888:role/teams/ReleaseManager";

fn portals(regions: &[&str]) -> Vec<Portal> {
    let mut settings = Settings::default();
    let portal = |(number, region): (usize, &&str)| {
        let url = if region.starts_with("cn-") {
            "acme.awsapps.cn"
        } else {
            "acme"
        };
        let settings = settings.add_portal(&format!("acme{number}"), url, region);
        Portal::from_settings(settings, None).unwrap()
    };
    regions.iter().enumerate().map(portal).collect()
}

/// The chained roles of a file that begins with a comment.
fn read(text: &str, portals: &[Portal]) -> (Chains, Vec<String>) {
    let text = format!("# mine\n{text}");
    let settings = Settings::parse(text.as_bytes(), Path::new("settings.toml")).unwrap();
    let (chains, faults) = chains(&settings.chains, portals);
    let faults = settings.faults.iter().chain(&faults);
    let faults = faults.map(|fault| format!("{}: {}", fault.line, fault.what));
    (chains, faults.collect())
}

fn with(more: &str) -> String {
    format!("[[chain]]\nname = \"release\"\nfrom = \"acme-staging/Deployer\"\nrole_arn = \"{ARN}\"\n{more}")
}

#[test]
fn a_chained_role_needs_three_values_and_lasts_an_hour() {
    let (chains, faults) = read(&with(""), &portals(&["eu-west-1"]));
    assert_eq!(faults, Vec::<String>::new());
    let [chain] = &*chains else { panic!("{chains:?}") };
    assert_eq!(chain.account.0, "666677778888");
    assert_eq!(chain.role_name, "ReleaseManager");
    assert_eq!(
        (
            chain.source_account.as_str(),
            chain.source_permission_set.as_str()
        ),
        ("acme-staging", "Deployer")
    );
    assert_eq!(chain.role.duration, Duration::from_secs(3600));
    let whole = "portal = \"ACME0\"\nexternal_id = \"a:b/c\"\nsession_name = \"me@work\"\ntags = { Team = \"blü e\" }\n\
                 transitive_tags = [\"Team\"]\nduration = \"1h\"\nmfa_serial = \"GAHT12345678\"\nregion = \"us-east-1\"\n";
    let (chains, faults) = read(&with(whole), &portals(&["eu-west-1"]));
    assert_eq!(faults, Vec::<String>::new());
    assert_eq!(chains[0].role.region.as_deref(), Some("us-east-1"));
}

#[test]
fn every_bad_value_is_told_with_its_line_and_takes_nothing_else_away() {
    let other =
        "[[chain]]\nname = \"other\"\nfrom = \"1/A\"\nrole_arn = \"arn:aws:iam::111122223333:role/A\"\n";
    let long = "x".repeat(65);
    let rows = [
        ("name = \"a/b\"", 3, "1 to 64 letters"),
        ("name = \"-a\"", 3, "1 to 64 letters"),
        (&format!("name = \"{long}\""), 3, "1 to 64 letters"),
        ("portal = \"nobody\"", 6, "no portal “nobody”"),
        ("from = \"acme-staging\"", 4, "not ACCOUNT/PERMISSION_SET"),
        ("role_arn = \"arn:aws:iam::1:role/A\"", 5, "not the ARN of a role"),
        (
            "role_arn = \"arn:aws:sts::111122223333:assumed-role/A/b\"",
            5,
            "not the ARN of a role",
        ),
        (
            "role_arn = \"arn:aws-cn:iam::111122223333:role/A\"",
            5,
            "partition aws-cn, and its portal in aws",
        ),
        ("external_id = \"x\"", 6, "external_id has to be"),
        ("session_name = \"a b\"", 6, "session_name has to be"),
        ("tags = { \"a<b\" = \"\" }", 6, "the tag “a<b”"),
        ("tags = { \"AWS:x\" = \"\" }", 6, "AWS's own"),
        ("tags = { Team = \"\", team = \"\" }", 6, "there twice"),
        ("transitive_tags = [\"Team\"]", 6, "not among its tags"),
        ("duration = \"soon\"", 6, "not like 15m"),
        ("duration = \"14m\"", 6, "shorter than the 15 minutes"),
        ("duration = \"61m\"", 6, "after one hour"),
        ("duration = 3600", 6, "invalid type"),
        ("mfa_serial = \"short\"", 6, "mfa_serial has to be"),
        ("region = \"mars\"", 6, "not the name of an AWS region"),
        ("region = \"cn-north-1\"", 6, "partition aws-cn"),
    ];
    for (line, at, expected) in rows {
        let key = line.split(' ').next().unwrap();
        let text = with("");
        let replaced: Vec<&str> = text
            .lines()
            .map(|one| if one.starts_with(key) { line } else { one })
            .collect();
        let mut text = replaced.join("\n") + "\n";
        if !text.contains(line) {
            text += line;
            text += "\n";
        }
        let (chains, faults) = read(&(text + other), &portals(&["eu-west-1"]));
        assert_eq!(faults.len(), 1, "{line}: {faults:?}");
        let fault = &faults[0];
        assert!(
            fault.starts_with(&format!("{at}: ")) && fault.contains(expected),
            "{fault}"
        );
        assert!(fault.contains(" is ignored: "), "{fault}");
        let left: Vec<&str> = chains.iter().map(|chain| chain.name.as_str()).collect();
        assert_eq!(left, ["other"], "{line}");
    }
}

#[test]
fn names_do_not_collide_and_several_portals_need_a_name() {
    let twice = format!("{}{}", with(""), with("").replace("release", "Release"));
    let (chains, faults) = read(&twice, &portals(&["eu-west-1"]));
    assert_eq!(chains.len(), 1);
    assert!(
        faults[0].starts_with("7: ") && faults[0].contains("another one has this name"),
        "{faults:?}"
    );
    let two = portals(&["eu-west-1", "cn-north-1"]);
    let (_, faults) = read(&with(""), &two);
    assert!(faults[0].contains("several portals"), "{faults:?}");
    let (chains, _) = read(&with("portal = \"acme0\"\n"), &two);
    assert_eq!(chains[0].portal, two[0].id);
    let (chains, faults) = read("chain = 1\n", &two);
    assert!(chains.is_empty() && faults[0].starts_with("2: "), "{faults:?}");
    let unknown = format!("{}rolearn = 1\n", with(""));
    let settings = Settings::parse(unknown.as_bytes(), Path::new("settings.toml")).unwrap();
    assert!(settings.unknown_keys[0].what.contains("chain.rolearn"));
}

#[test]
fn a_session_is_named_as_the_user_is_as_far_as_aws_allows() {
    let arn = |name: &str| format!("arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_A_0/{name}");
    for (name, expected) in [
        ("amara@acme.example", "amara@acme.example"),
        ("zoë", "zo-"),
        ("a b", "a-b"),
        ("x", "portray"),
        ("", "portray"),
    ] {
        assert_eq!(session_name_of(&arn(name)), expected);
    }
    assert_eq!(session_name_of(&arn(&"x".repeat(100))).len(), 64);
}

#[test]
fn a_chained_role_that_names_no_portal_waits_for_the_first_one() {
    let (chains, faults) = read(&with(""), &[]);
    assert!(chains.is_empty(), "{chains:?}");
    assert_eq!(faults, Vec::<String>::new());
    let (_, faults) = read(&with("portal = \"acme0\"\n"), &[]);
    assert!(faults[0].contains("no portal “acme0”"), "{faults:?}");
}

#[test]
fn a6_a_launch_learns_what_became_of_the_role_that_it_began_with() {
    let chain = |text: &str| {
        let (chains, faults) = read(text, &portals(&["eu-west-1"]));
        assert_eq!(faults, Vec::<String>::new());
        chains[0].clone()
    };
    let source = |account: &str, set: &str| RoleKey {
        portal: portals(&["eu-west-1"])[0].id.clone(),
        account: AccountId(account.to_owned()),
        permission_set: set.to_owned(),
        chain: Some("release".to_owned()),
    };
    let (staging, dev) = ("444455556666", "111122223333");
    let text = with("external_id = \"acme-releases\"\n");
    let begun = chain(&text).definition(&source(staging, "Deployer"));
    for (was, now, account, set, since) in [
        ("", "", staging, "Deployer", Since::Same),
        ("acme-staging/", "444455556666/", staging, "Deployer", Since::Same),
        (
            "\"acme-rel",
            "\"acme-prel",
            staging,
            "Deployer",
            Since::OtherSettings,
        ),
        (
            "role/teams/Release",
            "role/teams/Break",
            staging,
            "Deployer",
            Since::OtherSettings,
        ),
        (
            "acme-staging/Deployer",
            "acme-dev/Deployer",
            dev,
            "Deployer",
            Since::OtherSettings,
        ),
        (
            "/Deployer",
            "/ReadOnly",
            staging,
            "ReadOnly",
            Since::OtherSettings,
        ),
        ("", "", dev, "Deployer", Since::OtherAccount),
        (
            "name = \"release\"",
            "name = \"Release\"\nduration = \"20m\"",
            staging,
            "Deployer",
            Since::Same,
        ),
    ] {
        let now = chain(&text.replacen(was, now, 1));
        let row = format!("{now:?} of {account}/{set}");
        assert_eq!(now.since(&begun, &source(account, set)), since, "{row}");
    }
    let of_an_older_agent = begun.split_once('.').unwrap().0;
    let same = chain(&text);
    assert_eq!(
        same.since(of_an_older_agent, &source(staging, "Deployer")),
        Since::Same
    );
    assert_eq!(
        same.since(of_an_older_agent, &source(dev, "Deployer")),
        Since::OtherSettings
    );
}
