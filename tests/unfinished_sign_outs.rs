//! A sign-out that is not whole: the agent is killed in the middle of it, or nothing of it can be written.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::json;

use crate::headless::Headless;
use crate::secret_store::tokens_in_keyring;

const DEADLINE: Duration = Duration::from_secs(60);

/// Where it is noted that a sign-in has ended which the keyring has still.
const NOTE: &str = "state/left-in-keyring.json";

#[tokio::test]
async fn r8_a_sign_out_whose_agent_is_killed_while_the_keyring_hangs_is_finished_by_the_next_start()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let (desktop, portray) = (&story.desktop, story.portray());
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let agent = portray.start_agent().await?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    let sign_ins = story.emulator.calls("CreateToken").await?;

    desktop.freeze_keyring()?;
    let hangs = json!({ "operation": "Logout", "hang": true });
    story.emulator.add_fault(&hangs).await?;
    let _logout = portray.start(&["logout"])?;
    let told = async || Ok((story.emulator.calls("Logout").await? > 0).then_some(()));
    desktop.wait_until("a sign-out at AWS", DEADLINE, told).await?;
    agent.crash();
    story.emulator.clear_faults().await?;
    desktop.thaw_keyring()?;
    assert_eq!(tokens_in_keyring(desktop).await?.len(), 1, "nothing is deleted");

    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    assert_eq!(tokens_in_keyring(desktop).await?, Vec::<String>::new());
    let told = async || Ok((story.emulator.calls("Logout").await? == 2).then_some(()));
    desktop.wait_until("AWS to be told", DEADLINE, told).await?;
    assert_eq!(story.emulator.calls("CreateToken").await?, sign_ins);
    let noted = async || Ok((!desktop.portray_home().join(NOTE).exists()).then_some(()));
    desktop.wait_until("an end of the note", DEADLINE, noted).await?;
    // Whoever signs in again is signed in.
    portray.sign_in(&story.emulator, "amara").await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.wait_for_portal("signed_in", DEADLINE).await?;
    Ok(())
}

#[tokio::test]
async fn r8_an_agent_whose_sign_out_could_be_neither_deleted_nor_noted_is_ended_only_by_force() -> Result<()>
{
    let story = Headless::signed_in().await?;
    let (desktop, portray) = (&story.desktop, story.portray());
    // Whoever runs this may write every file, but nobody writes a file over a folder with something in it.
    let note = desktop.portray_home().join(NOTE);
    std::fs::create_dir_all(note.join("in-the-way"))?;
    desktop.lock_keyring().await?;
    let refused = portray.run(&["logout"]).await?.expect_code(7)?;
    ensure!(refused.stderr.lines().count() == 2, "{refused:?}");
    let refused = portray.run(&["agent", "stop"]).await?.expect_code(7)?;
    ensure!(refused.stderr.lines().count() == 2, "{refused:?}");
    ensure!(
        refused.stderr.contains("neither deleted nor noted") && refused.stderr.contains("--force"),
        "{refused:?}"
    );
    let portal = portray.status().await?["portals"][0].clone();
    assert_eq!(portal["state"], "sign_in_needed", "the agent is there");
    assert_eq!(portal["problem"]["code"], "secret_store");

    // It can be noted now, which happens by itself, and the next agent deletes what is left.
    std::fs::remove_dir_all(&note)?;
    let noted = async || Ok(note.is_file().then_some(()));
    desktop.wait_until("a note", DEADLINE, noted).await?;
    let gone = async || Ok((portray.run(&["agent", "stop"]).await?.code == Some(0)).then_some(()));
    desktop.wait_until("an agent that stops", DEADLINE, gone).await?;
    desktop.unlock_keyring().await?;
    portray.wait_for_portal("sign_in_needed", DEADLINE).await?;
    assert_eq!(tokens_in_keyring(desktop).await?, Vec::<String>::new());
    Ok(())
}
