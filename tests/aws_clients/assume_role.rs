//! AssumeRole of the emulator, judged by boto3 and by the AWS CLI, which also does it by itself for a profile.

use std::process::Command;

use anyhow::{Context, Result};
use harness::aws_cli;
use serde_json::{Value, json};

use super::client::{Client, python};
use super::surroundings::{CHAINED_PROFILE, DEADLINE, Surroundings};

const ROLE: &str = "arn:aws:iam::666677778888:role/ReleaseManager";
const EXTERNAL_ID: &str = "acme-releases";
const BOTO3: &str = include_str!("assume_role.py");

/// Signs in, and has a client assume a role by itself, as its profile says.
pub async fn signs_in_and_assumes_a_role(surroundings: &Surroundings, client: Client) -> Result<()> {
    let sign_in = surroundings.sign_in().await?;
    let ends = surroundings.now().await? + jiff::SignedDuration::from_hours(1);
    let token = surroundings.token(&sign_in, ends)?;
    surroundings.keep_only(&surroundings.token_file(), &token)?;
    let command = client.who_am_i(surroundings, CHAINED_PROFILE).await?;
    let told = client.told(&surroundings.run(command).await?.expect_code(0)?)?;
    assert_is_log_reader(&told["account"], &told["arn"]);
    Ok(())
}

/// Who the profile of a role makes of its holder.
pub fn assert_is_log_reader(account: &Value, arn: &Value) {
    let expected = "arn:aws:sts::999900001111:assumed-role/LogReader/judge";
    assert_eq!((account, arn), (&json!("999900001111"), &json!(expected)));
}

/// The variables with role credentials of a deployer.
async fn deployer(surroundings: &Surroundings) -> Result<Vec<(&'static str, String)>> {
    let wanted = json!({ "user": "amara", "account": "444455556666", "permission_set": "Deployer" });
    let keys = surroundings.emulator.tell("credentials", &wanted).await?;
    let text = |name: &str| keys[name].as_str().map(str::to_owned).context("a text");
    Ok(vec![
        ("AWS_ACCESS_KEY_ID", text("accessKeyId")?),
        ("AWS_SECRET_ACCESS_KEY", text("secretAccessKey")?),
        ("AWS_SESSION_TOKEN", text("sessionToken")?),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_DEFAULT_REGION", "eu-west-1".to_owned()),
    ])
}

async fn told(surroundings: &Surroundings, mut command: Command) -> Result<Value> {
    command.envs(deployer(surroundings).await?);
    let finished = surroundings.desktop.run("client", command, DEADLINE).await?;
    finished.expect_code(0)?.json()
}

#[tokio::test]
async fn conforms_19_boto3_assumes_a_role_and_knows_every_refusal() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let mut script = python(&surroundings, BOTO3)?;
    script.args([ROLE, EXTERNAL_ID]);
    let told = told(&surroundings, script).await?;
    let expected = json!({
        "arn": "arn:aws:sts::666677778888:assumed-role/ReleaseManager/judge",
        "sameArn": true,
        "sameId": true,
        "packed": 0,
        "zone": 0.0,
        "otherId": "AccessDenied",
        "otherRole": "AccessDenied",
        "tooLong": "ValidationError",
        "noName": "ValidationError",
        "twice": "ValidationError",
    });
    assert_eq!(told, expected);
    Ok(())
}

#[tokio::test]
async fn conforms_19_the_aws_cli_assumes_a_role() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let models = surroundings.desktop.folder().join("models");
    harness::write_service_models(&models, &surroundings.endpoints())?;
    let mut command = surroundings.command(aws_cli()?);
    command.env("AWS_DATA_PATH", models);
    command.args([
        "sts",
        "assume-role",
        "--role-arn",
        ROLE,
        "--role-session-name",
        "judge",
    ]);
    command.args([
        "--external-id",
        EXTERNAL_ID,
        "--tags",
        "Key=Team,Value=blue",
        "--output",
        "json",
    ]);
    let told = told(&surroundings, command).await?;
    let role = &told["AssumedRoleUser"];
    assert_eq!(
        role["Arn"],
        "arn:aws:sts::666677778888:assumed-role/ReleaseManager/judge"
    );
    assert!(
        role["AssumedRoleId"]
            .as_str()
            .is_some_and(|id| id.ends_with(":judge")),
        "{told}"
    );
    Ok(())
}
