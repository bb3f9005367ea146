//! World files: TOML, read strictly, with errors that name key and line.

use super::World;
use super::built_in::BUILT_IN_NAMES;
use super::checker::Checker;
use super::tables::WorldFile;

/// Why a world cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WorldError {
    #[error("cannot read the world file {path}: {problem}")]
    Unreadable { path: String, problem: std::io::Error },
    #[error(
        "there is neither a world file {0} nor a built-in world of that name: those are {names}",
        names = BUILT_IN_NAMES.join(", ")
    )]
    NotThere(String),
    #[error("the world file is not valid: {0}")]
    Syntax(String),
    #[error("the world file is not valid: line {line}, {key}: {problem}")]
    Invalid {
        line: usize,
        key: &'static str,
        problem: String,
    },
    #[error("the world file is not valid: it has no {0}")]
    Missing(&'static str),
    #[error("this world has no {key} {name:?}")]
    Unknown { key: &'static str, name: String },
}

impl From<toml::de::Error> for WorldError {
    /// Its text has the line and the place in it.
    fn from(error: toml::de::Error) -> Self {
        Self::Syntax(error.to_string().trim_end().to_owned())
    }
}

pub(super) fn parse(text: &str) -> Result<World, WorldError> {
    let file: WorldFile = toml::from_str(text)?;
    let mut world = World {
        company: file
            .company
            .clone()
            .ok_or(WorldError::Missing("company"))?
            .into_inner(),
        region: file
            .region
            .clone()
            .ok_or(WorldError::Missing("region"))?
            .into_inner(),
        hostile: file.hostile.unwrap_or_default(),
        short_lifetimes: file.short_lifetimes.unwrap_or_default(),
        ..World::without_anybody()
    };
    let checker = Checker {
        text,
        short_lifetimes: world.short_lifetimes,
        hostile: world.hostile,
    };
    file.region
        .as_ref()
        .map_or(Ok(()), |region| checker.region(region))?;
    let start_url = file.start_url.as_ref().ok_or(WorldError::Missing("start_url"))?;
    world.start_url = checker.start_url(start_url)?;
    if let Some(table) = &file.identity_source {
        world.identity_source = checker.identity_source(table)?;
    }
    checker.apply(file, &mut world)?;
    Ok(world)
}

/// A piece of a world file for a world that runs.
pub(super) fn amend(world: &mut World, text: &str) -> Result<(), WorldError> {
    let file: WorldFile = toml::from_str(text)?;
    let checker = Checker {
        text,
        short_lifetimes: file.short_lifetimes.unwrap_or(world.short_lifetimes),
        hostile: file.hostile.unwrap_or(world.hostile),
    };
    checker.refuse_what_stays(&file)?;
    let mut changed = World {
        short_lifetimes: checker.short_lifetimes,
        hostile: checker.hostile,
        ..world.clone()
    };
    checker.apply(file, &mut changed)?;
    *world = changed;
    Ok(())
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::world::Rotation;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    const SMALL: &str = r#"company = "One"
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
    fn what_aws_cannot_have_is_refused_unless_the_world_is_hostile() {
        let long = "x".repeat(701);
        for (from, to, expected) in [
            ("name = \"ada\"", "name = \"\"".to_owned(), "line 5, user.name: "),
            (
                "password = \"demo\"",
                "password = \"\"".to_owned(),
                "line 8, user.password: ",
            ),
            (
                "email = \"ada@example.com\"",
                "email = \"nope\"".to_owned(),
                "line 7, user.email: \"nope\"",
            ),
            (
                "region = \"eu-west-1\"",
                "region = \"mars\"".to_owned(),
                "line 2, region: \"mars\"",
            ),
            (
                "name = \"ReadOnly\"\n",
                "name = \"ReadOnly\"\nrelay_state = \"javascript:x\"\n".to_owned(),
                "line 16, permission_set.relay_state: ",
            ),
            (
                "name = \"ReadOnly\"\n",
                format!("name = \"ReadOnly\"\ndescription = \"{long}\"\n"),
                "line 16, permission_set.description: has 701",
            ),
            (
                "ReadOnly",
                "has space".to_owned(),
                "line 15, permission_set.name: \"has space\"",
            ),
            ("ReadOnly", "x".repeat(33), "line 15, permission_set.name: "),
            (
                "[[user]]",
                "attributes_for_access_control = { Team = \"${path:nope.x}\" }\n[[user]]".to_owned(),
                "line 4, attributes_for_access_control: \"nope.x\"",
            ),
            (
                "password = \"demo\"",
                "password = \"demo\"\nattributes = { \"enterprise.costCentre\" = \"1\" }".to_owned(),
                "line 9, user.attributes: \"enterprise.costCentre\"",
            ),
            (
                "name = \"only\"",
                format!("name = \"{}\"", "x".repeat(51)),
                "line 11, account.name: ",
            ),
        ] {
            // The name of a permission set stands in two places.
            let text = SMALL
                .replace(from, &to)
                .replace("[\"only\"]", "[\"000000000001\"]");
            let text = text.replace(
                "user = \"ada\"",
                if to == "name = \"\"" {
                    "user = \"\""
                } else {
                    "user = \"ada\""
                },
            );
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.contains(expected), "{expected:?} is not in {error:?}");
            assert!(error.contains("hostile = true"), "{error}");
            let hostile = parse(&format!("hostile = true\n{text}"));
            assert!(hostile.is_ok(), "{to}: {hostile:?}");
        }
        let mut world = parse(SMALL).unwrap();
        let odd = "[[permission_set]]\nname = \"has space\"\n";
        assert!(world.amend(odd).is_err());
        assert!(world.amend(&format!("hostile = true\n{odd}")).is_ok());
    }

    #[test]
    fn an_account_is_assigned_by_a_name_that_only_it_has() {
        let twin = "[[account]]\nid = \"000000000002\"\nname = \"only\"\nemail = \"x@y\"\n[[permission_set]]";
        let text = SMALL.replace("[[permission_set]]", twin);
        let error = parse(&text).unwrap_err().to_string();
        assert!(
            error.contains(
                "line 23, assignment.accounts: \"only\" is the name of several accounts: use the id"
            ),
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
            error("91d").contains("session_duration: 91d is outside 15m to 90d "),
            "{}",
            error("91d")
        );
        assert!(error("90s").contains("90s is outside 15m"), "{}", error("90s"));
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
        let readme = include_str!("../../README.md");
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
}
