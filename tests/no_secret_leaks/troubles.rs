//! Everything that goes wrong on the way of a secret: answers, people, keyring, and leaving at the wrong moment.

use std::time::Duration;

use anyhow::{Result, ensure};
use harness::{EmulatorProcess, Portray};
use portray_core::app::contract::Request;
use serde_json::json;

use super::ROLE;
use crate::headless::Headless;

const DEADLINE: Duration = Duration::from_secs(60);

/// Every kind of answer that is none, by the emulator's names.
const TROUBLES: [&str; 9] = [
    "throttled",
    "server_error",
    "bad_gateway_html",
    "forbidden",
    "unauthorized",
    "reset",
    "truncated_body",
    "garbage_json",
    "wrong_types",
];

/// What answers while somebody is signed in, and what while somebody signs in.
const IN_USE: [&str; 4] = [
    "ListAccounts",
    "ListAccountRoles",
    "GetRoleCredentials",
    "GetSigninToken",
];
const AT_THE_DOOR: [&str; 2] = ["RegisterClient", "StartDeviceAuthorization"];

/// Another role, whose credentials are not there yet.
const OTHER: &str = "222233334444/ReadOnly";

/// To be called while somebody is signed in; leaves nobody signed in.
pub async fn go_through(portray: &Portray<'_>, story: &Headless) -> Result<()> {
    let Headless {
        emulator, desktop, ..
    } = story;
    for trouble in TROUBLES {
        add_everywhere(emulator, &IN_USE, trouble).await?;
        // The list is patient with some of them, and nobody waits for it here.
        portray.ask(|portal| Request::Sync { portal }).await?;
        let (given, opened) = tokio::join!(
            portray.run(&["credentials", OTHER]),
            portray.run(&["console", ROLE, "--print"]),
        );
        for failed in [given?, opened?] {
            ensure!(failed.code != Some(0), "{trouble}: {failed:?}");
        }
        emulator.clear_faults().await?;
    }
    leave_during_a_renewal(portray, emulator).await?;
    for trouble in TROUBLES {
        add_everywhere(emulator, &AT_THE_DOOR, trouble).await?;
        let failed = portray.run(&["login", "--device-code"]).await?;
        ensure!(failed.code != Some(0), "{trouble}: {failed:?}");
        emulator.clear_faults().await?;
    }
    for trouble in ["garbage_json", "unauthorized", "server_error"] {
        let (_login, code) = portray.login_by_code(&["--force"]).await?;
        add_everywhere(emulator, &["CreateToken"], trouble).await?;
        emulator.approve(&code, "amara").await?;
        let before = emulator.calls("CreateToken").await?;
        let asked = async || Ok((emulator.calls("CreateToken").await? > before).then_some(()));
        desktop
            .wait_until("an answer that is none", DEADLINE, asked)
            .await?;
        portray.ask(|portal| Request::CancelSignIn { portal }).await?;
        emulator.clear_faults().await?;
    }
    let (login, code) = portray.login_by_code(&["--force"]).await?;
    emulator.deny(&code).await?;
    let denied = login.finished(DEADLINE).await?;
    ensure!(denied.code == Some(4), "{denied:?}");

    desktop.lock_keyring().await?;
    portray.run(&["agent", "stop"]).await?.expect_code(0)?;
    let locked = portray.run(&["credentials", ROLE]).await?;
    ensure!(locked.code != Some(0), "{locked:?}");
    desktop.unlock_keyring().await
}

/// Signs out while AWS is being asked for a new token.
async fn leave_during_a_renewal(portray: &Portray<'_>, emulator: &EmulatorProcess) -> Result<()> {
    let slow = json!({ "operation": "CreateToken", "delay_ms": 1500, "processed": true });
    emulator.add_fault(&slow).await?;
    portray.ask(|_| Request::RenewNow).await?;
    portray.run(&["logout"]).await?.expect_code(0)?;
    emulator.clear_faults().await
}

async fn add_everywhere(emulator: &EmulatorProcess, operations: &[&str], trouble: &str) -> Result<()> {
    for operation in operations {
        let mut fault = json!({ "operation": operation, "trouble": trouble });
        if ["reset", "truncated_body"].contains(&trouble) {
            fault["bytes"] = 40.into();
        }
        emulator.add_fault(&fault).await?;
    }
    Ok(())
}
