//! Who is handed credentials: what was revoked, and what a person is asked.

use super::*;
use crate::clock::ManualClock;
use crate::identity_center::PortalId;
use crate::uses::tests::observed;

const MINUTE: Duration = Duration::from_secs(60);

struct Scene {
    consumers: Consumers,
    clock: ManualClock,
}

fn scene(confirm: Confirm) -> Scene {
    let clock = ManualClock::at("2026-03-02T12:00:00Z".parse().unwrap());
    let consumers = Consumers::new(Arc::new(clock.clone()));
    consumers.set_confirm(confirm);
    Scene { consumers, clock }
}

impl Scene {
    fn asks(&self, program: &str, permission_set: &str, launch: Option<&str>) -> Result<(), Refused> {
        let seen = observed(program, 7);
        let mut role = seen.role.clone();
        permission_set.clone_into(&mut role.permission_set);
        self.consumers.judge(Asking {
            program: seen.program.as_ref(),
            launch,
            door: seen.door,
            role: &role,
            portal: "acme",
            account_name: "acme-dev",
            assumed: None,
        })
    }

    fn asks_for_further(&self, account_name: &str) -> Result<(), Refused> {
        let seen = observed("aws", 7);
        let mut role = seen.role.clone();
        role.chain = Some("release".to_owned());
        let assumed = Assumed {
            role_arn: "arn:aws:iam::666677778888:role/team/ReleaseManager".to_owned(),
            account: "666677778888".to_owned(),
            account_name: account_name.to_owned(),
            role_name: "ReleaseManager".to_owned(),
        };
        self.consumers.judge(Asking {
            program: seen.program.as_ref(),
            launch: None,
            door: seen.door,
            role: &role,
            portal: "acme",
            account_name: "acme-dev",
            assumed: Some(&assumed),
        })
    }
}

#[test]
fn a6_a_program_is_refused_by_its_path_until_it_is_allowed_and_a_launch_for_good() {
    let scene = scene(Confirm::Never);
    assert_eq!(scene.asks("aws", "ReadOnly", None), Ok(()));
    scene.consumers.revoke_program("/usr/bin/aws");
    assert_eq!(scene.asks("aws", "ReadOnly", None), Err(Refused::ProgramRevoked));
    assert_eq!(
        scene.asks("aws", "Other", Some("1")),
        Err(Refused::ProgramRevoked)
    );
    assert_eq!(scene.asks("python3", "ReadOnly", None), Ok(()));
    assert!(scene.consumers.allow_program("/usr/bin/aws"));
    assert!(!scene.consumers.allow_program("/usr/bin/aws"));
    assert_eq!(scene.asks("aws", "ReadOnly", Some("1")), Ok(()));
    scene.consumers.revoke_launch("1");
    assert_eq!(
        scene.asks("aws", "ReadOnly", Some("1")),
        Err(Refused::LaunchRevoked)
    );
    assert_eq!(scene.asks("aws", "ReadOnly", Some("2")), Ok(()));
}

#[test]
fn a6_while_nobody_knows_what_was_revoked_nobody_is_handed_anything() {
    let scene = scene(Confirm::Never);
    scene.consumers.take_in(None);
    assert_eq!(scene.asks("aws", "ReadOnly", None), Err(Refused::Unread));
    scene.consumers.take_in(Some(Revocations::default()));
    assert_eq!(scene.asks("aws", "ReadOnly", None), Ok(()));
}

#[test]
fn a6_a_confirmation_is_asked_for_once_and_holds_for_ten_idle_minutes_for_this_program_and_role() {
    let scene = scene(Confirm::Always);
    let consumers = &scene.consumers;
    for _ in 0..100 {
        assert_eq!(scene.asks("aws", "ReadOnly", None), Err(Refused::Waits));
    }
    let questions = consumers.questions();
    assert_eq!(questions.len(), 1);
    assert!(consumers.answer(questions[0].id, true));
    assert!(!consumers.answer(questions[0].id, false), "it was answered");
    for _ in 0..3 {
        scene.clock.advance(9 * MINUTE);
        assert_eq!(scene.asks("aws", "ReadOnly", None), Ok(()));
    }
    assert_eq!(scene.asks("aws", "Admin", None), Err(Refused::Waits));
    assert_eq!(scene.asks("python3", "ReadOnly", None), Err(Refused::Waits));
    scene.clock.advance(10 * MINUTE);
    assert_eq!(consumers.questions(), [], "nobody asks for those any more");
    assert_eq!(scene.asks("aws", "ReadOnly", None), Err(Refused::Waits));
    assert!(consumers.answer(consumers.questions()[0].id, false));
    assert_eq!(scene.asks("aws", "ReadOnly", None), Err(Refused::Denied));
    scene.clock.advance(10 * MINUTE);
    assert_eq!(scene.asks("aws", "ReadOnly", None), Err(Refused::Waits));
}

