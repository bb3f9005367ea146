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
    /// The same as `base_url` over TLS, where that was asked for.
    pub tls_url: Option<Url>,
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

    /// Adds to the world, in the words of a world file.
    pub async fn amend_world(&self, piece: &str) -> Result<()> {
        let answer = http::post_text(&self.control("world")?, piece).await?;
        answer.json().context("control world").map(drop)
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
        self.tell("clock", &json!({ "advance_seconds": by.as_secs_f64() }))
            .await
            .map(drop)
    }

    /// Allows the pending device request with this code, as `user`, without a browser.
    pub async fn approve(&self, user_code: &str, user: &str) -> Result<()> {
        self.tell("approve", &json!({ "user_code": user_code, "user": user }))
            .await
            .map(drop)
    }

    /// Denies the pending device request with this code.
    pub async fn deny(&self, user_code: &str) -> Result<()> {
        self.tell("deny", &json!({ "user_code": user_code }))
            .await
            .map(drop)
    }

    /// From now on allows every request at once as `user`, or no longer.
    pub async fn approve_automatically(&self, user: Option<&str>) -> Result<()> {
        self.tell("auto-approve", &json!({ "user": user }))
            .await
            .map(drop)
    }

    /// Ends every portal session of `user`, as an administrator does; returns how many there were.
    pub async fn end_sessions(&self, user: &str) -> Result<u64> {
        let answer = self.tell("sessions/end", &json!({ "user": user })).await?;
        answer["ended"]
            .as_u64()
            .with_context(|| format!("no count in {answer}"))
    }

    /// Assigns a permission set in an account (twelve digits) to `user`.
    pub async fn assign(&self, user: &str, permission_set: &str, account: &str) -> Result<()> {
        let assignment = json!({ "user": user, "permission_set": permission_set, "account": account });
        self.tell("assignments", &json!({ "add": assignment }))
            .await
            .map(drop)
    }

    /// Takes away what was assigned to `user` directly.
    pub async fn unassign(&self, user: &str, permission_set: &str, account: &str) -> Result<()> {
        let assignment = json!({ "user": user, "permission_set": permission_set, "account": account });
        self.tell("assignments", &json!({ "remove": assignment }))
            .await
            .map(drop)
    }

    /// Takes away what was assigned to `group`.
    pub async fn unassign_group(&self, group: &str, permission_set: &str, account: &str) -> Result<()> {
        let assignment = json!({ "group": group, "permission_set": permission_set, "account": account });
        self.tell("assignments", &json!({ "remove": assignment }))
            .await
            .map(drop)
    }

    /// Makes calls fail as the emulator's README describes: `{"operation": "CreateToken", "status": 429, "times": 2}`.
    pub async fn add_fault(&self, fault: &Value) -> Result<()> {
        self.tell("faults", fault).await.map(drop)
    }

    /// Answers everything properly again.
    pub async fn clear_faults(&self) -> Result<()> {
        self.forget("faults").await.map(drop)
    }

    /// How often an operation (by AWS's name) was called so far.
    pub async fn calls(&self, operation: &str) -> Result<u64> {
        Ok(self.read("counters").await?["operations"][operation]
            .as_u64()
            .unwrap_or(0))
    }

    fn control(&self, path: &str) -> Result<Url> {
        Ok(self.addresses.base_url.join(&format!("/_control/{path}"))?)
    }
}
