//! AWS's own clients: as judges of the emulator, and with credentials that Portray gives.

mod assume_role;
mod at_once;
mod aws_cli;
mod boto3;
mod cache_files;
mod cli_requests;
mod client;
mod doors;
mod environment;
mod every_operation;
mod javascript;
mod lifetimes;
mod models;
mod rust;
mod surroundings;
mod table;
mod uses;

use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use harness::{Desktop, EmulatorProcess, Opener, Portray, Program};

use self::surroundings::assert_is_read_only_in_dev;

const DEADLINE: Duration = Duration::from_secs(60);

/// Prints who it is to AWS, as JSON.
const WHO_AM_I: &str = include_str!("aws_clients/who_am_i.py");

#[tokio::test]
async fn boto3_uses_a_profile_with_our_credential_process() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let opener = Opener::install(&desktop)?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    let program = portray.command(Program::Portray)?;
    let config = format!(
        "[profile dev]\nregion = eu-west-1\ncredential_process = \"{}\" credential-process --portal acme \
         --account 111122223333 --permission-set ReadOnly\n",
        program.get_program().display()
    );
    write_config(&desktop, &config)?;
    let ask = || -> Result<Command> {
        let mut command = python(&desktop, &emulator, WHO_AM_I)?;
        command.envs(portray.environment()).env("AWS_PROFILE", "dev");
        Ok(command)
    };

    let refused = desktop.run("boto3", ask()?, DEADLINE).await?.expect_code(1)?;
    assert!(
        refused.stderr.contains("portray login"),
        "the SDK passes on what to do: {refused:?}"
    );
    portray.sign_in(&emulator, "amara").await?;
    for _ in 0..2 {
        let told = desktop.run("boto3", ask()?, DEADLINE).await?.expect_code(0)?;
        assert_is_read_only_in_dev(&told.json()?)?;
    }
    assert_eq!(
        emulator.calls("GetRoleCredentials").await?,
        1,
        "the second from memory"
    );
    assert_eq!(opener.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn h1_boto3_under_exec_uses_the_container_endpoint_whatever_else_is_set() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, "amara").await?;

    let tool = python(&desktop, &emulator, WHO_AM_I)?;
    let mut command = portray.command(Program::Portray)?;
    command.args(["exec", "--region", "eu-west-1", "acme-dev/ReadOnly", "--"]);
    command.arg(tool.get_program()).args(tool.get_args());
    for (name, value) in tool.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command
        .env("AWS_PROFILE", "somebody-elses")
        .env("AWS_ACCESS_KEY_ID", "AKIAWRONG");
    let told = desktop.run("exec", command, DEADLINE).await?.expect_code(0)?;
    let told = told.json()?;
    assert_is_read_only_in_dev(&told)?;
    assert_eq!(told["method"], "container-role");
    Ok(())
}

/// A script for Python with boto3, whose calls to AWS all go to the emulator.
fn python(desktop: &Desktop, emulator: &EmulatorProcess, script: &str) -> Result<Command> {
    let mut command = desktop.python()?;
    command.args(["-c", script]);
    let endpoint = emulator.addresses().base_url.as_str().trim_end_matches('/');
    for service in ["STS", "SSO", "SSO_OIDC"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), endpoint);
    }
    // Should a test be wrong, nothing beyond this machine is asked.
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    Ok(command)
}

fn write_config(desktop: &Desktop, config: &str) -> Result<()> {
    let folder = desktop.home().join(".aws");
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join("config"), config)?)
}
