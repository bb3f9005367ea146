//! `portray profiles`: the real AWS CLI and boto3 find what it writes, and nothing of it is left when it is taken back.

mod crashes;
mod foreign_readers;
mod other_writers;

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Finished, Program, aws_cli, write_service_models};
use serde_json::Value;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);

const FOREIGN: &str = "# mine\n[default]\nregion = us-east-1\n\n[profile acme-dev-ReadOnly]\nregion=us-west-2\ns3 =\n  addressing_style = path\n";

const CREDENTIALS: &str = "[old]\naws_access_key_id = AKIAEXAMPLE\naws_secret_access_key = x\n";

/// A person who is signed in and has files of AWS's.
struct Person {
    story: Headless,
}

impl Person {
    async fn signed_in() -> Result<Person> {
        let person = Person {
            story: Headless::signed_in().await?,
        };
        fs::create_dir(person.folder())?;
        fs::write(person.config(), FOREIGN)?;
        fs::write(person.folder().join("credentials"), CREDENTIALS)?;
        Ok(person)
    }

    fn folder(&self) -> PathBuf {
        self.story.desktop.home().join(".aws")
    }

    fn config(&self) -> PathBuf {
        self.folder().join("config")
    }

    fn reads(&self) -> Result<String> {
        fs::read_to_string(self.config()).context("the configuration file")
    }

    /// The names in the folder of AWS's files.
    fn names(&self) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.folder())? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    async fn profiles(&self, arguments: &[&str]) -> Result<Finished> {
        let arguments = [&["profiles"], arguments].concat();
        self.story.portray().run(&arguments).await
    }

    /// Leads a client of AWS to the emulator.
    fn to_the_emulator(&self, mut command: Command) -> Result<Command> {
        let base = self.story.emulator.addresses().base_url.as_str();
        let endpoints = ["SSO", "SSO_OIDC", "STS"].map(|name| (name, base.trim_end_matches('/').to_owned()));
        let models = self.story.desktop.folder().join("models");
        write_service_models(&models, &endpoints)?;
        for (name, url) in &endpoints {
            command.env(format!("AWS_ENDPOINT_URL_{name}"), url);
        }
        for (name, value) in self.story.portray().environment() {
            command.env(name, value);
        }
        command
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_DATA_PATH", models);
        Ok(command)
    }

    async fn aws(&self, arguments: &[&str]) -> Result<Finished> {
        let program = aws_cli()?;
        let mut command =
            self.to_the_emulator(self.story.desktop.system_command(&program.to_string_lossy()))?;
        command.args(arguments);
        self.story.desktop.run("aws", command, DEADLINE).await
    }
}

#[tokio::test]
async fn c4_profiles_are_shown_written_used_by_awss_own_tools_and_taken_back() -> Result<()> {
    let person = Person::signed_in().await?;
    let plan = person
        .profiles(&["plan", "--region", "eu-west-1"])
        .await?
        .expect_code(0)?;
    assert_eq!(person.reads()?, FOREIGN, "a plan writes nothing");
    let bare = person.profiles(&["plan"]).await?.expect_code(0)?;
    let said = [&bare, &plan].map(|plan| plan.stderr.contains("name no region"));
    assert_eq!(said, [true, false], "{bare:?}");
    let added = plan
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix('+'))
        .skip(1);
    let added: Vec<_> = added.collect();

    let apply = ["apply", "--region", "eu-west-1"];
    let applied = person.profiles(&apply).await?.expect_code(0)?;
    assert_eq!(applied.stdout, plan.stdout);
    let written = person.reads()?;
    let ours: Vec<_> = written
        .strip_prefix(FOREIGN)
        .context("what was there stays")?
        .lines()
        .collect();
    assert_eq!(ours, added);
    let again = person.profiles(&apply).await?.expect_code(0)?;
    assert_eq!((again.stdout.as_str(), person.reads()?), ("", written));

    let listed = person
        .aws(&["configure", "list-profiles"])
        .await?
        .expect_code(0)?
        .stdout;
    for name in [
        "default",
        "old",
        "acme-dev-ReadOnly",
        "acme-dev-ReadOnly-111122223333",
    ] {
        assert!(listed.lines().any(|line| line == name), "{listed}");
    }
    let profile = "acme-dev-ReadOnly-111122223333";
    let identity = person
        .aws(&["sts", "get-caller-identity", "--profile", profile])
        .await?;
    assert_eq!(identity.expect_code(0)?.json()?["Account"], "111122223333");
    let mut boto3 = person.to_the_emulator(person.story.desktop.python()?)?;
    boto3
        .args(["-c", include_str!("aws_clients/who_am_i.py")])
        .env("AWS_PROFILE", profile);
    let identity = person
        .story
        .desktop
        .run("boto3", boto3, DEADLINE)
        .await?
        .expect_code(0)?
        .json()?;
    assert_eq!(identity["account"], "111122223333");
    assert_eq!(identity["method"], "custom-process");

    let removed = person.profiles(&["remove"]).await?.expect_code(0)?;
    let backup = removed
        .stderr
        .split(" is kept in ")
        .nth(1)
        .context("where the backup is")?;
    let backup = backup.lines().next().unwrap_or_default().trim_end_matches('.');
    assert_eq!(fs::read_to_string(backup)?, FOREIGN);
    assert_eq!(fs::metadata(backup)?.mode() & 0o777, 0o600);
    assert_eq!(person.reads()?, FOREIGN);
    assert_eq!(
        fs::read_to_string(person.folder().join("credentials"))?,
        CREDENTIALS
    );
    Ok(())
}

