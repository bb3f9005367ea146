//! What becomes of whole files: whose lines change, under which names profiles stand, and what stays.

mod behind_the_block;
mod hostile_names;
mod unclear;
mod whose_name;

use proptest::prelude::*;

use super::profiles::{Change, SkipReason};
use super::wish::{Kind, Listing, Portal, Role};
use super::*;
use crate::aws_config::edit::{BEGIN, END};
use crate::aws_config::names::{Template, USUAL_TEMPLATE};

const FOREIGN: &str =
    "# mine\n[default]\nregion = eu-west-1\n\n[profile acme-dev-ReadOnly]\ns3 =\n  addressing_style = path\n";

fn role(account_id: &str, account_name: &str, permission_set: &str) -> Role {
    Role {
        account_id: account_id.to_owned(),
        permission_set: permission_set.to_owned(),
        account_name: account_name.to_owned(),
        chain: None,
    }
}

fn portal(name: &str) -> Portal {
    Portal {
        id: format!("id-of-{name}"),
        name: name.to_owned(),
        start_url: format!("https://{name}.awsapps.com/start"),
        region: "eu-west-1".to_owned(),
    }
}

fn wish(roles: Vec<Role>) -> Wish {
    Wish {
        listings: vec![Listing {
            portal: portal("acme"),
            is_complete: true,
            roles,
            unclear: Vec::new(),
        }],
        template: Template::parse(USUAL_TEMPLATE).unwrap(),
        kind: Kind::CredentialProcess {
            program: "/opt/portray".to_owned(),
        },
        region: None,
        output: None,
        only: Vec::new(),
    }
}

fn two_roles() -> Vec<Role> {
    vec![
        role("111122223333", "acme-dev", "ReadOnly"),
        role("222233334444", "acme-prod", "Billing"),
    ]
}

fn planned(config: Option<&str>, wish: &Wish) -> Plan {
    plan(config.map(str::as_bytes), None, wish).unwrap()
}

fn text(content: &Content) -> String {
    match content {
        Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Content::Absent => panic!("a file was expected"),
    }
}

fn applied(config: &str, wish: &Wish) -> String {
    text(&planned(Some(config), wish).after)
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.profiles
        .iter()
        .map(|profile| profile.name.as_str())
        .collect()
}

#[test]
fn i1_a_further_role_has_a_profile_of_its_own_that_stays_and_goes_as_others_do() {
    let mut release = role("222233334444", "acme-prod", "Deployer");
    release.chain = Some("release".to_owned());
    let mut roles = two_roles();
    roles.push(role("222233334444", "acme-prod", "Deployer"));
    roles.push(release.clone());
    let first = planned(None, &wish(roles.clone()));
    let text = text(&first.after);
    assert!(
        text.contains("[profile acme-prod-release]\ncredential_process = /opt/portray credential-process --portal acme --chain release\n"),
        "{text}"
    );
    assert!(text.contains("--permission-set Deployer\n"), "{text}");
    let again = planned(Some(&text), &wish(roles.clone()));
    assert!(
        again
            .profiles
            .iter()
            .all(|profile| profile.change == Change::Same)
    );
    roles.pop();
    assert_eq!(
        planned(Some(&text), &wish(roles.clone())).removed,
        ["acme-prod-release"]
    );
    roles.push(release);
    let by_session = Wish {
        kind: Kind::SsoSession,
        ..wish(roles)
    };
    assert_eq!(planned(None, &by_session).skipped[0].reason, SkipReason::Chain);
}

#[test]
fn c2_profiles_stand_behind_what_was_there_and_take_no_name_of_it() {
    let config = applied(FOREIGN, &wish(two_roles()));
    let expected = format!(
        "{FOREIGN}\n{BEGIN}\n\
         [profile acme-dev-ReadOnly-111122223333]\n\
         credential_process = /opt/portray credential-process --portal acme --account 111122223333 --permission-set ReadOnly\n\
         \n\
         [profile acme-prod-Billing]\n\
         credential_process = /opt/portray credential-process --portal acme --account 222233334444 --permission-set Billing\n\
         {END}\n"
    );
    assert_eq!(config, expected);
}

