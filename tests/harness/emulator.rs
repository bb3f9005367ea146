//! The built emulator as a process: where it listens, and its control interface.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use crate::desktop::{Desktop, START_DEADLINE};
use crate::http;
use crate::process::Process;
use crate::programs::Program;

/// The line that the emulator prints when it is ready.
#[derive(Clone, Debug, Deserialize)]
pub struct EmulatorAddresses {
    /// What `PORTRAY_ENDPOINT_URL` is to be.
    pub base_url: Url,
    /// A start URL as AWS's look; nobody contacts it.
    pub start_url: Url,
    /// The access portal's page, for a browser.
    pub portal_url: Url,
    /// The region of the instance.
    pub region: String,
}

/// A running emulator. Dropping it ends it.
pub struct EmulatorProcess {
    process: Process,
    addresses: EmulatorAddresses,
}

impl EmulatorProcess {
    /// Starts it with a world: `acme`, `tour`, or the path of a file.
    pub async fn start(desktop: &Desktop, world: &str) -> Result<EmulatorProcess> {
        let mut command = desktop.command(Program::Emulator)?;
        command.args(["--world", world]);
        EmulatorProcess::start_command(desktop, command).await
    }

    /// As [`EmulatorProcess::start`], with arguments of the caller's (`--now`, `--seed`) in `command`.
    pub async fn start_command(desktop: &Desktop, mut command: Command) -> Result<EmulatorProcess> {
        command.args(["--port", "0", "--control", "--json"]);
        let process = desktop.start_process(Program::Emulator.name(), command)?;
        let line = process.first_line(START_DEADLINE).await?;
        let addresses =
            serde_json::from_str(&line).with_context(|| format!("the emulator printed {line:?}"))?;
        Ok(EmulatorProcess { process, addresses })
    }

    /// Where it listens.
    pub fn addresses(&self) -> &EmulatorAddresses {
        &self.addresses
    }

    /// The process, to be killed in a story about that.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Reads from the control interface; `path` comes behind `/_control/`.
    pub async fn read(&self, path: &str) -> Result<Value> {
        http::get(&self.control(path)?)
            .await?
            .json()
            .with_context(|| format!("control {path}"))
    }

    /// Tells the control interface something.
    pub async fn tell(&self, path: &str, body: &Value) -> Result<Value> {
        http::post(&self.control(path)?, body)
            .await?
            .json()
            .with_context(|| format!("control {path}"))
    }

    /// Takes something back that the control interface was told.
    pub async fn forget(&self, path: &str) -> Result<Value> {
        http::delete(&self.control(path)?)
            .await?
            .json()
            .with_context(|| format!("control {path}"))
    }

    /// Moves the emulator's clock on.
    pub async fn advance(&self, by: Duration) -> Result<()> {
        self.tell("clock", &json!({ "advance_seconds": by.as_secs() }))
            .await
            .map(drop)
    }

    fn control(&self, path: &str) -> Result<Url> {
        Ok(self.addresses.base_url.join(&format!("/_control/{path}"))?)
    }
}
