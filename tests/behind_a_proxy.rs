//! Portray where the only way to AWS is a proxy: the hosts are AWS's own, and the proxy leads to the emulator.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use anyhow::{Context, Result, ensure};
use harness::{Canaries, Desktop, EmulatorProcess, Portray, Program};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::stage::{PORTAL, SOON, USER};

const PASSWORD: &str = "canary pass@word of the proxy";

/// User and password as an address has them, and as a request has them.
pub const IN_ADDRESS: &str = "user:canary%20pass%40word%20of%20the%20proxy";
const IN_REQUEST: &str = "dXNlcjpjYW5hcnkgcGFzc0B3b3JkIG9mIHRoZSBwcm94eQ==";

/// A proxy that wants a password, and leads every tunnel to one server.
pub struct Proxy {
    pub address: SocketAddr,
    /// The first line of every request, and whether it came with the password.
    asked: Arc<Mutex<Vec<(String, bool)>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    async fn at(address: IpAddr, server: SocketAddr) -> Result<Proxy> {
        let listener = TcpListener::bind((address, 0)).await?;
        let address = listener.local_addr()?;
        let asked = Arc::default();
        let heard = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut callers = JoinSet::new();
            while let Ok((caller, _)) = listener.accept().await {
                callers.spawn(lead(caller, server, Arc::clone(&heard)));
            }
        });
        Ok(Proxy { address, asked, task })
    }

    /// What came since the last time, each host once.
    pub fn take_asked(&self) -> Vec<(String, bool)> {
        let mut asked = std::mem::take(&mut *self.asked.lock().expect("no panic under this lock"));
        asked.sort();
        asked.dedup();
        asked
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(caller: TcpStream, server: SocketAddr, asked: Arc<Mutex<Vec<(String, bool)>>>) -> Result<()> {
    let mut caller = BufReader::new(caller);
    let mut first = String::new();
    caller.read_line(&mut first).await?;
    let mut has_password = false;
    let mut header = String::new();
    while caller.read_line(&mut header).await? > 2 {
        has_password |= header.trim_end() == format!("Proxy-Authorization: Basic {IN_REQUEST}");
        header.clear();
    }
    let request = (first.trim_end().to_owned(), has_password);
    asked.lock().expect("no panic under this lock").push(request);
    if !has_password {
        let refusal = "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\n\r\n";
        caller.write_all(refusal.as_bytes()).await?;
        return Ok(());
    }
    let mut server = TcpStream::connect(server).await?;
    caller
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    copy_bidirectional(&mut caller, &mut server).await?;
    Ok(())
}

/// A desktop whose bus knows the proxy, an emulator behind it, and the file that makes its certificate known.
pub struct Office {
    pub emulator: EmulatorProcess,
    pub proxy: Proxy,
    bundle: String,
    // Dropped last: the others stand on it.
    pub desktop: Desktop,
}

impl Office {
    async fn set() -> Result<Office> {
        Office::with_proxy_at(Ipv4Addr::LOCALHOST.into()).await
    }

    pub async fn with_proxy_at(address: IpAddr) -> Result<Office> {
        let desktop = Desktop::without_display().await?;
        let bundle = desktop.folder().join("ca.pem").to_string_lossy().into_owned();
        let mut command = desktop.command(Program::Emulator)?;
        command.args(["--world", "acme", "--tls-port", "0", "--ca-out", &bundle]);
        let emulator = EmulatorProcess::start_command(&desktop, command).await?;
        let tls = emulator.addresses().tls_url.as_ref().context("a TLS port")?;
        let port = tls.port().context("a port")?;
        Ok(Office {
            proxy: Proxy::at(address, SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?,
            emulator,
            bundle,
            desktop,
        })
    }

    /// Portray as it is with AWS: no endpoint is set.
    pub fn portray(&self) -> Portray<'_> {
        Portray::with_aws(&self.desktop).with_variable("AWS_CA_BUNDLE", &self.bundle)
    }
}

pub async fn sign_in(portray: &Portray<'_>, emulator: &EmulatorProcess) -> Result<()> {
    let login = portray.start(&["login", "--device-code", "--no-browser", "--json"])?;
    let told: serde_json::Value = serde_json::from_str(&login.first_line(SOON).await?)?;
    let code = told["user_code"].as_str().context("a code")?;
    emulator.approve(code, USER).await?;
    login.finished(SOON).await?.expect_code(0)?;
    Ok(())
}

const TUNNELS: [&str; 3] = [
    "CONNECT eu-west-1.signin.aws.amazon.com:443 HTTP/1.1",
    "CONNECT oidc.eu-west-1.amazonaws.com:443 HTTP/1.1",
    "CONNECT portal.sso.eu-west-1.amazonaws.com:443 HTTP/1.1",
];

#[tokio::test]
async fn n2_everything_goes_through_a_proxy_with_a_password_that_no_log_tells() -> Result<()> {
    let office = Office::set().await?;
    let proxy = format!("http://{IN_ADDRESS}@{}", office.proxy.address);
    let without = format!("http://{}", office.proxy.address);
    let portray = |proxy: &str| {
        office
            .portray()
            .with_variable("HTTPS_PROXY", proxy)
            .with_variable("RUST_LOG", "trace")
    };

    let behind = portray(&without);
    behind.add_portal(PORTAL, office.emulator.addresses()).await?;
    let refused = behind
        .run(&["login", "--device-code", "--no-browser"])
        .await?
        .expect_code(5)?;
    for part in [
        &office.proxy.address.to_string(),
        "wants a user name and a password",
    ] {
        ensure!(refused.stderr.contains(part), "{part}: {refused:?}");
    }
    ensure!(refused.stderr.lines().count() == 2, "{refused:?}");
    ensure!(
        office
            .proxy
            .take_asked()
            .iter()
            .all(|(_, has_password)| !has_password)
    );
    behind.run(&["agent", "stop"]).await?.expect_code(0)?;

    let behind = portray(&proxy);
    sign_in(&behind, &office.emulator).await?;
    behind.run(&["accounts", "--sync"]).await?.expect_code(0)?;
    behind
        .run(&["credentials", "acme-dev/ReadOnly"])
        .await?
        .expect_code(0)?;
    let console = ["console", "acme-dev/ReadOnly", "--print", "--region", "eu-west-1"];
    behind.run(&console).await?.expect_code(0)?;
    let expected = TUNNELS.map(|tunnel| (tunnel.to_owned(), true));
    assert_eq!(office.proxy.take_asked(), expected);
    behind.run(&["agent", "stop"]).await?.expect_code(0)?;
    let told = [PASSWORD, IN_ADDRESS, IN_REQUEST].map(str::to_owned).to_vec();
    let told = Canaries::from(BTreeMap::from([("the proxy's password".to_owned(), told)]));
    let found = told.found_below(office.desktop.folder())?;
    ensure!(found.is_empty(), "the proxy's password is told in {found:?}");
    Ok(())
}

/// The desktop's portal as far as it tells which proxy is set.
struct Settings {
    proxy: String,
    asked: Arc<Mutex<Vec<String>>>,
}

#[zbus::interface(name = "org.freedesktop.portal.ProxyResolver")]
impl Settings {
    fn lookup(&self, uri: &str) -> Vec<String> {
        self.asked
            .lock()
            .expect("no panic under this lock")
            .push(uri.to_owned());
        vec![self.proxy.clone()]
    }
}

#[tokio::test]
async fn n2_the_proxy_of_the_desktops_settings_is_used() -> Result<()> {
    let office = Office::set().await?;
    let asked = Arc::default();
    let settings = Settings {
        proxy: format!("http://{IN_ADDRESS}@{}", office.proxy.address),
        asked: Arc::clone(&asked),
    };
    let bus = office.desktop.bus();
    bus.object_server()
        .at("/org/freedesktop/portal/desktop", settings)
        .await?;
    bus.request_name("org.freedesktop.portal.Desktop").await?;

    let portray = office.portray();
    portray.add_portal(PORTAL, office.emulator.addresses()).await?;
    sign_in(&portray, &office.emulator).await?;
    portray
        .run(&["credentials", "acme-dev/ReadOnly"])
        .await?
        .expect_code(0)?;
    let expected = TUNNELS[1..].iter().map(|tunnel| ((*tunnel).to_owned(), true));
    assert_eq!(office.proxy.take_asked(), expected.collect::<Vec<_>>());
    let mut asked = asked.lock().expect("no panic under this lock").clone();
    asked.sort();
    asked.dedup();
    let hosts = [
        "oidc.eu-west-1.amazonaws.com",
        "portal.sso.eu-west-1.amazonaws.com",
    ];
    assert_eq!(
        asked,
        hosts.map(|host| format!("https://{host}/")),
        "no path, no query"
    );
    Ok(())
}
