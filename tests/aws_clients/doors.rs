//! Every door through which Portray hands out credentials, and whether each of AWS's clients comes through it.

use std::process::Command;

use anyhow::{Context, Result};
use futures_util::future::try_join_all;
use harness::{Finished, Portray, Process, Program};
use serde_json::Value;

use super::client::Client;
use super::surroundings::{ACCOUNT, DEADLINE, PERMISSION_SET, Surroundings, assert_is_read_only_in_dev};
use super::table::{OF_PORTRAY, compare};

/// What the table says where a client got the credentials that it was to get.
const WORKS: &str = "✓";

pub const REGION: &str = "eu-west-1";

/// How many programs a build starts at once.
const MANY: usize = 100;

/// So many of them at the same moment; more would only wait for a processor.
const AT_ONCE: usize = 20;

/// A way in which credentials come to a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Door {
    Profile,
    Exec,
    ExecWithVariables,
    Served,
    Evaluated,
}

impl Door {
    const ALL: [Door; 5] = [
        Door::Profile,
        Door::Exec,
        Door::ExecWithVariables,
        Door::Served,
        Door::Evaluated,
    ];

    /// Its row in the table.
    fn row(self) -> &'static str {
        match self {
            Door::Profile => "profile with `credential_process`",
            Door::Exec => "`portray exec`",
            Door::ExecWithVariables => "`portray exec --env`",
            Door::Served => "`portray serve`",
            Door::Evaluated => "`eval \"$(portray env …)\"`",
        }
    }
}

#[tokio::test]
async fn every_client_comes_through_every_door_and_aws_is_asked_once() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let portray = signed_in(&surroundings).await?;
    for client in Client::ALL {
        let mut cells = Vec::new();
        for door in Door::ALL {
            let finished = through(door, &portray, &surroundings, client).await?;
            let told = client.told(&finished.expect_code(0)?)?;
            assert_is_read_only_in_dev(&told).with_context(|| format!("{client:?} {door:?}"))?;
            cells.push((door.row(), WORKS.to_owned()));
        }
        compare((OF_PORTRAY, "doors"), &client.column()?, &cells)?;
    }
    assert_eq!(surroundings.emulator.calls("GetRoleCredentials").await?, 1);
    Ok(())
}

#[tokio::test]
async fn a3_a_hundred_aws_commands_of_a_build_ask_aws_once() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let portray = signed_in(&surroundings).await?;
    for _ in 0..MANY / AT_ONCE {
        let all = (0..AT_ONCE).map(async |_| {
            let finished = through(Door::Profile, &portray, &surroundings, Client::AwsCli).await?;
            assert_is_read_only_in_dev(&Client::AwsCli.told(&finished.expect_code(0)?)?)
        });
        try_join_all(all).await?;
    }
    assert_eq!(surroundings.emulator.calls("GetRoleCredentials").await?, 1);
    Ok(())
}

/// Portray as `amara` has it, and the profile that leads to it.
pub async fn signed_in(surroundings: &Surroundings) -> Result<Portray<'_>> {
    signed_in_with(surroundings, &[]).await
}

/// The same with variables for every program of Portray.
pub async fn signed_in_with<'desktop>(
    surroundings: &'desktop Surroundings,
    variables: &[(&str, String)],
) -> Result<Portray<'desktop>> {
    let mut portray = Portray::with_emulator(&surroundings.desktop, surroundings.addresses())
        .with_variable("PORTRAY_SECRET_STORE", "memory");
    for (name, value) in variables {
        portray = portray.with_variable(name, value);
    }
    portray.add_portal("acme", surroundings.addresses()).await?;
    portray.sign_in(&surroundings.emulator, "amara").await?;
    let program = portray.command(Program::Portray)?;
    let profile = format!(
        "\n[profile portray]\nregion = {REGION}\ncredential_process = \"{}\" credential-process --portal acme \
         --account {ACCOUNT} --permission-set {PERMISSION_SET}\n",
        program.get_program().display()
    );
    let config = surroundings.desktop.home().join(".aws/config");
    let written = std::fs::read_to_string(&config)?;
    std::fs::write(&config, written + &profile)?;
    Ok(portray)
}

/// A client that asks who it is, with credentials that come through this door.
async fn through(
    door: Door,
    portray: &Portray<'_>,
    surroundings: &Surroundings,
    client: Client,
) -> Result<Finished> {
    let target = format!("{ACCOUNT}/{PERMISSION_SET}");
    let mut asks = client.without_profile(surroundings).await?;
    asks.envs(portray.environment());
    match door {
        Door::Profile => {
            asks.env("AWS_PROFILE", "portray");
            surroundings.run(asks).await
        }
        Door::Exec => {
            let exec = ["exec", "--region", REGION, &target, "--"];
            surroundings.run(below(portray, &exec, &asks)?).await
        }
        Door::ExecWithVariables => {
            let exec = ["exec", "--env", "--region", REGION, &target, "--"];
            surroundings.run(below(portray, &exec, &asks)?).await
        }
        Door::Served => {
            let serving = portray.start(&["serve", &target, "--json"])?;
            for (name, value) in served_variables(surroundings, &serving).await? {
                asks.env(name, value.as_str().context("a text")?);
            }
            asks.env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
            surroundings.run(asks).await
        }
        Door::Evaluated => {
            let script =
                format!("eval \"$(\"$0\" env {target} --region {REGION} --shell bash)\"; exec \"$@\"");
            let program = portray.command(Program::Portray)?;
            let mut shell = surroundings.desktop.system_command("sh");
            shell.arg("-c").arg(script).arg(program.get_program());
            with_words_of(&mut shell, &asks);
            surroundings.run(shell).await
        }
    }
}

/// A command of `portray` that runs another one.
pub fn below(portray: &Portray<'_>, arguments: &[&str], asks: &Command) -> Result<Command> {
    let mut command = portray.command(Program::Portray)?;
    command.args(arguments);
    with_words_of(&mut command, asks);
    Ok(command)
}

fn with_words_of(command: &mut Command, asks: &Command) {
    command.arg(asks.get_program()).args(asks.get_args());
    for (name, value) in asks.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
}

/// What `serve` has printed.
pub async fn served_variables(
    surroundings: &Surroundings,
    serving: &Process,
) -> Result<serde_json::Map<String, Value>> {
    let printed = async || Ok(serving.stdout().lines().next().map(str::to_owned));
    let line = surroundings
        .desktop
        .wait_until("serve to serve", DEADLINE, printed)
        .await?;
    Ok(serde_json::from_str(&line)?)
}
