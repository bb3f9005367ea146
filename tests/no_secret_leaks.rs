//! The secrets of a whole run, looked for wherever they must not be: with proof that they would be found there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Canaries, Desktop, EmulatorProcess, Opener, Portray, Program, Watch, follow, traced};
use portray_core::agent::protocol::{Operation, Reply, Target};
use portray_core::app::contract::Request;
use serde_json::json;

use crate::headless::Headless;
use crate::stage::Stage;

const DEADLINE: Duration = Duration::from_secs(30);

const ROLE: &str = "acme-dev/ReadOnly";

/// What `portray` prints because it was asked for: credentials, the console's address, the address of a sign-in.
const PRINTED: [&str; 5] = [
    "secret_access_key",
    "session_token",
    "signin_token",
    "state",
    "user_code",
];

#[tokio::test]
async fn x1_no_secret_of_a_run_is_in_logs_files_arguments_environments_or_on_the_bus() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray().with_variable("RUST_LOG", "trace");
    let watch = Watch::begin(&story.desktop).await?;
    use_it_all(&portray, &story.emulator, &story.opener).await?;

    let canaries = Canaries::of(&story.emulator).await?;
    let leaks = leaks(&story.desktop, &canaries)?;
    assert_eq!(leaks, Vec::new(), "files");
    assert_eq!(watch.found_in_processes(&canaries), BTreeSet::new(), "processes");
    assert_eq!(watch.found_on_the_bus(&canaries), BTreeSet::new(), "the bus");

    // And each of these places would have told.
    let told: BTreeMap<String, Vec<String>> = serde_json::from_value(story.emulator.read("secrets").await?)?;
    let token = &told["access_token"][0];
    let planted = story.desktop.portray_home().join("planted");
    std::fs::write(&planted, json!({ "token": token }).to_string())?;
    assert_eq!(canaries.found_below(&story.desktop.portray_home())?.len(), 1);
    let mut program = story.desktop.system_command("sleep");
    program.arg("60").env("PLANTED", token);
    let _planted = story.desktop.start_process("sleep", program)?;
    let seen = async || {
        Ok(watch
            .found_in_processes(&canaries)
            .contains("access_token")
            .then_some(()))
    };
    story
        .desktop
        .wait_until("a planted variable", DEADLINE, seen)
        .await?;
    let signal = ("/planted", "planted.planted", "Planted", token);
    let bus = story.desktop.bus();
    bus.emit_signal(None::<&str>, signal.0, signal.1, signal.2, &signal.3)
        .await?;
    let heard = async || {
        Ok(watch
            .found_on_the_bus(&canaries)
            .contains("access_token")
            .then_some(()))
    };
    story
        .desktop
        .wait_until("a planted message", DEADLINE, heard)
        .await
}

/// Every way to sign in, every answer that holds secrets, and failures in between.
async fn use_it_all(portray: &Portray<'_>, emulator: &EmulatorProcess, opener: &Opener) -> Result<()> {
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(emulator, "amara").await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    portray.run(&["console", ROLE, "--print"]).await?.expect_code(0)?;
    open_console(portray, opener).await?;
    portray.ask(|_| Request::RenewNow).await?;

    for fault in [
        json!({ "operation": "GetRoleCredentials", "status": 200, "body": "no JSON", "times": 4 }),
        json!({ "operation": "GetSigninToken", "status": 400, "times": 4 }),
    ] {
        emulator.add_fault(&fault).await?;
        let failed = portray
            .run(&["console", "222233334444/ReadOnly", "--print"])
            .await?;
        ensure!(failed.code != Some(0), "{failed:?}");
        emulator.clear_faults().await?;
    }
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;

    let (login, code) = portray.login_by_code(&["--force"]).await?;
    emulator.approve(&code, "amara").await?;
    login.finished(DEADLINE).await?.expect_code(0)?;
    emulator.end_sessions("amara").await?;
    portray
        .run(&["credentials", "222233334444/ReadOnly"])
        .await?
        .expect_code(3)?;
    portray.run(&["logout"]).await?.expect_code(0)?;
    Ok(())
}

/// The files of a desktop in which secrets are that must not be there.
fn leaks<'a>(desktop: &Desktop, canaries: &'a Canaries) -> Result<Vec<(PathBuf, BTreeSet<&'a str>)>> {
    let mut found = canaries.found_below(desktop.folder())?;
    for (path, kinds) in &mut found {
        if is_asked_for(path) {
            kinds.retain(|kind| !PRINTED.contains(kind));
        }
    }
    found.retain(|(_, kinds)| !kinds.is_empty());
    Ok(found)
}

fn is_asked_for(path: &Path) -> bool {
    path.to_string_lossy().ends_with("-portray.stdout")
}

