//! An agent that the system has stopped, or that hangs: whoever needs it is told so soon, and when it goes on nothing is
//! lost and nothing has happened that nobody waited for.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Finished, Process, follow};
use portray_core::app::contract::Request;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, utimensat};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use url::Url;

use crate::headless::Headless;
use crate::secret_store::tokens_in_keyring;
use crate::stage::TOOL;

const DEADLINE: Duration = Duration::from_secs(60);
/// Longer than a command takes to find that the agent hangs.
const TOLD: Duration = Duration::from_secs(20);

const ROLE: &str = "111122223333/ReadOnly";

/// What can be asked while it is stopped, and changes nothing.
const COMMANDS: [&[&str]; 12] = [
    &["status"],
    &["status", "--json"],
    &["accounts"],
    &["credentials", ROLE],
    &TOOL,
    &["env", ROLE],
    &["exec", ROLE, "--", "true"],
    &["serve", ROLE],
    &["login", "--no-browser", "--force"],
    &["logout"],
    &["keep", ROLE],
    &["agent", "status"],
];

/// An agent that can be stopped, and everything around it.
struct Scene {
    agent: Process,
    // Dropped last: the agent stands on it.
    story: Headless,
}

impl Scene {
    async fn of(story: Headless) -> Result<Self> {
        // Whoever uses a refresh token twice is found out.
        story.emulator.amend_world("rotation = \"strict\"").await?;
        let portray = story.portray();
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        let agent = portray.start_agent().await?;
        // One that has just begun would be given more time.
        let long_ago = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let times = Timestamps {
            last_access: long_ago,
            last_modification: long_ago,
        };
        let socket = story.desktop.portray_home().join("run/agent.sock");
        utimensat(CWD, &socket, &times, AtFlags::empty())?;
        Ok(Self { agent, story })
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let process = i32::try_from(self.agent.id()).ok().and_then(Pid::from_raw);
        Ok(kill_process(process.context("a process has a number")?, signal)?)
    }

    /// A command that could not be done says which process hangs and how it is ended, and has said nothing else.
    fn is_told(&self, ended: Finished) -> Result<()> {
        let ended = ended.expect_code(6)?;
        let lines: Vec<_> = ended.stderr.lines().collect();
        let [.., what_happened, what_to_do] = lines.as_slice() else {
            anyhow::bail!("two lines: {ended:?}");
        };
        let process = format!("process {}", self.agent.id());
        ensure!(what_happened.contains(&process), "{ended:?}");
        ensure!(what_to_do.contains("portray agent stop"), "{ended:?}");
        Ok(())
    }

    /// A command that AWS was being asked for when the agent was stopped, which goes on now: the command is told so
    /// before. On a machine that has much to do it may have its answer, or may have asked a moment earlier whether the
    /// agent lives, and waits until it goes on.
    async fn is_told_or_answered(&self, asking: &Process) -> Result<()> {
        let told = asking.finished(TOLD).await.ok();
        self.signal(Signal::CONT)?;
        let ended = match told {
            Some(ended) => ended,
            None => asking.finished(DEADLINE).await?,
        };
        match ended.code {
            Some(0) => Ok(()),
            Some(_) | None => self.is_told(ended),
        }
    }

    async fn calls(&self, operation: &str) -> Result<u64> {
        self.story.emulator.calls(operation).await
    }

    async fn wait_for_call(&self, operation: &str, number: u64) -> Result<()> {
        let desktop = &self.story.desktop;
        let came = async || Ok((self.calls(operation).await? >= number).then_some(()));
        desktop.wait_until(operation, DEADLINE, came).await
    }

    /// Nobody used a refresh token twice.
    async fn is_sane(&self) -> Result<()> {
        let counters: Value = self.story.emulator.read("counters").await?;
        assert_eq!(counters["reused_refresh_tokens"], 0, "{counters}");
        Ok(())
    }
}

#[tokio::test]
async fn a5_while_the_agent_is_stopped_every_command_says_so_and_none_is_done_afterwards() -> Result<()> {
    let scene = Scene::of(Headless::signed_in().await?).await?;
    let portray = scene.story.portray();
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    // A list that is not whole would go on by itself.
    portray.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    let kept = tokens_in_keyring(&scene.story.desktop).await?;
    let renewals = scene.calls("CreateToken").await?;
    let listings = scene.calls("ListAccounts").await?;

    scene.signal(Signal::STOP)?;
    let asking: Vec<_> = COMMANDS.iter().map(|command| portray.start(command)).collect();
    for (asked, command) in asking.into_iter().zip(COMMANDS) {
        let ended = asked?.finished(DEADLINE).await?;
        ensure!(ended.stdout.is_empty(), "{command:?}: {ended:?}");
        ensure!(ended.stderr.lines().count() == 2, "{command:?}: {ended:?}");
        scene.is_told(ended)?;
    }
    scene.signal(Signal::CONT)?;

    let status = portray.wait_for_portal("signed_in", DEADLINE).await?;
    let credentials = status["credentials"].as_array().context("credentials")?;
    ensure!(
        credentials.iter().all(|role| role["kept"] == false),
        "whoever asked for it has left: {status}"
    );
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    for operation in ["Logout", "StartDeviceAuthorization"] {
        assert_eq!(scene.calls(operation).await?, 0, "{operation}");
    }
    assert_eq!(scene.calls("CreateToken").await?, renewals);
    assert_eq!(scene.calls("ListAccounts").await?, listings);
    assert_eq!(tokens_in_keyring(&scene.story.desktop).await?, kept);

    // Its command ends it, and the next one has the sign-in.
    scene.signal(Signal::STOP)?;
    let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    ensure!(stopped.stderr.contains("did not answer"), "{stopped:?}");
    scene.agent.finished(DEADLINE).await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    scene.is_sane().await
}

