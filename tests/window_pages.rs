//! What the window shows of programs and of further roles, and what is done there, with the real application.

use std::fs;

use anyhow::{Context, Result};
use fantoccini::key::Key;
use harness::{WindowDriver, aws_cli};

use crate::stage::{ROLES, SOON, Stage, TOOL, ensure_one_time_link};

const SERIAL: &str = "arn:aws:iam::666677778888:mfa/release";
const KEY: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

#[tokio::test]
async fn a6_the_window_lists_a_use_and_takes_a_programs_credentials_away_and_gives_them_back() -> Result<()> {
    let stage = Stage::set().await?;
    let _application = stage.start_signed_in().await?;
    let portray = stage.portray();
    portray.run(&TOOL).await?.expect_code(0)?;
    let window = WindowDriver::open(&stage.desktop, &portray.environment()).await?;
    window.wait_for("[data-role='111122223333/ReadOnly']").await?;
    window.click("header .portal").await?;
    window.press("Uses of credentials").await?;

    // What has started the helper: this program, whose name the system cuts.
    let this = std::env::current_exe()?;
    let name: String = this
        .file_name()
        .context("a name")?
        .to_string_lossy()
        .chars()
        .take(15)
        .collect();
    let row = window.wait_for_content(".use", &name).await?;
    assert!(
        row.contains("acme-dev / ReadOnly") && row.contains("profile · Handed out"),
        "{row}"
    );
    window.click(".use .revoke").await?;
    window
        .wait_for_text("[role='alertdialog']", "stays valid at AWS until it expires")
        .await?;
    window.click("[role='alertdialog'] .primary").await?;
    window.wait_for(".use .allow").await?;
    let refused = portray.run(&TOOL).await?.expect_code(4)?;
    assert!(refused.stderr.contains("has been revoked"), "{refused:?}");
    window.wait_for_content(".use.refused", &name).await?;

    window.click(".use .allow").await?;
    let allowed = async || Ok((portray.run(&TOOL).await?.code == Some(0)).then_some(()));
    stage
        .desktop
        .wait_until("the program to be allowed again", SOON, allowed)
        .await?;

    // A launch can be ended from there before anything has asked.
    let serving = portray.start(&["serve", "acme-dev/Developer", "--json"])?;
    serving.first_line(SOON).await?;
    window.wait_for_text(".also", "and nothing has asked yet").await?;
    window.click(".also .link").await?;
    let ended = serving.finished(SOON).await?.expect_code(4)?;
    assert!(ended.stderr.contains("revoked this launch"), "{ended:?}");
    window.click("#back").await?;
    window.wait_for("#search").await
}

const CONFIG: &str =
    "# mine\n[default]\nregion = us-east-1\n\n[profile acme-dev-ReadOnly]\nregion=us-west-2 # here\n";

/// The lines of the difference that the window shows with one sign.
async fn difference(window: &WindowDriver, sign: &str) -> Result<Vec<String>> {
    let script =
        format!("return Array.from(document.querySelectorAll('li.{sign} code'), (line) => line.textContent)");
    Ok(serde_json::from_value(
        window.client().execute(&script, Vec::new()).await?,
    )?)
}

