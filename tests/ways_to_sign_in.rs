//! Which way a sign-in goes: through the browser of this machine, or with a code that is confirmed elsewhere.

use std::path::Path;

use anyhow::{Result, ensure};
use harness::{Program, follow};
use serde_json::Value;
use url::Url;

use crate::headless::Headless;
use crate::stage::{SOON, Stage, USER};

/// How `portray login` is called, in which surroundings, and whether it takes a code.
type Row<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], bool);

const DISPLAY: (&str, &str) = ("DISPLAY", ":0");
const SSH: (&str, &str) = ("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.2 22");
const CODESPACES: (&str, &str) = ("CODESPACES", "true");
const WSL: (&str, &str) = ("WSL_DISTRO_NAME", "Debian");

#[tokio::test]
async fn l4_a_code_is_taken_where_a_person_chose_it_or_no_browser_here_is_seen() -> Result<()> {
    let story = Headless::with_portal().await?;
    // Where the tests run in a container, so does every login.
    let in_container = Path::new("/.dockerenv").exists();
    let rows: [Row<'_>; 10] = [
        (&[], &[DISPLAY], in_container),
        (&[], &[DISPLAY, WSL], in_container),
        (&[], &[DISPLAY, SSH], true),
        (&[], &[DISPLAY, CODESPACES], true),
        (&[], &[], true),
        (&["--device-code"], &[DISPLAY], true),
        (&["--device-code"], &[SSH], true),
        (&["--no-browser"], &[DISPLAY], false),
        (&["--no-browser"], &[SSH], false),
        (&["--no-browser", "--device-code"], &[SSH], true),
    ];
    let mut by_code = 0;
    for (arguments, variables, takes_code) in rows {
        let portray = variables.iter().fold(story.portray(), |portray, (name, value)| {
            portray.with_variable(name, value)
        });
        let login = portray.start(&[&["login", "--json"], arguments].concat())?;
        let asked: Value = serde_json::from_str(&login.first_line(SOON).await?)?;
        let url = Url::parse(asked["url"].as_str().unwrap_or_default())?;
        let has = |name: &str| url.query_pairs().any(|(other, _)| other == name);
        let row = format!("{arguments:?} {variables:?}: {asked}");
        if takes_code {
            by_code += 1;
            let code = asked["user_code"].as_str().unwrap_or_default();
            ensure!(
                !code.is_empty() && url.as_str().contains(code) && !has("state"),
                "{row}"
            );
        } else {
            ensure!(
                asked["user_code"].is_null() && has("code_challenge") && has("state"),
                "{row}"
            );
        }
        login.interrupt();
        login.finished(SOON).await?.expect_code(130)?;
        let codes = story.emulator.calls("StartDeviceAuthorization").await?;
        ensure!(codes == by_code, "{codes} codes were asked for: {row}");
    }
    Ok(())
}

#[tokio::test]
async fn l4_a_click_on_sign_in_goes_through_the_browser_of_this_machine() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_with_portal().await?;
    stage.emulator.approve_automatically(Some(USER)).await?;
    stage.tray.click(&application.icon, &["Sign in"]).await?;
    let page = follow(&stage.opener.next_url(SOON).await?).await?;
    ensure!(page.status == 200, "{page:?}");
    stage.portray().wait_for_portal("signed_in", SOON).await?;
    assert_eq!(stage.emulator.calls("Authorize").await?, 1);
    assert_eq!(stage.emulator.calls("StartDeviceAuthorization").await?, 0);
    Ok(())
}

#[tokio::test]
async fn l4_no_link_and_no_tool_begins_a_sign_in() -> Result<()> {
    let stage = Stage::set().await?;
    let application = stage.start_with_portal().await?;
    let addresses = stage.emulator.addresses();
    for link in [
        addresses.start_url.as_str(),
        &format!("{}#/device?user_code=BCDF-GHJK", addresses.portal_url),
        "portray://sign-in?portal=acme&device_code=true",
    ] {
        let mut command = stage.portray().command(Program::PortrayApp)?;
        command.arg(link);
        let refused = stage.desktop.run("link", command, SOON).await?.expect_code(2)?;
        ensure!(refused.stderr.lines().count() == 2, "{refused:?}");
    }
    for tool in [
        &["credentials", "acme-dev/ReadOnly"][..],
        &["accounts"],
        &["console", "acme-dev/ReadOnly"],
    ] {
        stage.portray().run(tool).await?.expect_code(3)?;
    }
    for operation in ["Authorize", "StartDeviceAuthorization", "RegisterClient"] {
        let calls = stage.emulator.calls(operation).await?;
        ensure!(calls == 0, "{calls} calls of {operation}");
    }
    assert_eq!(stage.opener.lines(), Vec::<String>::new());
    let status = stage.portray().wait_for_portal("sign_in_needed", SOON).await?;
    assert_eq!(status["agent"]["pid"], application.process.id());
    Ok(())
}
