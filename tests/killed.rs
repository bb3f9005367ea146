//! Portray is killed while AWS replaces its refresh token, and goes on where it was.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray, Process};
use portray_core::agent::Client;
use portray_core::agent::protocol::Operation;
use portray_core::app::contract::Request;
use portray_core::paths::{Environment, Paths};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const ROLE: &str = "111122223333/ReadOnly";

/// When the agent is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// AWS has the request and has not begun with it.
    BeforeItIsReplaced,
    /// AWS has replaced the refresh token, and nobody has the new one.
    BeforeTheAnswer,
    /// So long after AWS answered: the new one is being stored, or is stored.
    AfterTheAnswer(Duration),
}

/// Every place between the request and the stored token, over and over.
fn moments() -> impl Iterator<Item = Moment> {
    (0..8).flat_map(|round| {
        [
            Moment::BeforeItIsReplaced,
            Moment::BeforeTheAnswer,
            Moment::AfterTheAnswer(Duration::from_micros(round * 700)),
            Moment::AfterTheAnswer(Duration::from_micros(round * 4_000)),
        ]
    })
}

struct Scene {
    desktop: Desktop,
    emulator: EmulatorProcess,
}

impl Scene {
    /// A person is signed in; no agent runs.
    async fn signed_in(rotation: &str) -> Result<Scene> {
        let desktop = Desktop::without_display().await?;
        let world = world(
            &desktop,
            &[("rotation = \"grace\"", &format!("rotation = \"{rotation}\""))],
        )?;
        let emulator = EmulatorProcess::start(&desktop, &world).await?;
        let scene = Scene { desktop, emulator };
        let portray = scene.portray();
        portray.add_portal("acme", scene.emulator.addresses()).await?;
        portray.sign_in(&scene.emulator, "amara").await?;
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        Ok(scene)
    }

    fn portray(&self) -> Portray<'_> {
        Portray::with_emulator(&self.desktop, self.emulator.addresses())
    }

    async fn agent(&self) -> Result<Process> {
        let agent = self.portray().start(&["agent", "--foreground"])?;
        let what = "an agent that runs";
        self.desktop
            .wait_until(what, SOON, async || {
                Ok(agent.stderr().contains("The agent is running").then_some(()))
            })
            .await?;
        Ok(agent)
    }

    /// Asks the agent for a new token now.
    async fn renew(&self) -> Result<()> {
        let home = self.desktop.portray_home();
        let home = home.to_str().context("a plain path")?;
        let paths = Paths::of(&Environment::of(&[("PORTRAY_HOME", home)]))?;
        let request = Request::RenewNow;
        let asked = tokio::task::spawn_blocking(move || {
            Client::connect(&paths).and_then(|mut agent| agent.ask(&Operation::Command { request }))
        });
        asked.await?.map_err(|error| anyhow::anyhow!("{error}"))?;
        Ok(())
    }

    /// Renews and kills the agent at that moment.
    async fn kill_at(&self, moment: Moment) -> Result<()> {
        let agent = self.agent().await?;
        self.portray().wait_for_portal("signed_in", SOON).await?;
        let processed = match moment {
            Moment::BeforeItIsReplaced => Some(false),
            Moment::BeforeTheAnswer => Some(true),
            Moment::AfterTheAnswer(_) => None,
        };
        if let Some(processed) = processed {
            let hangs = json!({ "operation": "CreateToken", "hang": true, "processed": processed });
            self.emulator.add_fault(&hangs).await?;
        }
        let before = self.tokens().await?;
        self.renew().await?;
        self.wait_for_more_than(before).await?;
        if let Moment::AfterTheAnswer(pause) = moment {
            // A timer as short as this is no wait for something: it is the place where the kill falls.
            let _ = tokio::time::timeout(pause, pending::<()>()).await;
        }
        agent.kill();
        self.emulator.clear_faults().await
    }

    async fn tokens(&self) -> Result<u64> {
        self.emulator.calls("CreateToken").await
    }

    async fn wait_for_more_than(&self, before: u64) -> Result<()> {
        let more = async || Ok((self.tokens().await? > before).then_some(()));
        self.desktop.wait_until("a refresh", SOON, more).await
    }

    async fn reused(&self) -> Result<u64> {
        let counters: Value = self.emulator.read("counters").await?;
        counters["reused_refresh_tokens"].as_u64().context("a count")
    }

    /// Renews with what the last agent left behind; the portal's state then.
    async fn state_after_renewing(&self) -> Result<String> {
        let agent = self.agent().await?;
        self.portray().wait_for_portal("signed_in", SOON).await?;
        let before = self.tokens().await?;
        self.renew().await?;
        self.wait_for_more_than(before).await?;
        let what = "the outcome of the refresh";
        let state = self.desktop.wait_until(what, SOON, async || {
            let credentials = self.portray().run(&["credentials", ROLE]).await?;
            Ok(match credentials.code {
                Some(0) => Some("signed_in".to_owned()),
                Some(3) => Some("sign_in_needed".to_owned()),
                Some(_) | None => None,
            })
        });
        let state = state.await?;
        let calls = self.tokens().await? - before;
        ensure!(calls <= 2, "{calls} calls for one refresh");
        let portal = self.portray().status().await?["portals"][0]["state"].clone();
        ensure!(portal == state.as_str(), "{portal} is shown, but it is {state}");
        agent.terminate();
        agent.finished(SOON).await?;
        Ok(state)
    }
}

