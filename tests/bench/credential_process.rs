//! How long a tool waits for credentials: Portray's answer to an SDK beside those of others, and beside the least that
//! a process can do for it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{
    Desktop, EmulatorAddresses, EmulatorProcess, Portray, Program, Programs, aws_cli, write_service_models,
};
use portray_core::agent::protocol::{Asker, Operation, RequestLine, Target, VERSION};
use portray_core::uses::Door;

use crate::figure::{Durations, Figure, stopwatch};

/// Of programs that take milliseconds, of those that take a second, and of questions over a socket.
const RUNS: usize = 300;
const SLOW_RUNS: usize = 30;
const QUESTIONS: usize = 1_000;

const USER: &str = "amara";
const ACCOUNT: &str = "111122223333";
const PERMISSION_SET: &str = "ReadOnly";
const DEADLINE: Duration = Duration::from_secs(60);

/// Signs in as `aws sso login` does, and leaves the token where the AWS CLI and its like look for it.
const SIGN_IN: &str = include_str!("../aws_clients/sign_in.py");

/// A tool, what it is called in the table, and how long its runs took.
type Contender<'run> = (&'static str, Box<dyn Fn() -> Result<Command> + 'run>, Durations);

/// All are signed in to the same Identity Center and have the credentials of the same role at hand: Portray in its
/// agent's memory, the others in their caches on disk.
pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, USER).await?;
    sign_in_elsewhere(&desktop, &emulator).await?;
    let (aws, programs) = (aws_cli()?, Programs::beside_this_executable()?);
    let models = desktop.folder().join("models");
    write_service_models(&models, &endpoints(emulator.addresses()))?;
    let peer = programs.peer("aws-sso-util")?;
    let socket = desktop.portray_home().join("run/agent.sock");
    let request = request(Asker::through(Door::CredentialProcess))?;

    let ours = || -> Result<Command> {
        let mut command = portray.command(Program::Portray)?;
        command.args(["credential-process", "--portal", "acme"]);
        command.args(["--account", ACCOUNT, "--permission-set", PERMISSION_SET]);
        Ok(command)
    };
    let least = || -> Result<Command> {
        let mut command = desktop.system_command(&programs.beside("least").to_string_lossy());
        command.arg(&socket).arg(&request);
        Ok(command)
    };
    let of_aws = || -> Result<Command> {
        let mut command = desktop.system_command(&aws.to_string_lossy());
        command.args(["configure", "export-credentials", "--format", "process"]);
        command.args(["--profile", "dev"]).env("AWS_DATA_PATH", &models);
        with_endpoints(&mut command, emulator.addresses());
        Ok(command)
    };
    let of_peer = || -> Result<Command> {
        let mut command = desktop.system_command(&peer.to_string_lossy());
        let EmulatorAddresses {
            start_url, region, ..
        } = emulator.addresses();
        command.args(["credential-process", "--sso-start-url", start_url.as_str()]);
        command.args([
            "--sso-region",
            region,
            "--account-id",
            ACCOUNT,
            "--role-name",
            PERMISSION_SET,
        ]);
        with_endpoints(&mut command, emulator.addresses());
        Ok(command)
    };
    let mut quick: [Contender<'_>; 2] = [
        (
            "`portray credential-process`, warm agent",
            Box::new(ours),
            Durations::default(),
        ),
        (
            "a program that asks the agent and prints, no more",
            Box::new(least),
            Durations::default(),
        ),
    ];
    let mut slow: [Contender<'_>; 2] = [
        (
            "`aws configure export-credentials`, warm cache",
            Box::new(of_aws),
            Durations::default(),
        ),
        (
            "`aws-sso-util credential-process`, warm cache",
            Box::new(of_peer),
            Durations::default(),
        ),
    ];
    race(&mut quick, RUNS)?;
    race(&mut slow, SLOW_RUNS)?;
    let record = record(&socket)?;
    portray.run(&["agent", "stop"]).await?;
    Ok(figures(&quick, &slow).into_iter().chain([record]).collect())
}

