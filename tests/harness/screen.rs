//! What is on the screen of a desktop, and the pointer and the keys of whoever sits there.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use crate::desktop::Desktop;
use crate::process::Finished;

/// How long one look or one key may take.
const DEADLINE: Duration = Duration::from_secs(10);

impl Desktop {
    /// Gives programs the time to draw what they were asked for, before a picture is taken of the screen.
    pub async fn settle(&self) {
        crate::wait::rest(Duration::from_millis(800)).await;
    }

    /// Saves a picture (PNG) of the whole screen to `path`.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        self.scrot(path, &[]).await
    }

    /// Saves a picture (PNG) of a part of the screen: its left upper corner, its width and its height in pixels.
    pub async fn screenshot_of(
        &self,
        (x, y): (u32, u32),
        (width, height): (u32, u32),
        path: &Path,
    ) -> Result<()> {
        self.scrot(path, &["--autoselect", &format!("{x},{y},{width},{height}")])
            .await
    }

    async fn scrot(&self, path: &Path, options: &[&str]) -> Result<()> {
        let mut command = self.system_command("scrot");
        command.args(["--overwrite", "--silent"]).args(options).arg(path);
        self.run("scrot", command, DEADLINE).await?.expect_code(0)?;
        Ok(())
    }

    /// Moves the pointer to a point of the screen and presses its left button.
    pub async fn click_at(&self, x: u32, y: u32) -> Result<()> {
        let pressed = ["mousemove", &x.to_string(), &y.to_string(), "click", "1"];
        self.xdotool(&pressed).await?.expect_code(0)?;
        Ok(())
    }

    /// Presses a key, by its X name (`Escape`).
    pub async fn press_key(&self, key: &str) -> Result<()> {
        self.xdotool(&["key", key]).await?.expect_code(0)?;
        Ok(())
    }

    /// Whether a window with exactly this title is on the screen.
    pub async fn shows_window(&self, title: &str) -> Result<bool> {
        let name = format!("^{title}$");
        let found = self
            .xdotool(&["search", "--onlyvisible", "--name", &name])
            .await?;
        Ok(!found.stdout.trim().is_empty())
    }

    /// Waits until a window with exactly this title is on the screen, or is there no longer.
    pub async fn wait_for_window(&self, title: &str, shown: bool, within: Duration) -> Result<()> {
        let what = format!("the window {title} to be {}", if shown { "seen" } else { "gone" });
        let seen = async || Ok((self.shows_window(title).await? == shown).then_some(()));
        self.wait_until(&what, within, seen).await
    }

    async fn xdotool(&self, arguments: &[&str]) -> Result<Finished> {
        let mut command = self.system_command("xdotool");
        command.args(arguments);
        self.run("xdotool", command, DEADLINE).await
    }
}
