//! Signing in without a browser: an HTTP client goes where a browser would, or somebody confirms a code elsewhere.

use std::time::Duration;

use anyhow::{Context, Result};
use url::Url;

use crate::emulator::EmulatorProcess;
use crate::http;
use crate::portray::Portray;
use crate::process::Process;

const DEADLINE: Duration = Duration::from_secs(30);

impl Portray<'_> {
    /// Signs in as `user` with `portray login --no-browser`, for stories that begin after that.
    pub async fn sign_in(&self, emulator: &EmulatorProcess, user: &str) -> Result<()> {
        emulator.approve_automatically(Some(user)).await?;
        let login = self.start(&["login", "--no-browser", "--json"])?;
        let asked: serde_json::Value = serde_json::from_str(&login.first_line(DEADLINE).await?)?;
        let url = asked["url"].as_str().context("a URL to open")?;
        let page = http::follow(&Url::parse(url)?).await?;
        anyhow::ensure!(page.status == 200, "the sign-in came to {page:?}");
        login.finished(DEADLINE).await?.expect_code(0)?;
        emulator.approve_automatically(None).await
    }

    /// Begins `portray login --device-code` with these arguments too; gives the command, which waits until its code
    /// is confirmed, and the code.
    pub async fn login_by_code(&self, arguments: &[&str]) -> Result<(Process, String)> {
        let login = self.start(&[&["login", "--device-code", "--json"], arguments].concat())?;
        let asked: serde_json::Value = serde_json::from_str(&login.first_line(DEADLINE).await?)?;
        let code = asked["user_code"].as_str().context("a user code")?;
        Ok((login, code.to_owned()))
    }
}
