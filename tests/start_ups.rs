//! Many that start at the same time: one agent, whoever came first and whatever a dead one left.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, Finished, Portray, Process, Program, rounds};
use portray_core::agent::protocol::AgentKind;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::headless::Headless;
use crate::stage::{Stage, TOOL};

/// So many processes share two processors.
const DEADLINE: Duration = Duration::from_secs(60);

const HELPERS: usize = 100;

/// The agent that answers: its process and its kind.
async fn who_answers(portray: &Portray<'_>) -> Result<(u32, AgentKind)> {
    let status = portray.run(&["agent", "status", "--json"]).await?;
    let status = status.expect_code(0)?.json()?;
    let process = status["pid"].as_u64().context("a process")?;
    Ok((
        u32::try_from(process)?,
        serde_json::from_value(status["kind"].clone())?,
    ))
}

#[tokio::test]
async fn a3_an_agent_keeps_nothing_open_that_the_command_had_which_started_it() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let mut command = story.desktop.system_command("sh");
    command.envs(portray.environment());
    // Whoever reads the pipe waits until nobody has its other end.
    command
        .args([
            "-c",
            "{ \"$0\" status >/dev/null; } 3>&1 | cat; \"$0\" status --json",
        ])
        .arg(portray.command(Program::Portray)?.get_program());
    let asked = story.desktop.run("sh", command, DEADLINE).await?;
    let (process, _) = who_answers(&portray).await?;
    assert_eq!(
        asked.expect_code(0)?.json()?["agent"]["pid"],
        process,
        "it runs on"
    );
    Ok(())
}

#[tokio::test]
async fn a3_a_hundred_helpers_after_a_crash_are_one_agent_one_call_and_no_failure() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let (crashed, _) = who_answers(&portray).await?;
    let crashed = Pid::from_raw(i32::try_from(crashed)?).context("a process")?;
    kill_process(crashed, Signal::KILL)?;
    assert!(story.desktop.portray_home().join("run/agent.sock").exists());
    let log = story.desktop.portray_home().join("state/agent.log");
    let started = || -> Result<usize> {
        let log = std::fs::read_to_string(&log)?;
        Ok(log.matches("the agent is running").count())
    };
    let (agents, calls) = (started()?, story.emulator.calls("GetRoleCredentials").await?);

    let helpers = (0..HELPERS).map(|_| portray.start(&TOOL));
    let helpers = helpers.collect::<Result<Vec<Process>>>()?;
    let mut keys = Vec::new();
    for helper in &helpers {
        let document = helper.finished(DEADLINE).await?.expect_code(0)?.json()?;
        keys.push(document["AccessKeyId"].clone());
    }
    keys.dedup();
    assert_eq!(keys.len(), 1, "all got the same: {keys:?}");
    assert_eq!(story.emulator.calls("GetRoleCredentials").await?, calls + 1);
    assert_eq!(started()?, agents + 1);
    assert_eq!(
        story.desktop.running("portray").len(),
        1,
        "and no process is left but the agent"
    );
    Ok(())
}

/// The one of two that ends while the other goes on, and how it ended.
async fn the_one_that_ends(desktop: &Desktop, two: [Process; 2]) -> Result<(Process, Finished)> {
    let [first, second] = two;
    let what = "one of two to give way";
    let first_ended = desktop.wait_until(what, DEADLINE, async || {
        Ok(match (first.ended()?, second.ended()?) {
            (Some(_), Some(_)) => Some(Err(anyhow::anyhow!("both have ended"))),
            (Some(_), None) => Some(Ok(true)),
            (None, Some(_)) => Some(Ok(false)),
            (None, None) => None,
        })
    });
    let (stays, ended) = match first_ended.await?? {
        true => (second, first),
        false => (first, second),
    };
    Ok((stays, ended.finished(DEADLINE).await?))
}

