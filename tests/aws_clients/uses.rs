//! Which program was handed credentials: AWS's own clients, and what Portray wrote down of them.

use anyhow::{Context, Result};
use harness::{Portray, Program};
use serde_json::Value;

use super::client::{Client, python};
use super::doors::{below, signed_in};
use super::surroundings::{ACCOUNT, DEADLINE, PERMISSION_SET, Surroundings, assert_is_read_only_in_dev};

const USES: &str = include_str!("uses.py");

/// The only use that there is through this door, once it is written down.
async fn the_use(surroundings: &Surroundings, portray: &Portray<'_>, door: &str) -> Result<Value> {
    let what = format!("a use through {door}");
    let written = async || {
        let listed = portray.run(&["uses", "--json"]).await?.expect_code(0)?.json()?;
        let uses = listed["uses"].as_array().context("uses")?;
        let found: Vec<_> = uses.iter().filter(|used| used["door"] == door).collect();
        assert!(found.len() <= 1, "{listed:#}");
        Ok(found.first().copied().cloned())
    };
    let used = surroundings.desktop.wait_until(&what, DEADLINE, written).await?;
    assert_eq!(used["account"], ACCOUNT, "{used}");
    assert_eq!(used["account_name"], "acme-dev", "{used}");
    assert_eq!(used["permission_set"], PERMISSION_SET, "{used}");
    assert_eq!(used["outcome"], "handed_out", "{used}");
    assert!(used["consumer"].is_string(), "{used}");
    Ok(used)
}

fn name_of(used: &Value) -> &str {
    used["program"]["name"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn a6_the_aws_cli_and_boto3_are_named_with_their_process_and_the_door() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let portray = signed_in(&surroundings).await?;

    let mut asks = Client::AwsCli.without_profile(&surroundings).await?;
    asks.envs(portray.environment()).env("AWS_PROFILE", "portray");
    let aws = surroundings.desktop.start_process("aws", asks)?;
    let told = aws.finished(DEADLINE).await?.expect_code(0)?;
    assert_is_read_only_in_dev(&Client::AwsCli.told(&told)?)?;
    let used = the_use(&surroundings, &portray, "credential_process").await?;
    assert_eq!(used["program"]["pid"], aws.id(), "{used}");
    assert_eq!(name_of(&used), "aws", "{used}");
    let executable = used["program"]["executable"].as_str().context("a path")?;
    assert!(
        executable.contains("python") || executable.ends_with("aws"),
        "{used}"
    );

    let target = format!("{ACCOUNT}/{PERMISSION_SET}");
    for (door, words) in [
        ("exec", &["exec", "--region", "eu-west-1", &target, "--"][..]),
        (
            "exec_env",
            &["exec", "--env", "--region", "eu-west-1", &target, "--"],
        ),
    ] {
        let mut asks = python(&surroundings, USES)?;
        asks.envs(portray.environment());
        let told = surroundings
            .run(below(&portray, words, &asks)?)
            .await?
            .expect_code(0)?
            .json()?;
        assert!(
            told["before"].as_str().is_some_and(|arn| arn.ends_with("/amara")),
            "{told}"
        );
        let used = the_use(&surroundings, &portray, door).await?;
        assert_eq!(used["program"]["pid"], told["pid"], "{used}");
        assert!(name_of(&used).starts_with("python"), "{used}");
        let executable = used["program"]["executable"].as_str().context("a path")?;
        assert!(executable.contains("python"), "{used}");
        assert_eq!(used["launch"].is_string(), door == "exec", "{used}");
    }
    Ok(())
}

#[tokio::test]
async fn a6_a_launch_that_is_revoked_gets_nothing_more_while_its_boto3_program_runs() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let portray = signed_in(&surroundings).await?;
    let mut asks = python(&surroundings, USES)?;
    asks.arg(portray.command(Program::Portray)?.get_program());
    asks.envs(portray.environment());
    let target = format!("{ACCOUNT}/{PERMISSION_SET}");
    let words = ["exec", "--region", "eu-west-1", &target, "--"];
    let told = surroundings
        .run(below(&portray, &words, &asks)?)
        .await?
        .expect_code(0)?
        .json()?;

    assert!(
        told["before"].as_str().is_some_and(|arn| arn.ends_with("/amara")),
        "{told}"
    );
    assert_eq!(told["launch"]["program"]["pid"], told["pid"], "{told}");
    assert_eq!(told["launch"]["door"], "exec");
    let said = told["said"].as_str().context("words")?;
    assert!(said.contains("stays valid at AWS until it expires"), "{said}");
    let after = told["after"].as_str().context("an error")?;
    assert!(
        after.contains("403") && after.contains("revoked this launch"),
        "{after}"
    );

    let another = surroundings
        .run(below(&portray, &words, &python(&surroundings, USES)?)?)
        .await?;
    let another = another.expect_code(0)?.json()?;
    assert!(
        another["before"]
            .as_str()
            .is_some_and(|arn| arn.ends_with("/amara")),
        "{another}"
    );
    Ok(())
}
