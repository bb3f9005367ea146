//! Targets as people and profiles write them, and what they mean.

use super::*;
use crate::app::contract::ProblemCode;
use crate::identity_center::{Account, Portal};
use crate::role_catalog::{ListedAccount, Listing};
use crate::role_chain::chains;
use crate::settings::Settings;
use crate::token_store::StoreFailure;

pub(super) fn named(name: &str) -> NamedPortal {
    NamedPortal {
        id: format!("id-{name}"),
        name: name.to_owned(),
        start_url: format!("https://{name}.awsapps.com/start"),
        region: "eu-west-1".to_owned(),
        standing: Standing::SignedIn,
        store_failure: None,
        list_problem: None,
    }
}

fn catalogue(portals: &[&str]) -> Catalogue {
    let mut catalogue = Catalogue::default();
    for portal in portals {
        let accounts = [("111122223333", "acme-dev"), ("444455556666", "R&D/lab")];
        let accounts = accounts.map(|(id, name)| ListedAccount {
            account: Account {
                id: AccountId(id.to_owned()),
                name: name.to_owned(),
                email: String::new(),
            },
            permission_sets: vec!["Admin".to_owned(), "ReadOnly".to_owned()],
        });
        let listing = Listing {
            synced_at: Some("2026-03-02T12:00:00Z".parse().unwrap()),
            complete: true,
            accounts: accounts.to_vec(),
        };
        catalogue.set_listing(PortalId(format!("id-{portal}")), listing.into());
    }
    catalogue
}

fn resolve(portals: &[&str], target: &Target) -> Result<String, Refusal> {
    let named: Vec<_> = portals.iter().map(|name| named(name)).collect();
    let known = Known {
        portals: &named,
        catalogue: &catalogue(portals),
    };
    let key = known.role(target)?;
    Ok(format!("{}:{}/{}", key.portal.0, key.account, key.permission_set))
}

fn words(portals: &[&str], words: &str) -> Result<String, Refusal> {
    let words = words.to_owned();
    resolve(portals, &Target::Words { words })
}

#[test]
fn account_and_permission_set_are_found_by_id_and_name() {
    let found = Ok("id-acme:111122223333/ReadOnly".to_owned());
    for target in [
        "111122223333/ReadOnly",
        "acme-dev/ReadOnly",
        "ACME-DEV/readonly",
        "acme:acme-dev/ReadOnly",
        "dev read",
    ] {
        assert_eq!(words(&["acme"], target), found, "{target}");
    }
    assert_eq!(
        words(&["acme"], "R&D/lab/Admin"),
        Ok("id-acme:444455556666/Admin".to_owned())
    );
}

#[test]
fn an_account_that_is_not_listed_yet_is_left_to_aws() {
    let found = words(&["acme"], "999988887777/Auditor");
    assert_eq!(found, Ok("id-acme:999988887777/Auditor".to_owned()));
}

#[test]
fn what_matches_several_roles_names_them() {
    let ambiguous = words(&["acme"], "dev").unwrap_err();
    assert_eq!(ambiguous.problem.code, ProblemCode::WrongUse);
    assert_eq!(
        ambiguous.candidates,
        [
            "111122223333/Admin  (acme-dev)",
            "111122223333/ReadOnly  (acme-dev)"
        ]
    );
    let two_portals = words(&["acme", "other"], "acme-dev/Admin").unwrap_err();
    assert_eq!(
        two_portals.candidates,
        [
            "acme:111122223333/Admin  (acme-dev)",
            "other:111122223333/Admin  (acme-dev)"
        ]
    );
    assert!(words(&["acme", "other"], "other:acme-dev/Admin").is_ok());
}

#[test]
fn a_further_role_from_an_account_whose_name_is_not_its_own_any_more_says_what_to_write() {
    let text = "[[chain]]\nname = \"release\"\nfrom = \"acme-dev/Admin\"\n\
                role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"\n";
    let settings = Settings::parse(text.as_bytes(), std::path::Path::new("settings.toml")).unwrap();
    let mut portals = Settings::default();
    let mut portal = Portal::from_settings(portals.add_portal("acme", "acme", "eu-west-1"), None).unwrap();
    portal.id = PortalId("id-acme".to_owned());
    let (chains, faults) = chains(&settings.chains, &[portal]);
    assert_eq!(faults, []);
    let mut catalogue = catalogue(&["acme"]);
    catalogue.set_chains(chains);
    assert_eq!(ambiguous_chains(&catalogue), []);

    let acme = PortalId("id-acme".to_owned());
    let mut listing = (**catalogue.listing(&acme).unwrap()).clone();
    let mut second = listing.accounts[0].clone();
    second.account.id = AccountId("777788889999".to_owned());
    listing.accounts.push(second);
    catalogue.set_listing(acme, listing.into());
    let known = Known {
        portals: &[named("acme")],
        catalogue: &catalogue,
    };
    let refused = known.chain_named("release").unwrap().unwrap_err();
    assert_eq!(
        refused.problem.what_happened,
        "“from” of [[chain]] “release” in settings.toml, acme-dev/Admin, matches several accounts."
    );
    assert!(refused.problem.what_to_do.contains("account's id"), "{refused:?}");
    assert_eq!(
        refused.candidates,
        ["111122223333/Admin  (acme-dev)", "777788889999/Admin  (acme-dev)"]
    );
    assert_eq!(ambiguous_chains(&catalogue), [refused.problem]);
}

