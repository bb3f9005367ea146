//! The port to the desktop: browser, tray, notifications, window. The tray application and the headless agent
//! implement it; tests record it.

use std::future::Future;
use std::pin::Pin;

use crate::app::contract::Request;
use crate::app::tray_menu::Tray;
use crate::console::browsers::BrowserError;
use crate::secret::Secret;

/// The browser could not be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no browser could be opened: {0}")]
pub struct ShellError(pub String);

impl From<BrowserError> for ShellError {
    fn from(error: BrowserError) -> Self {
        Self(error.to_string())
    }
}

/// What opening a browser gives, later.
pub type Opening = Pin<Box<dyn Future<Output = Result<(), ShellError>> + Send>>;

/// Everything that the application does to the desktop.
pub trait Shell: Send + Sync + 'static {
    /// Opens a link of ours on loopback, or an https page, in the person's browser. `browser` is a command line
    /// with `{url}` from the settings; by default the desktop's own choice.
    fn open_url(&self, url: &Secret, browser: Option<&str>) -> Opening;

    /// Draws the tray. Called only when something changed.
    fn show_tray(&self, tray: &Tray);

    /// Shows a notice, or replaces the one with the same key.
    fn notify(&self, notice: &Notice);

    /// Takes a notice away that is no longer true.
    fn withdraw(&self, key: &str);

    /// Opens the window, or brings it to the front.
    fn show_window(&self);

    /// Whether a person can see the window, and needs no notice of what it says.
    fn window_is_shown(&self) -> bool;

    /// Ends the process after the answers that are under way.
    fn quit(&self);
}

/// Something that a person must know or act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The same matter has the same key.
    pub key: String,
    pub title: String,
    pub body: String,
    /// Buttons; the first is also what a click on the body does.
    pub actions: Vec<NoticeAction>,
}

/// A button of a notice and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeAction {
    pub label: String,
    /// None: the notice only goes away ("Later").
    pub request: Option<Request>,
}
