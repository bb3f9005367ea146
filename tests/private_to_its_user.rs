//! What Portray leaves on disk and listens on is its user's alone.

use std::io::ErrorKind;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Desktop, EmulatorProcess, Finished, Portray, Program, get_with_authorization};
use serde_json::Value;
use url::Url;

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);

/// Asks the agent at the path in its argument for its state, and prints what comes.
const CLIENT: &str = r#"
import socket, sys
agent = socket.socket(socket.AF_UNIX)
agent.settimeout(5)
agent.connect(sys.argv[1])
try:
    agent.sendall(b'{"v":1,"op":"status"}\n')
    print(agent.recv(65536).decode())
except (BrokenPipeError, ConnectionResetError):
    pass
"#;

/// Opens connections to the port in its argument for as long as it lives, one after the other as fast as it can, and
/// begins a request on each. Holds the last 900 of them, and says when it has opened more.
const FLOOD: &str = r#"
import collections, socket, sys
held, opened = collections.deque(maxlen=900), 0
while True:
    try:
        client = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 20)
        client.sendall(b"GET /cred")
        held.append(client)
    except OSError:
        held.clear()
    opened += 1
    if opened == 1500:
        print("floods", flush=True)
"#;

/// How often SDKs ask before they give up.
const TRIES: usize = 3;

#[tokio::test]
async fn h4_another_user_who_opens_connections_without_end_keeps_nobody_from_the_endpoint() -> Result<()> {
    let story = Headless::signed_in().await?;
    let portray = story.portray();
    let serving = portray.start(&["serve", "acme-dev/ReadOnly", "--json"])?;
    let variables: Value = serde_json::from_str(&serving.first_line(DEADLINE).await?)?;
    let value = |name: &str| variables[name].as_str().context("a text");
    let url: Url = value("AWS_CONTAINER_CREDENTIALS_FULL_URI")?.parse()?;
    let token = value("AWS_CONTAINER_AUTHORIZATION_TOKEN")?;
    let mut flood = as_nobody(&story.desktop, "python3");
    let port = url.port().context("a port")?.to_string();
    flood.args(["-c", FLOOD, &port]).current_dir("/");
    let flood = story.desktop.start_process("flood", flood)?;
    flood.first_line(DEADLINE).await?;
    for _ in 0..20 {
        let mut statuses = Vec::new();
        while statuses.len() < TRIES && !statuses.contains(&Some(200)) {
            let answer = get_with_authorization(&url, token).await;
            statuses.push(answer.ok().map(|answer| answer.status));
        }
        ensure!(statuses.contains(&Some(200)), "{statuses:?}");
    }
    Ok(())
}

#[tokio::test]
async fn x4_every_file_is_0600_and_every_folder_0700_whatever_the_umask() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray();
    start_agent_without_umask(&story.desktop, &portray).await?;
    use_it(&portray, &story.emulator).await?;

    let found = everything_below(&story.desktop.portray_home())?;
    let names: Vec<_> = found
        .iter()
        .filter_map(|path| path.file_name()?.to_str())
        .collect();
    for expected in ["settings.toml", "agent.sock", "agent.log"] {
        assert!(names.contains(&expected), "{expected} is not in {names:?}");
    }
    assert_private(&found)
}

#[tokio::test]
async fn x4_the_same_holds_in_the_folders_of_the_desktop() -> Result<()> {
    let story = Headless::set().await?;
    let portray = story.portray().with_variable("PORTRAY_HOME", "");
    start_agent_without_umask(&story.desktop, &portray).await?;
    use_it(&portray, &story.emulator).await?;

    assert!(everything_below(&story.desktop.portray_home())?.is_empty());
    let home = story.desktop.home();
    let mut found = Vec::new();
    for folder in [".config", ".cache", ".local/state"] {
        let ours = home.join(folder).join("portray");
        assert!(ours.is_dir(), "{} is missing", ours.display());
        found.extend(everything_below(&ours)?);
        found.push(ours);
    }
    found.push(story.desktop.folder().join("run/portray"));
    found.extend(everything_below(&story.desktop.folder().join("run/portray"))?);
    assert_private(&found)
}

