//! How long it takes from the end of the first sign-in until all accounts are listed.

use anyhow::{Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray};

use crate::figure::{Durations, Figure, stopwatch};

const RUNS: usize = 10;

/// Who sees every account of the demo company.
const USER: &str = "chiara";
const ACCOUNTS: usize = 12;

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let emulator = EmulatorProcess::start(&desktop, "acme").await?;
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("acme", emulator.addresses()).await?;
    let mut durations = Durations::default();
    for _ in 0..RUNS {
        portray.sign_in(&emulator, USER).await?;
        let watch = stopwatch();
        let listed = portray.run(&["accounts"]).await?.expect_code(0)?;
        durations.add(watch.elapsed());
        let accounts = listed.stdout.lines().count();
        ensure!(accounts == ACCOUNTS, "{accounts} accounts are listed: {listed:?}");
        portray.run(&["logout"]).await?.expect_code(0)?;
        // What the next one may ask at once is not used up by this one.
        portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    }
    let what = format!("first sign-in until `portray accounts` has all {ACCOUNTS} accounts of the demo");
    Ok(vec![Figure::new(what, durations.in_words())])
}
