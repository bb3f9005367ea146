//! How long a tool waits for credentials: Portray's answer to an SDK beside that of the AWS CLI.

use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Desktop, EmulatorAddresses, EmulatorProcess, Portray, Program, aws_cli, write_service_models};

use crate::figure::{Durations, Figure, stopwatch};

const RUNS: usize = 30;
const USER: &str = "amara";
const DEADLINE: Duration = Duration::from_secs(60);

/// Signs in as `aws sso login` does, and leaves the token where the AWS CLI looks for it.
const SIGN_IN: &str = include_str!("../aws_clients/sign_in.py");

/// Both tools are signed in to the same Identity Center and have the credentials of the same role at hand: Portray in
/// its agent's memory, the AWS CLI in its cache on disk.
pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, USER).await?;
    sign_in_to_aws_cli(&desktop, &emulator).await?;
    let aws = aws_cli()?;
    let models = desktop.folder().join("models");
    write_service_models(&models, &endpoints(emulator.addresses()))?;

    let ours = || -> Result<Command> {
        let mut command = portray.command(Program::Portray)?;
        let role = [
            "--portal",
            "acme",
            "--account",
            "111122223333",
            "--permission-set",
            "ReadOnly",
        ];
        command.arg("credential-process").args(role);
        Ok(command)
    };
    let theirs = || -> Result<Command> {
        let mut command = desktop.system_command(&aws.to_string_lossy());
        command.args(["configure", "export-credentials", "--format", "process"]);
        command.args(["--profile", "dev"]).env("AWS_DATA_PATH", &models);
        with_endpoints(&mut command, emulator.addresses());
        Ok(command)
    };
    // What fills the caches is not counted.
    time(ours()?)?;
    time(theirs()?)?;
    let (mut our_times, mut their_times) = (Durations::default(), Durations::default());
    for _ in 0..RUNS {
        our_times.add(time(ours()?)?);
        their_times.add(time(theirs()?)?);
    }
    portray.run(&["agent", "stop"]).await?;
    let ratio = their_times.median().as_secs_f64() / our_times.median().as_secs_f64();
    Ok(vec![
        Figure::new("`portray credential-process`, warm agent", our_times.in_words()),
        Figure::new(
            "`aws configure export-credentials`, warm cache",
            format!("{}: {ratio:.0} times as long", their_times.in_words()),
        ),
    ])
}

async fn sign_in_to_aws_cli(desktop: &Desktop, emulator: &EmulatorProcess) -> Result<()> {
    let EmulatorAddresses {
        start_url, region, ..
    } = emulator.addresses();
    let config = format!(
        "[sso-session acme]\nsso_start_url = {start_url}\nsso_region = {region}\n\
         sso_registration_scopes = sso:account:access\n\n\
         [profile dev]\nsso_session = acme\nsso_account_id = 111122223333\nsso_role_name = ReadOnly\n\
         region = {region}\n"
    );
    std::fs::create_dir_all(desktop.home().join(".aws"))?;
    std::fs::write(desktop.home().join(".aws/config"), config)?;
    let mut command = desktop.python()?;
    with_endpoints(&mut command, emulator.addresses());
    command.args(["-c", SIGN_IN, "acme", start_url.as_str(), region]);
    let sign_in = desktop.start_process("boto3", command)?;
    emulator
        .approve(&sign_in.first_line(DEADLINE).await?, USER)
        .await?;
    sign_in.finished(DEADLINE).await?.expect_code(0)?;
    Ok(())
}

fn with_endpoints(command: &mut Command, addresses: &EmulatorAddresses) {
    for (service, url) in endpoints(addresses) {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), url);
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
}

/// Where each service is, by its name in the variables.
fn endpoints(addresses: &EmulatorAddresses) -> [(&'static str, String); 3] {
    let base = addresses.base_url.as_str().trim_end_matches('/');
    ["SSO", "SSO_OIDC", "STS"].map(|service| (service, base.to_owned()))
}

/// How long `command` takes from its start to its end.
fn time(mut command: Command) -> Result<Duration> {
    command.stdin(Stdio::null());
    let watch = stopwatch();
    let output = command.output()?;
    let took = watch.elapsed();
    ensure!(
        output.status.success() && !output.stdout.is_empty(),
        "it failed: {output:?}"
    );
    Ok(took)
}
