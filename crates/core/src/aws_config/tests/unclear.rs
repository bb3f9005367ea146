//! What not every tool sees in the same way, and what nobody can tell.

use super::*;

#[test]
fn c4_a_further_role_from_nobody_knows_which_account_is_told_and_its_profile_stays() {
    let release = Role {
        chain: Some("release".to_owned()),
        ..role("222233334444", "acme-prod", "Billing")
    };
    let mut wish = wish([two_roles(), vec![release.clone()]].concat());
    let config = applied(FOREIGN, &wish);
    assert!(wish.listings[0].roles.pop().is_some());
    wish.listings[0].unclear.push(Role {
        account_id: String::new(),
        ..release
    });
    let plan = planned(Some(&config), &wish);
    assert_eq!(text(&plan.after), config);
    assert_eq!(plan.removed, Vec::<String>::new());
    let [skipped] = plan.skipped.as_slice() else {
        panic!("{:?}", plan.skipped)
    };
    assert_eq!(skipped.reason, SkipReason::SeveralAccounts);
    wish.only = vec!["acme-dev/*".to_owned()];
    assert_eq!(planned(None, &wish).skipped, [], "it is not wished for");
}

#[test]
fn c4_a_name_that_only_some_tools_see_is_taken_too() {
    for header in [
        "[ profile acme-dev-ReadOnly]",
        "[profile \"acme-dev-ReadOnly\" x]",
        "[acme-dev-ReadOnly]",
    ] {
        let plan = planned(Some(&format!("{header}\nregion = x\n")), &wish(two_roles()));
        let is_taken = !names(&plan).contains(&"acme-dev-ReadOnly");
        assert_eq!(is_taken, !header.ends_with(" x]"), "{header}: {:?}", names(&plan));
    }
}
