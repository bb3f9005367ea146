//! Starting Portray where it runs already, and what is left of it when it has ended.

use std::time::Duration;

use anyhow::{Result, ensure};

use crate::stage::{SOON, Stage};

const TITLE: &str = "Portray";

/// A hidden window stays for three minutes of the real clock, which nothing can move: libfaketime does not reach the
/// waits of Rust's standard library.
const LINGERED: Duration = Duration::from_secs(240);

#[tokio::test]
async fn w6_a_second_start_shows_the_window_of_the_first_which_leaves_nothing_behind() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start().await?;
    assert!(
        !stage.desktop.shows_window(TITLE).await?,
        "nobody asked for a window"
    );

    stage.start_again().await?;
    stage.desktop.wait_for_window(TITLE, true, SOON).await?;
    let first = stage.desktop.running("portray-app");
    stage.start_again().await?;
    assert_eq!(
        stage.desktop.running("portray-app"),
        first,
        "no further process stays"
    );
    let status = stage.portray().status().await?;
    assert_eq!(
        status["agent"]["pid"],
        application.process.id(),
        "the first is the one"
    );
    wait_for_webkit(&stage).await?;

    stage.quit(application).await?;
    wait_for_the_last_process(&stage).await
}

#[tokio::test]
async fn w6_a_hidden_window_comes_back_with_the_next_start() -> Result<()> {
    let stage = Stage::set().await?;
    let _application = stage.start().await?;
    stage.start_again().await?;
    stage.desktop.wait_for_window(TITLE, true, SOON).await?;
    let first = stage.desktop.running("portray-app");

    hide_window(&stage).await?;
    stage.start_again().await?;
    stage.desktop.wait_for_window(TITLE, true, SOON).await?;
    assert_eq!(
        stage.desktop.running("portray-app"),
        first,
        "the same process shows it"
    );
    Ok(())
}

#[tokio::test]
async fn w6_after_a_crash_the_next_start_is_the_first() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start().await?;
    application.process.kill();
    stage.tray.wait_for_no_item(SOON).await?;

    let application = stage.start().await?;
    let status = stage.portray().status().await?;
    assert_eq!(status["agent"]["pid"], application.process.id());
    assert_eq!(application.process.ended()?, None);
    Ok(())
}

/// A window whose resident was killed, and its process.
async fn orphaned_window(stage: &Stage) -> Result<i32> {
    let application = stage.start().await?;
    stage.start_again().await?;
    stage.desktop.wait_for_window(TITLE, true, SOON).await?;
    application.process.crash();
    stage.tray.wait_for_no_item(SOON).await?;
    // WebKit's processes bear our name until they are what they are to be.
    let alone = async || match stage.desktop.running("portray-app")[..] {
        [window] => Ok(Some(window)),
        _ => Ok(None),
    };
    let what = "the window's process, which goes on for a while";
    stage.desktop.wait_until(what, SOON, alone).await
}

#[tokio::test]
async fn w6_after_a_crash_the_next_start_has_the_one_window_and_takes_it_along_when_it_ends() -> Result<()> {
    let stage = Stage::set().await?;
    let orphan = orphaned_window(&stage).await?;
    let application = stage.start().await?;
    let what = "one window, of the new start";
    let replaced = stage.desktop.wait_until(what, SOON, async || {
        let running = stage.desktop.running("portray-app");
        ensure!(!running.contains(&orphan), "still running: {running:?}");
        Ok((running.len() == 2 && stage.desktop.shows_window(TITLE).await?).then_some(()))
    });
    replaced.await?;
    stage.quit(application).await?;
    wait_for_the_last_process(&stage).await
}

#[tokio::test]
async fn w6_a_window_that_no_new_start_takes_over_ends_by_itself() -> Result<()> {
    let stage = Stage::set().await?;
    orphaned_window(&stage).await?;
    wait_for_the_last_process(&stage).await
}

async fn wait_for_the_last_process(stage: &Stage) -> Result<()> {
    let gone = stage
        .desktop
        .wait_until("the last process to end", 2 * SOON, async || {
            let left = [stage.desktop.running("portray"), stage.desktop.running("WebKit")].concat();
            ensure!(left.is_empty(), "still running: {left:?}");
            Ok(Some(()))
        });
    gone.await
}

#[tokio::test]
async fn a_window_that_was_closed_gives_its_memory_back_after_a_while() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start().await?;
    stage.start_again().await?;
    stage.desktop.wait_for_window(TITLE, true, SOON).await?;
    wait_for_webkit(&stage).await?;
    // WebKit's processes bear our name until they are what they are to be.
    let both = async || Ok((stage.desktop.running("portray-app").len() == 2).then_some(()));
    stage
        .desktop
        .wait_until("the window's process", SOON, both)
        .await?;

    hide_window(&stage).await?;
    let gone = stage
        .desktop
        .wait_until("the window's processes to end", LINGERED, async || {
            let left = stage.desktop.running("WebKit");
            let ours = stage.desktop.running("portray-app");
            ensure!(
                left.is_empty() && ours.len() == 1,
                "still running: {left:?}, {ours:?}"
            );
            Ok(Some(ours))
        });
    assert_eq!(
        gone.await?,
        [i32::try_from(application.process.id())?],
        "the application stays"
    );

    stage.start_again().await?;
    stage.desktop.wait_for_window(TITLE, true, SOON).await
}

/// Presses Escape until it was heard: the page may not have had the keys yet.
async fn hide_window(stage: &Stage) -> Result<()> {
    let hidden = stage
        .desktop
        .wait_until("Escape to hide the window", SOON, async || {
            stage.desktop.press_key("Escape").await?;
            Ok((!stage.desktop.shows_window(TITLE).await?).then_some(()))
        });
    hidden.await
}

async fn wait_for_webkit(stage: &Stage) -> Result<()> {
    let runs = async || Ok((!stage.desktop.running("WebKit").is_empty()).then_some(()));
    stage.desktop.wait_until("WebKit's processes", SOON, runs).await
}
