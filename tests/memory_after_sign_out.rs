//! What of its secrets an agent has in memory while somebody is signed in, and after they have left.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::Memory;

use crate::headless::Headless;

const A_MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn x5_a_minute_after_signing_out_no_secret_is_left_in_memory() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    for arguments in [
        &["credentials", "acme-dev/ReadOnly"][..],
        &["console", "acme-dev/ReadOnly", "--print"],
    ] {
        portray.run(arguments).await?.expect_code(0)?;
    }
    let told: BTreeMap<String, Vec<String>> = serde_json::from_value(story.emulator.read("secrets").await?)?;
    let agent = portray
        .run(&["agent", "status", "--json"])
        .await?
        .expect_code(0)?
        .json()?;
    let process = u32::try_from(agent["pid"].as_u64().context("a process")?)?;
    let memory = Memory::of(process);
    let before = memory.count(&told)?;
    assert!(before["access_token"] > 0, "it would be found: {before:?}");
    portray.run(&["logout"]).await?.expect_code(0)?;
    // Connections are closed, and their buffers given back, a moment later.
    let nothing = async || {
        let left = memory.count(&told)?;
        ensure!(left.is_empty(), "{left:?} of {before:?}");
        Ok(Some(()))
    };
    story
        .desktop
        .wait_until("a memory without secrets", A_MINUTE, nothing)
        .await
}
