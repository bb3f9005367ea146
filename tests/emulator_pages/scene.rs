//! A person in front of the emulator's pages, and a program that asks for access.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use anyhow::{Context as _, Result};
use harness::{Desktop, DesktopOptions, EmulatorProcess, Person, post};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use url::Url;

/// A person at a browser, and the emulator that they look at.
pub struct Scene {
    pub person: Person,
    pub emulator: EmulatorProcess,
    // Dropped last: the others stand on it.
    pub desktop: Desktop,
}

impl Scene {
    pub async fn set(world: &str) -> Result<Scene> {
        Scene::with(world, Person::at).await
    }

    /// With a window of 320 CSS pixels.
    pub async fn set_narrow(world: &str) -> Result<Scene> {
        Scene::with(world, Person::at_a_narrow_window).await
    }

    async fn with(world: &str, sit_down: impl AsyncFn(&Desktop) -> Result<Person>) -> Result<Scene> {
        let options = DesktopOptions::bare();
        let desktop = Desktop::start_with(options).await?;
        Ok(Scene {
            emulator: EmulatorProcess::start(&desktop, world).await?,
            person: sit_down(&desktop).await?,
            desktop,
        })
    }

    pub async fn open(&self, path: &str) -> Result<()> {
        let url = self.emulator.addresses().base_url.join(path)?;
        self.person.open(&url).await
    }

    /// As the access portal's link does.
    pub async fn open_console(&self, account: &str, role: &str) -> Result<()> {
        self.open(&format!("/start/console?account_id={account}&role_name={role}"))
            .await
    }

    /// Waits until an element that matches says `part`, and gives its text.
    pub async fn told(&self, selector: &str, part: &str) -> Result<String> {
        self.person.wait_for_text(selector, part).await
    }

    /// A program asks for a device code: its client's and the device's secrets, and what it shows to the person.
    pub async fn ask_for_device(&self, program: &str) -> Result<Device> {
        let client =
            json!({ "clientName": program, "clientType": "public", "scopes": ["sso:account:access"] });
        let client = self.ask("/client/register", &client).await?;
        let (id, secret) = (&client["clientId"], &client["clientSecret"]);
        let start_url = self.emulator.addresses().start_url.as_str();
        let asked = json!({ "clientId": id, "clientSecret": secret, "startUrl": start_url });
        let asked = self.ask("/device_authorization", &asked).await?;
        let text = |name: &str| Some(asked[name].as_str()?.to_owned());
        Ok(Device {
            user_code: text("userCode").context("a user code")?,
            page: text("verificationUriComplete").context("a page")?.parse()?,
            token_request: json!({
                "clientId": id, "clientSecret": secret, "deviceCode": asked["deviceCode"],
                "grantType": "urn:ietf:params:oauth:grant-type:device_code",
            }),
        })
    }

    /// A program asks for access by PKCE: the page to open, and the listener that the browser comes back to.
    pub async fn ask_for_code(&self, program: &str) -> Result<(Url, TcpListener)> {
        let addresses = self.emulator.addresses();
        let client = json!({
            "clientName": program, "clientType": "public", "scopes": ["sso:account:access"],
            "grantTypes": ["authorization_code", "refresh_token"], "issuerUrl": addresses.start_url,
            "redirectUris": ["http://127.0.0.1/oauth/callback"],
        });
        let client = self.ask("/client/register", &client).await?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let callback = format!("http://{}/oauth/callback", listener.local_addr()?);
        let mut page = addresses.base_url.join("/authorize")?;
        page.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", client["clientId"].as_str().context("a client")?)
            .append_pair("redirect_uri", &callback)
            .append_pair("state", "state of the story")
            .append_pair("code_challenge_method", "S256")
            .append_pair("scopes", "sso:account:access")
            .append_pair("code_challenge", &"a".repeat(43));
        Ok((page, listener))
    }

    async fn ask(&self, path: &str, body: &Value) -> Result<Value> {
        post(&self.emulator.addresses().base_url.join(path)?, body)
            .await?
            .json()
    }

    /// The error that the waiting program gets, or none if it gets its tokens.
    pub async fn poll(&self, device: &Device) -> Result<Option<String>> {
        let url = self.emulator.addresses().base_url.join("/token")?;
        let answer = post(&url, &device.token_request).await?;
        let body: Value = serde_json::from_str(&answer.body)?;
        Ok(body["error"].as_str().map(str::to_owned))
    }
}

/// What the browser brings back to a program: the parameters. It may ask for an icon too, or connect in advance.
pub async fn brought_back(listener: &TcpListener) -> Result<HashMap<String, String>> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let mut request = String::new();
        BufReader::new(&mut stream).read_line(&mut request).await?;
        let path = request.split(' ').nth(1).unwrap_or_default();
        if path.starts_with("/oauth/callback") {
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nThank you.").await?;
            let url = Url::parse("http://127.0.0.1/")?.join(path)?;
            return Ok(url.query_pairs().into_owned().collect());
        }
    }
}

/// A program that waits for a person.
pub struct Device {
    pub user_code: String,
    /// The page that shows the code.
    pub page: Url,
    token_request: Value,
}
