//! A person at a real browser: Chromium without a display, moved by chromedriver.

use std::path::Path;

use anyhow::{Result, ensure};
use fantoccini::Client;
use serde_json::json;
use url::Url;

use crate::desktop::Desktop;
use crate::web_driver::{PAGE_DEADLINE, WebDriver};

/// The page that stands for the AWS console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsolePage {
    /// The text that names the account, its number included.
    pub account: String,
    /// The text that names the role or permission set.
    pub role: String,
}

/// Somebody with a browser that remembers cookies for as long as the person lives.
pub struct Person {
    browser: WebDriver,
}

impl Person {
    /// Sits down at `desktop`.
    pub async fn at(desktop: &Desktop) -> Result<Person> {
        let session = desktop.session();
        let profile = session.path("chromium");
        let mut arguments = vec![
            "--headless=new".to_owned(),
            "--window-size=1100,760".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--password-store=basic".to_owned(),
            format!("--user-data-dir={}", profile.display()),
        ];
        if rustix::process::geteuid().is_root() {
            // Chromium's sandbox refuses to start as root, which CI is.
            arguments.push("--no-sandbox".to_owned());
        }
        let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": { "args": arguments } });
        let capabilities = capabilities.as_object().cloned().unwrap_or_default();
        let command = session.command("chromedriver");
        Ok(Person {
            browser: WebDriver::start(session, "chromedriver", command, capabilities).await?,
        })
    }

    /// Opens a page and waits until it has loaded.
    pub async fn open(&self, url: &Url) -> Result<()> {
        Ok(self.browser.client().goto(url.as_str()).await?)
    }

    /// Where the browser is.
    pub async fn address(&self) -> Result<Url> {
        Ok(self.browser.client().current_url().await?)
    }

    /// Signs in on Identity Center's pages (unless the browser still is) and allows the request shown. The page that
    /// asks must be open.
    pub async fn sign_in(&self, user: &str, password: &str) -> Result<()> {
        self.authenticate(user, password).await?;
        self.browser.click("#allow").await
    }

    /// As [`Person::sign_in`], but denies the request.
    pub async fn deny(&self, user: &str, password: &str) -> Result<()> {
        self.authenticate(user, password).await?;
        self.browser.click("#deny").await
    }

    /// Types name and password if the page asks for them, and stops at the page that asks for permission.
    pub async fn authenticate(&self, user: &str, password: &str) -> Result<()> {
        let asked = crate::wait_until("a sign-in page", PAGE_DEADLINE, async || {
            if self.browser.shows("#username").await? {
                return Ok(Some(true));
            }
            Ok(self.browser.shows("#allow").await?.then_some(false))
        });
        if asked.await? {
            self.browser.fill("#username", user).await?;
            self.browser.fill("#password", password).await?;
            self.browser.click("#sign-in").await?;
        }
        self.browser.element("#allow").await?;
        Ok(())
    }

    /// The user code that the open page asks to compare.
    pub async fn user_code(&self) -> Result<String> {
        let field = self.browser.element("#user-code").await?;
        Ok(match field.prop("value").await? {
            Some(value) if !value.is_empty() => value,
            _ => field.text().await?,
        })
    }

    /// Types the user code on the page for it.
    pub async fn type_user_code(&self, code: &str) -> Result<()> {
        self.browser.fill("#user-code", code).await
    }

    /// Waits until the open page is the console, and reads it.
    pub async fn console(&self) -> Result<ConsolePage> {
        let page = ConsolePage {
            account: self.browser.text("#account").await?,
            role: self.browser.text("#role").await?,
        };
        ensure!(!page.account.is_empty(), "the console page names no account");
        Ok(page)
    }

    /// The text of the first element that matches a CSS selector, once it is there.
    pub async fn read(&self, selector: &str) -> Result<String> {
        self.browser.text(selector).await
    }

    /// Waits until an element that matches contains `part`, and returns its text.
    pub async fn wait_for_text(&self, selector: &str, part: &str) -> Result<String> {
        self.browser.wait_for_text(selector, part).await
    }

    /// Clicks the first element that matches a CSS selector, once it is there.
    pub async fn click(&self, selector: &str) -> Result<()> {
        self.browser.click(selector).await
    }

    /// Saves a picture (PNG) of the page.
    pub async fn screenshot(&self, path: &Path) -> Result<()> {
        self.browser.screenshot(path).await
    }

    /// The browser itself, for what this type does not offer.
    pub fn client(&self) -> &Client {
        self.browser.client()
    }

    /// Leaves, closing the browser.
    pub async fn leave(self) -> Result<()> {
        self.browser.close().await
    }
}
