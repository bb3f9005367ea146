//! An agent on a desktop that shows no notifications.

use std::time::Duration;

use anyhow::Result;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);

/// What the agent logs where it may not show a notice.
const NOT_SHOWN: &str = "no desktop shows notifications";

#[tokio::test]
async fn a_notice_that_nobody_shows_is_a_line_in_the_log_and_no_panic() -> Result<()> {
    let story = Headless::with_portal().await?;
    let portray = story.portray();
    let log = story.desktop.portray_home().join("state/agent.log");
    let read = || std::fs::read_to_string(&log).map_err(anyhow::Error::from);
    // A tool that finds nobody signed in calls for a notice.
    portray.run(&crate::stage::TOOL).await?.expect_code(3)?;
    story
        .desktop
        .wait_until("a line about the notice", DEADLINE, async || {
            Ok(read()?.contains(NOT_SHOWN).then_some(()))
        })
        .await?;
    // Whatever the notice's thread leaves behind is gone with the agent.
    portray.run(&["status"]).await?.expect_code(0)?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let said = read()?;
    assert!(!said.contains("panicked"), "{said}");
    Ok(())
}