/// In turn, so that nobody has the quiet moments. The first round fills caches and is not counted.
fn race(contenders: &mut [Contender<'_>], runs: usize) -> Result<()> {
    for round in 0..=runs {
        for (_, command, times) in &mut *contenders {
            let took = time(command()?)?;
            if round > 0 {
                times.add(took);
            }
        }
    }
    Ok(())
}

/// The first of the quick ones is Portray, the second the least.
fn figures(quick: &[Contender<'_>], slow: &[Contender<'_>]) -> Vec<Figure> {
    let of = |(_, _, times): &Contender<'_>| times.median().as_secs_f64();
    let [ours, least] = [0, 1].map(|index| quick.get(index).map_or(0.0, of));
    let figures = quick.iter().chain(slow).enumerate().map(|(index, contender)| {
        let (what, _, times) = contender;
        let beside = match index {
            0 => format!("{:.2} times the least", ours / least),
            _ => format!("{:.2} times Portray's", of(contender) / ours),
        };
        Figure::new(*what, format!("{}, {beside}", times.in_words()))
    });
    figures.collect()
}

/// What the record of uses adds to an answer from memory: the same question over a new connection, as a helper asks it;
/// through a door where no program is looked for; and a question that nothing is written down about.
fn record(socket: &Path) -> Result<Figure> {
    let hello = Operation::Hello {
        version: env!("CARGO_PKG_VERSION").to_owned(),
    };
    let questions = [
        request(Asker::through(Door::CredentialProcess))?,
        request(Asker::through(Door::Exec))?,
        line(hello)?,
    ];
    let mut times = questions.map(|question| (question, Durations::default()));
    for _ in 0..QUESTIONS {
        for (question, times) in &mut times {
            times.add(ask(socket, question)?);
        }
    }
    let [whole, nobody, hello] = times.map(|(_, times)| times.median().as_micros());
    Ok(Figure::new(
        "a question to the agent over a new connection, and what finding out who asks is of it",
        format!(
            "{whole} µs, of which {} µs; a greeting takes {hello} µs",
            whole.saturating_sub(nobody)
        ),
    ))
}

/// How long one answer takes.
fn ask(socket: &Path, question: &str) -> Result<Duration> {
    let watch = stopwatch();
    let mut agent = UnixStream::connect(socket)?;
    agent.write_all(format!("{question}\n").as_bytes())?;
    let mut answer = String::new();
    BufReader::new(agent).read_line(&mut answer)?;
    let took = watch.elapsed();
    ensure!(!answer.contains("problem"), "the agent refuses");
    Ok(took)
}

/// What a helper asks.
fn request(asker: Asker) -> Result<String> {
    line(Operation::Credentials {
        role: Target::Role {
            portal: Some("acme".to_owned()),
            portal_region: None,
            account: ACCOUNT.to_owned(),
            permission_set: PERMISSION_SET.to_owned(),
        },
        min_ttl_seconds: 0,
        asker,
    })
}

fn line(operation: Operation) -> Result<String> {
    Ok(serde_json::to_string(&RequestLine {
        v: VERSION,
        operation,
    })?)
}

async fn sign_in_elsewhere(desktop: &Desktop, emulator: &EmulatorProcess) -> Result<()> {
    let EmulatorAddresses {
        start_url, region, ..
    } = emulator.addresses();
    // Without a session of its own, the token is found by the start URL: by both.
    let config = format!(
        "[profile dev]\nsso_start_url = {start_url}\nsso_region = {region}\n\
         sso_account_id = {ACCOUNT}\nsso_role_name = {PERMISSION_SET}\nregion = {region}\n"
    );
    std::fs::create_dir_all(desktop.home().join(".aws"))?;
    std::fs::write(desktop.home().join(".aws/config"), config)?;
    let mut command = desktop.python()?;
    with_endpoints(&mut command, emulator.addresses());
    command.args(["-c", SIGN_IN, start_url.as_str(), start_url.as_str(), region]);
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
