//! Favourites, recents and kept roles, whose file cannot be read for a while.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Simulation, wait_until};
use identity_center_emulator::World;
use portray_core::app::contract::Request;
use rustix::fs::{CWD, RenameFlags, renameat_with};

const DEADLINE: Duration = Duration::from_secs(20);
const DEV: &str = "111122223333";

#[tokio::test]
async fn r9_favourites_that_cannot_be_read_are_read_as_soon_as_they_can_and_none_is_lost() -> Result<()> {
    let mut day = Simulation::signed_in(World::acme(), "amara").await?;
    let (before, since) = (day.role(DEV, "ReadOnly"), day.role(DEV, "Developer"));
    let favourite = |role: &portray_core::identity_center::RoleKey| Request::SetFavourite {
        role: role.clone().into(),
        on: true,
    };
    day.ask(favourite(&before)).await?;
    day.marks_are_written().await?;
    let (file, aside) = (day.marks_file(), day.marks_file().with_extension("aside"));
    std::fs::rename(&file, &aside)?;
    // Whoever runs this may read every file, but nobody reads a folder as one.
    std::fs::create_dir(&file)?;
    day.restart().await?;

    assert!(day.app.catalogue().favourites.is_empty());
    let problem = day.snapshot().await?.problem.clone().context("a word about it")?;
    assert!(problem.what_happened.contains("cannot be read"), "{problem:?}");
    assert!(problem.what_to_do.contains("roles.json"), "{problem:?}");
    day.ask(favourite(&since)).await?;
    day.advance(Duration::from_secs(60)).await;
    assert!(file.is_dir(), "what cannot be read is not written over");

    // At no moment is there none: who has no favourites begins with none.
    renameat_with(CWD, &aside, CWD, &file, RenameFlags::EXCHANGE)?;
    wait_until("both favourites", DEADLINE, async || {
        day.advance(Duration::from_secs(30)).await;
        let catalogue = day.app.catalogue();
        Ok((catalogue.favourites == [before.clone(), since.clone()]).then_some(()))
    })
    .await?;
    assert_eq!(day.snapshot().await?.problem, None);
    wait_until("both on the disk", DEADLINE, async || {
        let marks = day.marks()?;
        Ok((marks.contains("ReadOnly") && marks.contains("Developer")).then_some(()))
    })
    .await
}
