//! Portray is killed while AWS replaces its refresh token, and goes on where it was.

use std::future::pending;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{BusGate, Desktop, EmulatorProcess, Portray, rounds};
use portray_core::agent::Client;
use portray_core::agent::protocol::Operation;
use portray_core::app::contract::Request;
use portray_core::paths::{Environment, Paths};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const ROLE: &str = "111122223333/ReadOnly";

/// When the agent is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    /// AWS has the request and has not begun with it.
    BeforeItIsReplaced,
    /// AWS has replaced the refresh token, and nobody has the new one.
    BeforeTheAnswer,
    /// The agent has the answer, has said so much to the keyring about it, and is about to say the next.
    WhileItIsStored(usize),
    /// The new token is stored.
    AfterItIsStored,
}

/// How long what is stored takes, at most, in messages to the keyring.
const MOST_MESSAGES: usize = 64;

struct Scene {
    gate: BusGate,
    emulator: EmulatorProcess,
    // Dropped last: the others stand on it.
    desktop: Desktop,
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
        let gate = BusGate::before(&desktop)?;
        let scene = Scene {
            gate,
            emulator,
            desktop,
        };
        let portray = scene.portray();
        portray.add_portal("acme", scene.emulator.addresses()).await?;
        portray.sign_in(&scene.emulator, "amara").await?;
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        Ok(scene)
    }

    /// Portray, which reaches its keyring through the gate.
    fn portray(&self) -> Portray<'_> {
        let portray = Portray::with_emulator(&self.desktop, self.emulator.addresses());
        portray.with_variable("DBUS_SESSION_BUS_ADDRESS", &self.gate.address())
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

    /// Renews and kills the agent at that moment, or when the new token is stored, whichever comes first: which it was.
    async fn kill_at(&self, moment: Moment) -> Result<Moment> {
        let agent = self.portray().start_agent().await?;
        let portal = self.portray().wait_for_portal("signed_in", SOON).await?;
        let expires = |status: &Value| status["portals"][0]["access_token_expires_at"].clone();
        let old = expires(&portal);
        let processed = match moment {
            Moment::BeforeItIsReplaced => Some(false),
            Moment::BeforeTheAnswer => Some(true),
            Moment::WhileItIsStored(_) | Moment::AfterItIsStored => None,
        };
        if let Some(processed) = processed {
            let hangs = json!({ "operation": "CreateToken", "hang": true, "processed": processed });
            self.emulator.add_fault(&hangs).await?;
        }
        if let Moment::WhileItIsStored(messages) = moment {
            self.gate.close_after(messages);
        }
        let before = self.tokens().await?;
        self.renew().await?;
        self.wait_for_more_than(before).await?;
        let mut killed_at = moment;
        if processed.is_none() {
            let what = "the new token on its way into the keyring, or there";
            let reached = self.desktop.wait_until(what, SOON, async || {
                let stored = expires(&self.portray().status().await?) != old;
                Ok(match (self.gate.holds_one(), stored) {
                    (true, _) => Some(moment),
                    (false, true) => Some(Moment::AfterItIsStored),
                    (false, false) => None,
                })
            });
            killed_at = reached.await?;
        }
        agent.kill();
        self.gate.refuse_what_waits();
        self.gate.open();
        self.emulator.clear_faults().await?;
        Ok(killed_at)
    }

    /// Kills it at every place there is, one after the other, each time looking what is left.
    async fn kill_everywhere(
        &self,
        mut afterwards: impl AsyncFnMut(Moment, &str) -> Result<()>,
    ) -> Result<()> {
        let stored = (0..MOST_MESSAGES).map(Moment::WhileItIsStored);
        let all = [Moment::BeforeItIsReplaced, Moment::BeforeTheAnswer];
        for moment in all.into_iter().chain(stored) {
            let killed_at = self.kill_at(moment).await?;
            let state = self.state_after_renewing().await?;
            afterwards(killed_at, &state)
                .await
                .with_context(|| format!("killed at {killed_at:?}"))?;
            if killed_at == Moment::AfterItIsStored {
                return Ok(());
            }
        }
        bail!("to store a token takes more than {MOST_MESSAGES} messages")
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
        let agent = self.portray().start_agent().await?;
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
    for _ in 0..rounds(1) {
        let still_signed_in = async |_moment, state: &str| {
            ensure!(state == "signed_in", "it is {state}");
            Ok(())
        };
        scene.kill_everywhere(still_signed_in).await?;
    }
    assert_eq!(scene.reused().await?, 0);
    Ok(())
}

#[tokio::test]
async fn r3_where_aws_forgives_nothing_only_an_answer_that_got_lost_needs_a_new_sign_in() -> Result<()> {
    let scene = Scene::signed_in("strict").await?;
    for _ in 0..rounds(1) {
        let mut places = Vec::new();
        let looked_at = async |moment, state: &str| {
            places.push((moment, state == "signed_in"));
            if state == "sign_in_needed" {
                // That is said, once, and no loop.
                scene.portray().sign_in(&scene.emulator, "amara").await?;
                scene.portray().run(&["agent", "stop"]).await?.expect_code(0)?;
            }
            Ok(())
        };
        scene.kill_everywhere(looked_at).await?;
        let survived = |wanted| {
            places
                .iter()
                .any(|(moment, survived)| (*moment, *survived) == (wanted, true))
        };
        assert!(survived(Moment::BeforeItIsReplaced), "{places:?}");
        assert!(survived(Moment::AfterItIsStored), "{places:?}");
        assert!(
            !survived(Moment::BeforeTheAnswer),
            "nobody can know the new token: {places:?}"
        );
        // What is being stored is the old one up to a message, and the new one from there on.
        let stored = places
            .iter()
            .filter(|(moment, _)| matches!(moment, Moment::WhileItIsStored(_)));
        let stored: Vec<bool> = stored.map(|(_, survived)| *survived).collect();
        assert!(stored.is_sorted() && !stored[0], "{places:?}");
    }
    Ok(())
}

#[tokio::test]
async fn r3_an_agent_that_is_told_to_end_stores_the_new_token_first() -> Result<()> {
    let scene = Scene::signed_in("strict").await?;
    for _ in 0..3 {
        let agent = scene.portray().start_agent().await?;
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
