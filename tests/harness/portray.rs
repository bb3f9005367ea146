//! Portray as its user has it: the tray application and the command line, pointed at an emulator.

use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};
use serde_json::Value;

use crate::desktop::Desktop;
use crate::emulator::EmulatorAddresses;
use crate::process::{Finished, Process};
use crate::programs::Program;

/// How long a command of ours may take that does not wait for a person.
const COMMAND_DEADLINE: Duration = Duration::from_secs(60);

/// Portray on one desktop.
pub struct Portray<'desktop> {
    desktop: &'desktop Desktop,
    environment: Vec<(String, String)>,
}

impl<'desktop> Portray<'desktop> {
    /// The programs on `desktop`, talking to the emulator at `addresses` only.
    pub fn with_emulator(desktop: &'desktop Desktop, addresses: &EmulatorAddresses) -> Portray<'desktop> {
        let endpoint = addresses.base_url.as_str().trim_end_matches('/').to_owned();
        Portray {
            desktop,
            environment: vec![("PORTRAY_ENDPOINT_URL".to_owned(), endpoint)],
        }
    }

    /// Sets one more variable for every program.
    #[must_use]
    pub fn with_variable(mut self, name: &str, value: &str) -> Portray<'desktop> {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The variables on top of the desktop's own, for [`crate::WindowDriver::open`].
    pub fn environment(&self) -> Vec<(&str, &str)> {
        self.environment
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect()
    }

    /// A command for `program`.
    pub fn command(&self, program: Program) -> Result<Command> {
        let mut command = self.desktop.command(program)?;
        command.envs(self.environment());
        Ok(command)
    }

    /// Starts the tray application.
    pub fn start_application(&self) -> Result<Process> {
        self.desktop
            .start_process(Program::PortrayApp.name(), self.command(Program::PortrayApp)?)
    }

    /// Runs `portray` with these arguments to its end, whatever its exit code.
    pub async fn run(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = self.command(Program::Portray)?;
        command.args(arguments);
        self.desktop
            .run(Program::Portray.name(), command, COMMAND_DEADLINE)
            .await
    }

    /// Starts `portray` with these arguments, for a command that waits for something.
    pub fn start(&self, arguments: &[&str]) -> Result<Process> {
        let mut command = self.command(Program::Portray)?;
        command.args(arguments);
        self.desktop.start_process(Program::Portray.name(), command)
    }

    /// Sets up the emulator's portal under `name`.
    pub async fn add_portal(&self, name: &str, addresses: &EmulatorAddresses) -> Result<()> {
        let url = addresses.start_url.as_str();
        let arguments = [
            "portal",
            "add",
            url,
            "--name",
            name,
            "--region",
            &addresses.region,
        ];
        self.run(&arguments).await?.expect_code(0)?;
        Ok(())
    }

    /// `portray status --json`.
    pub async fn status(&self) -> Result<Value> {
        self.run(&["status", "--json"]).await?.expect_code(0)?.json()
    }

    /// Waits until the first portal is in `state` (`signed_in`, `sign_in_needed`, …), and returns the whole status.
    pub async fn wait_for_portal(&self, state: &str, within: Duration) -> Result<Value> {
        let what = format!("a portal that is {state}");
        let seen = self.desktop.wait_until(&what, within, async || {
            let status = self.status().await?;
            if status["portals"][0]["state"] == state {
                return Ok(Some(status));
            }
            bail!("the status is {status:#}")
        });
        seen.await
    }
}
