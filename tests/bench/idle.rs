//! What the application takes of the processor while nobody asks for anything.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use harness::{Desktop, EmulatorProcess, Portray, TrayHost};

use crate::figure::{Figure, stopwatch};

const USER: &str = "amara";

/// How long it is watched, and how long with `--quick`.
const LONG: Duration = Duration::from_secs(300);
const QUICK: Duration = Duration::from_secs(30);

/// How long it has nothing to do beforehand.
const REST: Duration = Duration::from_secs(10);

/// What a process has used up so far.
struct Used {
    processor: Duration,
    /// How often its threads stopped waiting.
    wakes: u64,
}

pub async fn measure(is_quick: bool) -> Result<Vec<Figure>> {
    let desktop = Desktop::start().await?;
    let tray = TrayHost::start(&desktop).await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    let application = portray.start_application()?;
    tray.wait_for_item().await?;
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, USER).await?;
    let process = i32::try_from(application.id())?;
    pass(REST).await;

    let before = used(process)?;
    let watch = stopwatch();
    pass(if is_quick { QUICK } else { LONG }).await;
    let (after, seconds) = (used(process)?, watch.elapsed().as_secs_f64());
    drop(application);
    let busy = (after.processor - before.processor).as_secs_f64();
    let wakes = (after.wakes - before.wakes) as f64 / seconds;
    Ok(vec![
        Figure::new(
            format!("processor of `portray-app`, signed in and idle for {seconds:.0} s"),
            format!("{:.2} % of one core", 100.0 * busy / seconds),
        ),
        Figure::new(
            "its wake-ups meanwhile, all threads together",
            format!("{wakes:.2} a second"),
        ),
    ])
}

fn used(process: i32) -> Result<Used> {
    let mut used = Used {
        processor: Duration::ZERO,
        wakes: 0,
    };
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let folder = thread?.path();
        let status = fs::read_to_string(folder.join("status"))?;
        let mut lines = status.lines();
        let switches = lines.find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        used.wakes += switches.context("no count of switches")?.trim().parse::<u64>()?;
        let times = fs::read_to_string(folder.join("schedstat"))?;
        let running = times.split(' ').next().context("no times")?;
        used.processor += Duration::from_nanos(running.parse()?);
    }
    Ok(used)
}

#[expect(
    clippy::disallowed_methods,
    reason = "measures what happens in real time; no product code"
)]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