#[tokio::test]
async fn b1_an_agent_hands_browsers_nothing_but_one_time_links() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    let log = story.desktop.folder().join("executed.log");
    let mut agent = portray.command(Program::Portray)?;
    agent.args(["agent", "--foreground"]);
    let watch = Watch::begin(&story.desktop).await?;
    let agent = story
        .desktop
        .start_process("agent", traced(&story.desktop, &agent, &log))?;
    let runs = async || Ok(agent.stderr().contains("The agent is running").then_some(()));
    story.desktop.wait_until("the agent", DEADLINE, runs).await?;
    portray.add_portal("acme", story.emulator.addresses()).await?;
    nothing_but_links(
        &story.desktop,
        &portray,
        &story.emulator,
        &story.opener,
        &watch,
        &log,
    )
    .await
}

#[tokio::test]
async fn b1_the_application_hands_browsers_nothing_but_one_time_links() -> Result<()> {
    let stage = Stage::set().await?;
    let portray = stage.portray();
    let log = stage.desktop.folder().join("executed.log");
    let application = portray.command(Program::PortrayApp)?;
    let watch = Watch::begin(&stage.desktop).await?;
    let traced = traced(&stage.desktop, &application, &log);
    let _application = stage.desktop.start_process("application", traced)?;
    stage.tray.wait_for_item().await?;
    portray.add_portal("acme", stage.emulator.addresses()).await?;
    nothing_but_links(
        &stage.desktop,
        &portray,
        &stage.emulator,
        &stage.opener,
        &watch,
        &log,
    )
    .await
}

/// Signs in and opens a console; then looks at all that was executed meanwhile.
async fn nothing_but_links(
    desktop: &Desktop,
    portray: &Portray<'_>,
    emulator: &EmulatorProcess,
    opener: &Opener,
    watch: &Watch,
    log: &Path,
) -> Result<()> {
    emulator.approve_automatically(Some("amara")).await?;
    let mut login = portray.login_at_desktop().await?;
    let signed_in = follow(&opener.next_url(DEADLINE).await?).await?;
    ensure!(signed_in.status == 200, "{signed_in:?}");
    ensure!(matches!(login.next().await?, Reply::Done));
    let mut console = portray.tell(Operation::Console {
        role: Target::Words {
            words: ROLE.to_owned(),
        },
        destination: None,
        region: None,
        duration_seconds: None,
        via: None,
        open_browser: true,
        browser: None,
    });
    let console_page = follow(&opener.next_url(DEADLINE).await?).await?;
    ensure!(console_page.status == 200, "{console_page:?}");
    let opened = console.next().await?;
    ensure!(matches!(opened, Reply::Console { url: None }), "{opened:?}");

    let canaries = Canaries::of(emulator).await?;
    let executed = std::fs::read(log)?;
    let text = String::from_utf8_lossy(&executed);
    let links = opener.lines();
    ensure!(links.len() == 2, "{links:?}");
    for link in &links {
        ensure!(
            link.starts_with("http://127.0.0.1:") && link.contains("/go/"),
            "{link}"
        );
        ensure!(text.contains(link.as_str()), "{link} was not seen in {text}");
    }
    assert_eq!(canaries.found_in(&executed), BTreeSet::new(), "{text}");
    assert_eq!(watch.found_in_processes(&canaries), BTreeSet::new());
    would_be_seen(desktop, emulator, &canaries).await
}

/// A program with a secret in its arguments, and one with a secret in its environment, are seen.
async fn would_be_seen(desktop: &Desktop, emulator: &EmulatorProcess, canaries: &Canaries) -> Result<()> {
    let told: BTreeMap<String, Vec<String>> = serde_json::from_value(emulator.read("secrets").await?)?;
    let log = desktop.folder().join("planted.log");
    let mut planted = desktop.system_command("sh");
    planted.args(["-c", "true; /bin/true \"https://x.example/?SigninToken=$0\""]);
    planted
        .arg(&told["signin_token"][0])
        .env("PLANTED", &told["code"][0]);
    let planted = traced(desktop, &planted, &log);
    desktop.run("strace", planted, DEADLINE).await?.expect_code(0)?;
    let found = canaries.found_in(&std::fs::read(log)?);
    assert_eq!(found, BTreeSet::from(["code", "signin_token"]));
    Ok(())
}

/// Opens a console in the browser; the stand-in for it follows the link.
async fn open_console(portray: &Portray<'_>, opener: &Opener) -> Result<()> {
    let arguments = ["console", ROLE, "--browser", "xdg-open"];
    portray.run(&arguments).await?.expect_code(0)?;
    let console = follow(&opener.next_url(DEADLINE).await?).await?;
    ensure!(console.status == 200, "{console:?}");
    Ok(())
}