#[test]
fn c2_a_profile_signs_in_through_its_session_or_through_us_and_never_both() {
    let mut sessions = wish(two_roles());
    sessions.kind = Kind::SsoSession;
    sessions.region = Some("eu-central-1".to_owned());
    sessions.output = Some("json".to_owned());
    let config = applied("", &sessions);
    let expected = format!(
        "{BEGIN}\n\
         [sso-session portray-acme]\n\
         sso_start_url = https://acme.awsapps.com/start\n\
         sso_region = eu-west-1\n\
         sso_registration_scopes = sso:account:access\n\
         \n\
         [profile acme-dev-ReadOnly]\n\
         sso_session = portray-acme\n\
         sso_account_id = 111122223333\n\
         sso_role_name = ReadOnly\n\
         region = eu-central-1\n\
         output = json\n\
         \n\
         [profile acme-prod-Billing]\n\
         sso_session = portray-acme\n\
         sso_account_id = 222233334444\n\
         sso_role_name = Billing\n\
         region = eu-central-1\n\
         output = json\n\
         {END}\n"
    );
    assert_eq!(config, expected);
    let mut processes = sessions.clone();
    processes.kind = wish(Vec::new()).kind;
    let switched = applied(&config, &processes);
    assert!(
        !switched.contains("sso_") && switched.contains("credential_process"),
        "{switched}"
    );
    assert_eq!(applied(&switched, &sessions), expected);

    let foreign = "[sso-session portray-acme]\nsso_region = x\n";
    let beside = applied(foreign, &sessions);
    assert!(
        beside.starts_with(foreign) && beside.contains("[sso-session portray-acme-"),
        "{beside}"
    );
    assert_eq!(applied(&beside, &sessions), beside);
}

#[test]
fn c4_what_a_person_has_added_between_the_markers_stays() {
    let wish = wish(two_roles());
    let mut config = applied(FOREIGN, &wish);
    config = config.replace(
        "[profile acme-prod-Billing]\n",
        "# careful\n[profile acme-prod-Billing]\n  region = us-east-1\ns3 =\n  addressing_style = path\n",
    );
    config = config.replace(
        END,
        &format!("role_arn = x\n\n[profile mine]\nregion = y\n\n\n{END}"),
    );
    let config = config.replace("--permission-set Billing", "--permission-set Billing --region x");
    let plan = planned(Some(&config), &wish);
    let changes: Vec<_> = plan.profiles.iter().map(|profile| profile.change).collect();
    assert_eq!(changes, [Change::Same, Change::Changed]);
    let once = text(&plan.after);
    let kept = "# careful\n[profile acme-prod-Billing]\ncredential_process = /opt/portray credential-process --portal acme --account 222233334444 --permission-set Billing\nregion = us-east-1\ns3 =\n  addressing_style = path\nrole_arn = x\n\n[profile mine]\nregion = y\n";
    assert!(once.contains(kept), "{once}");
    assert_eq!(applied(&once, &wish), once);
    let back = text(&taken_back(Some(once.as_bytes())).unwrap());
    assert_eq!(back, format!("{FOREIGN}\n[profile mine]\nregion = y\n"));
}

#[test]
fn c4_a_person_s_region_stays_unless_one_is_wished_for() {
    let mut wish = wish(two_roles());
    let config = applied("", &wish).replace(
        "[profile acme-prod-Billing]\n",
        "[profile acme-prod-Billing]\nregion = us-east-1\n",
    );
    assert_eq!(applied(&config, &wish), config);
    wish.region = Some("eu-west-1".to_owned());
    let config = applied(&config, &wish);
    assert!(
        !config.contains("us-east-1") && config.matches("region = eu-west-1").count() == 2,
        "{config}"
    );
}

#[test]
fn i1_a_profile_keeps_its_name_whatever_is_assigned_later() {
    let twins = |names: &[&str]| {
        let role = |(index, name): (usize, &&str)| role(&format!("{:012}", index + 1), name, "ReadOnly");
        wish(names.iter().enumerate().rev().map(role).collect())
    };
    let first = wish(vec![role("000000000002", "acme", "ReadOnly")]);
    let config = applied("", &first);
    let both = planned(Some(&config), &twins(&["acme", "Acme", "acme"]));
    assert_eq!(
        names(&both),
        [
            "Acme-ReadOnly",
            "acme-ReadOnly-000000000001",
            "acme-ReadOnly-000000000003"
        ]
    );

    let both = planned(Some(&config), &twins(&["acme", "acme"]));
    assert_eq!(names(&both), ["acme-ReadOnly", "acme-ReadOnly-000000000001"]);
    let config = text(&both.after);
    let alone = planned(Some(&config), &twins(&["acme"]));
    assert_eq!(names(&alone), ["acme-ReadOnly-000000000001"]);
    assert_eq!(alone.removed, ["acme-ReadOnly"]);

    let mut renamed = twins(&["acme", "acme"]);
    renamed.template = Template::parse("{portal}-{account_id}").unwrap();
    let plan = planned(Some(&config), &renamed);
    assert_eq!(names(&plan), ["acme-000000000001", "acme-000000000002"]);
    assert_eq!(plan.removed.len(), 2);
}

#[test]
fn i1_the_credentials_file_and_special_names_are_taken_too() {
    let mut wish = wish(two_roles());
    wish.template = Template::parse("{account}").unwrap();
    wish.listings[0].roles[1].account_name = "default".to_owned();
    let plan = plan(None, Some(b"[acme-dev]\naws_access_key_id = X\n"), &wish).unwrap();
    assert_eq!(names(&plan), ["acme-dev-111122223333", "default-222233334444"]);
}

