//! What is decided at the command line while nothing can be written says so, with an exit code that scripts see.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Result, ensure};
use portray_core::app::contract::{Request, Role};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(90);
const ROLE: &str = "111122223333/ReadOnly";

#[tokio::test]
async fn r9_a_command_whose_decision_cannot_be_written_fails_in_two_lines_and_it_holds_all_the_same()
-> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    portray.run(&["accounts"]).await?.expect_code(0)?;
    let state = story.desktop.portray_home().join("state");
    let files: Vec<PathBuf> = ["roles.json", "revoked.json"].map(|name| state.join(name)).into();
    // Whoever runs this may write every file, but nobody writes a file over a folder with something in it.
    for file in &files {
        if file.is_file() {
            std::fs::remove_file(file)?;
        }
        std::fs::create_dir_all(file.join("in-the-way"))?;
    }
    let (keep, revoke) = (["keep", ROLE], ["uses", "--revoke", "/usr/bin/true"]);
    for command in [&keep[..], &revoke] {
        let refused = portray.run(command).await?.expect_code(1)?;
        ensure!(refused.stdout.is_empty(), "{refused:?}");
        ensure!(refused.stderr.lines().count() == 2, "{refused:?}");
        ensure!(refused.stderr.contains("holds now"), "{refused:?}");
        ensure!(refused.stderr.contains("by itself"), "{refused:?}");
    }
    // The window's star is the same file.
    let starred = portray.ask(|portal| Request::SetFavourite {
        role: Role {
            portal,
            account: "111122223333".to_owned(),
            permission_set: "ReadOnly".to_owned(),
            chain: None,
        },
        on: true,
    });
    let refused = starred.await.unwrap_err().to_string();
    ensure!(refused.contains("holds now"), "{refused}");
    // They hold.
    let status = portray.status().await?;
    assert_eq!(status["credentials"][0]["kept"], true, "{status}");
    let listed = portray.run(&["uses", "--json"]).await?.expect_code(0)?.json()?;
    assert_eq!(listed["revoked"][0]["executable"], "/usr/bin/true", "{listed}");

    for file in &files {
        std::fs::remove_dir_all(file)?;
    }
    let written = async || Ok(files.iter().all(|file| file.is_file()).then_some(()));
    let desktop = &story.desktop;
    desktop.wait_until("both on the disk", DEADLINE, written).await?;
    portray.run(&["keep", ROLE, "--off"]).await?.expect_code(0)?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let listed = portray.run(&["uses", "--json"]).await?.expect_code(0)?.json()?;
    assert_eq!(listed["revoked"][0]["executable"], "/usr/bin/true", "{listed}");
    Ok(())
}