#[test]
fn a6_what_one_person_has_allowed_is_asked_of_the_next_one_at_the_portal_again() {
    let scene = scene(Confirm::Always);
    let consumers = &scene.consumers;
    for program in ["aws", "python3", "terraform"] {
        assert_eq!(scene.asks(program, "ReadOnly", None), Err(Refused::Waits));
    }
    let [first, second, _] = &consumers.questions()[..] else {
        panic!("three wait");
    };
    consumers.answer(first.id, true);
    consumers.answer(second.id, false);
    let portal = observed("aws", 7).role.portal;
    consumers.forget_answers(&PortalId("another".to_owned()));
    assert_eq!(consumers.questions().len(), 1);
    assert_eq!(scene.asks("aws", "ReadOnly", None), Ok(()));
    consumers.forget_answers(&portal);
    assert_eq!(consumers.questions(), []);
    for program in ["aws", "python3", "terraform"] {
        assert_eq!(
            scene.asks(program, "ReadOnly", None),
            Err(Refused::Waits),
            "{program}"
        );
    }
}

#[test]
fn a6_only_the_roles_that_the_settings_name_are_confirmed() {
    let scene = scene(Confirm::Roles(vec![
        "*prod*".to_owned(),
        "111122223333/Admin*".to_owned(),
    ]));
    assert_eq!(scene.asks("aws", "ReadOnly", None), Ok(()));
    assert_eq!(
        scene.asks("aws", "AdministratorAccess", None),
        Err(Refused::Waits)
    );
}

#[test]
fn a6_a_further_role_is_confirmed_by_its_own_account_and_name_too() {
    for (pattern, expected) in [
        ("*prod*", Err(Refused::Waits)),
        ("666677778888", Err(Refused::Waits)),
        ("666677778888/*", Err(Refused::Waits)),
        ("acme-prod/Release*", Err(Refused::Waits)),
        ("*/ReleaseManager", Err(Refused::Waits)),
        ("acme-dev/ReadOnly", Err(Refused::Waits)),
        ("release", Err(Refused::Waits)),
        ("acme:release", Err(Refused::Waits)),
        ("acme:acme-dev/ReadOnly", Err(Refused::Waits)),
        ("acme:acme-prod", Err(Refused::Waits)),
        ("ac*:*prod*", Err(Refused::Waits)),
        ("other:acme-prod", Ok(())),
        ("acme", Ok(())),
        ("acme-prod/ReadOnly", Ok(())),
        ("acme-dev/ReleaseManager", Ok(())),
        ("*staging*", Ok(())),
    ] {
        let scene = scene(Confirm::Roles(vec![pattern.to_owned()]));
        assert_eq!(scene.asks_for_further("acme-prod"), expected, "{pattern}");
    }
    // Nobody knows its name: what may mean it does.
    for (pattern, expected) in [
        ("*prod*", Err(Refused::Waits)),
        ("acme:acme-prod/Release*", Err(Refused::Waits)),
        ("acme-prod/Admin*", Ok(())),
        ("other:*prod*", Ok(())),
        ("111111111111", Ok(())),
    ] {
        let scene = scene(Confirm::Roles(vec![pattern.to_owned()]));
        assert_eq!(scene.asks_for_further(""), expected, "{pattern}");
    }
}

#[test]
fn a6_before_the_list_is_there_a_program_waits_for_what_a_name_may_mean() {
    let scene = scene(Confirm::Roles(vec!["*prod*/Admin*".to_owned()]));
    let seen = observed("aws", 7);
    let asks = |permission_set: &str, account_name: &str| {
        let mut role = seen.role.clone();
        permission_set.clone_into(&mut role.permission_set);
        scene.consumers.judge(Asking {
            program: seen.program.as_ref(),
            launch: None,
            door: seen.door,
            role: &role,
            portal: "acme",
            account_name,
            assumed: None,
        })
    };
    assert_eq!(asks("Admin", ""), Err(Refused::Waits));
    assert_eq!(asks("ReadOnly", ""), Ok(()));
    assert_eq!(asks("Admin", "acme-dev"), Ok(()));
}

#[test]
fn a6_what_cannot_be_read_of_confirming_takes_no_protection_away() {
    let at_start = scene(Confirm::Unreadable);
    assert_eq!(at_start.asks("aws", "ReadOnly", None), Err(Refused::Waits));
    let later = scene(Confirm::Roles(vec!["*/Admin*".to_owned()]));
    later.consumers.set_confirm(Confirm::Unreadable);
    assert_eq!(later.asks("aws", "ReadOnly", None), Ok(()));
    assert_eq!(later.asks("aws", "Admin", None), Err(Refused::Waits));
    later.consumers.set_confirm(Confirm::Never);
    assert_eq!(later.asks("aws", "Admin", None), Ok(()));
}

#[test]
fn a6_a_flood_of_programs_is_no_flood_of_questions() {
    let scene = scene(Confirm::Always);
    for number in 0..100 {
        assert_eq!(
            scene.asks(&format!("x{number}"), "ReadOnly", None),
            Err(Refused::Waits)
        );
    }
    assert_eq!(scene.consumers.questions().len(), MOST_WAITING);
}

#[test]
fn a_launch_is_listed_for_as_long_as_it_runs() {
    let scene = scene(Confirm::Never);
    let launch = Launch {
        id: new_launch().unwrap(),
        door: Door::Serve,
        program: None,
        portal: "acme".to_owned(),
        account: "111122223333".to_owned(),
        account_name: "acme-dev".to_owned(),
        permission_set: "ReadOnly".to_owned(),
        chain: None,
    };
    assert!(is_launch(&launch.id) && !is_launch("") && !is_launch("1f2e3d4g"));
    let begun = scene.consumers.begin(launch.clone());
    assert_eq!(scene.consumers.launches(), [launch]);
    drop(begun);
    assert_eq!(scene.consumers.launches(), []);
}