#[test]
fn only_roles_that_match_get_profiles() {
    let mut wish = wish(two_roles());
    for (pattern, expected) in [
        ("*DEV*", "acme-dev-ReadOnly"),
        ("222233334444/*", "acme-prod-Billing"),
        ("*/billing", "acme-prod-Billing"),
    ] {
        wish.only = vec![pattern.to_owned()];
        assert_eq!(names(&planned(None, &wish)), [expected], "{pattern}");
    }
    wish.only = vec!["nothing".to_owned()];
    assert_eq!(planned(None, &wish).after, Content::Absent);
    let config = applied(FOREIGN, &self::wish(two_roles()));
    assert_eq!(applied(&config, &wish), FOREIGN);
}

#[test]
fn c4_what_is_not_known_for_sure_takes_no_profile_away() {
    let mut wish = wish(two_roles());
    wish.listings.push(Listing {
        portal: portal("other"),
        is_complete: true,
        roles: vec![role("333344445555", "lab", "Admin")],
        unclear: Vec::new(),
    });
    let config = applied(FOREIGN, &wish);
    let mut partly = wish.clone();
    partly.listings[0].is_complete = false;
    partly.listings[0].roles.truncate(1);
    assert_eq!(applied(&config, &partly), config);
    partly.listings.truncate(1);
    assert_eq!(
        applied(&config, &partly),
        config,
        "the other portal was not asked"
    );
    partly.listings[0].is_complete = true;
    let plan = planned(Some(&config), &partly);
    assert_eq!(plan.removed, ["acme-prod-Billing"]);
}

#[test]
fn i1_what_cannot_stand_in_a_command_line_is_skipped_with_its_reason() {
    let mut wish = wish(vec![
        role("111122223333", "a", "ReadOnly; id"),
        role("1111", "a", "ReadOnly"),
        role("111122223333", "a", "ReadOnly"),
    ]);
    wish.listings[0].portal.name = "R&D".to_owned();
    wish.listings[0].portal.id = "R&D".to_owned();
    let reasons = |wish: &Wish| {
        let skipped = planned(None, wish).skipped.into_iter();
        skipped.map(|skipped| skipped.reason).collect::<Vec<_>>()
    };
    let [id, set, portal] = [
        SkipReason::AccountId,
        SkipReason::PermissionSet,
        SkipReason::Portal,
    ];
    assert_eq!(reasons(&wish), [id, portal, set]);
    wish.listings[0].portal.id = "0123abcd".to_owned();
    assert_eq!(reasons(&wish), [id, set]);
    let written = text(&planned(None, &wish).after);
    assert!(
        written.contains("--portal 0123abcd --account 111122223333"),
        "{written}"
    );
}

proptest! {
    #[test]
    fn c4_a_hundred_applies_are_one_and_taking_back_restores_the_bytes(bytes in corpus::clear_files()) {
        let wish = wish(two_roles());
        let once = plan(Some(&bytes), None, &wish).unwrap().after;
        let Content::Bytes(first) = &once else { panic!("profiles are wished for") };
        let mut now = first.clone();
        for _ in 0..100 {
            let Content::Bytes(next) = plan(Some(&now), None, &wish).unwrap().after else { panic!() };
            now = next;
        }
        prop_assert_eq!(&now, first);
        prop_assert!(first.starts_with(&bytes));
        prop_assert_eq!(taken_back(Some(&now)).unwrap(), Content::Bytes(bytes));
    }

    #[test]
    fn c2_applying_changes_nothing_outside_of_the_markers(
        bytes in prop_oneof![corpus::files(), corpus::blocks()],
    ) {
        let wish = wish(two_roles());
        let Ok(planned) = plan(Some(&bytes), None, &wish) else { return Ok(()) };
        let Content::Bytes(now) = planned.after else { panic!() };
        let before = edit::block_of(&bytes).unwrap().map_or(bytes.clone(), |block| {
            let end = &bytes[block.body.end..block.whole.end];
            [&bytes[..block.body.start], end, &block.after(&bytes)].concat()
        });
        let block = edit::block_of(&now).unwrap().unwrap();
        let after = [&now[..block.body.start], &now[block.body.end..]].concat();
        prop_assert!(after.starts_with(&before) || after == before);
        // What is not ours between the markers is still there, and a second time changes nothing.
        let Content::Bytes(again) = plan(Some(&now), None, &wish).unwrap().after else { panic!() };
        prop_assert_eq!(again, now);
    }
}

#[test]
fn c4_the_file_of_our_own_goes_when_it_is_taken_back() {
    let config = text(&planned(None, &wish(two_roles())).after);
    assert_eq!(taken_back(Some(config.as_bytes())).unwrap(), Content::Absent);
    assert_eq!(taken_back(None).unwrap(), Content::Absent);
    assert_eq!(
        taken_back(Some(FOREIGN.as_bytes())).unwrap(),
        Content::Bytes(FOREIGN.into())
    );
}
