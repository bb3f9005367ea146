//! Hours later, by the wall clock of built programs: what is served is good for a while, and nobody has to sign in.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, FakeTime, Opener, Portray, Program};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// The agent looks every 30 s, and a busy machine takes its time.
const DEADLINE: Duration = Duration::from_secs(120);

const ROLE: &str = "acme-sandbox-amara/AdministratorAccess";

/// How much is left at least of an hour's credentials that were just fetched.
const FRESH: SignedDuration = SignedDuration::from_mins(55);

/// An hour's credentials are renewed with 20 to 25 minutes left; so many seconds later that is due.
const BETWEEN_RENEWALS: i64 = 40 * 60;

/// Enough for access tokens of an hour to be renewed too.
const RENEWALS: u64 = 4;

/// Where summer time begins and ends.
const ZONE: &str = "Europe/Berlin";

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
        self.time.apply(&mut command)?.env("TZ", ZONE).arg("agent");
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

    /// Waits until the agent has got credentials again that nobody asked for; only its status is asked.
    async fn renewal_by_itself(&self, portray: &Portray<'_>, before: u64) -> Result<()> {
        let renewed = async || {
            if self.emulator.calls("GetRoleCredentials").await? == before {
                return Ok(None);
            }
            let status = portray.status().await?;
            let left = self.left_until(&status["credentials"][0]["expires_at"]).await?;
            Ok((left >= FRESH).then_some(()))
        };
        self.desktop
            .wait_until("a renewal that nobody asked for", DEADLINE, renewed)
            .await
    }

    async fn left_until(&self, expiration: &Value) -> Result<SignedDuration> {
        let expiration: Timestamp = expiration.as_str().context("an expiration")?.parse()?;
        Ok(expiration.duration_since(self.now().await?))
    }

    /// How much longer the credentials are good that a tool gets now.
    async fn left_of_served(&self, portray: &Portray<'_>) -> Result<SignedDuration> {
        let served = portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
        self.left_until(&served.json()?["Expiration"]).await
    }
}

/// Nobody waits for a renewal, however many there are.
pub async fn what_is_in_use_is_renewed_before_anybody_asks() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    let left = story.left_of_served(&portray).await?;
    ensure!(left >= FRESH, "{left} are left of what was just fetched");
    for renewal in 1..=RENEWALS {
        let calls = story.emulator.calls("GetRoleCredentials").await?;
        assert_eq!(
            calls, renewal,
            "the first ones, and one call for each renewal so far"
        );
        // Halfway to the renewal there is nothing to do.
        let due = i64::try_from(renewal)? * BETWEEN_RENEWALS;
        story.time.set_seconds_ahead(due - BETWEEN_RENEWALS / 2)?;
        let left = story.left_of_served(&portray).await?;
        ensure!(left >= SignedDuration::from_mins(35), "{left} are left");
        story.time.set_seconds_ahead(due)?;
        story.renewal_by_itself(&portray, calls).await?;
        let left = story.left_of_served(&portray).await?;
        ensure!(left >= FRESH, "{left} are left of what was renewed");
    }
    let renewals = story.emulator.calls("GetRoleCredentials").await?;
    assert_eq!(renewals, RENEWALS + 1, "no answer needed a call of its own");
    let status = portray.status().await?;
    assert_eq!(status["portals"][0]["state"], "signed_in", "{status:#}");
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    assert_eq!(story.emulator.calls("Authorize").await?, 1, "the first sign-in");
    let counters = story.emulator.read("counters").await?;
    assert_eq!(counters["reused_refresh_tokens"], 0);
    Ok(())
}

/// The machine slept for most of an hour.
pub async fn after_a_suspend_it_is_renewed_before_anybody_asks() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    story.left_of_served(&portray).await?;
    let before = story.emulator.calls("GetRoleCredentials").await?;

    story.time.set_seconds_ahead(50 * 60)?;
    story.renewal_by_itself(&portray, before).await?;
    let left = story.left_of_served(&portray).await?;
    assert!(left >= FRESH, "{left} are left");
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}

/// The machine slept, and wakes up where AWS cannot be reached.
pub async fn waking_without_a_network_loses_nothing() -> Result<()> {
    let story = Story::begin().await?;
    let portray = story.sign_in().await?;
    story.left_of_served(&portray).await?;
    for operation in [
        "GetRoleCredentials",
        "CreateToken",
        "ListAccounts",
        "ListAccountRoles",
    ] {
        story
            .emulator
            .add_fault(&json!({ "operation": operation, "drop": true }))
            .await?;
    }
    let before = story.emulator.calls("GetRoleCredentials").await?;
    story.time.set_seconds_ahead(45 * 60)?;
    let tried = async || Ok((story.emulator.calls("GetRoleCredentials").await? > before).then_some(()));
    story
        .desktop
        .wait_until("an attempt that gets no answer", DEADLINE, tried)
        .await?;
    let left = story.left_of_served(&portray).await?;
    ensure!(left.is_positive(), "an expired one was served: {left}");
    let status = portray.status().await?;
    assert_ne!(status["portals"][0]["state"], "sign_in_needed", "{status:#}");

    let before = story.emulator.calls("GetRoleCredentials").await?;
    story.emulator.clear_faults().await?;
    story.renewal_by_itself(&portray, before).await?;
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}

/// Summer time begins, or ends: no life is an hour longer or shorter for it.
pub async fn summer_time_changes_nothing() -> Result<()> {
    let zone = TimeZone::get(ZONE)?;
    for which in 0..2 {
        let story = Story::begin().await?;
        let now = story.now().await?;
        let change = zone
            .following(now)
            .nth(which)
            .context("summer time ends and begins")?;
        let five_minutes_before = change.timestamp().duration_since(now).as_secs() - 300;
        story.time.set_seconds_ahead(five_minutes_before)?;
        let portray = story.sign_in().await?;
        let before = story.left_of_served(&portray).await?;
        story.time.set_seconds_ahead(five_minutes_before + 600)?;
        let after = story.left_of_served(&portray).await?;
        let passed = before - after;
        ensure!(
            passed >= SignedDuration::from_mins(10) && passed < SignedDuration::from_mins(15),
            "{passed:#} of life are gone after ten minutes"
        );
        let calls = story.emulator.calls("GetRoleCredentials").await?;
        assert_eq!(calls, 1, "nothing is due");
        let status = portray.status().await?;
        assert_eq!(status["portals"][0]["state"], "signed_in", "{status:#}");
        assert_eq!(status["problems"], json!([]), "the clock is right");
    }
    Ok(())
}
