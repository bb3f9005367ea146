//! How long a thousand accounts take over a network like that between continents, beside what AWS's quota allows.

use std::cell::Cell;
use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{Desktop, EmulatorProcess, Portray, Program};
use serde_json::json;

use crate::figure::{Figure, stopwatch};

const ACCOUNTS: u64 = 1_000;
const SETS: u64 = 3;
const LATENCY: Duration = Duration::from_millis(30);
const USER: &str = "amara";

/// Requests a second that AWS allows a person, and how many rows a page has.
const QUOTA: u64 = 20;
const PAGE: u64 = 100;

const LONG: Duration = Duration::from_secs(300);

pub async fn measure() -> Result<Vec<Figure>> {
    let desktop = Desktop::without_display().await?;
    let mut command = desktop.command(Program::Emulator)?;
    command.args(["--generate", &format!("{ACCOUNTS}x{SETS}")]);
    let emulator = EmulatorProcess::start_command(&desktop, command).await?;
    for operation in ["ListAccounts", "ListAccountRoles"] {
        let slow = json!({ "operation": operation, "delay_ms": u64::try_from(LATENCY.as_millis())? });
        emulator.add_fault(&slow).await?;
    }
    let portray = Portray::with_emulator(&desktop, emulator.addresses());
    portray.add_portal("big", emulator.addresses()).await?;
    portray.sign_in(&emulator, USER).await?;
    let watch = stopwatch();
    let first_row = Cell::new(None);
    desktop
        .wait_until("the whole list", LONG, async || {
            let status = portray.status().await?;
            let portal = &status["portals"][0];
            if first_row.get().is_none() && portal["permission_sets"].as_u64() > Some(0) {
                first_row.set(Some(watch.elapsed()));
            }
            let all = portal["permission_sets"] == ACCOUNTS * SETS;
            Ok(all.then_some(()))
        })
        .await?;
    let took = watch.elapsed().as_secs_f64();
    let calls = emulator.calls("ListAccounts").await? + emulator.calls("ListAccountRoles").await?;
    let least = ACCOUNTS / PAGE + ACCOUNTS;
    ensure!(calls >= least, "{calls} calls cannot list {ACCOUNTS} accounts");
    let allowed = least as f64 / QUOTA as f64;
    let ratio = took / allowed;
    let first = first_row.get().unwrap_or_default().as_secs_f64();
    Ok(vec![
        Figure::new(
            format!("first list of {ACCOUNTS} accounts with {SETS} permission sets, {LATENCY:?} latency"),
            format!("{took:.1} s, {ratio:.2} times what {QUOTA} requests a second allow ({allowed:.1} s)"),
        ),
        Figure::new(
            "its calls, and how soon the first roles could be used",
            format!("{calls} of at least {least}; {first:.1} s"),
        ),
    ])
}
