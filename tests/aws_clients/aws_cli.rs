//! The AWS CLI 2: the one that the system's packages bring, whatever its version, and the one of Debian 13.

use std::ffi::OsString;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use harness::{Process, Programs, aws_cli, write_service_models};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::assume_role::assert_is_log_reader;
use super::cache_files;
use super::client::Client;
use super::surroundings::{
    ACCOUNT, CHAINED_PROFILE, CHAINED_ROLE, DEADLINE, PERMISSION_SET, PROFILE, Surroundings,
    assert_is_read_only_in_dev,
};
use super::table::compare_operations;

/// The version is asked for once.
static OF_THIS_SYSTEM: OnceCell<AwsCli> = OnceCell::const_new();

/// A version of the AWS CLI, and how it is started.
#[derive(Clone, Debug)]
pub struct AwsCli {
    words: Vec<OsString>,
    environment: Vec<(&'static str, PathBuf)>,
    version: [u32; 3],
}

impl AwsCli {
    /// The package's, or else the one of AWS's own installer.
    pub async fn of_this_system(surroundings: &Surroundings) -> Result<AwsCli> {
        let found = OF_THIS_SYSTEM.get_or_try_init(async || {
            let aws = AwsCli::asked_for_its_version(surroundings, vec![aws_cli()?.into()], vec![]).await?;
            ensure!(
                aws.version[0] == 2,
                "the AWS CLI here has version {:?}, not 2",
                aws.version
            );
            Ok(aws)
        });
        Ok(found.await?.clone())
    }

    /// The one that `cargo xtask judges` has unpacked. It runs with its own Python and its own libraries.
    pub async fn of_debian_13(surroundings: &Surroundings) -> Result<AwsCli> {
        let folder = Programs::beside_this_executable()?.unpacked("debian-13");
        let libraries = fs::read_dir(folder.join("usr/lib"))
            .context("run `cargo xtask judges`")?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.to_string_lossy().ends_with("-linux-gnu"))
            .context("a folder of libraries")?;
        let loader = fs::read_dir(&libraries)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.to_string_lossy().contains("/ld-linux-"))
            .context("a loader of programs")?;
        let words = vec![
            loader.into(),
            "--library-path".into(),
            libraries.into(),
            folder.join("usr/bin/python3").into(),
            folder.join("usr/bin/aws").into(),
        ];
        let home_of_python = vec![("PYTHONHOME", folder.join("usr"))];
        AwsCli::asked_for_its_version(surroundings, words, home_of_python).await
    }

    async fn asked_for_its_version(
        surroundings: &Surroundings,
        words: Vec<OsString>,
        environment: Vec<(&'static str, PathBuf)>,
    ) -> Result<AwsCli> {
        let mut aws = AwsCli {
            words,
            environment,
            version: [0; 3],
        };
        let mut command = aws.start_of_command(surroundings)?;
        command.arg("--version");
        let finished = surroundings.run(command).await?.expect_code(0)?;
        aws.version = version(&finished.stdout)?;
        Ok(aws)
    }

    /// The AWS CLI with these arguments, led to the emulator: by variables, which it obeys since 2.13, or before that
    /// by service models in which each endpoint is the emulator's.
    pub fn command(&self, surroundings: &Surroundings, arguments: &[&str]) -> Result<Command> {
        let mut command = self.start_of_command(surroundings)?;
        command
            .args(arguments)
            .args(["--output", "json", "--no-cli-pager"]);
        if self.version < [2, 13, 0] {
            let folder = surroundings.desktop.folder().join("models");
            write_service_models(&folder, &surroundings.endpoints())?;
            command.env("AWS_DATA_PATH", folder);
        }
        Ok(command)
    }

    fn start_of_command(&self, surroundings: &Surroundings) -> Result<Command> {
        let (program, words) = self.words.split_first().context("a program")?;
        let mut command = surroundings.command(program);
        command.args(words).envs(self.environment.iter().cloned());
        Ok(command)
    }

    /// Signs `amara` in by device code, as somebody does who reads the code and approves it elsewhere.
    async fn sign_in_by_device_code(&self, surroundings: &Surroundings, profile: &str) -> Result<()> {
        let mut words = vec!["sso", "login", "--profile", profile, "--no-browser"];
        if self.version >= [2, 22, 0] {
            words.push("--use-device-code");
        }
        let login = surroundings
            .desktop
            .start_process("aws", self.command(surroundings, &words)?)?;
        let code = printed(surroundings, &login, "a user code", user_code).await?;
        surroundings.emulator.approve(&code, "amara").await?;
        login.finished(DEADLINE).await?.expect_code(0)?;
        Ok(())
    }

    async fn json(&self, surroundings: &Surroundings, arguments: &[&str]) -> Result<Value> {
        let command = self.command(surroundings, arguments)?;
        surroundings.run(command).await?.expect_code(0)?.json()
    }
}