#[tokio::test]
async fn c4_aws_config_file_is_honoured_and_a_file_of_our_own_goes_again() -> Result<()> {
    let person = Person::signed_in().await?;
    let elsewhere = person.story.desktop.home().join("work/aws config");
    let portray = person
        .story
        .portray()
        .with_variable("AWS_CONFIG_FILE", &elsewhere.to_string_lossy());
    portray
        .run(&["profiles", "apply", "--json"])
        .await?
        .expect_code(0)?;
    assert_eq!(fs::metadata(&elsewhere)?.mode() & 0o777, 0o600);
    assert_eq!(person.reads()?, FOREIGN);
    portray.run(&["profiles", "remove"]).await?.expect_code(0)?;
    assert!(!elsewhere.exists());
    Ok(())
}

#[tokio::test]
async fn c4_settings_say_what_profiles_are_like_and_options_say_otherwise() -> Result<()> {
    let person = Person::signed_in().await?;
    let path = person.story.desktop.portray_home().join("settings.toml");
    let settings = fs::read_to_string(&path)?;
    let ours = "\n[profiles]\ntemplate = \"{portal}/{account_id}\"\nkind = \"sso-session\"\noutput = \"json\"\nonly = [\"*/readonly\"]\n";
    fs::write(&path, format!("{settings}{ours}"))?;
    let plan = person
        .profiles(&["plan", "--json", "--region", "eu-west-1"])
        .await?
        .expect_code(0)?
        .json()?;
    let profiles = plan["profiles"].as_array().context("profiles")?;
    ensure!(!profiles.is_empty(), "{plan:#}");
    for profile in profiles {
        assert_eq!(profile["permission_set"], "ReadOnly");
        let name = profile["name"].as_str().unwrap_or_default();
        assert_eq!(
            name,
            format!("acme/{}", profile["account"].as_str().unwrap_or_default())
        );
    }
    let diff = plan["diff"].as_str().unwrap_or_default();
    assert!(
        diff.contains("+[sso-session portray-acme]\n") && !diff.contains("credential_process"),
        "{diff}"
    );
    let otherwise = [
        "plan",
        "--json",
        "--template",
        "{account}",
        "--only",
        "*",
        "--kind",
        "credential-process",
    ];
    let plan = person.profiles(&otherwise).await?.expect_code(0)?.json()?;
    assert!(plan["profiles"].as_array().map_or(0, Vec::len) > profiles.len());
    assert!(!plan["diff"].to_string().contains("sso-session"));

    for (wrong, line) in [
        (vec!["plan", "--template", "{user}"], "{user}"),
        (vec!["plan", "--output", "xml"], "xml"),
    ] {
        let refused = person.profiles(&wrong).await?.expect_code(2)?;
        assert!(
            refused.stderr.lines().count() == 2 && refused.stderr.contains(line),
            "{refused:?}"
        );
    }
    fs::write(&path, format!("{settings}\n[profiles]\nkind = \"x\"\n"))?;
    let refused = person.profiles(&["plan"]).await?.expect_code(2)?;
    assert!(refused.stderr.contains("settings.toml, line"), "{refused:?}");
    assert_eq!(person.reads()?, FOREIGN);
    Ok(())
}

