//! Accounts and permission sets whose names break programs that trust names.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::*;
use crate::aws_config::names::{LONGEST, is_safe};

#[derive(Deserialize)]
struct HostileWorld {
    account: Vec<HostileAccount>,
    permission_set: Vec<HostileSet>,
}

#[derive(Deserialize)]
struct HostileAccount {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct HostileSet {
    name: String,
}

#[test]
fn i1_hostile_names_make_safe_unique_and_stable_profiles() {
    let world = identity_center_emulator::World::text("hostile").unwrap();
    let world: HostileWorld = toml_edit::de::from_str(&world).unwrap();
    let accounts = world
        .account
        .iter()
        .map(|account| role(&account.id, &account.name, "ReadOnly"));
    let sets = world
        .permission_set
        .iter()
        .map(|set| role("111122223333", "acme", &set.name));
    let roles: Vec<_> = accounts.chain(sets).collect();
    for kind in [wish(Vec::new()).kind, Kind::SsoSession] {
        for template in [
            USUAL_TEMPLATE,
            "{account}",
            "{permission_set}",
            "{portal}/{account}",
        ] {
            let mut wish = wish(roles.clone());
            wish.kind = kind.clone();
            wish.template = Template::parse(template).unwrap();
            let plan = planned(Some(FOREIGN), &wish);
            assert!(plan.profiles.len() >= world.account.len());
            assert_eq!(plan.profiles.len() + plan.skipped.len(), roles.len());
            let unique: BTreeSet<_> = names(&plan).into_iter().collect();
            assert_eq!(unique.len(), plan.profiles.len());
            for name in unique {
                assert!(
                    (1..=LONGEST).contains(&name.len()) && name.chars().all(is_safe),
                    "{name}"
                );
                assert!(!name.starts_with('-') && name != "default", "{name}");
            }
            let config = text(&plan.after);
            assert!(
                config
                    .bytes()
                    .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
            );
            assert_eq!(findings(Some(config.as_bytes()), None), [], "{template}");
            wish.listings[0].roles.reverse();
            let again = planned(Some(&config), &wish);
            assert!(
                again
                    .profiles
                    .iter()
                    .all(|profile| profile.change == Change::Same)
            );
            assert_eq!(text(&again.after), config);
        }
    }
}