#[tokio::test]
async fn conforms_27_debians_aws_cli_signs_in_refreshes_and_signs_out() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let aws = AwsCli::of_this_system(&surroundings).await?;
    aws.sign_in_by_device_code(&surroundings, PROFILE).await?;
    assert_who_it_is(&aws, &surroundings).await?;
    assert_assumes_a_role(&aws, &surroundings).await?;
    list(&aws, &surroundings).await?;

    let refreshed = surroundings.calls_during(async {
        cache_files::let_token_run_out(&surroundings).await?;
        aws.json(
            &surroundings,
            &["configure", "export-credentials", "--profile", PROFILE],
        )
        .await
    });
    let (calls, exported) = refreshed.await?;
    assert_eq!(calls["CreateToken"], 1, "{calls:?}");
    assert_eq!(calls["GetRoleCredentials"], 1, "{calls:?}");
    assert_eq!(exported["Version"], 1);
    let key = exported["AccessKeyId"].as_str().unwrap_or_default();
    assert!(key.starts_with("ASIA"), "{exported}");

    assert_signs_out(&aws, &surroundings).await?;
    let records = surroundings.records().await?;
    compare_operations(&Client::AwsCli.column()?, "aws-cli/2.", &records)
}

#[tokio::test]
async fn conforms_27_debians_aws_cli_signs_in_with_a_profile_of_the_older_form() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let aws = AwsCli::of_this_system(&surroundings).await?;
    let null = "[unsettled]\nabsent_members = \"null\"\n";
    surroundings.emulator.amend_world(null).await?;
    assert_older_form(&aws, &surroundings).await
}

#[tokio::test]
async fn conforms_28_debians_aws_cli_makes_the_expected_calls_with_every_cache_file() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let aws = AwsCli::of_this_system(&surroundings).await?;
    let is_older = aws.version < [2, 25, 3];
    cache_files::judge(&surroundings, Client::AwsCli, is_older).await
}

#[tokio::test]
#[ignore = "takes Debian 13's AWS CLI: cargo xtask judges"]
async fn conforms_22_debian_13s_aws_cli_signs_in_by_pkce_and_by_device_code() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let aws = AwsCli::of_debian_13(&surroundings).await?;
    assert!(aws.version >= [2, 22, 0], "{:?} knows no PKCE", aws.version);

    surroundings.emulator.approve_automatically(Some("amara")).await?;
    let words = ["sso", "login", "--profile", PROFILE, "--no-browser"];
    let login = surroundings
        .desktop
        .start_process("aws", aws.command(&surroundings, &words)?)?;
    let address = printed(&surroundings, &login, "an address", |text| {
        let line = text.lines().find(|line| line.contains("/authorize?"))?;
        line.trim().parse().ok()
    });
    let answer = harness::follow(&address.await?).await?;
    assert_eq!(answer.status, 200, "the CLI's own page: {answer:?}");
    login.finished(DEADLINE).await?.expect_code(0)?;
    assert_who_it_is(&aws, &surroundings).await?;
    assert_assumes_a_role(&aws, &surroundings).await?;
    list(&aws, &surroundings).await?;
    cache_files::let_token_run_out(&surroundings).await?;
    assert_who_it_is(&aws, &surroundings).await?;
    assert_signs_out(&aws, &surroundings).await?;

    aws.sign_in_by_device_code(&surroundings, PROFILE).await?;
    assert_who_it_is(&aws, &surroundings).await?;
    assert_signs_out(&aws, &surroundings).await?;
    assert_older_form(&aws, &surroundings).await?;

    let [major, minor, patch] = aws.version;
    let column = super::table::Column {
        name: "Debian 13's AWS CLI",
        heading: format!("Debian 13's AWS CLI {major}.{minor}.{patch}"),
    };
    compare_operations(&column, "aws-cli/2.", &surroundings.records().await?)
}

async fn assert_who_it_is(aws: &AwsCli, surroundings: &Surroundings) -> Result<()> {
    let words = ["sts", "get-caller-identity", "--profile", PROFILE];
    let told = aws.json(surroundings, &words).await?;
    assert_is_read_only_in_dev(&json!({ "account": told["Account"], "arn": told["Arn"] }))
}

