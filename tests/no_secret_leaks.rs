//! The secrets of a whole run, looked for wherever they must not be: with proof that they would be found there.

mod troubles;
mod window;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{
    Canaries, Desktop, EmulatorProcess, Exec, Opener, Portray, Process, Program, Watch, follow, traced,
};
use portray_core::agent::protocol::{Operation, Reply, Target};
use portray_core::app::contract::Request;
use serde_json::json;

use crate::headless::Headless;
use crate::stage::Stage;
use window::Recorded;

const DEADLINE: Duration = Duration::from_secs(30);

const ROLE: &str = "acme-dev/ReadOnly";

/// A role that is assumed from a permission set: what it is given is as secret.
const CHAIN: &str = "
[[chain]]
name = \"release\"
from = \"acme-staging/Deployer\"
role_arn = \"arn:aws:iam::666677778888:role/ReleaseManager\"
external_id = \"acme-releases\"
";

/// Every kind of secret, and the places where it may stand because somebody asked for it there: what a command prints,
/// and the environment of what `exec` runs. In all other places it is looked for; the keyring keeps tokens encrypted.
/// There is no id token in the list: Identity Center gives none, and neither does the emulator.
const ALLOWED: [(&str, &[&str]); 12] = [
    ("access_token", &[]),
    ("bearer", &["environment of python3", "output of serve"]),
    ("client_secret", &[]),
    ("code", &[]),
    ("code_verifier", &[]),
    ("device_code", &[]),
    ("refresh_token", &[]),
    (
        "secret_access_key",
        &["environment of sleep", "output of credentials"],
    ),
    (
        "session_token",
        &["environment of sleep", "output of credentials"],
    ),
    ("signin_token", &["output of console"]),
    ("state", &["output of login"]),
    ("user_code", &["output of login", "window"]),
];

/// A tool that is refused twice at `exec`'s endpoint, is served, says so, and stays.
const TOOL: &str = r#"
import os, signal, urllib.request
def ask(address, token):
    request = urllib.request.Request(address, headers={"Authorization": token})
    with urllib.request.urlopen(request) as answer:
        return answer.read()
address = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
token = os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
for wrong in [(address, "Bearer " + token), (address + "/more", token)]:
    try:
        ask(*wrong)
        raise SystemExit("served")
    except urllib.error.HTTPError:
        pass
ask(address, token)
print("served", flush=True)
signal.pause()
"#;

/// Where secrets stand, each place with the kind.
type Found = BTreeSet<(String, String)>;

#[tokio::test]
async fn x1_no_secret_of_a_run_is_in_logs_files_arguments_environments_or_on_the_bus() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray().with_variable("RUST_LOG", "trace");
    let watch = Watch::begin(&story.desktop).await?;
    let window = Recorded::begin(&story.desktop)?;
    let running = use_it_all(&portray, &story).await?;
    ensure!(
        window.count() > 10,
        "the window was told {} things",
        window.count()
    );

    let mut secrets = told(&story.emulator).await?;
    secrets.insert("bearer".to_owned(), running.bearers.clone());
    let kinds: Vec<&str> = secrets.keys().map(String::as_str).collect();
    assert_eq!(kinds, ALLOWED.map(|(kind, _)| kind), "every kind has its places");
    let canaries = Canaries::from(secrets.clone());
    let allowed = ALLOWED.iter().flat_map(|(kind, places)| {
        let places = places.iter();
        places.map(|place| ((*place).to_owned(), (*kind).to_owned()))
    });
    let mut expected: Found = allowed.collect();
    let stand = async |expected: &Found| {
        let found = found(&story.desktop, &watch, &window, &canaries)?;
        let more: Vec<_> = found.difference(expected).collect();
        let less: Vec<_> = expected.difference(&found).collect();
        ensure!(found == *expected, "found also {more:?}, and not {less:?}");
        Ok(Some(()))
    };
    let what = "secrets where they may be, and nowhere else";
    story
        .desktop
        .wait_until(what, DEADLINE, async || stand(&expected).await)
        .await?;

    // And each of the other places would have told, of each kind.
    let planted = plant(&story.desktop, &json!(secrets).to_string()).await?;
    let places = ["environment of tail", "bus", &planted.file];
    expected.extend(
        kinds
            .iter()
            .flat_map(|kind| places.map(|place| (place.to_owned(), (*kind).to_owned()))),
    );
    let what = "the planted secrets";
    story
        .desktop
        .wait_until(what, DEADLINE, async || stand(&expected).await)
        .await
}

/// What is found in the files of a desktop, in its processes, on its bus, and in what a window is told.
fn found(desktop: &Desktop, watch: &Watch, window: &Recorded, canaries: &Canaries) -> Result<Found> {
    let mut found: BTreeSet<(String, &str)> = watch.found_in_processes(canaries);
    found.extend(window.found(canaries));
    found.extend(watch.found_on_the_bus(canaries));
    for (path, kinds) in canaries.found_below(desktop.folder())? {
        found.extend(kinds.into_iter().map(|kind| (place(&path), kind)));
    }
    Ok(found
        .into_iter()
        .map(|(place, kind)| (place, kind.to_owned()))
        .collect())
}

