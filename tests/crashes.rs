//! What goes wrong in the program itself: panics that it survives, and crashes that leave nothing behind.

use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use harness::{Canaries, Program, Simulation, wait_until};
use identity_center_emulator::World;
use portray_core::app::contract::{ProblemCode, Request};
use rustix::process::{Pid, Signal, kill_process};

use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(30);
const DEV: &str = "111122223333";

#[tokio::test]
async fn x5_a_panic_costs_one_command_and_is_told_while_everything_else_goes_on() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.credentials(DEV, "ReadOnly").await?;
    day.shell.panics.store(1, Ordering::SeqCst);
    let refused = day.ask(Request::ShowWindow).await;
    ensure!(refused.is_err(), "whoever asked is told");
    let problem = day.snapshot().await?.problem.clone().context("it is told")?;
    assert_eq!(problem.code, ProblemCode::Failed);
    assert!(
        problem.what_happened.contains("failed while it answered"),
        "{problem:?}"
    );
    day.credentials(DEV, "Developer").await?;
    day.ask(Request::ShowWindow).await?;
    day.advance(Duration::from_secs(2 * 3600)).await;
    let credentials = day.credentials(DEV, "ReadOnly").await?;
    assert!(!day.left(&credentials).is_negative());
    Ok(())
}

#[tokio::test]
async fn x5_a_loop_that_keeps_panicking_goes_on_slowly_and_can_be_ended() -> Result<()> {
    let day = Simulation::signed_in(World::acme(), "amara").await?;
    day.shell.panics.store(100, Ordering::SeqCst);
    for _ in 0..50 {
        day.app.click(Request::ShowWindow);
    }
    day.advance(Duration::from_secs(50)).await;
    let tried = || day.shell.windows.load(Ordering::SeqCst);
    assert_eq!(tried(), 4, "the first, and three more");
    day.advance(Duration::from_secs(70)).await;
    assert!((5..=10).contains(&tried()), "{}", tried());
    day.ask(Request::Quit).await?;
    let stopped = async {
        day.app.stopped().await;
        Ok::<_, ()>(())
    };
    day.while_time_passes(stopped).await
}

/// Ends `command` with `signal` and says how it ended. It may write core files as large as it likes, as far as it lets
/// itself.
async fn ended_by(
    mut command: Command,
    signal: Signal,
    ready: impl AsyncFn() -> Result<()>,
) -> Result<ExitStatus> {
    let mut child = command.process_group(0).spawn()?;
    ready().await?;
    let id = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .context("it has a number")?;
    let ended = tokio::task::spawn_blocking(move || {
        loop {
            // Rust's runtime looks at the first SIGSEGV itself, for a stack that is too small.
            kill_process(id, signal)?;
            std::thread::park_timeout(Duration::from_millis(50));
            if let Some(status) = child.try_wait()? {
                return Ok::<_, anyhow::Error>(status);
            }
        }
    });
    tokio::time::timeout(DEADLINE, ended).await??
}

/// A shell that allows core files, and then is what `$0` says.
fn with_core_files(mut shell: Command, folder: &Path, program: &Command) -> Command {
    shell.args(["-c", "ulimit -c unlimited; exec \"$0\" \"$@\""]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.current_dir(folder);
    shell
}

#[tokio::test]
async fn x5_a_crash_leaves_no_core_file_with_secrets() -> Result<()> {
    for signal in [Signal::SEGV, Signal::ABORT] {
        let story = Headless::set().await?;
        let portray = story.portray();
        let folder = story.desktop.folder();
        // Whether this machine writes core files at all, which is what the test stands on.
        let mut sleep = Command::new("sleep");
        sleep.arg("600");
        let sleep = with_core_files(story.desktop.system_command("sh"), folder, &sleep);
        let nothing = async || Ok(());
        let control = ended_by(sleep, signal, nothing).await?;
        assert_eq!(control.signal(), Some(signal.as_raw()));

        let mut agent = portray.command(Program::Portray)?;
        agent.args(["agent", "--foreground"]);
        let mut shell = story.desktop.system_command("sh");
        shell.envs(portray.environment());
        let agent = with_core_files(shell, folder, &agent);
        let use_it = async || {
            let runs = async || Ok(portray.run(&["agent", "status"]).await?.expect_code(0).ok());
            wait_until("the agent", DEADLINE, runs).await?;
            portray.add_portal("acme", story.emulator.addresses()).await?;
            portray.sign_in(&story.emulator, "amara").await?;
            portray
                .run(&["credentials", "acme-dev/ReadOnly"])
                .await?
                .expect_code(0)?;
            Ok(())
        };
        let crashed = ended_by(agent, signal, use_it).await?;
        assert_eq!(crashed.signal(), Some(signal.as_raw()));
        assert!(!crashed.core_dumped(), "{crashed:?}");
        let canaries = Canaries::of(&story.emulator).await?;
        for (path, kinds) in canaries.found_below(folder)? {
            ensure!(
                path.ends_with("portray-credentials.stdout") || is_answer(&path),
                "{kinds:?} in {}",
                path.display()
            );
        }
    }
    Ok(())
}

/// What a command printed because it was asked to.
fn is_answer(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "stdout")
}