/// By hand, and by itself as a profile says: version 2.9.19 cannot do that with a source profile that has an sso-session.
async fn assert_assumes_a_role(aws: &AwsCli, surroundings: &Surroundings) -> Result<()> {
    let words = [
        "sts",
        "assume-role",
        "--profile",
        PROFILE,
        "--role-arn",
        CHAINED_ROLE,
    ];
    let words = [&words[..], &["--role-session-name", "judge"]].concat();
    let told = aws.json(surroundings, &words).await?;
    assert_is_log_reader(&json!("999900001111"), &told["AssumedRoleUser"]["Arn"]);
    if aws.version >= [2, 22, 0] {
        let words = ["sts", "get-caller-identity", "--profile", CHAINED_PROFILE];
        let told = aws.json(surroundings, &words).await?;
        assert_is_log_reader(&told["Account"], &told["Arn"]);
    }
    Ok(())
}

/// A profile without an sso-session: a token of eight hours, which nothing renews.
async fn assert_older_form(aws: &AwsCli, surroundings: &Surroundings) -> Result<()> {
    aws.sign_in_by_device_code(surroundings, super::surroundings::LEGACY_PROFILE)
        .await?;
    let token: Value = serde_json::from_slice(&fs::read(surroundings.legacy_token_file())?)?;
    assert_eq!(token["refreshToken"], Value::Null);
    let ends: jiff::Timestamp = token["expiresAt"].as_str().context("a time")?.parse()?;
    let left = ends.duration_since(surroundings.now().await?);
    assert!((475..=480).contains(&left.as_mins()), "{left:?}");
    let words = ["sts", "get-caller-identity", "--profile", "legacy"];
    assert_eq!(aws.json(surroundings, &words).await?["Account"], ACCOUNT);
    Ok(())
}

/// Calls the portal by hand, with the token of the file.
async fn list(aws: &AwsCli, surroundings: &Surroundings) -> Result<()> {
    let token: Value = serde_json::from_slice(&fs::read(surroundings.token_file())?)?;
    let token = token["accessToken"].as_str().context("an access token")?;
    let region = surroundings.addresses().region.as_str();
    let by_hand = ["--access-token", token, "--region", region];
    let words = [&["sso", "list-accounts", "--page-size", "1"][..], &by_hand].concat();
    let accounts = aws.json(surroundings, &words).await?;
    let accounts = accounts["accountList"].as_array().context("a list")?;
    assert!(accounts.len() > 1, "more than one page: {accounts:?}");
    let words = [
        &["sso", "list-account-roles", "--account-id", ACCOUNT][..],
        &by_hand,
    ]
    .concat();
    let roles = aws.json(surroundings, &words).await?;
    let roles = roles["roleList"].as_array().context("a list")?;
    assert!(
        roles.iter().any(|role| role["roleName"] == PERMISSION_SET),
        "{roles:?}"
    );
    Ok(())
}

async fn assert_signs_out(aws: &AwsCli, surroundings: &Surroundings) -> Result<()> {
    let logout = aws.command(surroundings, &["sso", "logout"])?;
    let (calls, finished) = surroundings.calls_during(surroundings.run(logout)).await?;
    finished.expect_code(0)?;
    assert_eq!(calls["Logout"], 1, "{calls:?}");
    assert!(!surroundings.token_file().exists(), "the token is forgotten");
    let words = ["sts", "get-caller-identity", "--profile", PROFILE];
    let refused = surroundings.run(aws.command(surroundings, &words)?).await?;
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.stderr.contains("SSO"), "{refused:?}");
    Ok(())
}

/// Waits until a running program has printed something that `find` finds.
async fn printed<T>(
    surroundings: &Surroundings,
    process: &Process,
    what: &str,
    find: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    let seen = surroundings.desktop.wait_until(what, DEADLINE, async || {
        match (find(&process.stdout()), process.ended()?) {
            (Some(found), _) => Ok(Some(found)),
            (None, None) => Ok(None),
            (None, Some(status)) => bail!("it ended: {status}"),
        }
    });
    seen.await
}

/// A line such as `BCDF-GHJK`.
fn user_code(text: &str) -> Option<String> {
    let is_code = |line: &&str| {
        line.len() == 9
            && line.split_once('-').is_some_and(|(one, other)| {
                let letters = format!("{one}{other}");
                one.len() == 4 && letters.bytes().all(|letter| letter.is_ascii_uppercase())
            })
    };
    text.lines().map(str::trim).find(is_code).map(str::to_owned)
}

/// `[2, 9, 19]` of `aws-cli/2.9.19 Python/3.11.2 …`.
fn version(text: &str) -> Result<[u32; 3]> {
    let numbers = text
        .strip_prefix("aws-cli/")
        .and_then(|rest| rest.split_whitespace().next())
        .map(|numbers| {
            numbers
                .split('.')
                .map(str::parse)
                .collect::<Result<Vec<u32>, _>>()
        });
    match numbers {
        Some(Ok(numbers)) => numbers
            .try_into()
            .map_err(|numbers| anyhow::anyhow!("{numbers:?} is no version")),
        _ => bail!("{text:?} has no version"),
    }
}
