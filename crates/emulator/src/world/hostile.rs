//! Writes the hostile world, `worlds/hostile.toml`: people, accounts, permission sets and applications whose names break
//! programs that trust names.
//!
//! AWS would refuse many of them. Better safe here than surprised there.

mod names;

use std::collections::BTreeMap;

use self::names::{GROUPS, Group, LONG};

/// What a name is given to, in turn.
const KINDS: [Kind; 5] = [
    Kind::Account,
    Kind::PermissionSet,
    Kind::Account,
    Kind::User,
    Kind::Application,
];

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Account,
    PermissionSet,
    User,
    Application,
}

/// Beside them: amara, who may use every permission set in the first account of each group and `ReadOnly` in all; and
/// an account with the name of another.
const FRAME: &str = r#"# Names that break programs which trust names, by what they break. Made from the lists in
# src/world/hostile/names.rs (UPDATE=1 cargo test -p identity-center-emulator hostile).

hostile = true    # allows what AWS does not

company = "Hostile & <b>Sons</b>"
region = "eu-west-1"
start_url = "https://d-9967666abc.awsapps.com/start"

[[group]]
name = "everyone"

[[user]]
name = "amara"
display_name = "<i>Amara</i> $(id)"
email = "amara@hostile.example"
password = "demo-amara"
groups = ["everyone"]

[[permission_set]]
name = "ReadOnly"
"#;

fn text() -> String {
    let mut text = FRAME.to_owned();
    let mut kinds = KINDS.iter().cycle();
    let mut count: BTreeMap<Kind, usize> = BTreeMap::new();
    let (mut sets, mut first_accounts) = (vec![quoted("ReadOnly")], Vec::new());
    for (what, names) in groups() {
        text.push_str(&format!("\n# {what}\n"));
        let mut has_account = false;
        for (name, kind) in names.iter().zip(&mut kinds) {
            let number = count.entry(*kind).or_default();
            match kind {
                Kind::Account if !has_account => {
                    has_account = true;
                    first_accounts.push(quoted(&account_id(*number)));
                }
                Kind::PermissionSet => sets.push(quoted(name)),
                Kind::Account | Kind::User | Kind::Application => {}
            }
            text.push_str(&table(*kind, *number, name));
            *number += 1;
        }
    }
    let last = count.get(&Kind::Account).copied().unwrap_or_default();
    text.push_str("\n# The name of another account\n");
    text.push_str(&table(Kind::Account, last, "acme-prod"));
    text.push_str(&format!(
        "\n[[assignment]]\ngroup = \"everyone\"\npermission_sets = [\"ReadOnly\"]\nous = [\"all\"]\n\n\
         [[assignment]]\nuser = \"amara\"\npermission_sets = [{}]\naccounts = [{}]\n",
        sets.join(", "),
        first_accounts.join(", "),
    ));
    text
}

fn groups() -> impl Iterator<Item = (&'static str, Vec<String>)> {
    let owned = |(what, names): Group| (what, names.iter().map(|name| (*name).to_owned()).collect());
    let long = LONG.iter().map(|(piece, times)| piece.repeat(*times)).collect();
    GROUPS
        .into_iter()
        .map(owned)
        .chain(std::iter::once(("Length", long)))
}

fn table(kind: Kind, number: usize, name: &str) -> String {
    let name = quoted(name);
    match kind {
        Kind::Account => format!(
            "[[account]]\nid = \"{}\"\nname = {name}\nemail = \"aws+{number}@hostile.example\"\nou = \"all\"\n",
            account_id(number)
        ),
        Kind::PermissionSet => format!("[[permission_set]]\nname = {name}\ndescription = {name}\n"),
        Kind::User => format!(
            "[[user]]\nname = {name}\ndisplay_name = {name}\nemail = \"user+{number}@hostile.example\"\n\
             password = \"demo\"\ngroups = [\"everyone\"]\n"
        ),
        Kind::Application => format!(
            "[[application]]\nname = {name}\ndescription = {name}\n\
             url = \"https://application-{number}.hostile.example/\"\ngroups = [\"everyone\"]\n"
        ),
    }
}

fn account_id(number: usize) -> String {
    format!("6600{number:08}")
}

/// As a TOML string that shows what is in it: a file of ours has no invisible letters, and none that turn the rest around.
fn quoted(name: &str) -> String {
    let is_odd = |letter: char| {
        letter.is_control()
            || matches!(
                letter,
                '\u{a0}' | '\u{ad}' | '\u{61c}' | '\u{feff}' | '\u{300}'..='\u{36f}'
            )
            || matches!(letter, '\u{2000}'..='\u{200f}' | '\u{2028}'..='\u{202f}' | '\u{205f}'..='\u{206f}')
            || matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{fff0}'..='\u{ffff}' | '\u{e0000}'..)
    };
    let letters = name.chars().map(|letter| match letter {
        '"' | '\\' => format!("\\{letter}"),
        '\0'..='\u{ffff}' if is_odd(letter) => format!("\\u{:04x}", u32::from(letter)),
        _ if is_odd(letter) => format!("\\U{:08x}", u32::from(letter)),
        _ => letter.to_string(),
    });
    format!("\"{}\"", letters.collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::World;

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "a test writes its file anew when it is told to"
    )]
    fn the_file_of_the_hostile_world_is_what_the_lists_say() {
        let written = text();
        if std::env::var_os("UPDATE").is_some() {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/worlds/hostile.toml");
            std::fs::write(path, &written).unwrap();
            return;
        }
        let file = World::text("hostile").unwrap();
        assert!(file == written, "worlds/hostile.toml is old: UPDATE=1 writes it");
        assert!(file.lines().all(|line| !line.chars().any(char::is_control)));
    }

    #[test]
    fn the_hostile_world_has_two_hundred_different_names_of_every_kind() {
        let world = World::hostile();
        let kinds: [Vec<&String>; 4] = [
            world.accounts.iter().map(|account| &account.name).collect(),
            world.permission_sets.iter().map(|set| &set.name).collect(),
            world.users.iter().map(|user| &user.name).collect(),
            world
                .applications
                .iter()
                .map(|application| &application.name)
                .collect(),
        ];
        for names in &kinds {
            assert!(names.len() >= 40, "{}", names.len());
        }
        let here: BTreeSet<&String> = kinds.iter().flatten().copied().collect();
        let meant: Vec<String> = groups().flat_map(|(_, names)| names).collect();
        let different: BTreeSet<&String> = meant.iter().collect();
        assert_eq!(different.len(), meant.len(), "a name is there twice");
        assert!(different.len() >= 200, "{}", different.len());
        for name in &meant {
            assert!(here.contains(name), "{name:?} did not survive the world file");
        }
        assert!(
            meant.iter().any(|name| name.contains('\0')),
            "TOML allows it, by escape"
        );
        assert!(meant.iter().any(|name| name.len() > 12_000));
    }

    #[test]
    fn amara_may_use_every_hostile_permission_set_and_account() {
        let world = World::hostile();
        let amara = world.user("amara").unwrap();
        for account in &world.accounts {
            assert!(
                world.is_assigned(amara, &account.id, "ReadOnly"),
                "{:?}",
                account.name
            );
        }
        for set in &world.permission_sets {
            assert!(
                world.is_assigned(amara, &world.accounts[0].id, &set.name),
                "{:?}",
                set.name
            );
        }
        let twins = world
            .accounts
            .iter()
            .filter(|account| account.name == "acme-prod");
        assert_eq!(twins.count(), 2);
    }
}