#[tokio::test]
async fn c3_a_file_that_is_unclear_is_refused_in_two_lines_and_stays() -> Result<()> {
    let person = Person::signed_in().await?;
    person.profiles(&["apply"]).await?.expect_code(0)?;
    let written = person.reads()?;
    let unbalanced = written.replace("# <<< portray profiles <<<\n", "");
    let marked = format!("\u{feff}{written}");
    for content in [unbalanced, marked] {
        fs::write(person.config(), &content)?;
        for command in ["plan", "apply", "remove"] {
            let refused = person.profiles(&[command]).await?.expect_code(1)?;
            assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
            assert_eq!(person.reads()?, content);
        }
    }
    Ok(())
}

#[tokio::test]
async fn c4_without_a_complete_list_nothing_is_taken_away() -> Result<()> {
    let story = Headless::with_portal().await?;
    let refused = story.portray().run(&["profiles", "plan"]).await?.expect_code(3)?;
    assert_eq!((refused.stdout.as_str(), refused.stderr.lines().count()), ("", 2));
    story.portray().sign_in(&story.emulator, "amara").await?;
    story
        .portray()
        .run(&["profiles", "apply"])
        .await?
        .expect_code(0)?;
    let config = story.desktop.home().join(".aws/config");
    let written = fs::read_to_string(&config)?;
    assert_eq!(fs::metadata(&config)?.mode() & 0o777, 0o600);
    // Signed out, but listed: everything stays as it is known.
    story.emulator.end_sessions("amara").await?;
    story
        .portray()
        .run(&["profiles", "apply"])
        .await?
        .expect_code(0)?;
    assert_eq!(fs::read_to_string(&config)?, written);
    // Nothing is known any more.
    story
        .portray()
        .run(&["portal", "remove", "acme"])
        .await?
        .expect_code(0)?;
    story
        .portray()
        .run(&["profiles", "apply"])
        .await?
        .expect_code(2)?;
    assert_eq!(fs::read_to_string(&config)?, written);
    story
        .portray()
        .run(&["profiles", "remove"])
        .await?
        .expect_code(0)?;
    assert!(!config.exists());
    Ok(())
}

#[tokio::test]
async fn c6_where_nothing_can_be_written_the_text_to_paste_is_offered() -> Result<()> {
    let person = Person::signed_in().await?;
    let portray = person.story.portray();
    let program = portray.command(Program::Portray)?;
    // Root writes everywhere but where nothing can be written.
    let mut command = person.story.desktop.system_command("unshare");
    command.envs(portray.environment());
    let script = "mount --bind \"$0\" \"$0\" && mount -o remount,ro,bind \"$0\" && exec \"$@\"";
    command.args(["--map-root-user", "--mount", "sh", "-c", script]);
    command
        .arg(person.folder())
        .arg(program.get_program())
        .args(["profiles", "apply"]);
    let refused = person
        .story
        .desktop
        .run("portray-read-only", command, DEADLINE)
        .await?
        .expect_code(1)?;
    assert_eq!(refused.stderr.lines().count(), 2, "{refused:?}");
    assert!(refused.stderr.contains("by hand"), "{refused:?}");
    assert_eq!(person.reads()?, FOREIGN);

    // What a person has pasted is what we would have written.
    fs::write(person.config(), format!("{FOREIGN}\n{}", refused.stdout))?;
    let plan: Value = person
        .profiles(&["plan", "--json"])
        .await?
        .expect_code(0)?
        .json()?;
    assert_eq!(plan["changed"], false, "{plan:#}");
    Ok(())
}

#[tokio::test]
async fn c6_hard_links_are_told_and_modes_stay() -> Result<()> {
    let person = Person::signed_in().await?;
    fs::set_permissions(person.config(), fs::Permissions::from_mode(0o640))?;
    fs::hard_link(person.config(), person.folder().join("twin"))?;
    let plan = person.profiles(&["plan"]).await?.expect_code(0)?;
    assert!(plan.stderr.contains("hard links"), "{plan:?}");
    let applied = person.profiles(&["apply"]).await?.expect_code(0)?;
    assert!(applied.stderr.contains("hard links"), "{applied:?}");
    assert_eq!(fs::metadata(person.config())?.mode() & 0o777, 0o640);
    assert_eq!(fs::read_to_string(person.folder().join("twin"))?, FOREIGN);
    Ok(())
}