#[tokio::test]
async fn a3_of_two_agents_that_start_at_once_one_stays_and_one_says_so() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    for _ in 0..rounds(20) {
        let agent = || portray.start(&["agent", "--foreground"]);
        let (stays, ended) = the_one_that_ends(&story.desktop, [agent()?, agent()?]).await?;
        let ended = ended.expect_code(1)?;
        ensure!(ended.stderr.contains("running already"), "{ended:?}");
        assert_eq!(who_answers(&portray).await?, (stays.id(), AgentKind::Headless));
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
        stays.finished(DEADLINE).await?.expect_code(0)?;
    }
    Ok(())
}

/// Ends the application; its window, if it has one, ends with it.
async fn stop(stage: &Stage, application: &Process) -> Result<()> {
    stage
        .portray()
        .run(&["agent", "stop", "--force"])
        .await?
        .expect_code(0)?;
    application.finished(DEADLINE).await?.expect_code(0)?;
    let gone = async || {
        let left = stage.desktop.running("portray");
        ensure!(left.is_empty(), "still running: {left:?}");
        Ok(Some(()))
    };
    stage
        .desktop
        .wait_until("everything to end", DEADLINE, gone)
        .await
}

#[tokio::test]
async fn a3_of_an_application_and_an_agent_that_start_at_once_the_application_stays() -> Result<()> {
    let stage = Stage::set().await?;
    let portray = stage.portray();
    for round in 0..rounds(6) {
        let (application, agent) = match round % 2 {
            0 => {
                let application = portray.start_application()?;
                (application, portray.start(&["agent", "--foreground"])?)
            }
            _ => {
                let agent = portray.start(&["agent", "--foreground"])?;
                (portray.start_application()?, agent)
            }
        };
        // It finds the application, or is asked to make room for it.
        let ended = agent.finished(DEADLINE).await?;
        ensure!(matches!(ended.code, Some(0 | 1)), "{ended:?}");
        stage.tray.wait_for_item().await?;
        assert_eq!(application.ended()?, None);
        assert_eq!(who_answers(&portray).await?, (application.id(), AgentKind::Tray));
        stop(&stage, &application).await?;
        stage.tray.wait_for_no_item(DEADLINE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a3_of_two_applications_that_start_at_once_one_stays_and_shows_its_window() -> Result<()> {
    let stage = Stage::set().await?;
    for _ in 0..rounds(3) {
        let application = || stage.portray().start_application();
        let two = [application()?, application()?];
        let (stays, ended) = the_one_that_ends(&stage.desktop, two).await?;
        ended.expect_code(0)?;
        assert_eq!(
            who_answers(&stage.portray()).await?,
            (stays.id(), AgentKind::Tray)
        );
        stage.desktop.wait_for_window("Portray", true, DEADLINE).await?;
        stop(&stage, &stays).await?;
        stage.tray.wait_for_no_item(DEADLINE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a3_a_tool_whose_agent_never_answers_is_told_so_and_the_agent_stays() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let (agent, _) = who_answers(&portray).await?;
    let agent = Pid::from_raw(i32::try_from(agent)?).context("a process")?;
    kill_process(agent, Signal::STOP)?;
    let told = portray.run(&TOOL).await;
    let second = portray.run(&["agent", "--foreground"]).await;
    kill_process(agent, Signal::CONT)?;
    let told = told?;
    assert!(
        told.code.is_some_and(|code| code != 0) && told.stdout.is_empty(),
        "{told:?}"
    );
    assert_eq!(told.stderr.lines().count(), 2, "{told:?}");
    assert_ne!(second?.code, Some(0), "nobody takes the place of one who lives");
    let document: Value = portray.run(&TOOL).await?.expect_code(0)?.json()?;
    assert!(document["AccessKeyId"].is_string());
    let (after, _) = who_answers(&portray).await?;
    assert_eq!(Pid::from_raw(i32::try_from(after)?), Some(agent));
    Ok(())
}