/// The demo company with changes, as a file.
pub(crate) fn world(desktop: &Desktop, changes: &[(&str, &str)]) -> Result<String> {
    let mut text = include_str!("../crates/emulator/worlds/acme.toml").to_owned();
    for (from, to) in changes {
        ensure!(text.contains(from), "the world does not say {from}");
        text = text.replace(from, to);
    }
    let path: PathBuf = desktop.folder().join("world.toml");
    std::fs::write(&path, text)?;
    Ok(path.display().to_string())
}

#[tokio::test]
async fn r3_killed_at_any_moment_of_a_rotation_nobody_has_to_sign_in_again() -> Result<()> {
    // As far as the protocol allows: a replaced refresh token is accepted for another minute.
    let scene = Scene::signed_in("grace").await?;
    for moment in moments() {
        scene.kill_at(moment).await?;
    }
    assert_eq!(scene.state_after_renewing().await?, "signed_in");
    assert_eq!(scene.reused().await?, 0);
    Ok(())
}

#[tokio::test]
async fn r3_where_aws_forgives_nothing_only_an_answer_that_got_lost_needs_a_new_sign_in() -> Result<()> {
    let scene = Scene::signed_in("strict").await?;
    for _ in 0..3 {
        scene.kill_at(Moment::BeforeItIsReplaced).await?;
        assert_eq!(scene.state_after_renewing().await?, "signed_in");
    }
    assert_eq!(scene.reused().await?, 0);
    // The new token was on its way when everything ended: nobody can know it. That is said, once, and no loop.
    scene.kill_at(Moment::BeforeTheAnswer).await?;
    assert_eq!(scene.state_after_renewing().await?, "sign_in_needed");
    assert_eq!(scene.reused().await?, 1);
    scene.portray().sign_in(&scene.emulator, "amara").await?;
    scene.portray().run(&["agent", "stop"]).await?.expect_code(0)?;
    assert_eq!(scene.state_after_renewing().await?, "signed_in");
    Ok(())
}

#[tokio::test]
async fn r3_an_agent_that_is_told_to_end_stores_the_new_token_first() -> Result<()> {
    let scene = Scene::signed_in("strict").await?;
    for _ in 0..3 {
        let agent = scene.agent().await?;
        scene.portray().wait_for_portal("signed_in", SOON).await?;
        let slow = json!({ "operation": "CreateToken", "delay_ms": 700, "processed": true, "times": 1 });
        scene.emulator.add_fault(&slow).await?;
        scene.renew().await?;
        let _ = tokio::time::timeout(Duration::from_millis(200), pending::<()>()).await;
        agent.terminate();
        agent.finished(SOON).await?.expect_code(0)?;
        assert_eq!(scene.state_after_renewing().await?, "signed_in");
    }
    assert_eq!(scene.reused().await?, 0);
    Ok(())
}