#[test]
fn what_matches_nothing_is_wrong_use() {
    for target in ["nothing", "nobody/Admin", "acme-dev/", "/", ""] {
        let problem = words(&["acme"], target).unwrap_err().problem;
        assert_eq!(problem.code, ProblemCode::WrongUse, "{target}");
    }
    let none = words(&[], "111122223333/ReadOnly").unwrap_err().problem;
    assert!(none.what_to_do.contains("portray portal add"), "{none:?}");
}

#[test]
fn k3_a_locked_keyring_is_told_where_no_account_is_known() {
    let mut portal = named("acme");
    let refused = |portal: &NamedPortal| {
        let known = Known {
            portals: std::slice::from_ref(portal),
            catalogue: &Catalogue::default(),
        };
        let words = "dev read".to_owned();
        known.role(&Target::Words { words }).unwrap_err().problem.code
    };
    portal.standing = Standing::SignedOut;
    assert_eq!(refused(&portal), ProblemCode::SignInNeeded);
    portal.standing = Standing::Unknown;
    portal.store_failure = Some(StoreFailure::Locked);
    assert_eq!(refused(&portal), ProblemCode::SecretStore);
}

#[test]
fn names_that_differ_only_in_case_can_both_be_named() {
    let portals = [named("Acme"), named("acme")];
    for name in ["Acme", "acme"] {
        assert_eq!(portal(&portals, Some(name), None).unwrap().name, name);
    }
    assert!(portal(&portals, Some("ACME"), None).is_err());
    for name in ["Acme", "acme"] {
        let role = words(&["Acme", "acme"], &format!("{name}:acme-dev/Admin"));
        assert_eq!(role, Ok(format!("id-{name}:111122223333/Admin")));
    }
}

#[test]
fn candidates_have_an_order() {
    let portals = [named("b"), named("c"), named("a")];
    assert_eq!(
        portal(&portals, None, None).unwrap_err().candidates,
        ["a", "b", "c"]
    );
}

#[test]
fn a_portal_in_another_region_is_told_to_be_there() {
    let target = Target::Role {
        portal: Some("acme".to_owned()),
        portal_region: Some("us-east-1".to_owned()),
        account: "111122223333".to_owned(),
        permission_set: "Admin".to_owned(),
    };
    let refused = resolve(&["acme", "other"], &target).unwrap_err();
    assert_eq!(
        refused.problem.what_happened,
        "The portal “acme” is in eu-west-1, not in us-east-1."
    );
}

#[test]
fn a_profile_names_its_portal_by_name_id_or_start_url() {
    for (name, region, found) in [
        ("acme", None, true),
        ("id-acme", None, true),
        ("https://acme.awsapps.com/start", Some("eu-west-1"), true),
        ("acme", Some("us-east-1"), false),
        ("nobody", None, false),
    ] {
        let target = Target::Role {
            portal: Some(name.to_owned()),
            portal_region: region.map(str::to_owned),
            account: "111122223333".to_owned(),
            permission_set: "Admin".to_owned(),
        };
        assert_eq!(resolve(&["acme", "other"], &target).is_ok(), found, "{name}");
    }
}

#[test]
fn a_start_url_of_two_portals_is_refused_until_both_are_listed_and_one_of_them_has_the_role() {
    let of_acme = |name: &str| NamedPortal {
        start_url: "https://acme.awsapps.com/start".to_owned(),
        ..named(name)
    };
    let portals = [of_acme("mine"), of_acme("audit")];
    let resolve = |catalogue: &Catalogue, account: &str| {
        let known = Known {
            portals: &portals,
            catalogue,
        };
        known.role(&Target::Role {
            portal: Some("https://acme.awsapps.com/start".to_owned()),
            portal_region: Some("eu-west-1".to_owned()),
            account: account.to_owned(),
            permission_set: "Admin".to_owned(),
        })
    };
    let one_listed = catalogue(&["mine"]);
    let refused = resolve(&one_listed, "111122223333").unwrap_err();
    assert_eq!(refused.problem, ProblemView::several_portals());
    assert_eq!(refused.candidates, ["audit", "mine"]);

    let mut both_listed = Catalogue::default();
    for (portal, account) in [("mine", "111122223333"), ("audit", "444455556666")] {
        let listed = catalogue(&["all"]);
        let listed = listed.listing(&PortalId("id-all".to_owned())).unwrap();
        let accounts = listed
            .accounts
            .iter()
            .filter(|listed| listed.account.id.0 == account);
        let listing = Listing {
            accounts: accounts.cloned().collect(),
            synced_at: Some("2026-03-02T12:00:00Z".parse().unwrap()),
            ..Listing::default()
        };
        both_listed.set_listing(PortalId(format!("id-{portal}")), listing.into());
    }
    for (account, portal) in [("111122223333", "id-mine"), ("444455556666", "id-audit")] {
        assert_eq!(resolve(&both_listed, account).unwrap().portal.0, portal);
    }
}

