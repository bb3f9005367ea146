//! As much of an HTTP client as talking to a program on this machine takes: one request, one connection.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

const DEADLINE: Duration = Duration::from_secs(20);

const MOST_REDIRECTS: u32 = 5;

/// What the server said.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The header lines, as they came.
    pub head: String,
    /// The body as text.
    pub body: String,
}

impl Answer {
    /// The body as JSON; an error unless the status says success.
    pub fn json(&self) -> Result<serde_json::Value> {
        ensure!(
            (200..300).contains(&self.status),
            "status {}: {}",
            self.status,
            self.body
        );
        if self.body.is_empty() {
            return Ok(serde_json::Value::Null);
        }
        serde_json::from_str(&self.body).with_context(|| format!("not JSON: {}", self.body))
    }

    /// Where the answer leads on to.
    fn location(&self) -> Option<&str> {
        let mut headers = self.head.lines().filter_map(|line| line.split_once(':'));
        let (_, value) = headers.find(|(name, _)| name.eq_ignore_ascii_case("location"))?;
        Some(value.trim())
    }
}

/// Fetches `url`.
pub async fn get(url: &Url) -> Result<Answer> {
    request("GET", url, "", None).await
}

/// Fetches `url` with this value of the Authorization header.
pub async fn get_with_authorization(url: &Url, authorization: &str) -> Result<Answer> {
    request("GET", url, &format!("Authorization: {authorization}\r\n"), None).await
}

/// Fetches `url`, and what the answers lead on to.
pub async fn follow(url: &Url) -> Result<Answer> {
    let mut url = url.clone();
    for _ in 0..MOST_REDIRECTS {
        let answer = get(&url).await?;
        match answer.location() {
            Some(next) if (300..400).contains(&answer.status) => url = url.join(next)?,
            _ => return Ok(answer),
        }
    }
    anyhow::bail!("it leads on and on, lately to {url}")
}

/// Sends `body` to `url` as JSON.
pub async fn post(url: &Url, body: &serde_json::Value) -> Result<Answer> {
    request("POST", url, "", Some(("application/json", &body.to_string()))).await
}

/// Sends `body` to `url` as text.
pub async fn post_text(url: &Url, body: &str) -> Result<Answer> {
    request("POST", url, "", Some(("text/plain", body))).await
}

/// Asks to delete what is at `url`.
pub async fn delete(url: &Url) -> Result<Answer> {
    request("DELETE", url, "", None).await
}

/// Content type and text of a body.
type Content<'a> = (&'a str, &'a str);

async fn request(method: &str, url: &Url, headers: &str, body: Option<Content<'_>>) -> Result<Answer> {
    let exchange = tokio::time::timeout(DEADLINE, exchange(method, url, headers, body)).await;
    exchange
        .unwrap_or_else(|_| Err(anyhow::anyhow!("no answer within {DEADLINE:?}")))
        .with_context(|| format!("{method} {url}"))
}

async fn exchange(method: &str, url: &Url, headers: &str, body: Option<Content<'_>>) -> Result<Answer> {
    ensure!(url.scheme() == "http", "only plain HTTP");
    let host = url.host_str().context("a URL with a host")?;
    let port = url.port_or_known_default().context("a URL with a port")?;
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let content = body.map_or_else(String::new, |(kind, text)| {
        format!("Content-Type: {kind}\r\nContent-Length: {}\r\n", text.len())
    });
    let body = body.map_or("", |(_, text)| text);
    // HTTP/1.0: the body ends with the connection, in one piece.
    let message = format!(
        "{method} {}{query} HTTP/1.0\r\nHost: {host}:{port}\r\n{headers}{content}\r\n{body}",
        url.path()
    );
    let mut stream = TcpStream::connect((host, port)).await?;
    stream.write_all(message.as_bytes()).await?;
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    parse(&String::from_utf8_lossy(&bytes))
}

fn parse(text: &str) -> Result<Answer> {
    let (head, body) = text
        .split_once("\r\n\r\n")
        .context("an answer without an end of its head")?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.with_context(|| format!("no status in {head:?}"))?;
    Ok(Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
