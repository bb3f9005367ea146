//! A person at a real browser: Chromium without a display, moved by chromedriver.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use fantoccini::Client;
use fantoccini::key::Key;
use serde_json::{Value, json};
use url::Url;

use crate::desktop::Desktop;
use crate::web_driver::WebDriver;

/// Something that is on every page behind the sign-in page, and not on that one.
const BEHIND_SIGN_IN: &str = "#allow, #code, #sign-out";

/// The page that stands for the AWS console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsolePage {
    /// The text that names the account, its number included.
    pub account: String,
    /// The name of the permission set.
    pub role: String,
    /// The region shown.
    pub region: String,
    /// The page of the console that was asked for.
    pub destination: String,
}

/// Somebody with a browser that remembers cookies for as long as the person lives.
pub struct Person {
    browser: WebDriver,
}

impl Person {
    /// Sits down at `desktop`.
    pub async fn at(desktop: &Desktop) -> Result<Person> {
        Person::with(desktop, &[], json!({})).await
    }

    /// As [`Person::at`], with a browser that is started with more arguments.
    pub async fn with_arguments(desktop: &Desktop, more: &[&str]) -> Result<Person> {
        Person::with(desktop, more, json!({})).await
    }

    /// As [`Person::at`], with a window of 320 CSS pixels, the narrowest that pages have to fit.
    pub async fn at_a_narrow_window(desktop: &Desktop) -> Result<Person> {
        let metrics =
            json!({ "width": 320, "height": 640, "pixelRatio": 1.0, "mobile": false, "touch": false });
        let options = json!({ "mobileEmulation": { "deviceMetrics": metrics } });
        Person::with(desktop, &[], options).await
    }

    /// `more` are arguments of the browser, `options` chromedriver's.
    async fn with(desktop: &Desktop, more: &[&str], mut options: Value) -> Result<Person> {
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
        arguments.extend(more.iter().map(|argument| (*argument).to_owned()));
        if rustix::process::geteuid().is_root() {
            // Chromium's sandbox refuses to start as root, which CI is.
            arguments.push("--no-sandbox".to_owned());
        }
        options["args"] = json!(arguments);
        let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": options });
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

    /// Types name and password if the page asks for them, and stops at the page behind: the one that asks for
    /// permission, the one that asks for a user code, or the access portal.
    pub async fn authenticate(&self, user: &str, password: &str) -> Result<()> {
        let page = format!("#username, {BEHIND_SIGN_IN}");
        self.browser.element(&page).await?;
        if self.browser.shows("#username").await? {
            self.browser.fill("#username", user).await?;
            self.browser.click("#next").await?;
            self.browser.fill("#password", password).await?;
            self.browser.click("#sign-in").await?;
        }
        self.browser.element(BEHIND_SIGN_IN).await?;
        Ok(())
    }

    /// The user code that the open page asks to compare.
    pub async fn user_code(&self) -> Result<String> {
        self.browser.text("#user-code").await
    }

    /// Types the user code on the page that asks for it, and goes on to the page that asks for permission.
    pub async fn type_user_code(&self, code: &str) -> Result<()> {
        self.browser.fill("#code", code).await?;
        self.browser.click("#continue").await
    }

    /// Waits until the open page is the console, and reads it. A browser that still has the console of another
    /// account open is signed out of that first, as the page offers.
    pub async fn console(&self) -> Result<ConsolePage> {
        self.browser.element("#account, #log-out-and-continue").await?;
        if self.browser.shows("#log-out-and-continue").await? {
            self.browser.click("#log-out-and-continue").await?;
        }
        Ok(ConsolePage {
            account: self.browser.text("#account").await?,
            role: self.browser.text("#role").await?,
            region: self.browser.text("#region").await?,
            destination: self.browser.text("#destination").await?,
        })
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

    /// Waits until a click has opened another tab, and looks at that from now on.
    pub async fn follow_into_new_tab(&self) -> Result<()> {
        let opened = async || {
            let mut tabs = self.client().windows().await?;
            Ok(if tabs.len() > 1 { tabs.pop() } else { None })
        };
        let tab = crate::wait_until("another tab", Duration::from_secs(30), opened).await?;
        Ok(self.client().switch_to_window(tab).await?)
    }

    /// Types into the field that has the focus, as the page left it, and ends with Enter if `enter` says so.
    pub async fn type_here(&self, text: &str, enter: bool) -> Result<()> {
        let field = self.browser.client().active_element().await?;
        field.send_keys(text).await?;
        if enter {
            field.send_keys(&Key::Enter.to_string()).await?;
        }
        Ok(())
    }

    /// The value of the first form field that matches a CSS selector, once it is there.
    pub async fn value(&self, selector: &str) -> Result<String> {
        let value = self.browser.element(selector).await?.prop("value").await?;
        value.with_context(|| format!("{selector} has no value"))
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