#[test]
fn a_portal_that_is_not_there_is_named_as_what_is_wrong() {
    let refused = words(&["acme", "other"], "nope:acme-dev/ReadOnly").unwrap_err();
    assert_eq!(refused.problem, ProblemView::no_such_portal(Some("nope")));
    assert_eq!(refused.candidates, ["acme", "other"]);
}

/// What a sync of acme had listed when it stopped: `begun` is an account whose permission sets it had not come to.
fn half_a_listing() -> Catalogue {
    let mut half = catalogue(&["acme"]);
    let id = PortalId("id-acme".to_owned());
    let mut listing = Listing::clone(half.listing(&id).unwrap());
    (listing.synced_at, listing.complete) = (None, false);
    for (number, name) in [("777788889999", "begun"), ("888899990000", "Begun-too")] {
        listing.accounts.push(ListedAccount {
            account: Account {
                id: AccountId(number.to_owned()),
                name: name.to_owned(),
                email: String::new(),
            },
            permission_sets: Vec::new(),
        });
    }
    half.set_listing(id, listing.into());
    half
}

fn in_half(portals: &[NamedPortal], words: &str) -> Result<String, Refusal> {
    let known = Known {
        portals,
        catalogue: &half_a_listing(),
    };
    let words = words.to_owned();
    let key = known.role(&Target::Words { words })?;
    Ok(format!("{}:{}/{}", key.portal.0, key.account, key.permission_set))
}

#[test]
fn s2_what_half_a_list_does_not_have_is_not_said_to_be_nowhere() {
    let mut portal = named("acme");
    for target in ["nobody/Admin", "nothing", "acme-dev/Auditor", "begun/"] {
        let refused = in_half(std::slice::from_ref(&portal), target).unwrap_err();
        assert_eq!(
            refused.problem,
            ProblemView::list_not_whole("acme", None),
            "{target}"
        );
    }
    let cause = ProblemView::not_listed_yet("acme");
    portal.list_problem = Some(cause.clone());
    let refused = in_half(&[portal], "nobody/Admin").unwrap_err().problem;
    assert_eq!(refused, ProblemView::list_not_whole("acme", Some(&cause)));
    assert_eq!(refused.code.exit_code(), 5);
    assert!(
        refused
            .what_happened
            .ends_with("The accounts of acme could not be listed yet."),
        "{refused:?}"
    );
}

#[test]
fn s2_where_nothing_is_listed_yet_it_is_said_why_and_how_a_role_is_named_without() {
    let mut portal = named("acme");
    let cause = ProblemView::not_listed_yet("acme");
    portal.list_problem = Some(cause.clone());
    let known = Known {
        portals: std::slice::from_ref(&portal),
        catalogue: &Catalogue::default(),
    };
    let words = "acme-dev/Admin".to_owned();
    let refused = known.role(&Target::Words { words }).unwrap_err().problem;
    assert_eq!(refused, ProblemView::list_not_there("acme", &cause));
    assert_eq!(refused.code.exit_code(), 5);
    assert!(
        refused.what_happened.ends_with(&cause.what_happened),
        "{refused:?}"
    );
    assert!(
        refused.what_to_do.contains("ACCOUNT_ID/PERMISSION_SET"),
        "{refused:?}"
    );
}

#[test]
fn s2_a_list_that_aws_cut_off_does_not_say_either_that_there_is_no_such_role() {
    let mut cut = catalogue(&["acme"]);
    let id = PortalId("id-acme".to_owned());
    let mut listing = Listing::clone(cut.listing(&id).unwrap());
    listing.complete = false;
    cut.set_listing(id, listing.into());
    let portal = named("acme");
    let known = Known {
        portals: std::slice::from_ref(&portal),
        catalogue: &cut,
    };
    let words = "nobody/Admin".to_owned();
    let refused = known.role(&Target::Words { words }).unwrap_err().problem;
    assert_eq!(refused, ProblemView::list_not_whole("acme", None));
}

#[test]
fn s2_an_account_whose_roles_are_not_listed_yet_is_left_to_aws_by_its_name_too() {
    let portals = [named("acme"), named("other")];
    for (target, role) in [
        ("begun/Admin", "id-acme:777788889999/Admin"),
        ("BEGUN/Admin", "id-acme:777788889999/Admin"),
        ("acme:begun-too/Auditor", "id-acme:888899990000/Auditor"),
        ("777788889999/Admin", "id-acme:777788889999/Admin"),
    ] {
        for portals in [&portals[..1], &portals] {
            assert_eq!(in_half(portals, target), Ok(role.to_owned()), "{target}");
        }
    }
}