#[tokio::test]
async fn a5_an_agent_that_is_stopped_in_the_middle_of_a_renewal_or_an_answer_goes_on_with_it() -> Result<()> {
    let scene = Scene::of(Headless::signed_in().await?).await?;
    let portray = scene.story.portray();
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let renewals = scene.calls("CreateToken").await?;
    let slow =
        |operation: &str| json!({ "operation": operation, "delay_ms": 1500, "processed": true, "times": 1 });
    // AWS has done it, and the answer is on its way.
    scene
        .story
        .emulator
        .add_fault(&slow("GetRoleCredentials"))
        .await?;
    let asked = portray.start(&["credentials", ROLE])?;
    scene.wait_for_call("GetRoleCredentials", 1).await?;
    scene.signal(Signal::STOP)?;
    scene.is_told_or_answered(&asked).await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    let calls = scene.calls("GetRoleCredentials").await?;
    ensure!(
        calls <= 2,
        "what came is used, or is asked for once more: {calls}"
    );

    scene.story.emulator.add_fault(&slow("CreateToken")).await?;
    portray.ask(|_| Request::RenewNow).await?;
    scene.wait_for_call("CreateToken", renewals + 1).await?;
    scene.signal(Signal::STOP)?;
    scene.is_told(portray.run(&["status"]).await?)?;
    scene.signal(Signal::CONT)?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    scene.is_sane().await?;
    // What was stored at last is the new token.
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let before = scene.calls("CreateToken").await?;
    portray.ask(|_| Request::RenewNow).await?;
    scene.wait_for_call("CreateToken", before + 1).await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    scene.is_sane().await
}

#[tokio::test]
async fn a5_a_login_and_a_logout_whose_agent_is_stopped_meanwhile_end_and_are_done_when_it_goes_on()
-> Result<()> {
    let scene = Scene::of(Headless::with_portal().await?).await?;
    let (portray, emulator) = (scene.story.portray(), &scene.story.emulator);
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    let login = portray.start(&["login", "--no-browser", "--json"])?;
    let asked: Value = serde_json::from_str(&login.first_line(DEADLINE).await?)?;
    let page = Url::parse(asked["url"].as_str().context("a page")?)?;
    scene.signal(Signal::STOP)?;
    scene.is_told(login.finished(DEADLINE).await?)?;
    scene.signal(Signal::CONT)?;
    // The person may be in the middle of it.
    portray.wait_for_portal("signing_in", DEADLINE).await?;
    emulator.approve_automatically(Some("amara")).await?;
    assert_eq!(follow(&page).await?.status, 200);
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    assert_eq!(scene.calls("Authorize").await?, 1);

    let slow = json!({ "operation": "Logout", "delay_ms": 1500, "times": 1 });
    emulator.add_fault(&slow).await?;
    let logout = portray.start(&["logout"])?;
    scene.wait_for_call("Logout", 1).await?;
    scene.signal(Signal::STOP)?;
    scene.is_told_or_answered(&logout).await?;
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    let desktop = &scene.story.desktop;
    let is_deleted = async || Ok(tokens_in_keyring(desktop).await?.is_empty().then_some(()));
    desktop.wait_until("no sign-in", DEADLINE, is_deleted).await?;
    scene.is_sane().await
}

#[tokio::test]
async fn r2_an_agent_whose_folder_was_cleaned_away_serves_again_and_none_is_started_beside_it() -> Result<()>
{
    let scene = Scene::of(Headless::signed_in().await?).await?;
    let portray = scene.story.portray();
    let runtime = scene.story.desktop.portray_home().join("run");
    std::fs::remove_dir_all(&runtime)?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    let status = portray
        .run(&["agent", "status", "--json"])
        .await?
        .expect_code(0)?;
    let status: Value = serde_json::from_str(&status.stdout)?;
    assert_eq!(status["pid"], scene.agent.id());

    // One that does not look after its socket any more is named, and no other one is started.
    scene.signal(Signal::STOP)?;
    let socket = runtime.join("agent.sock");
    std::fs::remove_file(&socket)?;
    let lost = portray.run(&["status"]).await?;
    assert!(lost.stderr.contains("cannot be reached"), "{lost:?}");
    assert!(lost.stderr.contains(&socket.display().to_string()), "{lost:?}");
    scene.is_told(lost)?;
    let stopped = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert!(stopped.stderr.contains("could not be reached"), "{stopped:?}");
    assert!(
        stopped.stderr.contains(&scene.agent.id().to_string()),
        "{stopped:?}"
    );
    let none = portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    assert_eq!(none.stderr.trim(), "No agent is running.");
    Ok(())
}
