//! A WebDriver program and a session on it.

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Map, Value};

use crate::desktop::{START_DEADLINE, Session};
use crate::process::Process;

/// How long a page may take to show what is waited for.
pub(crate) const PAGE_DEADLINE: Duration = Duration::from_secs(15);

/// Draws twice, so that a picture taken afterwards shows the last change.
const TWO_FRAMES: &str = "const done = arguments[0]; \
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100)))";

/// A driver program with one session.
pub(crate) struct WebDriver {
    client: Client,
    _driver: Process,
    session: Arc<Session>,
}

impl WebDriver {
    /// Starts the driver `command` (which gets `--port=…`) and asks it for a session with `capabilities`.
    pub(crate) async fn start(
        session: Arc<Session>,
        name: &str,
        mut command: Command,
        capabilities: Map<String, Value>,
    ) -> Result<WebDriver> {
        let port = free_port()?;
        command.arg(format!("--port={port}"));
        let driver = session.start(name, command)?;
        let address = format!("http://127.0.0.1:{port}");
        let what = format!("a session of {name}");
        let client = session.logs.wait_until(&what, START_DEADLINE, async || {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            Ok(Some(
                builder
                    .capabilities(capabilities.clone())
                    .connect(&address)
                    .await?,
            ))
        });
        let client = client.await?;
        Ok(WebDriver {
            client,
            _driver: driver,
            session,
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The first element that matches a CSS selector, once it is there.
    pub(crate) async fn element(&self, selector: &str) -> Result<Element> {
        let wait = self.client.wait().at_most(PAGE_DEADLINE);
        let element = wait.for_element(Locator::Css(selector)).await;
        self.explain(element, &format!("waiting for {selector}")).await
    }

    /// Whether an element that matches is there now and shown.
    pub(crate) async fn shows(&self, selector: &str) -> Result<bool> {
        let Some(element) = self
            .client
            .find_all(Locator::Css(selector))
            .await?
            .into_iter()
            .next()
        else {
            return Ok(false);
        };
        Ok(element.is_displayed().await?)
    }

    /// Empties a field and types `text`.
    pub(crate) async fn fill(&self, selector: &str, text: &str) -> Result<()> {
        let field = self.element(selector).await?;
        let typed = async {
            field.clear().await?;
            field.send_keys(text).await
        };
        self.explain(typed.await, &format!("typing into {selector}"))
            .await
    }

    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        let clicked = self.element(selector).await?.click().await;
        self.explain(clicked, &format!("clicking {selector}")).await
    }

    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        let text = self.element(selector).await?.text().await;
        self.explain(text, &format!("reading {selector}")).await
    }

    /// Waits until `selector` matches an element whose text contains `part`, and returns that text.
    pub(crate) async fn wait_for_text(&self, selector: &str, part: &str) -> Result<String> {
        let what = format!("{part:?} in {selector}");
        let seen = self.session.logs.wait_until(&what, PAGE_DEADLINE, async || {
            let mut texts = Vec::new();
            for element in self.client.find_all(Locator::Css(selector)).await? {
                texts.push(element.text().await?);
            }
            match texts.iter().find(|text| text.contains(part)) {
                Some(text) => Ok(Some(text.clone())),
                None => anyhow::bail!("there is {texts:?}"),
            }
        });
        seen.await
    }

    /// The same of all that stands in it, shown or not: WebKit's driver leaves out what may be cut at its end.
    pub(crate) async fn wait_for_content(&self, selector: &str, part: &str) -> Result<String> {
        let what = format!("{part:?} in {selector}");
        let script = "return Array.from(document.querySelectorAll(arguments[0]), (one) => one.textContent)";
        let seen = self.session.logs.wait_until(&what, PAGE_DEADLINE, async || {
            let texts = self.client.execute(script, vec![selector.into()]).await?;
            let texts: Vec<String> = serde_json::from_value(texts)?;
            match texts.iter().find(|text| text.contains(part)) {
                Some(text) => Ok(Some(text.clone())),
                None => anyhow::bail!("there is {texts:?}"),
            }
        });
        seen.await
    }

    /// Saves a picture (PNG) of the page.
    pub(crate) async fn screenshot(&self, path: &Path) -> Result<()> {
        let picture = async {
            self.client.execute_async(TWO_FRAMES, vec![]).await?;
            self.client.screenshot().await
        };
        let picture = self.explain(picture.await, "taking a picture").await?;
        std::fs::write(path, picture).with_context(|| format!("cannot write {}", path.display()))
    }

    /// Ends the session, and with it what the driver started.
    pub(crate) async fn close(self) -> Result<()> {
        Ok(self.client.close().await?)
    }

    /// Adds the page and the logs to a failure.
    async fn explain<T, E>(&self, result: Result<T, E>, doing: &str) -> Result<T>
    where
        E: std::error::Error + Send + Sync + 'static,
    {
        match result {
            Ok(value) => Ok(value),
            Err(error) => {
                let address = self
                    .client
                    .current_url()
                    .await
                    .map(|url| url.to_string())
                    .unwrap_or_default();
                let body = "return document.body ? document.body.innerText : ''";
                let page = self.client.execute(body, vec![]).await.unwrap_or_default();
                let page = page.as_str().unwrap_or_default().to_owned();
                let error = anyhow::Error::new(error)
                    .context(format!("{doing} on {address}, which reads:\n{page}\n"));
                self.session.logs.explain(Err(error))
            }
        }
    }
}

/// A port that nobody uses at the moment.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
