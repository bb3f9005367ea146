//! How much memory the tray application has: before its window was opened, with it, and after it has gone.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use harness::{Desktop, EmulatorProcess, Portray, Program, TrayHost};

use crate::figure::Figure;

const SOON: Duration = Duration::from_secs(30);

/// A hidden window stays for three minutes.
const LINGERED: Duration = Duration::from_secs(240);

/// How often it is looked at, before it counts as never at rest.
const LOOKS: usize = 40;

/// The names of our processes, and of WebKit's, as the kernel cuts them off.
const PROCESSES: [&str; 2] = ["portray-app", "WebKit"];

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::start().await?;
    let tray = TrayHost::start(&desktop).await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    let application = portray.start_application()?;
    tray.wait_for_item().await?;
    portray.add_portal("acme", emulator.addresses()).await?;
    portray.sign_in(&emulator, "amara").await?;
    let before = settled(&desktop).await?;

    let shown = desktop.run("second-start", portray.command(Program::PortrayApp)?, SOON);
    shown.await?.expect_code(0)?;
    desktop.wait_for_window("Portray", true, SOON).await?;
    let with_window = settled(&desktop).await?;

    desktop.press_key("Escape").await?;
    desktop.wait_for_window("Portray", false, SOON).await?;
    let gone = desktop.wait_until("the window's processes to end", LINGERED, async || {
        let left = [desktop.running("WebKit"), desktop.running("portray-app")].concat();
        ensure!(left.len() == 1, "still running: {left:?}");
        Ok(Some(()))
    });
    gone.await?;
    let after = settled(&desktop).await?;
    drop(application);
    Ok(vec![
        figure("signed in, before any window", &before),
        figure("with its window", &with_window),
        figure("after the window has closed and lingered", &after),
    ])
}

/// The memory of all processes together, in KiB, and how many there are.
#[derive(Clone, Copy, Debug)]
struct Memory {
    kibibytes: u64,
    processes: usize,
}

fn figure(when: &str, memory: &Memory) -> Figure {
    let tenths = memory.kibibytes * 10 / 1024;
    Figure::new(
        format!("memory of `portray-app` (PSS), {when}"),
        format!(
            "{}.{} MiB in {} process{}",
            tenths / 10,
            tenths % 10,
            memory.processes,
            if memory.processes == 1 { "" } else { "es" }
        ),
    )
}

/// The memory once it changes by less than a hundredth between two looks.
async fn settled(desktop: &Desktop) -> Result<Memory> {
    let mut last = memory(desktop)?;
    for _ in 0..LOOKS {
        desktop.settle().await;
        let before = std::mem::replace(&mut last, memory(desktop)?);
        let change = before.kibibytes.abs_diff(last.kibibytes);
        if before.processes == last.processes && change * 100 < last.kibibytes {
            return Ok(last);
        }
    }
    bail!("the memory did not settle: {last:?}")
}

fn memory(desktop: &Desktop) -> Result<Memory> {
    let processes = PROCESSES.map(|name| desktop.running(name)).concat();
    let each = processes.iter().map(|process| proportional_share(*process));
    Ok(Memory {
        kibibytes: each.sum::<Result<u64>>()?,
        processes: processes.len(),
    })
}

/// What a process has for itself, plus its share of what it shares, in KiB.
pub fn proportional_share(process: i32) -> Result<u64> {
    let path = format!("/proc/{process}/smaps_rollup");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kibibytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kibibytes.with_context(|| format!("no Pss in {path}"))
}
