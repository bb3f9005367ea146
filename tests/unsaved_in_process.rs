//! What a person decides while nothing can be written: it is said, holds, and is written by itself as soon as it can be.

use std::time::Duration;

use anyhow::Result;
use harness::{Simulation, wait_until};
use identity_center_emulator::World;
use portray_core::app::contract::{ConsumerOrder, ProblemCode, Request};

const DEADLINE: Duration = Duration::from_secs(20);
/// A program that everybody has, by its own path.
const TOOL: &str = "/usr/bin/env";

#[tokio::test]
async fn r9_what_is_decided_and_cannot_be_written_says_so_and_is_written_as_soon_as_it_can_be() -> Result<()>
{
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    let role = day.role("111122223333", "ReadOnly");
    day.advance(Duration::from_secs(1)).await;
    let marks = day.marks_file();
    let revoked = marks.with_file_name("revoked.json");
    // Whoever runs this may write every file, but nobody writes a file over a folder with something in it.
    for file in [&marks, &revoked] {
        if file.is_file() {
            std::fs::remove_file(file)?;
        }
        std::fs::create_dir_all(file.join("in-the-way"))?;
    }
    let keep = Request::Keep {
        role: role.clone().into(),
        on: true,
    };
    let kept = day.app.ask(keep).await;
    let order = ConsumerOrder::Revoke {
        consumer: TOOL.to_owned(),
    };
    let ordered = day.app.ask(Request::Consumers { order }).await;
    for refused in [kept.unwrap_err(), ordered.unwrap_err()] {
        assert_eq!(refused.code, ProblemCode::Failed);
        assert!(refused.what_happened.contains("holds now"), "{refused:?}");
        assert!(refused.what_to_do.contains("by itself"), "{refused:?}");
    }
    assert!(day.app.catalogue().kept.contains(&role));
    assert_eq!(day.app.consumers().programs().len(), 1);
    let told = day.snapshot().await?.problem.clone();
    assert!(told.is_some_and(|told| told.what_happened.contains("holds now")));

    for file in [&marks, &revoked] {
        std::fs::remove_dir_all(file)?;
    }
    wait_until("both on the disk", DEADLINE, async || {
        day.advance(Duration::from_secs(30)).await;
        let is_there =
            marks.is_file() && std::fs::read_to_string(&revoked).is_ok_and(|text| text.contains(TOOL));
        Ok(is_there.then_some(()))
    })
    .await?;
    wait_until("no problem", DEADLINE, async || {
        Ok(day.snapshot().await?.problem.is_none().then_some(()))
    })
    .await
}
