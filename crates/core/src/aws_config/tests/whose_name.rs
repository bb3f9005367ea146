//! Which role gets a name that several would have: the one that is really called so, or none.

use std::collections::BTreeMap;

use super::*;

fn by_account(plan: &Plan) -> BTreeMap<&str, &str> {
    let profiles = plan.profiles.iter();
    profiles
        .map(|profile| (profile.role.account_id.as_str(), profile.name.as_str()))
        .collect()
}

#[test]
fn i1_a_role_that_is_really_called_so_has_the_name() {
    let mut roles = vec![
        role("202020202020", "acme prod/α", "ReadOnly"),
        role("666677778888", "acme-prod", "ReadOnly"),
    ];
    for _ in 0..2 {
        let plan = planned(None, &wish(roles.clone()));
        assert_eq!(by_account(&plan)["666677778888"], "acme-prod-ReadOnly");
        assert_eq!(
            by_account(&plan)["202020202020"],
            "acme-prod-ReadOnly-202020202020"
        );
        roles.reverse();
    }
    // Alone, the other one takes it from nobody; and it stands there then.
    let alone = applied("", &wish(roles[..1].to_vec()));
    let plan = planned(Some(&alone), &wish(roles));
    assert_eq!(by_account(&plan)["202020202020"], "acme-prod-ReadOnly");
    assert_eq!(
        by_account(&plan)["666677778888"],
        "acme-prod-ReadOnly-666677778888"
    );
}

#[test]
fn i1_of_several_that_are_called_so_none_has_the_plain_name_unless_it_stands_there() {
    let twins = |ids: &[&str]| wish(ids.iter().map(|id| role(id, "acme-dev", "ReadOnly")).collect());
    let both = planned(None, &twins(&["111122223333", "999900001111"]));
    let expected = ["acme-dev-ReadOnly-111122223333", "acme-dev-ReadOnly-999900001111"];
    assert_eq!(names(&both), expected);
    let config = text(&both.after);
    let third = planned(
        Some(&config),
        &twins(&["000000000001", "111122223333", "999900001111"]),
    );
    assert_eq!(
        by_account(&third)["000000000001"],
        "acme-dev-ReadOnly-000000000001"
    );

    let alone = applied("", &twins(&["999900001111"]));
    let later = planned(Some(&alone), &twins(&["111122223333", "999900001111"]));
    assert_eq!(by_account(&later)["999900001111"], "acme-dev-ReadOnly");
    assert_eq!(
        by_account(&later)["111122223333"],
        "acme-dev-ReadOnly-111122223333"
    );
}

#[test]
fn i1_of_an_account_in_two_portals_each_profile_names_its_portal() {
    let mut wish = wish(two_roles());
    wish.listings.push(Listing {
        portal: portal("other"),
        ..wish.listings[0].clone()
    });
    let expected = [
        "acme-dev-ReadOnly-acme",
        "acme-dev-ReadOnly-other",
        "acme-prod-Billing-acme",
        "acme-prod-Billing-other",
    ];
    assert_eq!(names(&planned(None, &wish)), expected);
}

#[test]
fn i1_where_a_template_leaves_the_permission_set_out_it_tells_profiles_apart() {
    let mut wish = wish(vec![
        role("111122223333", "acme-dev", "Admin"),
        role("111122223333", "acme-dev", "ReadOnly"),
    ]);
    wish.template = Template::parse("{account}").unwrap();
    assert_eq!(
        names(&planned(None, &wish)),
        ["acme-dev-Admin", "acme-dev-ReadOnly"]
    );
}

/// Names that collide, some of them only when they are made safe.
fn roles() -> impl Strategy<Value = Vec<Role>> {
    let name = prop::sample::select(vec!["a-b", "a b", "a/b", "a", "-a", "b", "a-100000000001", ""]);
    let set = prop::sample::select(vec!["c", "b-c", "d"]);
    let accounts = prop::collection::vec((name, prop::collection::btree_set(set, 1..4)), 1..6);
    accounts.prop_map(|accounts| {
        let roles = accounts.into_iter().zip(1..).flat_map(|((name, sets), id)| {
            let of_account = move |set| role(&format!("10000000000{id}"), name, set);
            sets.into_iter().map(of_account)
        });
        roles.collect()
    })
}

proptest! {
    #[test]
    fn i1_a_plain_name_is_never_the_one_of_another_role_and_stays(roles in roles()) {
        let wish = wish(roles);
        let plan = planned(None, &wish);
        let portal = &wish.listings[0].portal;
        for profile in &plan.profiles {
            let plain = |role: &Role| wish.names(portal, role).next();
            if plain(&profile.role).as_ref() != Some(&profile.name) {
                continue;
            }
            for other in plan.profiles.iter().filter(|other| other.role != profile.role) {
                let is_same = plain(&other.role).as_ref() == Some(&profile.name);
                let is_worse = wish.is_exact(portal, &profile.role) && !wish.is_exact(portal, &other.role);
                prop_assert!(!is_same || is_worse, "{profile:?} {other:?}");
            }
        }
        let mut turned = wish.clone();
        turned.listings[0].roles.reverse();
        prop_assert_eq!(&planned(None, &turned).after, &plan.after);
        let config = text(&plan.after);
        // Whatever goes, the others keep their names.
        turned.listings[0].roles.pop();
        for profile in planned(Some(&config), &turned).profiles {
            prop_assert_eq!(profile.change, Change::Same);
        }
    }
}
