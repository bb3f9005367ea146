//! The agent is killed while it lists hundreds of accounts, and the next one goes on where it was.

use std::time::Duration;

use anyhow::Result;
use harness::{Desktop, EmulatorProcess, Portray, Program};

const USER: &str = "amara";
const ACCOUNTS: u64 = 250;
const SOON: Duration = Duration::from_secs(60);

#[tokio::test]
async fn s2_an_agent_that_is_killed_while_it_lists_is_followed_by_one_that_goes_on() -> Result<()> {
    let desktop = Desktop::without_display().await?;
    let mut command = desktop.command(Program::Emulator)?;
    command.args(["--generate", &format!("{ACCOUNTS}x2")]);
    let emulator = EmulatorProcess::start_command(&desktop, command).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("big", emulator.addresses()).await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    // Whoever asks before it runs would start another one.
    let agent = portray.start_agent().await?;
    portray.wait_for_portal("sign_in_needed", SOON).await?;
    portray.sign_in(&emulator, USER).await?;
    let listed = async |least: u64| {
        let what = format!("{least} roles");
        let enough = async || {
            let portal = portray.status().await?["portals"][0].clone();
            Ok((portal["permission_sets"].as_u64() >= Some(least)).then_some(()))
        };
        desktop.wait_until(&what, SOON, enough).await
    };
    listed(ACCOUNTS).await?;
    agent.kill();
    let before = emulator.calls("ListAccountRoles").await?;
    assert!(
        before < ACCOUNTS,
        "the list was complete before the kill: {before} calls"
    );

    portray.run(&["agent"]).await?.expect_code(0)?;
    listed(2 * ACCOUNTS).await?;
    let all = emulator.calls("ListAccountRoles").await?;
    // A twentieth was listed and not saved yet, a few were under way, and a status may come late.
    let most = ACCOUNTS + ACCOUNTS / 20 + 30;
    assert!(
        (ACCOUNTS..=most).contains(&all),
        "{all} calls for {ACCOUNTS} accounts, {before} of them before"
    );
    Ok(())
}
