//! The application's window, moved through WebKit's own driver.

use std::path::Path;

use anyhow::Result;
use fantoccini::Client;
use serde_json::json;

use crate::desktop::Desktop;
use crate::programs::Program;
use crate::web_driver::WebDriver;

/// A window process that the driver started and listens to. It talks to the agent that runs on the same desktop.
pub struct WindowDriver {
    window: WebDriver,
}

impl WindowDriver {
    /// Opens the window: `portray-app --window`, with the environment of `desktop` and `environment` on top.
    pub async fn open(desktop: &Desktop, environment: &[(&str, &str)]) -> Result<WindowDriver> {
        let session = desktop.session();
        let program = session.program(Program::PortrayApp)?;
        let options = json!({ "binary": program, "args": ["--window"] });
        let capabilities = json!({ "webkitgtk:browserOptions": options });
        let capabilities = capabilities.as_object().cloned().unwrap_or_default();
        // The driver starts the program and passes its own environment on.
        let mut command = session.command("WebKitWebDriver");
        command
            .arg("--host=127.0.0.1")
            .env("TAURI_WEBVIEW_AUTOMATION", "true");
        command.envs(environment.iter().copied());
        Ok(WindowDriver {
            window: WebDriver::start(session, "window", command, capabilities).await?,
        })
    }

    /// The text of the first element that matches a CSS selector, once it is there.
    pub async fn text(&self, selector: &str) -> Result<String> {
        self.window.text(selector).await
    }

    /// Waits until an element that matches contains `part`, and returns its text.
    pub async fn wait_for_text(&self, selector: &str, part: &str) -> Result<String> {
        self.window.wait_for_text(selector, part).await
    }

    /// The same of all that stands in it, also what may be cut at its end for want of room.
    pub async fn wait_for_content(&self, selector: &str, part: &str) -> Result<String> {
        self.window.wait_for_content(selector, part).await
    }

    /// Waits until an element that matches is there.
    pub async fn wait_for(&self, selector: &str) -> Result<()> {
        self.window.element(selector).await.map(drop)
    }

    /// Whether an element that matches is shown now.
    pub async fn shows(&self, selector: &str) -> Result<bool> {
        self.window.shows(selector).await
    }

    /// Clicks the first element that matches, once it is there.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.window.click(selector).await
    }

    /// Clicks the first button or link whose text contains `label`, once it is there.
    pub async fn press(&self, label: &str) -> Result<()> {
        let xpath = format!(
            "//*[self::button or self::a][contains(normalize-space(.), {})]",
            quoted(label)
        );
        let wait = self.client().wait().at_most(crate::web_driver::PAGE_DEADLINE);
        let button = wait.for_element(fantoccini::Locator::XPath(&xpath)).await;
        button
            .map_err(|error| anyhow::anyhow!("no button {label:?}: {error}"))?
            .click()
            .await?;
        Ok(())
    }

    /// Empties a field and types `text`.
    pub async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        self.window.fill(selector, text).await
    }

    /// Presses keys where the caret is; [`fantoccini::key::Key`] has the special ones.
    pub async fn type_keys(&self, selector: &str, keys: &str) -> Result<()> {
        Ok(self.window.element(selector).await?.send_keys(keys).await?)
    }

    /// Saves a picture (PNG) of the window's page.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        self.window.screenshot(path).await
    }

    /// The driver's client, for what this type does not offer.
    pub fn client(&self) -> &Client {
        self.window.client()
    }

    /// Closes the window and ends its process.
    pub async fn close(self) -> Result<()> {
        self.window.close().await
    }
}

/// A string of XPath, which knows no escapes.
fn quoted(text: &str) -> String {
    if text.contains('\'') {
        format!("\"{text}\"")
    } else {
        format!("'{text}'")
    }
}
