//! Choosing a role at a terminal, where the command line names none or several.

use std::time::Duration;

use anyhow::Result;
use url::Url;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);

const DOWN: &str = "\u{1b}[B";
const ENTER: &str = "\r";
const CONTROL_C: &str = "\u{3}";

#[tokio::test]
async fn a_console_without_a_target_is_chosen_from_a_list_that_is_searched_by_typing() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();

    let mut terminal = portray.start_at_terminal(&["console", "--print"])?;
    let before = terminal.wait_for("Which role?", 0, DEADLINE).await?;
    terminal.press("dev read")?;
    terminal
        .wait_for("acme-dev/ReadOnly  (111122223333)", before, DEADLINE)
        .await?;
    terminal.press(DOWN)?;
    terminal.press(ENTER)?;
    let printed = terminal.finished(DEADLINE).await?.expect_code(0)?;
    let url = Url::parse(printed.stdout.trim())?;
    assert!(url.query_pairs().any(|(name, _)| name == "SigninToken"), "{url}");
    assert!(!printed.stderr.contains("SigninToken"), "{printed:?}");
    assert_eq!(story.opener.lines(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn words_that_match_several_roles_are_chosen_from_at_a_terminal_and_refused_elsewhere() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let several = ["credentials", "readonly", "--format", "json"];
    let refused = portray.run(&several).await?.expect_code(2)?;
    assert!(refused.stderr.lines().count() > 3, "the candidates: {refused:?}");

    let loosely = portray
        .run(&["credentials", "sandbox admin"])
        .await?
        .expect_code(0)?;
    assert_eq!(
        loosely.stderr,
        "This is acme-sandbox-amara/AdministratorAccess (012345678901).\n"
    );
    let exactly = portray.run(&["credentials", "developer 111122223333"]).await?;
    assert_eq!(exactly.expect_code(0)?.stderr, "");

    let mut terminal = portray.start_at_terminal(&several)?;
    let before = terminal.wait_for("Which role?", 0, DEADLINE).await?;
    terminal.press(ENTER)?;
    terminal
        .wait_for("Choose one of the rows", before, DEADLINE)
        .await?;
    terminal.press(" 111122223333")?;
    terminal.press(ENTER)?;
    let chosen = terminal.finished(DEADLINE).await?.expect_code(0)?;
    let role = chosen.json()?;
    assert_eq!(
        (&role["account"], &role["permission_set"]),
        (&"111122223333".into(), &"ReadOnly".into()),
        "{chosen:?}"
    );

    let mut left = portray.start_at_terminal(&several)?;
    left.wait_for("Which role?", 0, DEADLINE).await?;
    left.press(CONTROL_C)?;
    let left = left.finished(DEADLINE).await?.expect_code(130)?;
    assert_eq!(left.stdout, "");
    assert_eq!(story.emulator.calls("GetRoleCredentials").await?, 3);
    Ok(())
}

#[tokio::test]
async fn a_list_that_is_empty_is_not_shown_and_the_reason_is_said() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let nothing = portray.start_at_terminal(&["console"])?;
    let nothing = nothing.finished(DEADLINE).await?.expect_code(2)?;
    assert!(nothing.stderr.contains("portray portal add"), "{nothing:?}");

    portray.add_portal("acme", story.emulator.addresses()).await?;
    let unknown = portray.start_at_terminal(&["console"])?;
    let unknown = unknown.finished(DEADLINE).await?.expect_code(3)?;
    assert!(unknown.stderr.contains("portray login acme"), "{unknown:?}");
    Ok(())
}
