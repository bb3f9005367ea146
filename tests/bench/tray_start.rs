//! How long it takes from the start of the tray application until its icon is in the tray.

use anyhow::Result;
use harness::{Desktop, EmulatorProcess, Portray, TrayHost};

use crate::figure::{Durations, Figure, stopwatch};

const RUNS: usize = 10;

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::start().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let tray = TrayHost::start(&desktop).await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    let mut durations = Durations::default();
    // The first start, with nothing in the system's caches, is not counted.
    for run in 0..=RUNS {
        let registered = tray.next_registration()?;
        let watch = stopwatch();
        let application = portray.start_application()?;
        registered.await?;
        if run > 0 {
            durations.add(watch.elapsed());
        }
        application.kill();
        tray.wait_for_no_item(std::time::Duration::from_secs(20)).await?;
    }
    let what = "start of `portray-app` until its icon is in the tray";
    Ok(vec![Figure::new(what, durations.in_words())])
}
