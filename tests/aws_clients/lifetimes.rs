//! A program that runs for longer than any credentials live, through every door that stays fresh.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, FakeTime, Portray, Process, Program};
use serde_json::Value;

use super::client::python;
use super::doors::{REGION, below, served_variables, signed_in_with};
use super::surroundings::{DEADLINE, Surroundings};

const LIFETIMES: &str = include_str!("lifetimes.py");

/// The permission set of the demo company whose credentials live for an hour, and the account where `amara` has it.
const SANDBOX: &str = "012345678901";
const HOURLY: &str = "AdministratorAccess";

const LIFE: Duration = Duration::from_secs(3600);

/// How often the program calls AWS.
const PAUSE: Duration = Duration::from_secs(600);

/// More than three lives, however early they are renewed.
const CALLS: u32 = 24;

const RENEWALS: usize = 3;

#[tokio::test]
async fn h5_a_boto3_program_runs_for_four_hours_through_a_profile_without_an_error() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    let program = portray.command(Program::Portray)?;
    let config = story.desktop().home().join(".aws/config");
    let written = std::fs::read_to_string(&config)?;
    let profile = format!(
        "\n[profile sandbox]\nregion = {REGION}\ncredential_process = \"{}\" credential-process --portal acme \
         --account {SANDBOX} --permission-set {HOURLY}\n",
        program.get_program().display()
    );
    std::fs::write(&config, written + &profile)?;
    let mut asks = story.program()?;
    asks.envs(portray.environment()).env("AWS_PROFILE", "sandbox");
    story.lasts(asks).await
}

#[tokio::test]
async fn h5_a_boto3_program_runs_for_four_hours_below_exec_without_an_error() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    let target = format!("{SANDBOX}/{HOURLY}");
    let exec = ["exec", "--region", REGION, &target, "--"];
    let asks = below(&portray, &exec, &story.program()?)?;
    story.lasts(asks).await
}

#[tokio::test]
async fn h5_a_boto3_program_runs_for_four_hours_beside_serve_without_an_error() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    let target = format!("{SANDBOX}/{HOURLY}");
    let serving = portray.start(&["serve", &target, "--json"])?;
    let mut asks = story.program()?;
    for (name, value) in served_variables(&story.surroundings, &serving).await? {
        asks.env(name, value.as_str().context("a text")?);
    }
    asks.env("AWS_REGION", REGION).env("AWS_DEFAULT_REGION", REGION);
    story.lasts(asks).await
}

/// A machine on which everything but the emulator lives by a clock of its own, and the emulator's is moved along.
struct Story {
    time: FakeTime,
    surroundings: Surroundings,
}

impl Story {
    async fn begin() -> Result<Story> {
        let surroundings = Surroundings::new().await?;
        let time = FakeTime::on(&surroundings.desktop)?;
        Ok(Story { time, surroundings })
    }

    /// Portray with an agent that lives by the story's clock, as do its other programs.
    async fn sign_in(&self) -> Result<Portray<'_>> {
        signed_in_with(&self.surroundings, &self.time.variables()?).await
    }

    fn desktop(&self) -> &Desktop {
        &self.surroundings.desktop
    }

    /// The pipe through which the program is told to call AWS.
    fn pipe(&self) -> PathBuf {
        self.desktop().folder().join("calls")
    }

    /// The program, which decides by this clock when it wants new credentials.
    fn program(&self) -> Result<Command> {
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mkfifoat(rustix::fs::CWD, self.pipe(), mode)?;
        let mut command = python(&self.surroundings, LIFETIMES)?;
        command.arg(self.pipe());
        self.time.apply(&mut command)?;
        Ok(command)
    }

    /// Runs the program, and lets four hours pass.
    async fn lasts(&self, program: Command) -> Result<()> {
        let emulator = &self.surroundings.emulator;
        let before = [
            emulator.calls("Authorize").await?,
            emulator.calls("CreateToken").await?,
        ];
        let process = self.desktop().start_process("boto3", program)?;
        // Both ends, so that neither opening nor writing waits for the program.
        let mut pipe = File::options().read(true).write(true).open(self.pipe())?;
        let mut keys = BTreeSet::new();
        for number in 0..CALLS {
            pipe.write_all(b"call\n")?;
            let told = self.answer(&process, usize::try_from(number)?).await?;
            let arn = told["arn"].as_str().unwrap_or_default();
            ensure!(arn.ends_with("/amara"), "call {number}: {told}");
            keys.insert(told["key"].as_str().context("a key")?.to_owned());
            emulator.advance(PAUSE).await?;
            self.time
                .set_seconds_ahead(i64::try_from((PAUSE * (number + 1)).as_secs())?)?;
        }
        assert!(PAUSE * CALLS > LIFE * u32::try_from(RENEWALS)?);
        ensure!(keys.len() > RENEWALS, "the program used {keys:?}");
        let issued = emulator.calls("GetRoleCredentials").await?;
        ensure!(
            usize::try_from(issued)? >= keys.len(),
            "{issued} were issued for {keys:?}"
        );
        // Tokens live for an hour too: they were renewed whenever one had run out, and nobody was asked.
        assert_eq!(emulator.calls("Authorize").await?, before[0]);
        ensure!(emulator.calls("CreateToken").await? >= before[1] + 2);
        assert_eq!(process.ended()?, None);
        Ok(())
    }

    /// What the program has printed after so many others.
    async fn answer(&self, process: &Process, number: usize) -> Result<Value> {
        let printed = async || {
            let whole = process.stdout();
            let lines = whole.rsplit_once('\n').map_or("", |(lines, _)| lines);
            if let Some(line) = lines.lines().nth(number) {
                return Ok(Some(serde_json::from_str(line)?));
            }
            ensure!(process.ended()?.is_none(), "it has ended: {}", process.stderr());
            Ok(None)
        };
        let what = format!("answer {number}");
        self.desktop().wait_until(&what, DEADLINE, printed).await
    }
}