#[tokio::test]
async fn a4_another_user_can_neither_enter_nor_ask() -> Result<()> {
    let story = Headless::signed_in().await?;
    let socket = story.desktop.portray_home().join("run/agent.sock");
    let ours = ask(&story.desktop, story.desktop.system_command("python3"), &socket).await?;
    assert!(ours.stdout.contains("\"portals\""), "the client works: {ours:?}");

    // The desktop's own folder is the test's, not Portray's: what Portray made has to hold by itself.
    open_up(story.desktop.folder(), 0o755)?;
    open_up(&story.desktop.portray_home(), 0o755)?;
    let kept_out = ask(&story.desktop, as_nobody(&story.desktop, "python3"), &socket).await?;
    assert!(kept_out.stderr.contains("PermissionError"), "{kept_out:?}");

    // And if somebody opens the folders, the agent itself looks at who is there.
    open_up(&story.desktop.portray_home().join("run"), 0o755)?;
    open_up(&socket, 0o777)?;
    let unheard = ask(&story.desktop, as_nobody(&story.desktop, "python3"), &socket).await?;
    assert_eq!(unheard.stdout.trim(), "", "{unheard:?}");
    assert!(!unheard.stderr.contains("PermissionError"), "{unheard:?}");
    Ok(())
}

/// An agent that inherits the umask that protects nothing.
async fn start_agent_without_umask(desktop: &Desktop, portray: &Portray<'_>) -> Result<()> {
    let program = portray.command(Program::Portray)?;
    let mut command = desktop.system_command("sh");
    command.envs(portray.environment());
    command
        .args(["-c", "umask 0; exec \"$0\" agent"])
        .arg(program.get_program());
    desktop.run("sh", command, DEADLINE).await?.expect_code(0)?;
    Ok(())
}

/// Everything that leaves files behind.
async fn use_it(portray: &Portray<'_>, emulator: &EmulatorProcess) -> Result<()> {
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(emulator, "amara").await?;
    let role = "acme-dev/ReadOnly";
    for arguments in [
        &["accounts", "--sync"][..],
        &["credentials", role],
        &["console", role, "--print"],
    ] {
        portray.run(arguments).await?.expect_code(0)?;
    }
    Ok(())
}

fn assert_private(paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        let metadata = match std::fs::symlink_metadata(path) {
            // What is written anew has another name until it is complete.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            found => found?,
        };
        let mode = metadata.permissions().mode() & 0o777;
        let kind = metadata.file_type();
        let expected = if kind.is_dir() { 0o700 } else { 0o600 };
        ensure!(
            kind.is_dir() || kind.is_file() || kind.is_socket(),
            "{} is something else",
            path.display()
        );
        ensure!(mode == expected, "{} has mode {mode:o}", path.display());
    }
    Ok(())
}

fn everything_below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(everything_below(&path)?);
        }
        found.push(path);
    }
    Ok(found)
}

async fn ask(desktop: &Desktop, mut python: Command, socket: &Path) -> Result<Finished> {
    python.args(["-c", CLIENT]).arg(socket).current_dir("/");
    desktop.run("python3", python, DEADLINE).await
}

/// `program` as the user that owns nothing. Only root can become somebody else.
fn as_nobody(desktop: &Desktop, program: &str) -> Command {
    let becoming = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        program,
    ];
    let words: Vec<&str> = if rustix::process::geteuid().is_root() {
        becoming.to_vec()
    } else {
        ["sudo", "--non-interactive"]
            .into_iter()
            .chain(becoming)
            .collect()
    };
    let mut command = desktop.system_command(words[0]);
    command.args(&words[1..]);
    command
}

fn open_up(path: &Path, mode: u32) -> Result<()> {
    Ok(std::fs::set_permissions(
        path,
        std::fs::Permissions::from_mode(mode),
    )?)
}