/// A file, or the command that printed it.
fn place(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let command = name
        .split_once("-portray-")
        .and_then(|(_, name)| name.strip_suffix(".stdout"));
    command.map_or_else(
        || path.display().to_string(),
        |command| format!("output of {command}"),
    )
}

/// Text that was put where no secret may be, for as long as this lives.
struct Planted {
    file: String,
    _program: Process,
}

/// Puts `text` into a file, into the environment of `tail`, and on the bus.
async fn plant(desktop: &Desktop, text: &str) -> Result<Planted> {
    let file = desktop.portray_home().join("planted");
    std::fs::write(&file, text)?;
    let mut program = desktop.system_command("tail");
    program.args(["-f", "/dev/null"]).env("PLANTED", text);
    let program = desktop.start_process("tail", program)?;
    let signal = desktop
        .bus()
        .emit_signal(None::<&str>, "/planted", "planted.planted", "Planted", &text);
    signal.await?;
    Ok(Planted {
        file: file.display().to_string(),
        _program: program,
    })
}

/// Every secret that the emulator handed out or was handed, by kind.
async fn told(emulator: &EmulatorProcess) -> Result<BTreeMap<String, Vec<String>>> {
    Ok(serde_json::from_value(emulator.read("secrets").await?)?)
}

/// What has served credentials: two commands of `exec`, one with an endpoint and one with credentials in its
/// environment, which live as long as this does, and `serve` in both forms, which ends with the sign-out.
struct Running {
    /// Every token that opened an endpoint.
    bearers: Vec<String>,
    _exec: Exec,
    _variables: Process,
}

/// `portray serve`, once with a token that it prints and once with one in a file.
async fn serve(portray: &Portray<'_>, story: &Headless) -> Result<([Process; 2], [String; 2])> {
    let file = story.desktop.folder().join("token");
    let path = file.display().to_string();
    let printing = portray.start(&["serve", ROLE, "--json"])?;
    let printed: serde_json::Value = serde_json::from_str(&printing.first_line(DEADLINE).await?)?;
    let token = printed["AWS_CONTAINER_AUTHORIZATION_TOKEN"].as_str();
    let token = token.context("a token")?.to_owned();
    let writing = portray.start(&["serve", ROLE, "--json", "--token-file", &path])?;
    writing.first_line(DEADLINE).await?;
    let written = std::fs::read_to_string(&file)?;
    Ok(([printing, writing], [token, written]))
}

/// Every way to sign in, every answer that holds secrets, and everything that fails in between.
async fn use_it_all(portray: &Portray<'_>, story: &Headless) -> Result<Running> {
    let Headless { emulator, opener, .. } = story;
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let settings = crate::chained_roles::settings_of(story)?;
    std::fs::write(&settings, std::fs::read_to_string(&settings)? + CHAIN)?;
    portray.sign_in(emulator, "amara").await?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    portray.run(&["credentials", "release"]).await?.expect_code(0)?;
    portray
        .run(&["console", "release", "--print"])
        .await?
        .expect_code(0)?;
    portray.run(&["console", ROLE, "--print"]).await?.expect_code(0)?;
    open_console(portray, opener).await?;
    portray.ask(|_| Request::RenewNow).await?;
    let endpoint = portray.start_exec(ROLE, &["python3", "-c", TOOL]).await?;
    let served = endpoint.process.first_line(DEADLINE).await?;
    ensure!(served == "served", "{served}");
    let variables = portray.start(&["exec", "--env", ROLE, "--", "sleep", "600"])?;
    let (servers, tokens) = serve(portray, story).await?;

    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    portray.run(&["credentials", ROLE]).await?.expect_code(0)?;
    troubles::go_through(portray, story).await?;
    let report = story.desktop.folder().join("report.txt").display().to_string();
    portray.run(&["doctor", "--report", &report]).await?;
    ensure!(Path::new(&report).exists(), "there is a report");

    let (login, code) = portray.login_by_code(&["--force"]).await?;
    emulator.approve(&code, "amara").await?;
    login.finished(DEADLINE).await?.expect_code(0)?;
    emulator.end_sessions("amara").await?;
    portray
        .run(&["credentials", "222233334444/ReadOnly"])
        .await?
        .expect_code(3)?;
    portray.run(&["logout"]).await?.expect_code(0)?;
    for server in servers {
        server.finished(DEADLINE).await?.expect_code(3)?;
    }
    let [printed, written] = tokens;
    Ok(Running {
        bearers: vec![endpoint.token.clone(), printed, written],
        _exec: endpoint,
        _variables: variables,
    })
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
    let told = told(emulator).await?;
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
