//! Hours later, by the wall clock: what is served is good for a while, and nobody has to sign in.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, FakeTime, Opener, Portray, Program};
use jiff::{SignedDuration, Timestamp};

/// The agent looks every 30 s, and a busy machine takes its time.
const DEADLINE: Duration = Duration::from_secs(120);

const ROLE: &str = "acme-sandbox-amara/AdministratorAccess";

/// A desktop on which emulator and agent live by a clock that the story moves.
struct Story {
    desktop: Desktop,
    opener: Opener,
    time: FakeTime,
    emulator: EmulatorProcess,
}

impl Story {
    async fn begin() -> Result<Story> {
        let desktop = Desktop::without_display().await?;
        let opener = Opener::install(&desktop)?;
        let time = FakeTime::on(&desktop)?;
        let mut command = desktop.command(Program::Emulator)?;
        time.apply(&mut command)?.args(["--world", "acme"]);
        let emulator = EmulatorProcess::start_command(&desktop, command).await?;
        Ok(Story {
            desktop,
            opener,
            time,
            emulator,
        })
    }

    /// Portray, signed in, with an agent that lives by the story's clock.
    async fn sign_in(&self) -> Result<Portray<'_>> {
        let portray = Portray::with_emulator(&self.desktop, self.emulator.addresses());
        let mut command = portray.command(Program::Portray)?;
        self.time.apply(&mut command)?.arg("agent");
        let started = self.desktop.run("agent", command, DEADLINE).await?;
        started.expect_code(0)?;
        portray.add_portal("acme", self.emulator.addresses()).await?;
        portray.sign_in(&self.emulator, "amara").await?;
        Ok(portray)
    }

    /// The time that emulator and agent see.
    async fn now(&self) -> Result<Timestamp> {
        let clock = self.emulator.read("clock").await?;
        Ok(clock["now"].as_str().context("the emulator's time")?.parse()?)
    }

    /// Waits until credentials were fetched again that nobody asked for.
    async fn renewal_by_itself(&self, before: u64) -> Result<()> {
        let renewed = async || {
            let calls = self.emulator.calls("GetRoleCredentials").await?;
            Ok((calls > before).then_some(()))
        };
        self.desktop
            .wait_until("a renewal that nobody asked for", DEADLINE, renewed)
            .await
    }

    /// How much longer the credentials are good that a tool gets now.
    async fn left_of_served(&self, portray: &Portray<'_>) -> Result<SignedDuration> {
        let served = portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
        let expiration: Timestamp = served.json()?["Expiration"]
            .as_str()
            .context("an expiration")?
            .parse()?;
        Ok(expiration.duration_since(self.now().await?))
    }
}

#[tokio::test]
async fn r1_hours_of_use_are_served_with_a_quarter_of_an_hour_left_and_no_browser() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    let minutes_between_uses = 20;
    for use_number in 0..=20 {
        let minutes = use_number * minutes_between_uses;
        story.time.set_seconds_ahead(minutes * 60)?;
        let left = story.left_of_served(&portray).await?;
        ensure!(
            left >= SignedDuration::from_mins(15),
            "after {minutes} minutes, {left} are left"
        );
    }
    let status = portray.status().await?;
    assert_eq!(status["portals"][0]["state"], "signed_in", "{status:#}");
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    assert_eq!(story.emulator.calls("Authorize").await?, 1, "the first sign-in");
    let renewals = story.emulator.calls("GetRoleCredentials").await?;
    assert!((7..=14).contains(&renewals), "{renewals} calls in seven hours");
    let counters = story.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0);
    Ok(())
}

#[tokio::test]
async fn t1_after_a_suspend_what_is_in_use_is_renewed_before_anybody_asks() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    story.left_of_served(&portray).await?;
    let before = story.emulator.calls("GetRoleCredentials").await?;

    story.time.set_seconds_ahead(50 * 60)?;
    story.renewal_by_itself(before).await?;
    let left = story.left_of_served(&portray).await?;
    assert!(left >= SignedDuration::from_mins(55), "{left} are left");
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}
