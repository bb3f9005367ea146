//! What a client must not be led astray by: proxies, a home and variables of somebody else's.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use jiff::SignedDuration;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::client::{Client, python};
use super::surroundings::{PROFILE, Surroundings, assert_is_read_only_in_dev};

/// Prints every variable that a client could obey.
const VARIABLES: &str = "import os, json; print(json.dumps(dict(os.environ)))";

/// Variables that lead to another account, another endpoint or another machine.
const ASTRAY: [&str; 9] = [
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_CONFIG_FILE",
    "AWS_USE_FIPS_ENDPOINT",
    "AWS_USE_DUALSTACK_ENDPOINT",
    "AWS_ENDPOINT_URL",
];

#[tokio::test]
async fn conforms_26_with_no_proxy_every_client_reaches_the_emulator_past_a_proxy() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let proxy = Proxy::start().await?;
    let sign_in = surroundings.sign_in().await?;
    let an_hour = surroundings.now().await? + SignedDuration::from_hours(1);
    let token = surroundings.token(&sign_in, an_hour)?;
    surroundings.keep_only(&surroundings.token_file(), &token)?;
    for client in Client::ALL {
        let mut command = client.who_am_i(&surroundings, PROFILE).await?;
        proxy.lead(&mut command);
        command.env("NO_PROXY", "127.0.0.1,localhost");
        if client == Client::AwsCli {
            // An old one looks for the host that it would call without our service models.
            command.env("NO_PROXY", "127.0.0.1,localhost,.amazonaws.com");
        }
        let finished = surroundings.run(command).await?.expect_code(0)?;
        assert_is_read_only_in_dev(&client.told(&finished)?)?;
        assert_eq!(proxy.heard(), 0, "{client:?}");
    }
    // Without it the proxy is asked, and so was there all the time.
    let mut command = Client::Rust.who_am_i(&surroundings, PROFILE).await?;
    proxy.lead(&mut command);
    let finished = surroundings.run(command).await?;
    assert_ne!(finished.code, Some(0), "{finished:?}");
    assert!(proxy.heard() > 0);
    Ok(())
}

/// Takes every connection and hangs up.
struct Proxy {
    address: String,
    heard: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn start() -> Result<Proxy> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = format!("http://{}", listener.local_addr()?);
        let heard = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        Ok(Proxy { address, heard, task })
    }

    /// Sets every variable that means a proxy.
    fn lead(&self, command: &mut Command) {
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"] {
            command.env(name, &self.address);
        }
    }

    fn heard(&self) -> usize {
        self.heard.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn conforms_26_a_client_inherits_nothing_and_its_home_is_scratch() -> Result<()> {
    let surroundings = Surroundings::new().await?;
    let finished = surroundings.run(python(&surroundings, VARIABLES)?).await?;
    let variables = finished.expect_code(0)?.json()?;
    for name in ASTRAY {
        assert!(variables[name].is_null(), "{name}: {}", variables[name]);
    }
    assert_eq!(variables["AWS_EC2_METADATA_DISABLED"], "true");
    let home = surroundings.desktop.home();
    assert_eq!(variables["HOME"].as_str(), home.to_str());
    Ok(())
}
