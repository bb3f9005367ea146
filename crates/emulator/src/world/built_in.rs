//! The worlds that come with the program, and the ones it makes.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use super::{World, WorldError};

const BUILT_IN: [(&str, &str); 4] = [
    ("acme", include_str!("../../worlds/acme.toml")),
    ("tour", include_str!("../../worlds/tour.toml")),
    ("one", include_str!("../../worlds/one.toml")),
    ("hostile", include_str!("../../worlds/hostile.toml")),
];

/// What a person may write in place of a file.
pub(super) const BUILT_IN_NAMES: [&str; 5] = ["acme", "tour", "one", "hostile", "big"];

impl World {
    /// The demo company, with AWS's lifetimes.
    pub fn acme() -> Self {
        Self::built_in("acme")
    }

    /// A small company whose role credentials live for 90 seconds.
    pub fn tour() -> Self {
        Self::built_in("tour")
    }

    /// One user, one account, one permission set.
    pub fn one() -> Self {
        Self::built_in("one")
    }

    /// Names of accounts, permission sets, users and applications that break programs which trust names.
    pub fn hostile() -> Self {
        Self::built_in("hostile")
    }

    /// The text of a built-in world by name (`acme`, `tour`, `one`, `hostile`, `big`), else of a file.
    pub fn text(name_or_path: &str) -> Result<String, WorldError> {
        if let Some((_, text)) = BUILT_IN.iter().find(|(name, _)| *name == name_or_path) {
            return Ok((*text).to_owned());
        }
        if name_or_path == "big" {
            return Ok(Self::generated(10_000, 5));
        }
        let path = name_or_path.to_owned();
        let bytes = std::fs::read(Path::new(name_or_path)).map_err(|problem| {
            match problem.kind() == io::ErrorKind::NotFound {
                true => WorldError::NotThere(path),
                false => WorldError::Unreadable { path, problem },
            }
        })?;
        String::from_utf8(bytes).map_err(|error| {
            let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = 1 + good.iter().filter(|byte| **byte == b'\n').count();
            WorldError::Syntax(format!("line {line} is not in UTF-8"))
        })
    }

    /// The text of a big world: `accounts` accounts in nested OUs, and one user who may use `permission_sets`
    /// permission sets in each of them.
    pub fn generated(accounts: u32, permission_sets: u32) -> String {
        let mut text = String::from(
            "# A generated world.\n\ncompany = \"Big Corporation\"\nregion = \"eu-west-1\"\n\
             start_url = \"https://d-9967777abc.awsapps.com/start\"\n\n\
             [[group]]\nname = \"everyone\"\n\n\
             [[user]]\nname = \"amara\"\ndisplay_name = \"Amara Okafor\"\nemail = \"amara@big.example\"\n\
             password = \"demo-amara\"\ngroups = [\"everyone\"]\n",
        );
        let written = (0..accounts).try_for_each(|number| {
            let id = 100_000_000_000_u64 + u64::from(number) * 7_919;
            let (division, team) = (number % 7, number % 91);
            write!(
                text,
                "\n[[account]]\nid = \"{id}\"\nname = \"big-{number:05}\"\nemail = \"aws+{number}@big.example\"\n\
                 ou = \"workloads/division-{division}/team-{team}\"\n"
            )
        });
        written.expect("writing to a String cannot fail");
        let names: Vec<String> = (0..permission_sets)
            .map(|number| format!("PermissionSet{number:03}"))
            .collect();
        for name in &names {
            text.push_str(&format!("\n[[permission_set]]\nname = \"{name}\"\n"));
        }
        if accounts > 0 && permission_sets > 0 {
            text.push_str(&format!(
                "\n[[assignment]]\ngroup = \"everyone\"\npermission_sets = {names:?}\nous = [\"workloads\"]\n"
            ));
        }
        text
    }

    fn built_in(name: &str) -> Self {
        Self::load(name).expect("the built-in worlds are tested")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_worlds_are_valid() {
        let acme = World::acme();
        assert_eq!(acme.accounts.len(), 12);
        let hour = jiff::SignedDuration::from_hours(1);
        assert!(
            acme.permission_sets
                .iter()
                .all(|set| set.session_duration >= hour)
        );
        let tour = World::tour();
        assert_eq!(tour.permission_sets[0].session_duration.as_secs(), 90);
        for name in BUILT_IN_NAMES {
            assert!(World::load(name).is_ok(), "{name}");
        }
        let one = World::one();
        assert_eq!(
            (one.users.len(), one.accounts.len(), one.permission_sets.len()),
            (1, 1, 1)
        );
    }

    #[test]
    fn a_file_that_is_no_text_says_where() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), b"# fine\ncompany = \"\xff\"\n").unwrap();
        let error = World::text(file.path().to_str().unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the world file is not valid: line 2 is not in UTF-8"
        );
    }

    #[test]
    fn a_generated_world_has_as_many_as_asked_for() {
        let world = World::from_toml(&World::generated(300, 5)).unwrap();
        let user = world.user("amara").unwrap();
        assert_eq!((world.accounts.len(), world.permission_sets.len()), (300, 5));
        for account in &world.accounts {
            assert!(world.is_assigned(user, &account.id, "PermissionSet004"));
        }
        assert!(World::from_toml(&World::generated(0, 5)).is_ok());
    }
}
