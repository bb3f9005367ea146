//! Launches that are over, or are asked for another role than they began with: they say so, and give nothing.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::get_with_authorization;
use serde_json::Value;

use crate::chained_roles::settings_of;
use crate::headless::Headless;
use crate::stage::{RELEASE, SOON, USER};

const DEADLINE: Duration = Duration::from_secs(60);
const ROLE: &str = "acme-dev/ReadOnly";

/// Waits until so many launches run.
async fn launches(story: &Headless, count: usize) -> Result<()> {
    let portray = story.portray();
    let listed = async || {
        let uses = portray.run(&["uses", "--json"]).await?.json()?;
        let launches = uses["launches"].as_array().context("launches")?;
        Ok((launches.len() == count).then_some(()))
    };
    let what = format!("{count} launches");
    story.desktop.wait_until(&what, DEADLINE, listed).await
}

#[tokio::test]
async fn r8_after_a_sign_out_serve_says_so_and_ends_and_no_launch_is_told_as_running() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let folder = story.desktop.folder().join("for-containers");
    let folder = folder.to_str().context("a path")?;
    let serving = portray.start(&["serve", ROLE, "--json"])?;
    let variables: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    assert!(variables.is_object(), "{variables}");
    let containers = portray.start(&["serve", ROLE, "--container-dir", folder, "--json"])?;
    containers.first_line(DEADLINE).await?;
    let exec = portray.start_exec(ROLE, &["sleep", "600"]).await?;
    launches(&story, 3).await?;

    portray.run(&["logout"]).await?.expect_code(0)?;
    for serve in [serving, containers] {
        let ended = serve.finished(SOON).await?.expect_code(3)?;
        assert!(
            ended.stderr.contains("You have signed out since this command"),
            "{ended:?}"
        );
    }
    launches(&story, 0).await?;
    // Neither does the next sign-in bring it back.
    portray.sign_in(&story.emulator, USER).await?;
    let refused = get_with_authorization(&exec.endpoint, &exec.token).await?;
    assert!(
        refused.status == 403 && refused.body.contains("SignedOut"),
        "{refused:?}"
    );
    launches(&story, 0).await?;
    Ok(())
}

#[tokio::test]
async fn a6_a_launch_of_a_further_role_goes_on_with_the_role_that_it_began_with() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let path = settings_of(&story)?;
    let before = fs::read_to_string(&path)?;
    fs::write(&path, [before.as_str(), RELEASE].concat())?;
    let exec = portray.start_exec("release", &["sleep", "600"]).await?;
    let asked = async |status: u16, words: &str| {
        let answered = async || {
            let answer = get_with_authorization(&exec.endpoint, &exec.token).await?;
            let is_it = answer.status == status && answer.body.contains(words);
            Ok(is_it.then_some(()))
        };
        let what = format!("{status} with {words}");
        story.desktop.wait_until(&what, DEADLINE, answered).await
    };
    let its_account = "\"AccountId\":\"666677778888\"";
    asked(200, its_account).await?;
    for (was, now) in [
        ("acme-staging/Deployer", "acme-dev/ReadOnly"),
        ("role/ReleaseManager", "role/Break"),
        ("acme-releases", "others-releases"),
    ] {
        fs::write(&path, [before.as_str(), &RELEASE.replace(was, now)].concat())?;
        // Whoever runs a command has the edit taken over.
        portray.status().await?;
        let refused = get_with_authorization(&exec.endpoint, &exec.token).await?;
        let words = "“release” is another role by now";
        assert!(
            refused.status == 403 && refused.body.contains(words),
            "{refused:?}"
        );
        fs::write(&path, [before.as_str(), RELEASE].concat())?;
        portray.status().await?;
        asked(200, its_account).await?;
    }
    // The same account by its number is the same role.
    let by_id = RELEASE.replace("acme-staging/", "444455556666/");
    fs::write(&path, [before.as_str(), &by_id].concat())?;
    portray.status().await?;
    asked(200, its_account).await?;
    Ok(())
}