#[tokio::test]
async fn c4_the_window_shows_the_difference_writes_exactly_that_and_undoes_it() -> Result<()> {
    let stage = Stage::set().await?;
    let config = stage.desktop.home().join(".aws/config");
    fs::create_dir_all(config.parent().context("a folder")?)?;
    fs::write(&config, CONFIG)?;
    let _application = stage.start_signed_in().await?;
    let portray = stage.portray();
    let plan = portray.run(&["profiles", "plan"]).await?.expect_code(0)?.stdout;
    let planned = plan.lines().filter_map(|line| line.strip_prefix('+')).skip(1);
    let planned: Vec<_> = planned.map(str::to_owned).collect();

    let window = WindowDriver::open(&stage.desktop, &portray.environment()).await?;
    window.wait_for("[data-role='111122223333/ReadOnly']").await?;
    window.click("header .portal").await?;
    window.press("AWS profiles").await?;
    window
        .wait_for_content("#profiles-summary", &format!("{ROLES} new"))
        .await?;
    assert_eq!(difference(&window, "added").await?, planned);
    assert_eq!(difference(&window, "removed").await?, [""; 0]);
    window
        .wait_for_content("#profiles-notes", "config, line 6: ")
        .await?;
    assert_eq!(
        fs::read_to_string(&config)?,
        CONFIG,
        "what is shown is not written"
    );

    // Somebody else is quicker.
    let edited = format!("{CONFIG}output = json\n");
    fs::write(&config, &edited)?;
    window.click("#profiles-make:enabled").await?;
    window
        .wait_for_text("[role='alert']", "nothing was written")
        .await?;
    assert_eq!(fs::read_to_string(&config)?, edited);
    window.click("#profiles-make:enabled").await?;
    window.wait_for_text("[role='status']", "Written to").await?;
    let written = fs::read_to_string(&config)?;
    let ours: Vec<_> = written
        .strip_prefix(&edited)
        .context("what was there stays")?
        .lines()
        .collect();
    assert_eq!(ours, planned);
    let mut aws = stage.desktop.system_command(&aws_cli()?.to_string_lossy());
    aws.args(["configure", "list-profiles"]);
    let listed = stage.desktop.run("aws", aws, SOON).await?.expect_code(0)?.stdout;
    let sections = planned.iter().filter_map(|line| line.strip_prefix("[profile "));
    let names: Vec<_> = sections.map(|name| name.trim_end_matches(']')).collect();
    assert_eq!(names.len(), ROLES);
    for name in names.iter().chain(&["default", "acme-dev-ReadOnly"]) {
        assert!(listed.lines().any(|line| line == *name), "no {name} in {listed}");
    }

    window.click("#profiles-undo").await?;
    window.wait_for_text("h1", "Undo the last change").await?;
    window.wait_for("li.removed").await?;
    assert_eq!(difference(&window, "removed").await?, planned);
    assert_eq!(fs::read_to_string(&config)?, written);
    window.click("#profiles-make:enabled").await?;
    window.wait_for_text("[role='status']", "byte for byte").await?;
    assert_eq!(fs::read_to_string(&config)?, edited);
    window.click("#back").await?;
    window.wait_for("#search").await
}

#[tokio::test]
async fn h5_a_further_role_is_shown_as_such_and_the_window_asks_for_its_code() -> Result<()> {
    let stage = Stage::set().await?;
    fs::write(
        stage.desktop.portray_home().join("settings.toml"),
        format!(
            "[[chain]]\nname = \"release\"\nfrom = \"acme-staging/Deployer\"\n\
             role_arn = \"arn:aws:iam::666677778888:role/Break\"\nmfa_serial = \"{SERIAL}\"\n"
        ),
    )?;
    let world = format!(
        "[unsettled]\nmfa_of_role_sessions = true\n[[role]]\naccount = \"acme-prod\"\nname = \"Break\"\n\
         trust = [\"acme-staging\"]\nmfa = {{ serial = \"{SERIAL}\", totp = \"{KEY}\" }}\n"
    );
    stage.emulator.amend_world(&world).await?;
    let _application = stage.start_with_portal().await?;
    stage.sign_in_without_browser().await?;
    let portray = stage.portray();
    let window = WindowDriver::open(&stage.desktop, &portray.environment()).await?;
    window.fill("#search", "release").await?;
    window
        .wait_for_content(".chained", "↳ Break in 666677778888, from Deployer")
        .await?;
    window
        .wait_for("#row-0[aria-selected='true'][data-role$='/release']")
        .await?;
    window.type_keys("#search", &Key::Enter.to_string()).await?;
    window
        .wait_for_text("[role='dialog']", "A code of your MFA device for release")
        .await?;
    assert_eq!(
        stage.emulator.calls("AssumeRole").await?,
        0,
        "nobody was asked in vain"
    );

    window.fill("#mfa-code", "000000").await?;
    window.click("#give-code:enabled").await?;
    window.wait_for("[role='dialog'] [role='alert']").await?;
    assert_eq!(stage.opener.count(), 0);
    let code = stage.emulator.read(&format!("mfa-code?serial={SERIAL}")).await?;
    let code = code["code"].as_str().context("a code")?.to_owned();
    window.fill("#mfa-code", &code).await?;
    window.click("#give-code:enabled").await?;
    let link = stage.opener.next_url(SOON).await?;
    ensure_one_time_link(&link)?;
    let gone = async || Ok((!window.shows("[role='dialog']").await?).then_some(()));
    stage
        .desktop
        .wait_until("the end of the dialog", SOON, gone)
        .await?;
    window.wait_for_content("#row-0 .credentials", "Fresh").await?;

    // What it got by the code is everybody's now.
    let given = portray.run(&["credentials", "release"]).await?.expect_code(0)?;
    assert_eq!(given.json()?["AccountId"], "666677778888");
    assert!(given.json()?["AccessKeyId"].is_string());
    Ok(())
}
