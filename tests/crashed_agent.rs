//! The agent crashes while a command of `portray exec` runs: its programs get credentials again, though nobody runs
//! another command.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::get_with_authorization;
use rustix::process::{Pid, Signal, kill_process};

use crate::headless::Headless;

const SOON: Duration = Duration::from_secs(30);

/// Longer than a launch takes to start an agent that it has lost.
const A_WHILE: Duration = Duration::from_secs(4);

const ROLE: &str = "111122223333/ReadOnly";

#[tokio::test]
async fn the_agent_of_a_launch_that_crashes_comes_back_by_itself_and_one_that_is_stopped_does_not()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let first = story.portray().start_agent().await?;
    let exec = portray.start_exec(ROLE, &["sleep", "600"]).await?;
    let serves = async || {
        let answer = get_with_authorization(&exec.endpoint, &exec.token).await?;
        ensure!([200, 503].contains(&answer.status), "{answer:?}");
        Ok((answer.status == 200).then_some(()))
    };
    let again = async || {
        let what = "credentials that nobody has run a command for";
        story.desktop.wait_until(what, SOON, serves).await
    };
    again().await?;

    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    // By this it is told from one that crashed.
    let socket = story.desktop.portray_home().join("run").join("agent.sock");
    ensure!(!socket.exists(), "{} is left", socket.display());
    let what = "an agent that was stopped";
    let came_back = story.desktop.wait_until(what, A_WHILE, serves).await;
    ensure!(came_back.is_err(), "it was stopped, and runs");
    first.finished(SOON).await?.expect_code(0)?;

    let second = story.portray().start_agent().await?;
    again().await?;
    second.kill();
    again().await?;
    // The one that came back is as good as the first.
    let status = portray.status().await?;
    let pid = status["agent"]["pid"]
        .as_i64()
        .and_then(|pid| i32::try_from(pid).ok());
    let pid = pid.and_then(Pid::from_raw).expect("a process");
    ensure!(
        pid.as_raw_nonzero().get().unsigned_abs() != second.id(),
        "a new one"
    );
    kill_process(pid, Signal::KILL)?;
    again().await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    Ok(())
}
